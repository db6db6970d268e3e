"""The generations of Devin's API, each with keys of its own kind."""

from enum import StrEnum


class Generation(StrEnum):
    """A generation of Devin's API; the documentation calls v1 legacy."""

    V1 = "v1"
    V3 = "v3"


PREFIXES = {"apk_": Generation.V1, "cog_": Generation.V3}
"""The generations by the beginning of a key (docs.devin.ai, "Authentication")."""


def generation_of(key: str) -> Generation | None:
    """Return the generation that `key` is for; None if no key of Devin's begins so."""
    return PREFIXES.get(key[:4]) if len(key) > len("apk_") else None
