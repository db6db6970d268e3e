"""Version 1's requests, its answers to what was sent, and its records of sessions.

Their form follows the API's v1 OpenAPI description (`tests/contract/devin-v1.openapi.yaml`), where
200 has two meanings: `null` for sent, and a `detail` for a session that did not confirm it.

`GET /v1/sessions/{id}` lists `messages` with `type`, `event_id`, `message` and an ISO `timestamp`
(docs.devin.ai, "Retrieve details about an existing session"), `GET /v1/sessions` lists `sessions`
with `session_id`, `title`, `status_enum` and `updated_at` ("List sessions"). A missing or unknown
field is skipped. A parser returns None for another body.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from bot.devin import answers
from bot.devin.api import Cursor, DevinMessage, MessagePage, SessionSummary, Source
from bot.model.record import encodable, mapping, mappings, parse_object, string, strings
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import NamedSession, SessionId, SessionState, Trouble, parse_session

REPEATED = 200
"""The messages before a cursor that are read again, as on version 3's last page."""

KEPT_IDS = 5
"""The ids in a cursor: the last message may be deleted, and the one before it, too."""

STATES: Mapping[str, SessionState] = {
    "working": SessionState.WORKING,
    "blocked": SessionState.WAITING,
    "finished": SessionState.FINISHED,
    "expired": SessionState.ENDED,
    "suspend_requested": SessionState.SUSPENDED,
    "suspend_requested_frontend": SessionState.SUSPENDED,
    "resume_requested": SessionState.WORKING,
    "resume_requested_frontend": SessionState.WORKING,
    "resumed": SessionState.WORKING,
}
"""The states by `status_enum`, which has no value for a sleeping session, or for an approval."""

STATUSES: Mapping[str, SessionState] = {
    "suspended": SessionState.SUSPENDED,
    "finished": SessionState.FINISHED,
    "expired": SessionState.ENDED,
    "exit": SessionState.ENDED,
    "error": SessionState.ENDED,
}
"""The states by `status`, free text that counts where `status_enum` says nothing."""


def parse_messages(
    body: bytes, after: Cursor | None = None, skew: timedelta = timedelta(0)
) -> MessagePage | None:
    """Parse a session's record: the messages behind `after`, and the `REPEATED` ones before them.

    The place is that of the first id in `after` that is still listed; if none is, all messages
    are behind it.
    """
    record = parse_object(body)
    entries = record and (record.get("messages") or [])
    if not isinstance(entries, list):
        return None
    found, left_out = answers.identified(map(_message, map(mapping, entries)))
    places = {one.id: place for place, one in enumerate(found)}
    known = next((places[id_] for id_ in _ids(after) if id_ in places), -1)
    last = json.dumps([one.id for one in found[: -KEPT_IDS - 1 : -1]])
    return MessagePage(
        found[max(0, known + 1 - REPEATED) :],
        Cursor(last) if found else after,
        skew,
        left_out=left_out,
        is_hidden=not found,
    )


def _ids(cursor: Cursor | None) -> Sequence[str]:
    """Return the ids in a cursor; none for one that is not of this form, as version 3's."""
    try:
        found = json.loads(cursor or "[]")
    except (ValueError, RecursionError):
        return ()
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else ()


def parse_list(body: bytes) -> Sequence[SessionSummary] | None:
    """Parse a list of sessions."""
    entries = (parse_object(body) or {}).get("sessions")
    if not isinstance(entries, list):
        return None
    named = ((parse_session(string(one, "session_id")), one) for one in mappings(entries))
    found = [_summary(session, one) for session, one in named if session]
    return answers.usable(found, entries)


def parse_array(body: bytes) -> Sequence[Mapping[str, Any]] | None:
    """Parse a JSON array of objects; None if the body is anything else. Never raises."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return mappings(found) if isinstance(found, list) else None


def parse_record(session: SessionId, body: bytes) -> SessionSummary | None:
    """Parse a session's own record."""
    record = parse_object(body)
    return None if record is None else _summary(session, record)


def _summary(session: SessionId, record: Mapping[str, Any]) -> SessionSummary:
    by_text = STATUSES.get(string(record, "status"), SessionState.UNKNOWN)
    state = STATES.get(string(record, "status_enum"), by_text)
    if state is SessionState.WAITING and by_text is SessionState.SUSPENDED:
        state = by_text  # it fell asleep while it waited
    is_error = by_text is state and string(record, "status") == "error"
    opened = string(mapping(record.get("pull_request")), "url")
    return SessionSummary(
        session,
        string(record, "title"),
        state,
        answers.time_of(record.get("updated_at")),
        trouble=Trouble.ERROR if is_error else None,
        pull_requests=answers.pull_requests([(opened, "")]),
        tags=strings(record, "tags"),
        unclear=_unclear(record) if state is SessionState.UNKNOWN else "",
    )


def _unclear(record: Mapping[str, Any]) -> str:
    return answers.words(record.get("status_enum"), record.get("status"))


def _message(entry: Mapping[str, Any]) -> DevinMessage | None:
    at, kind = answers.time_of(entry.get("timestamp")), entry.get("type") or ""
    if at is None or not isinstance(entry.get("message"), str) or not isinstance(kind, str):
        return None
    source = Source.DEVIN if kind == "devin_message" else Source.USER
    return DevinMessage(string(entry, "event_id"), source, string(entry, "message"), at)


def parse_sent(body: bytes) -> Outcome | None:
    """Parse Devin's answer to a message."""
    if body.strip() == b"null":
        return Outcome(kind=OutcomeKind.DELIVERED, status=HTTPStatus.OK)
    detail = (parse_object(body) or {}).get("detail")
    if not isinstance(detail, str):
        return None
    said = encodable(detail)[: answers.DETAIL_LIMIT]
    return Outcome(kind=OutcomeKind.UNCONFIRMED, detail=said, status=HTTPStatus.OK)


def parse_created(body: bytes, title: str) -> NamedSession | None:
    """Parse Devin's answer to a start; without a name, there may be a session all the same."""
    found = parse_object(body) or {}
    session = parse_session(string(found, "session_id"))
    return NamedSession(session, title, string(found, "url")) if session else None


def parse_uploaded(body: bytes) -> str | None:
    """Parse the address of a file: a JSON string, or bare, as in the documented sample."""
    try:
        return answers.address(str(json.loads(body)))
    except (ValueError, RecursionError):
        return answers.address(body.decode(errors="replace").strip())
