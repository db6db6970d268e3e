"""Tests of what features alone have; what people do with one is in `tests/people`."""
