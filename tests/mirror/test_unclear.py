"""What an answer of Devin's doesn't tell is as it was, and no news to anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from bot.devin.api import SessionSummary
from bot.devin.v1 import sessions as v1
from bot.devin.v3 import sessions as v3
from bot.model.sessions import SaidKind, SessionState, Trouble
from tests.mirror.test_stays import CHOICE, REMARK, SESSION, Conversation, Step
from tests.support.tables import each

PULL = "https://github.com/acme/app/pull/1"
V3: Mapping[tuple[SessionState, Trouble | None], tuple[str, str | None]] = {
    (SessionState.WORKING, None): ("running", "working"),
    (SessionState.WAITING, None): ("running", "waiting_for_user"),
    (SessionState.APPROVAL, None): ("running", "waiting_for_approval"),
    (SessionState.FINISHED, None): ("running", "finished"),
    (SessionState.SUSPENDED, None): ("suspended", "inactivity"),
    (SessionState.SUSPENDED, Trouble.LIMIT): ("suspended", "usage_limit_exceeded"),
    (SessionState.SUSPENDED, Trouble.ERROR): ("suspended", "error"),
    (SessionState.ENDED, None): ("exit", None),
    (SessionState.ENDED, Trouble.ERROR): ("error", None),
}
V1: Mapping[tuple[SessionState, Trouble | None], tuple[str, str]] = {
    (SessionState.WORKING, None): ("working", "running"),
    (SessionState.WAITING, None): ("blocked", "running"),
    (SessionState.FINISHED, None): ("finished", "finished"),
    (SessionState.SUSPENDED, None): ("suspend_requested", "suspended"),
    (SessionState.ENDED, None): ("expired", "expired"),
}
FIELDS_V3 = (
    *("title", "url", "status", "status_detail", "updated_at", "acus_consumed", "is_archived"),
    *("pull_requests", "pr_state", "pr_url", "parent_session_id", "child_session_ids"),
)
FIELDS_V1 = ("title", "status_enum", "status", "updated_at", "pull_request")
ABSENT = object()
DAMAGES: Sequence[object] = (ABSENT, None, 7, "a_new_word", [], {})


def record_v3(step: Step) -> dict[str, Any]:
    """Return the session as version 3 tells it."""
    status, detail = V3[step.state, step.trouble]
    return {
        "session_id": SESSION,
        "title": "Fix the build",
        "url": "https://app.devin.ai/sessions/0123",
        "status": status,
        "status_detail": detail,
        "updated_at": 1_764_000_000,
        "acus_consumed": 7,
        "is_archived": False,
        "pull_requests": [{"pr_url": PULL, "pr_state": step.pull}] if step.pull else [],
        "parent_session_id": None,
        "child_session_ids": [],
    }


def record_v1(step: Step) -> dict[str, Any]:
    """Return the session as version 1 tells it."""
    state, status = V1[step.state, step.trouble]
    return {
        "session_id": SESSION,
        "title": "Fix the build",
        "status_enum": state,
        "status": status,
        "updated_at": "2025-11-24T16:00:00Z",
        "pull_request": {"url": PULL} if step.pull else None,
    }


def parsed(record: dict[str, Any], *, is_v1: bool) -> SessionSummary:
    """Parse a list that has this record alone, as the relay does."""
    listed, parse = ("sessions", v1.parse_list) if is_v1 else ("items", v3.parse_list)
    found = parse(to_json({listed: [record]}))
    assert found
    return found[0]


def damaged(record: dict[str, Any], name: str, how: object) -> dict[str, Any]:
    """Return the record with `how` in place of a field, or of that of its pull requests."""
    if name.startswith("pr_"):
        pulls = [_with(one, name, how) for one in record["pull_requests"]]
        return record | {"pull_requests": pulls}
    return _with(record, name, how)


def _with(record: dict[str, Any], name: str, how: object) -> dict[str, Any]:
    others = {key: value for key, value in record.items() if key != name}
    return others if how is ABSENT else others | {name: how}


def steps_in(
    states: Sequence[tuple[SessionState, Trouble | None]],
) -> st.SearchStrategy[list[Step]]:
    """Draw what polls find, one after the other."""
    one = st.builds(
        lambda where, **given: Step(where[0], trouble=where[1], **given),
        where=st.sampled_from(states),
        said=st.lists(st.sampled_from([CHOICE, REMARK]), max_size=2),
        after=st.sampled_from([1_000, 5_000, 60_000]),
        replied=st.booleans(),
        lists_reply=st.booleans(),
        pull=st.sampled_from(["", "open", "merged"]),
    )
    return st.lists(one, min_size=1, max_size=8)


def told(steps: Sequence[Step], unclear: tuple[int, str, object] | None, *, is_v1: bool) -> object:
    """Return what people are told, with an `unclear` answer right behind the step at a place."""
    talk, record_of = Conversation(), record_v1 if is_v1 else record_v3
    talk.seen = talk.seen.model_copy(update={"cap": 8})
    for place, step in enumerate(steps):
        record = record_of(step)
        talk.poll(step, parsed(record, is_v1=is_v1))
        if unclear is not None and unclear[0] % len(steps) == place:
            again = replace(step, said=(), after=0, replied=False)
            talk.poll(again, parsed(damaged(record, *unclear[1:]), is_v1=is_v1))
    return [one.model_dump() for one in talk.told], talk.seen.state, talk.seen.asked


PLACES = st.integers(0, 7)


@given(steps_in(list(V3)), PLACES, st.sampled_from(DAMAGES))
def test_an_unclear_answer_of_version_3_changes_nothing(
    steps: list[Step], place: int, damage: object
) -> None:
    """Nobody is told again, and no question is closed, whatever one answer leaves out."""
    once = told(steps, None, is_v1=False)
    for field in FIELDS_V3:
        assert told(steps, (place, field, damage), is_v1=False) == once, field


@given(steps_in(list(V1)), PLACES, st.sampled_from(DAMAGES))
def test_an_unclear_answer_of_version_1_changes_nothing(
    steps: list[Step], place: int, damage: object
) -> None:
    """Nobody is told again, and no question is closed, whatever one answer leaves out."""
    once = told(steps, None, is_v1=True)
    for field in FIELDS_V1:
        assert told(steps, (place, field, damage), is_v1=True) == once, field


@each("asked_in", [SessionState.WAITING, SessionState.APPROVAL])
@each("detail", [None, "a_new_one"])
def test_a_session_that_wakes_may_still_wait_until_devin_says_what_it_does(
    asked_in: SessionState, detail: str | None
) -> None:
    """What it asked stays open, isn't asked again, and closes once it works."""
    talk, asks = Conversation(), Step(asked_in, [CHOICE])
    asleep, working = Step(SessionState.SUSPENDED), Step(SessionState.WORKING)
    talk.poll(asks, parsed(record_v3(asks), is_v1=False))
    (asked, told) = talk.seen.asked, list(talk.told)
    talk.poll(asleep, parsed(record_v3(asleep), is_v1=False))
    awake = record_v3(asleep) | {"status": "running", "status_detail": detail}
    talk.poll(working, parsed(awake, is_v1=False))
    talk.poll(replace(asks, said=()), parsed(record_v3(asks), is_v1=False))
    assert (talk.seen.asked, talk.told) == (asked, told)
    assert asked
    talk.poll(working, parsed(record_v3(working), is_v1=False))
    assert [one.kind for one in talk.told[len(told) :]] == [SaidKind.MOVED_ON]


@each(
    ("answer", "words", "state"),
    [
        ({"status": "hibernating"}, "hibernating working", SessionState.UNKNOWN),
        ({"status": None, "status_detail": None}, "none", SessionState.UNKNOWN),
        ({"status": "running", "status_detail": None}, "running", SessionState.WORKING),
        (
            {"status": "running", "status_detail": "a_new_one"},
            "running a_new_one",
            SessionState.WORKING,
        ),
        (
            {"status": "suspended", "status_detail": "napping"},
            "suspended napping",
            SessionState.SUSPENDED,
        ),
        ({"status": "running", "status_detail": "<b>"}, "running", SessionState.WORKING),
        ({"status": "exit", "status_detail": "a_new_one"}, "", SessionState.ENDED),
        ({"status": "hibernating", "is_archived": True}, "", SessionState.ENDED),
    ],
)
def test_a_state_that_is_not_clear_is_given_in_devins_words(
    answer: dict[str, Any], words: str, state: SessionState
) -> None:
    """An operator reads them; a session that was never known is in the state that they tell."""
    found = parsed(record_v3(Step(SessionState.WORKING)) | answer, is_v1=False)
    assert (found.unclear, found.state) == (words, state)
