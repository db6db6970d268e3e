"""Tests of the room `bot/reporting/`."""
