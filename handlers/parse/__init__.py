"""Slack's payloads, parsed into values; None for what is not ours."""
