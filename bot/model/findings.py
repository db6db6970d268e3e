"""Findings of `python -m bot check`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: what was looked at, and what was found, or is wrong and its fix."""

    what: str
    is_good: bool
    says: str
