"""Tests of the room `bot/slack/`."""
