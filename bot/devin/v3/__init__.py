"""Implements the Protocol of `devin/api.py` by version 3 of Devin's API (`cog_` keys)."""
