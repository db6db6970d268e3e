"""Tests of the room `bot/runtime/`."""
