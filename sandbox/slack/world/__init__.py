"""The workspace: its people, channels and messages."""
