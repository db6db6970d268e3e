"""What version 1 tells of a session becomes values; what it leaves out is passed over."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.devin.api import Cursor, DevinMessage, MessagePage, SessionSummary, Source
from bot.devin.v1.sessions import (
    KEPT_IDS,
    REPEATED,
    parse_list,
    parse_messages,
    parse_record,
)
from bot.model.sessions import PullRequest, SessionId, SessionState, Trouble
from tests.support.desk import SESSION
from tests.support.tables import each

ID = SessionId(SESSION)
AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@each(
    ("entry", "expected"),
    [
        ({"event_id": "event-1"}, DevinMessage("event-1", Source.USER, "hi", AT)),
        ({"type": "devin_message"}, DevinMessage("", Source.DEVIN, "hi", AT)),
        ({"type": "initial_user_message"}, DevinMessage("", Source.USER, "hi", AT)),
        ({"type": "a_new_kind", "origin": "web"}, DevinMessage("", Source.USER, "hi", AT)),
        ({"event_id": 7}, DevinMessage("", Source.USER, "hi", AT)),
        ({"message": "a\ud83d"}, DevinMessage("", Source.USER, "a\ufffd", AT)),
        ({"timestamp": "2026-11-24T12:00:00"}, DevinMessage("", Source.USER, "hi", AT)),
        ({"timestamp": "2026-11-24T14:00:00+02:00"}, DevinMessage("", Source.USER, "hi", AT)),
        ({"timestamp": "soon"}, None),
        ({"message": None}, None),
        ({"type": 7}, None),
    ],
)
def test_a_message_is_read_as_documented(
    entry: dict[str, Any], expected: DevinMessage | None
) -> None:
    """Its id, who wrote it, and a time with a zone; one without words or a time is passed over."""
    whole = {"message": "hi", "timestamp": AT.isoformat()} | entry
    found = parse_messages(body(messages=[None, 7, whole]))
    assert found is not None
    made = [replace(one, id="" if one.id.startswith("-") else one.id) for one in found.messages]
    assert made == ([] if expected is None else [expected])
    assert found.left_out == (3 if expected is None else 2)


@each("fields", [{}, {"messages": None}, {"messages": []}])
def test_a_record_may_have_no_messages(fields: dict[str, Any]) -> None:
    """They aren't required, and may be listed only once the session waits."""
    found = parse_messages(body(session_id=SESSION, **fields))
    assert found == MessagePage([], None, timedelta(0), is_hidden=True)
    assert parse_messages(b"[]") is parse_messages(body(messages=7)) is None


def behind(listed: list[str], after: Cursor | None) -> tuple[list[str], Cursor | None]:
    """Return which of the messages of these ids are read behind `after`, and the next cursor."""
    entries = [{"event_id": id_, "message": "hi", "timestamp": AT.isoformat()} for id_ in listed]
    found = parse_messages(body(messages=entries), after)
    assert found is not None
    return [one.id for one in found.messages], found.cursor


def test_what_stands_behind_a_cursor_is_told_by_ids() -> None:
    """So many before it come again, as they do on version 3's last page."""
    listed = [f"event-{number}" for number in range(REPEATED + 3)]
    _, first = behind(listed[:REPEATED], None)
    assert behind(listed, first)[0] == listed
    _, later = behind(listed[: REPEATED + 1], None)
    assert behind(listed, later)[0] == listed[1:]
    assert behind(listed, None)[0] == listed
    assert behind([], later) == ([], later)
    assert behind([], None) == ([], None)


def test_a_cursor_outlives_messages_that_are_deleted() -> None:
    """The last of its ids that is still listed counts; if none is, all is read again."""
    listed = [f"event-{number}" for number in range(REPEATED + KEPT_IDS + 1)]
    _, cursor = behind(listed, None)
    for gone in range(1, KEPT_IDS):
        left = listed[:-gone]
        assert behind(left, cursor)[0] == left[-REPEATED:]
    left = listed[:-KEPT_IDS]
    assert len(left) > REPEATED
    assert behind(left, cursor)[0] == left


@each("cursor", ["c2Vjb25k", "[", "7", "[7, null]", "[" * 60_000])
def test_a_cursor_of_another_form_begins_from_the_start(cursor: str) -> None:
    """One that version 3 issued, for a key that was replaced by one for version 1."""
    listed = ["event-1", "event-2"]
    assert behind(listed, Cursor(cursor))[0] == listed


