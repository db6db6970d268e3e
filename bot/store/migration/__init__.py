"""Moves the keys of the version before, which had one prefix for all workspaces, and back."""
