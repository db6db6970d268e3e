"""Devin's API behind one Protocol: a call in, a value out."""
