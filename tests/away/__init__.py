"""Tests of outages: of Redis, Slack, Devin and the relay's own processes."""
