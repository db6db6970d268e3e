"""Slack's wire: calls, rate limits, people, files, threads."""
