"""What Devin's own record of a session says: whether a message of ours is in it.

`GET /v1/sessions/{id}` lists `messages` with `type`, `message` and an ISO `timestamp`
(docs.devin.ai, "Retrieve details about an existing session"). Which fields are there, and how soon,
is not promised, so what is missing or unknown is passed over and never an error.
"""

import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, TypeAdapter, ValidationError

SKEW = timedelta(seconds=5)
"""How far Devin's clock may be behind ours; the same words within that time count as the same."""


class Look(StrEnum):
    """What a look into a session showed."""

    SEEN = "seen"
    UNSEEN = "unseen"
    UNREADABLE = "unreadable"
    AWAY = "away"


class _Message(BaseModel):
    type: str | None = None
    message: str
    timestamp: datetime


_MESSAGE: TypeAdapter[_Message] = TypeAdapter(_Message)


def find(body: bytes, message: str, since: datetime) -> Look:
    """Whether users wrote `message` since then, by the body of a session; never raises."""
    try:
        session = json.loads(body)
    except (ValueError, RecursionError):
        return Look.UNREADABLE
    listed = session.get("messages") if isinstance(session, dict) else None
    if not isinstance(listed, list):
        return Look.UNREADABLE
    wanted, earliest = message.split(), since - SKEW
    for entry in listed:
        found = _read(entry)
        if found is not None and found.message.split() == wanted and _at(found) >= earliest:
            return Look.SEEN
    return Look.UNSEEN


def _read(entry: object) -> _Message | None:
    try:
        found = _MESSAGE.validate_python(entry)
    except ValidationError:
        return None
    return None if found.type == "devin_message" else found


def _at(message: _Message) -> datetime:
    at = message.timestamp
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
