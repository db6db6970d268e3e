"""Slack's markup to Markdown and back, pure."""
