"""Tests of the room `bot/text/`."""
