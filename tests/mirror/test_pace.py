"""How often a session is polled, and when its messages are worth a read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.devin.api import SessionSummary
from bot.mirror.pace import (
    CHILDREN,
    OTHERWISE,
    RESUMABLE_MS,
    SETTLING_MS,
    SILENT_MS,
    SLOWEST,
    SPOKEN_MS,
    WORKING_MS,
    Worth,
    pause_of,
    until_next,
    worth_of,
)
from bot.model.sessions import Child, PullRequest, SessionId, SessionState, Watched
from bot.model.times import Millis
from bot.store.watches import TakenPoll

DOCS = Path(__file__).parents[2] / "docs"

SESSION = SessionId("devin-0123")
NOW = Millis(1_764_000_000_000)
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
WORKING, WAITING = SessionState.WORKING, SessionState.WAITING


def watched(state: SessionState = WAITING, **ago: int) -> Watched:
    """Return a session that was read a second ago, and did nothing for two days."""
    times = {"read_at": SECOND, "updated": 2 * DAY, "spoke_at": 2 * DAY} | ago
    return Watched(state=state).model_copy(update={name: NOW - one for name, one in times.items()})


def polled(seen: Watched, replied: int = 2 * DAY, wanted: int = 2 * DAY) -> TakenPoll:
    return TakenPoll(SESSION, NOW, seen, NOW - replied, NOW - wanted)


def worth(
    poll: TakenPoll,
    state: SessionState | None = None,
    moved_by: int = 0,
    acus: float | None = None,
    pull: str = "",
) -> Worth:
    at = datetime.fromtimestamp(int(poll.seen.updated + moved_by) / 1000, UTC)
    pulls = (PullRequest("https://github.com/a/b/pull/1", pull),) if pull else ()
    state = state or poll.seen.state
    found = SessionSummary(SESSION, "", state, at, acus=acus, pull_requests=pulls)
    return worth_of(poll, found)


def test_messages_are_read_where_something_moved() -> None:
    """The state, or the time of the last change."""
    poll = polled(watched())
    assert worth(poll) is Worth.NOTHING
    assert worth(poll, WORKING) is Worth.NEWS
    assert worth(poll, moved_by=SECOND) is Worth.NEWS


def test_a_cost_that_moved_at_rest_is_news() -> None:
    """It belongs on the card and in the ledger; at work, the next read finds it within seconds."""
    assert worth(polled(watched()), acus=1.5) is Worth.NEWS
    assert worth(polled(watched(WORKING)), acus=1.5) is Worth.NOTHING


def test_messages_are_read_at_each_poll_after_a_reply_and_after_a_turn() -> None:
    """The answer may come at once, and Devin may list its last words after the state.

    One more poll reads when the state must be Devin's answer; these were read a second ago.
    """
    for state in (WORKING, WAITING):
        assert worth(polled(watched(state), replied=15 * SECOND)) is Worth.NEWS
        assert worth(polled(watched(state), replied=16 * SECOND)) is Worth.NOTHING
    assert worth(polled(watched(updated=15 * SECOND))) is Worth.NEWS
    assert worth(polled(watched(WORKING, updated=14 * SECOND))) is Worth.NOTHING


def test_a_link_and_an_unread_rest_have_messages_read() -> None:
    """A thread must be caught up."""
    assert worth(polled(watched(), wanted=SECOND)) is Worth.NEWS
    assert worth(polled(watched().model_copy(update={"has_more": True}))) is Worth.NEWS


@pytest.mark.parametrize(
    ("state", "spoke", "longest"),
    [
        (WORKING, 2 * DAY, 15 * SECOND),
        (WAITING, DAY - SECOND, 10 * MINUTE),
        (WAITING, DAY, HOUR),
    ],
)
def test_messages_are_read_from_time_to_time_where_nothing_moves(
    state: SessionState, spoke: int, longest: int
) -> None:
    """No document says that `updated_at` moves with each message; a reply counts as spoken, too."""
    for times in ({"spoke_at": spoke}, {"spoke_at": 2 * DAY}):
        replied = 2 * DAY if times["spoke_at"] == spoke else spoke
        early = polled(watched(state, read_at=longest - SECOND, **times), replied)
        assert worth(early) is Worth.NOTHING
        assert worth(polled(watched(state, read_at=longest, **times), replied)) is (
            Worth.A_PRECAUTION
        )


@pytest.mark.parametrize(
    ("state", "unread", "is_read"),
    [
        (WORKING, 14 * SECOND, False),
        (WORKING, 15 * SECOND, True),
        (WAITING, MINUTE, False),
        (SessionState.FINISHED, MINUTE, False),
        (SessionState.UNKNOWN, MINUTE, False),
        (SessionState.ENDED, DAY, False),
    ],
)
def test_one_that_devin_left_out_is_read_as_often_as_before(
    state: SessionState, unread: int, *, is_read: bool
) -> None:
    """Only a read tells that it is gone, and then its state isn't known; v1's list is short."""
    poll = polled(watched(state, read_at=unread))
    assert (worth_of(poll, None) is not Worth.NOTHING) is is_read


def test_a_session_that_was_only_linked_comes_after_those_that_people_wait_for() -> None:
    """Until it works, or somebody replies, no thread waits for its words."""
    new = Watched()
    assert worth(TakenPoll(SESSION, NOW, new, Millis(0), NOW), WAITING) is Worth.A_PRECAUTION
    assert worth(TakenPoll(SESSION, NOW, new, Millis(0), NOW), WORKING) is Worth.NEWS
    assert worth(TakenPoll(SESSION, NOW, new, NOW, NOW), WAITING) is Worth.NEWS


def test_polls_come_as_slowly_as_nothing_happens() -> None:
    """Quickly after a change or a reply, and down to the pace of the state, or of its children."""
    for idle, pause in ((200, SECOND), (4 * SECOND, 4 * SECOND), (2 * HOUR, MINUTE)):
        for poll in (polled(watched(updated=idle)), polled(watched(), replied=idle)):
            assert until_next(poll, poll.seen) == timedelta(milliseconds=pause)
    assert until_next(polled(watched(WORKING)), watched(WORKING)) == timedelta(
        seconds=SLOWEST[WORKING]
    )
    child = Child(session=SESSION, state=WORKING)
    parent = watched().model_copy(update={"children": (child,)})
    assert until_next(polled(parent), parent) == timedelta(seconds=CHILDREN)


def test_devin_s_clock_may_be_ahead_or_behind() -> None:
    """A session that has just changed is polled soon all the same."""
    for skew in (HOUR, -HOUR):
        just_now = watched(updated=SECOND - skew).model_copy(update={"skew": skew})
        assert until_next(polled(just_now), just_now) == timedelta(seconds=1)


def test_a_session_that_devin_does_not_know_yet_is_polled_soon() -> None:
    """It may have been created a moment ago."""
    poll = TakenPoll(SESSION, NOW, Watched(), Millis(0), NOW - 2 * SECOND)
    assert until_next(poll, poll.seen) == timedelta(seconds=2)


@pytest.mark.parametrize(
    ("pull", "ended", "pause"),
    [
        ("open", DAY, 300),
        ("draft", DAY, 300),
        ("open", 14 * DAY - SECOND, 300),
        ("open", 14 * DAY, None),
        ("merged", DAY, None),
        ("closed", DAY, None),
        ("", DAY, 300),
        ("", 14 * DAY, None),
    ],
)
def test_an_ended_session_is_polled_for_two_weeks_unless_its_pull_requests_are_over(
    pull: str, ended: int, pause: int | None
) -> None:
    """Only for states, which Devin may not give at first: messages are read when one has moved."""
    seen = watched(SessionState.ENDED, since=ended, read_at=ended - MINUTE)
    pulls = (PullRequest("https://github.com/a/b/pull/1", pull),)
    poll = polled(seen.model_copy(update={"pull_requests": pulls}), wanted=20 * DAY)
    assert until_next(poll, poll.seen) == (None if pause is None else timedelta(seconds=pause))
    assert worth(poll, pull=pull) is Worth.NOTHING
    assert worth(poll, pull="reopened") is Worth.NEWS
    assert worth_of(poll, None) is Worth.NOTHING  # Devin has deleted it
    assert pause_of(poll) == until_next(poll, poll.seen)


def test_an_ended_session_of_version_1_is_not_polled_for_its_pull_request() -> None:
    """That version never tells a state."""
    pulls, known = (PullRequest("https://github.com/a/b/pull/1"),), {"cursor": "v1 here"}
    seen = watched(SessionState.ENDED, since=DAY, read_at=DAY)
    poll = polled(seen.model_copy(update={"pull_requests": pulls, **known}), wanted=20 * DAY)
    assert until_next(poll, poll.seen) is None


@pytest.mark.parametrize(
    ("state", "ended", "pause"),
    [
        (WORKING, DAY, CHILDREN),
        (WAITING, DAY, OTHERWISE),
        (SessionState.UNKNOWN, 14 * DAY - SECOND, OTHERWISE),
        (WORKING, 14 * DAY, None),
        (SessionState.ENDED, DAY, None),
    ],
)
def test_an_ended_session_is_polled_for_two_weeks_while_a_child_is_open(
    state: SessionState, ended: int, pause: int | None
) -> None:
    """It is on the parent's card, and its cost in the sums."""
    seen = watched(SessionState.ENDED, since=ended, read_at=ended)
    seen = seen.model_copy(update={"children": (Child(session=SESSION, state=state),)})
    poll = polled(seen, wanted=20 * DAY)
    assert until_next(poll, seen) == (None if pause is None else timedelta(seconds=pause))


