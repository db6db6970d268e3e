"""Slack's wire: calls, rate limits, people and what they may do, files, threads."""
