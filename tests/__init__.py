"""The tests: pure ones, ones at an edge, and ones of the whole bot; see conftest.py."""
