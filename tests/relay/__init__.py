"""Tests of the room `bot/relay/`."""
