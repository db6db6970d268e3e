"""Tests of the harness: the plan, the ledgers, and short runs."""
