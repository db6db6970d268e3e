"""Tests of the sandbox: its Slack, its Devin and its page."""