def test_a_message_without_an_id_gets_the_same_one_each_time() -> None:
    """An id of Devin's is left alone."""
    nameless = {"message": "hi", "timestamp": AT.isoformat()}
    entries = [
        nameless,
        nameless | {"event_id": "x" * 201, "message": "hey"},
        nameless | {"type": "devin_message"},
        nameless | {"message": "ho"},
        nameless | {"event_id": "event-1"},
    ]
    read = [parse_messages(body(messages=entries[:most])) for most in (4, 5)]
    first, second = (found.messages for found in read if found is not None)
    assert second[:4] == first
    assert second[4].id == "event-1"
    ids = [one.id for one in first]
    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"-[0-9a-f]{32}", one) for one in ids)


def test_a_message_that_is_listed_twice_is_one() -> None:
    """Where it is listed first; the order is otherwise Devin's, whatever the times are."""
    late = {"message": "hi", "timestamp": (AT + timedelta(days=1)).isoformat()}
    entries = [
        late | {"event_id": "event-2"},
        {"message": "hi", "timestamp": AT.isoformat(), "event_id": "event-1"},
        late | {"event_id": "event-2", "message": "again"},
    ]
    found = parse_messages(body(messages=entries))
    assert found is not None
    assert [(one.id, one.text) for one in found.messages] == [("event-2", "hi"), ("event-1", "hi")]


@each(
    ("fields", "trouble"),
    [
        ({"status": "error"}, Trouble.ERROR),
        ({"status": "error", "status_enum": "working"}, None),
        ({"status": "expired", "status_enum": "expired"}, None),
    ],
)
def test_an_error_is_told_by_the_status(fields: dict[str, Any], trouble: Trouble | None) -> None:
    """Version 1 has no other word for trouble, and the enumeration counts first."""
    found = parse_record(ID, body(**fields))
    assert found is not None
    assert found.trouble is trouble


@each(
    ("opened", "expected"),
    [
        ({"url": "https://github.com/acme/app/pull/7"}, ["https://github.com/acme/app/pull/7"]),
        ({"url": "javascript:alert(1)"}, []),
        ({"url": None}, []),
        (None, []),
        ("https://github.com/acme/app/pull/7", []),
    ],
)
def test_a_pull_request_is_read_as_documented(opened: object, expected: list[str]) -> None:
    """Version 1 tells one, without its state, and no costs."""
    found = parse_record(ID, body(pull_request=opened))
    assert found is not None
    assert found.pull_requests == tuple(PullRequest(url) for url in expected)
    assert found.acus is None


@each(
    ("fields", "state"),
    [
        ({"status_enum": "working"}, SessionState.WORKING),
        ({"status_enum": "blocked"}, SessionState.WAITING),
        ({"status_enum": "finished"}, SessionState.FINISHED),
        ({"status_enum": "expired"}, SessionState.ENDED),
        ({"status_enum": "suspend_requested_frontend"}, SessionState.SUSPENDED),
        ({"status_enum": "resumed", "status": "suspended"}, SessionState.WORKING),
        ({"status_enum": None, "status": "suspended"}, SessionState.SUSPENDED),
        ({"status_enum": "a_new_one", "status": "running"}, SessionState.UNKNOWN),
        ({"status_enum": ["working"]}, SessionState.UNKNOWN),
        ({}, SessionState.UNKNOWN),
    ],
)
def test_a_state_is_read_from_the_enumeration_first(
    fields: dict[str, Any], state: SessionState
) -> None:
    """A value that nobody documented is unknown, which is a state."""
    assert parse_record(ID, body(**fields)) == SessionSummary(ID, "", state, None)


def test_a_list_keeps_what_it_can_read() -> None:
    """An entry without an id is passed over; a title or a time of the wrong kind is empty."""
    good = {"session_id": SESSION, "title": "Fix it", "updated_at": AT.isoformat()}
    odd = {"session_id": "devin-1", "title": 5, "updated_at": "yesterday"}
    found = parse_list(body(sessions=[None, {"title": "No id"}, {"session_id": "x y"}, good, odd]))
    assert found == [
        SessionSummary(ID, "Fix it", SessionState.UNKNOWN, AT),
        SessionSummary(SessionId("devin-1"), "", SessionState.UNKNOWN, None),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["messages", "sessions", "session_id", "title", "status", "updated_at"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_no_record_raises(record: bytes) -> None:
    """Whatever Devin, or a proxy in front of it, answers."""
    found = parse_messages(record)
    assert found is None or all(one.id for one in found.messages)
    parse_list(record)
    parse_record(ID, record)
