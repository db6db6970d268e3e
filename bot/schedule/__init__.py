"""Runs work in this process, now or at its time, and polls Redis for work that is due."""
