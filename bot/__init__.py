"""Devin Relay's core: it decides, keeps and delivers; only `app.py` knows Bolt."""
