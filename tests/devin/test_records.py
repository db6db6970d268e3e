"""What version 1 tells of a session becomes values; what it leaves out is passed over."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.devin.api import Cursor, DevinMessage, SessionSummary, Source
from bot.devin.v1.sessions import behind, cursor_of, parse_list, parse_messages, parse_record
from bot.model.sessions import SessionId, SessionState
from tests.support.desk import SESSION

ID = SessionId(SESSION)
AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"event_id": "event-1"}, DevinMessage("event-1", Source.USER, "hi", AT)),
        ({"type": "devin_message"}, DevinMessage("", Source.DEVIN, "hi", AT)),
        ({"type": "initial_user_message"}, DevinMessage("", Source.USER, "hi", AT)),
        ({"type": "a_new_kind", "origin": "web"}, DevinMessage("", Source.USER, "hi", AT)),
        ({"event_id": 7}, DevinMessage("", Source.USER, "hi", AT)),
        ({"message": "a\ud83d"}, DevinMessage("", Source.USER, "a?", AT)),
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
    assert found == ([] if expected is None else [expected])


def test_what_stands_behind_a_cursor_is_told_by_ids() -> None:
    """An id that is not listed any more begins from the start; nothing is left out."""
    one, two = (DevinMessage(id_, Source.DEVIN, "hi", AT) for id_ in ("event-1", "event-2"))
    nameless = DevinMessage("", Source.USER, "hi", AT)
    listed = [one, two, nameless]
    assert cursor_of(listed, None) == "event-2"
    assert cursor_of([nameless], Cursor("event-1")) == "event-1"
    assert behind(listed, Cursor("event-1")) == [two, nameless]
    assert behind(listed, Cursor("event-2")) == [nameless]
    assert behind(listed, Cursor("event-9")) == behind(listed, None) == listed


@pytest.mark.parametrize(
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
    parse_messages(record)
    parse_list(record)
    parse_record(ID, record)
