"""Devin Reviews of pull requests, asked for in a thread, which is told the result."""
