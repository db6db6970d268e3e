"""Lenient reading of foreign JSON: a missing or mistyped value counts as empty; nothing raises."""

import json
from collections.abc import Mapping
from typing import Any

DEEPEST = 50
"""Slack nests a `rich_text` block five levels deep."""


def parse_object(text: str | bytes) -> dict[str, Any] | None:
    """Parse `text` as a JSON object; return None for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def string(part: Mapping[str, Any], key: str) -> str:
    """Return the string at `key`, with `?` for what UTF-8 cannot encode; "" for anything else."""
    value = part.get(key)
    return encodable(value) if isinstance(value, str) else ""


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, Any]]:
    """Return the mappings in a list, without its other entries."""
    if not isinstance(value, list | tuple):
        return []
    return [one for one in value if isinstance(one, dict)]


def first_of(value: object) -> Mapping[str, Any]:
    """Return the first entry of a list if it is a mapping, else an empty mapping."""
    return mapping(value[0]) if isinstance(value, list) and value else {}


def encodable(text: str) -> str:
    """Replace each lone surrogate with `?`: JSON's escapes can spell them, and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def clean(value: Any, depth: int = 0) -> Any:
    """Return `value` with strings that UTF-8 can encode, cut off below `DEEPEST` levels."""
    if depth > DEEPEST:
        return None
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {clean(str(k)): clean(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [clean(one, depth + 1) for one in value]
    return value if isinstance(value, int | float | bool) else None
