"""Version 1 of Devin's API."""
