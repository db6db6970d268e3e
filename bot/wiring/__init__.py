"""Every part of the bot, built once, in the order in which they need each other."""

from bot.wiring.connections import Connections
from bot.wiring.parts import Parts

__all__ = ["Connections", "Parts"]
