"""Backfill: messages that no event brought are read from their threads and accepted late."""
