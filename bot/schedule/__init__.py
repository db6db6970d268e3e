"""Runs work here now, or later and elsewhere by docket."""
