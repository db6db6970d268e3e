"""The relay's tests: pure ones, edge tests, and tests of the whole bot; see `conftest.py`."""
