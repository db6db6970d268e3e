"""Benchmarks: the cost of the relay, compared with a script and with a floor."""
