"""Tests of the harness: the contestants, the measures, and the page."""
