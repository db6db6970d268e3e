"""The version of this release, which pyproject.toml holds."""

import tomllib
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path


@cache
def version() -> str:
    """Return the version of the checkout that this is, or else of the installed package."""
    with suppress(OSError, KeyError, ValueError):
        checkout = Path(__file__).parents[2] / "pyproject.toml"
        return str(tomllib.loads(checkout.read_text(encoding="utf-8"))["project"]["version"])
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("devin-relay")
    return "unknown"  # a copy that is neither installed nor a checkout


def user_agent() -> str:
    """Return what Devin is told that calls it."""
    return f"devin-relay/{version()}"
