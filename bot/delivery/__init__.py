"""Delivers a session's mail to Devin, one reply at a time, each with one outcome."""
