"""The version of this release, which pyproject.toml holds."""

import tomllib
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

UNKNOWN = "unknown"
"""The version of a copy of the code that is neither installed nor a checkout."""


@cache
def version() -> str:
    """Return the version of the installed package, or of the checkout that this is."""
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("devin-relay")
    checkout = Path(__file__).parents[2] / "pyproject.toml"
    try:
        return str(tomllib.loads(checkout.read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, KeyError):
        return UNKNOWN


def user_agent() -> str:
    """Return what Devin is told that calls it."""
    return f"devin-relay/{version()}"
