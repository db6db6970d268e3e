"""Tests of the room `bot/catch_up/`."""
