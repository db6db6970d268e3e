"""Benchmarks and chaos: what the relay costs, and what it survives."""
