"""Outages: of Redis, Slack, Devin and our own processes."""
