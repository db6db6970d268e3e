"""The workspace: who is there, the channels, and what was said."""
