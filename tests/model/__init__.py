"""Tests of the room `bot/model/`."""
