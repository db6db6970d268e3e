"""Tests of the room `bot/redis/`."""
