"""Tests of the room `bot/mirror/`."""
