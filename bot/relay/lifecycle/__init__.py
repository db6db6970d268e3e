"""Sessions that begin and end from Slack."""
