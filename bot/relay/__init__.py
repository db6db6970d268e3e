"""The use cases behind a person's request, and the only place that decides who may make it."""

from bot.relay.relay import Relay

__all__ = ["Relay"]
