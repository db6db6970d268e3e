"""Devin's API: a call in, an outcome out."""
