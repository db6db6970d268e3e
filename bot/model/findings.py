"""Findings of `devin-relay doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: what was looked at, what was found there, and how to fix it.

    `warns` marks what works, and still deserves a look.
    """

    what: str
    is_good: bool
    says: str
    fix: str = ""
    warns: bool = False
