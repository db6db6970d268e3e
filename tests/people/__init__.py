"""The experience of people with Devin Relay, end to end."""
