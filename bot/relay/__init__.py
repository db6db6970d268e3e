"""The use cases behind a person's request: everything that people can ask for."""

from bot.relay.relay import Relay

__all__ = ["Relay"]
