"""Brings the outbox's entries into threads, and retries until Slack takes them."""
