"""What Devin's own records of sessions say: whether a message of ours is in one, and their titles.

`GET /v1/sessions/{id}` lists `messages` with `type`, `message` and an ISO `timestamp`
(docs.devin.ai, "Retrieve details about an existing session"), `GET /v1/sessions` lists `sessions`
with `session_id`, `title` and `status_enum` ("List sessions"). Which fields are there, and how
soon, is not promised, so what is missing or unknown is passed over and never an error.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from bot.model.arrivals import Arrival, digest
from bot.model.lenient import mappings, parse_object, string
from bot.model.sessions import Listed, parse_session

ENDED = frozenset({"finished", "expired"})
"""Of a session's `status_enum`: it takes no messages any more."""

SKEW = timedelta(seconds=5)
"""How far Devin's clock and ours may be apart beyond what the `Date` of its answers tells."""


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


def listed(body: bytes) -> Sequence[Listed] | None:
    """The sessions in a list that have not ended; None where it is none. Never raises."""
    entries = (parse_object(body) or {}).get("sessions")
    if not isinstance(entries, list):
        return None
    return [found for entry in mappings(entries) if (found := _listed(entry)) is not None]


def _listed(entry: Mapping[str, Any]) -> Listed | None:
    if str(entry.get("status_enum")) in ENDED:
        return None
    session = parse_session(string(entry, "session_id"))
    return Listed(session, string(entry, "title")) if session else None


def title_of(body: bytes) -> str:
    """The title in a session's record; empty where there is none. Never raises."""
    return string(parse_object(body) or {}, "title")


def find(
    body: bytes,
    message: str,
    since: datetime,
    arrivals: Sequence[Arrival] = (),
    skew: timedelta = timedelta(0),
) -> Look:
    """Whether users wrote `message` since then, by the body of a session; never raises.

    `arrivals` are the messages that are known to be there, oldest first; what is looked for was
    sent after all of them. `skew` is how far Devin's clock is ahead of the one that `since` and
    they were read from.
    """
    entries = (parse_object(body) or {}).get("messages")
    if not isinstance(entries, list):
        return Look.UNREADABLE
    written = sorted((one for one in map(_read, entries) if one is not None), key=_at)
    copies = _unexplained(written, message, arrivals, skew)
    return Look.SEEN if copies and copies[-1] >= since + skew - SKEW else Look.UNSEEN


def _unexplained(
    written: Sequence[_Message], message: str, arrivals: Sequence[Arrival], skew: timedelta
) -> list[datetime]:
    """When the message was written, without the copies that earlier ones account for.

    What stands behind the last arrival of other words came after it, whatever any clock says.
    """
    name = digest(message)
    same = list(takewhile(lambda one: one.digest == name, reversed(arrivals)))
    behind = arrivals[-len(same) - 1].digest if len(same) < len(arrivals) else ""
    names = [digest(one.message) for one in written]
    if behind in names:
        place = len(names) - names[::-1].index(behind)
        later = zip(written[place:], names[place:], strict=True)
        return [_at(one) for one, of in later if of == name][len(same) :]
    copies = [_at(one) for one, of in zip(written, names, strict=True) if of == name]
    for arrival in arrivals:
        if arrival.digest == name:
            copies = _without(copies, arrival, skew)
    return copies


def _without(copies: Sequence[datetime], arrival: Arrival, skew: timedelta) -> list[datetime]:
    """All but the first copy that may be this one."""
    first, last = arrival.sent + skew - SKEW, arrival.answered + skew + SKEW
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
