"""The base of every value that Redis keeps."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.model.lenient import parse_object


class Record(BaseModel):
    """A frozen value that can be stored as JSON."""

    # Without `hide_input_in_errors`, a validation error would quote the record, including what
    # people wrote, in the log.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

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

    @classmethod
    def read(cls, raw: str, **instead: object) -> tuple[Self, ValidationError | None]:
        """Parse a record from its JSON, and salvage a broken one.

        A broken record comes back with the fields that can still be read, `instead` for the others,
        and the error.
        """
        try:
            return cls.model_validate_json(raw), None
        except ValidationError as error:
            return cls._salvaged(parse_object(raw) or {}, instead), error

    @classmethod
    def _salvaged(cls, found: Mapping[str, Any], instead: dict[str, Any]) -> Self:
        kept = instead
        for name in found.keys() & cls.model_fields.keys():
            with suppress(ValidationError, RecursionError):
                cls.model_validate_json(json.dumps(kept | {name: found[name]}))
                kept = kept | {name: found[name]}
        return cls.model_validate_json(json.dumps(kept))
