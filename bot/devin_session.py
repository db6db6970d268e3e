"""What Devin's own records of sessions say: whether a message of ours is in one, and their titles.

`GET /v1/sessions/{id}` lists `messages` with `type`, `message` and an ISO `timestamp`
(docs.devin.ai, "Retrieve details about an existing session"), `GET /v1/sessions` lists `sessions`
with `session_id`, `title` and `status_enum` ("List sessions"). Which fields are there, and how
soon, is not promised, so what is missing or unknown is passed over and never an error.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, TypeAdapter, ValidationError

from bot.models import Listed, parse_session

ENDED = frozenset({"finished", "expired"})
"""Of a session's `status_enum`: it takes no messages any more."""

SKEW = timedelta(seconds=5)
"""How far Devin's clock and ours may be apart."""


class Look(StrEnum):
    """What a look into a session showed."""

    SEEN = "seen"
    UNSEEN = "unseen"
    UNREADABLE = "unreadable"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that Devin is known to have got: its digest, and when it was sent and answered."""

    digest: str
    sent: datetime
    answered: datetime


def digest(message: str) -> str:
    """A short name for the words of a message; two messages may share it once in 16 million."""
    return hashlib.blake2b(" ".join(message.split()).encode(), digest_size=3).hexdigest()


def parse_arrivals(text: str) -> Sequence[Arrival]:
    """Read what the mailbox's FINISH wrote: `digest:sent:took`, in Unix ms and ms, one or more."""
    return [_arrival(*one.split(":")) for one in text.split()]


def _arrival(name: str, sent: str, took: str) -> Arrival:
    at = datetime.fromtimestamp(int(sent) / 1000, UTC)
    return Arrival(name, at, at + timedelta(milliseconds=int(took)))


class _Message(BaseModel):
    type: str | None = None
    message: str
    timestamp: datetime


_MESSAGE: TypeAdapter[_Message] = TypeAdapter(_Message)


def listed(body: bytes) -> Sequence[Listed] | None:
    """The sessions in a list that have not ended; None where it is none. Never raises."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    entries = answer.get("sessions") if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        return None
    return [found for entry in entries if (found := _listed(entry)) is not None]


def _listed(entry: object) -> Listed | None:
    if not isinstance(entry, dict) or str(entry.get("status_enum")) in ENDED:
        return None
    named, title = entry.get("session_id"), entry.get("title")
    session = parse_session(named) if isinstance(named, str) else None
    return Listed(session, title if isinstance(title, str) else "") if session else None


def find(body: bytes, message: str, since: datetime, arrivals: Sequence[Arrival] = ()) -> Look:
    """Whether users wrote `message` since then, by the body of a session; never raises.

    `arrivals` are other messages that are known to be there: where they have the same words, each
    accounts for one copy.
    """
    try:
        session = json.loads(body)
    except (ValueError, RecursionError):
        return Look.UNREADABLE
    entries = session.get("messages") if isinstance(session, dict) else None
    if not isinstance(entries, list):
        return Look.UNREADABLE
    wanted = message.split()
    found = (one for one in map(_read, entries) if one is not None)
    copies = sorted(_at(one) for one in found if one.message.split() == wanted)
    for arrival in arrivals:
        if arrival.digest == digest(message):
            copies = _without(copies, arrival)
    return Look.SEEN if copies and copies[-1] >= since - SKEW else Look.UNSEEN


def _without(copies: Sequence[datetime], arrival: Arrival) -> list[datetime]:
    """All but the first copy that may be this one."""
    first, last = arrival.sent - SKEW, arrival.answered + SKEW
    its_own = next((copy for copy in copies if first <= copy <= last), None)
    return [copy for copy in copies if copy is not its_own]


def _read(entry: object) -> _Message | None:
    try:
        found = _MESSAGE.validate_python(entry)
    except ValidationError:
        return None
    return None if found.type == "devin_message" else found


def _at(message: _Message) -> datetime:
    at = message.timestamp
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