def test_an_ended_session_is_looked_at_after_an_hour_and_a_day() -> None:
    """No document says that what it has cost is final before."""
    for ended, pause in ((MINUTE, HOUR - MINUTE), (HOUR, DAY - HOUR), (2 * HOUR, DAY - 2 * HOUR)):
        seen = watched(SessionState.ENDED, since=ended, read_at=ended)
        poll = polled(seen)
        assert until_next(poll, seen) == timedelta(milliseconds=pause)
        assert worth(poll, acus=0.5) is Worth.NEWS
    seen = watched(SessionState.ENDED, since=DAY, read_at=DAY)
    assert until_next(polled(seen), seen) is None


def test_the_end_of_a_session_counts_from_when_it_was_seen() -> None:
    """It may have ended long before, and nobody has read its last words."""
    seen = watched(SessionState.ENDED, since=14 * SECOND, read_at=SECOND)
    assert until_next(polled(seen), seen) == timedelta(seconds=14)
    assert worth(polled(seen)) is Worth.NEWS
    seen = watched(SessionState.ENDED, since=16 * SECOND, read_at=SECOND)
    assert worth(polled(seen)) is Worth.NOTHING


def test_a_session_without_threads_is_polled_at_the_slowest_pace_for_what_it_costs() -> None:
    """Nobody waits for its words; its total counts at work as well."""
    seen = watched(WORKING, updated=0, read_at=HOUR - SECOND)
    seen = seen.model_copy(update={"is_unlinked": True})
    assert until_next(polled(seen), seen) == timedelta(seconds=OTHERWISE)
    assert worth(polled(seen)) is Worth.NOTHING
    assert worth(polled(seen), acus=1.0) is Worth.NEWS


