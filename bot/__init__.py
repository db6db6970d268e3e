"""Devin Relay's core: it decides, keeps and delivers; only `slack/` imports Bolt."""
