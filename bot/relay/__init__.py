"""The use cases behind a person's request: everything that people can ask for."""

from bot.relay.cases import UseCases

__all__ = ["UseCases"]
