"""Runs work in this process, now or later, or through docket in any process; sweeps."""
