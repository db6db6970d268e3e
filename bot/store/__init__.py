"""Keeps the state in Redis: one repository for each kind, one script for each atomic step."""
