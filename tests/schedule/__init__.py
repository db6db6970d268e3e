"""Tests of the room `bot/schedule.py`."""
