"""Tests of the room `bot/delivery/`."""
