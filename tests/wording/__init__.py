"""Tests of the room `bot/wording/`."""
