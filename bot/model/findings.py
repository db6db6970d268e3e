"""Findings of `devin-relay doctor` and `devin-relay why`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of checking `what`, and how to fix it; what `warns` is good, but needs a look."""

    what: str
    is_good: bool
    says: str
    fix: str = ""
    warns: bool = False
