"""Runs work in this process now, or through docket later, in any process."""
