"""Lenient reading of foreign JSON, and the base of every value that Redis keeps."""

import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

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
    """Return the string at `key`, made `encodable`; "" for anything else."""
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


def strings(part: Mapping[str, Any], key: str) -> frozenset[str]:
    """Return the strings in the list at `key`, except empty ones; none for anything else."""
    value = part.get(key)
    listed = value if isinstance(value, list) else []
    return frozenset(encodable(one) for one in listed if isinstance(one, str) and one)


def first_of(value: object) -> Mapping[str, Any]:
    """Return the first entry of a list if it is a mapping, else an empty mapping."""
    return mapping(value[0]) if isinstance(value, list) and value else {}


def encodable(text: str) -> str:
    """Join surrogate pairs, and replace lone ones: JSON's escapes spell them, and UTF-8 cannot."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


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


class Record(BaseModel):
    """A frozen value that can be stored as JSON."""

    # Without `hide_input_in_errors`, a validation error would quote the record, including what
    # people wrote, in the log. By default, pydantic keeps up to 16,384 short strings of what it has
    # parsed, for the next ones: here, they are ids, times and words, few of which come again.
    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, cache_strings="keys"
    )

    def to_json(self) -> str:
        """Return the JSON that Redis keeps."""
        return self.model_dump_json()

    @classmethod
    def parse(cls, raw: str | None) -> Self | None:
        """Parse a record from its JSON; None if `raw` is missing or is not such a record."""
        try:
            return cls.model_validate_json(raw) if raw else None
        except ValidationError:
            return None
