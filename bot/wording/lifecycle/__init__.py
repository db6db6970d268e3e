"""The sentences and the form for sessions that begin and end from Slack."""
