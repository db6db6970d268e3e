"""Tests of the room `bot/devin/`."""