@pytest.mark.parametrize("state", [one for one in SessionState if one is not SessionState.ENDED])
def test_a_session_without_threads_is_not_polled_for_ever(state: SessionState) -> None:
    """Else all that were ever started would take up the reads of those that people follow."""
    over = RESUMABLE_MS
    for ago, is_polled in ((over - SECOND, True), (over, False)):
        seen = watched(state, updated=ago, spoke_at=over, since=ago)
        seen = seen.model_copy(update={"is_unlinked": True})
        poll = polled(seen, replied=over, wanted=over)
        assert (until_next(poll, seen) is not None) is is_polled
    linked = seen.model_copy(update={"is_unlinked": False})
    assert until_next(polled(linked, replied=over, wanted=over), linked) is not None


def test_messages_that_devin_does_not_find_are_asked_for_as_at_rest() -> None:
    """Whatever it says of their session, or each poll would cost a read for nothing."""
    working, unknown = (polled(watched(one)) for one in (WORKING, SessionState.UNKNOWN))
    assert pause_of(working) == until_next(unknown, unknown.seen)
    assert pause_of(working) != until_next(working, working.seen)


def test_the_pages_tell_how_often_sessions_are_polled_and_read() -> None:
    """Who waits for Devin's words, or is on call, counts by them."""
    waits, longest = SLOWEST[WAITING], OTHERWISE // 60
    working, spoken, silent = (ms // 1_000 for ms in (WORKING_MS, SPOKEN_MS, SILENT_MS))
    told = {
        "architecture/mirror.md": (
            f"| *working* | at most {SLOWEST[WORKING]} s;",
            f"| *waiting*, *approval* | at most {waits} s |",
            f"| *finished*, *suspended*, unknown, not found | at most {longest} min |",
            f"every {working} s while *working*; else every {spoken // 60} minutes if anybody",
            f"- for {SETTLING_MS // 1_000} s after a reply, and after a change",
        ),
        "architecture/overview.md": (
            f"{waits} s while it waits, {longest} min else",
            f"{working} s at work, else {spoken // 60} min, or {silent // 3_600} h if nobody spoke",
            f"came over {SETTLING_MS // 1_000} s after the",
        ),
        "delivery.md": (
            f"within {longest} minutes when it is finished",
            f"takes {working} s at work and up to {silent // 60 + longest} minutes otherwise",
        ),
        "troubleshooting.md": (
            f"after {working} s at work, else after {spoken // 60} minutes, or an hour if nobody",
            f"by the next poll: {silent // 60 + longest} minutes at most",
        ),
    }
    for page, phrases in told.items():
        text = " ".join((DOCS / page).read_text(encoding="utf-8").split())
        for phrase in phrases:
            assert phrase in text, f"{page}: {phrase}"
