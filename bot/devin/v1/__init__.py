"""Implements the Protocol of `devin/api.py` by version 1 of Devin's API (`apk_` keys)."""
