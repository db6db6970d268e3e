"""Foreign JSON, read leniently: a missing value or one of a wrong type is empty; nothing raises."""

import json
from collections.abc import Mapping
from typing import Any

DEEPEST = 50
"""Slack nests a `rich_text` block five deep."""


def parse_object(text: str | bytes) -> dict[str, Any] | None:
    """The JSON object that `text` is; None for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def string(part: Mapping[str, Any], key: str) -> str:
    """The string at `key`, without what UTF-8 cannot hold; "" for anything else."""
    value = part.get(key)
    return encodable(value) if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, Any]:
    """`value`, or an empty mapping in the place of anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """The mappings in a list, without anything else that stands in it."""
    if not isinstance(value, list | tuple):
        return []
    return [one for one in value if isinstance(one, dict)]


def first_of(value: object) -> Mapping[str, Any]:
    """The first entry of a list, or an empty mapping."""
    return mapping(value[0]) if isinstance(value, list) and value else {}


def encodable(text: str) -> str:
    """`text` with `?` for each lone surrogate, which JSON's escapes can spell and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def clean(value: Any, depth: int = 0) -> Any:
    """`value` without what JSON in UTF-8 cannot hold (lone surrogates), and not bottomless."""
    if depth > DEEPEST:
        return None
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {clean(str(k)): clean(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [clean(one, depth + 1) for one in value]
    return value if isinstance(value, int | float | bool) else None
