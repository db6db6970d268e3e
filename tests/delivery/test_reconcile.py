"""A delivery whose answer was lost is reconciled by looking into the session."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.app import Bot
from bot.delivery.reconcile import Attempt, Look, is_there
from bot.devin.v1.sessions import parse_messages
from bot.model.replies import ReplyId
from bot.model.sessions import SessionId
from bot.redis.keys import once_key
from bot.wording.delivery_reports import DELIVERED_MARK
from sandbox import Sandbox
from tests.support.desk import SESSION, Desk
from tests.support.keys import at
from tests.support.told import uncertain

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WORDS = "ada, U0ADA00000 (in Slack):\n\nPlease rebase"


def find(body: bytes) -> Look:
    """Read a session's record, and look for `WORDS` among its messages."""
    found = parse_messages(body)
    if found is None:
        return Look.UNREADABLE
    attempt = Attempt(SessionId(SESSION), ReplyId("T:C:1"), WORDS, NOW, lambda: NOW)
    return Look.SEEN if is_there(found.messages, attempt, timedelta(0)) else Look.UNSEEN


def listed(**entry: Any) -> bytes:
    given = {"type": "user_message", "message": WORDS, "timestamp": NOW.isoformat(), **entry}
    message = {key: value for key, value in given.items() if value is not None}
    return json.dumps({"session_id": SESSION, "messages": [None, 7, {}, message]}).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (listed(), Look.SEEN),
        (listed(type="initial_user_message"), Look.SEEN),
        (listed(type=None), Look.SEEN),
        (listed(type="a_new_kind", username="x", origin=None), Look.SEEN),
        (listed(message=WORDS.replace("\n\n", "\n") + "\n"), Look.SEEN),
        (listed(timestamp="2026-11-24T12:00:00.000001"), Look.SEEN),
        (listed(timestamp=(NOW - timedelta(seconds=4)).isoformat()), Look.SEEN),
        (listed(timestamp=(NOW - timedelta(seconds=6)).isoformat()), Look.UNSEEN),
        (listed(type="devin_message"), Look.UNSEEN),
        (listed(message="Please rebase"), Look.UNSEEN),
        (listed(message=None), Look.UNSEEN),
        (listed(timestamp=None), Look.UNSEEN),
        (listed(timestamp="yesterday"), Look.UNSEEN),
        (b'{"messages": []}', Look.UNSEEN),
        (b'{"status": "running"}', Look.UNSEEN),
        (b'{"messages": null}', Look.UNSEEN),
        (b"[]", Look.UNREADABLE),
        (b"<html>", Look.UNREADABLE),
        (b"[" * 100_000, Look.UNREADABLE),
    ],
)
def test_a_message_counts_as_seen_only_if_a_user_wrote_it_since(
    body: bytes, expected: Look
) -> None:
    """The same words, from a user, not from before the attempt; white space aside."""
    assert find(body) is expected


def test_half_an_emoji_in_a_session_breaks_no_look() -> None:
    """JSON may contain one, and the message that is sought is found beside it."""
    halves = [{"message": "half \ud83d emoji", "timestamp": NOW.isoformat()}]
    there = [*halves, {"message": WORDS, "timestamp": NOW.isoformat()}]
    assert find(json.dumps({"messages": there}).encode()) is Look.SEEN
    assert find(json.dumps({"messages": halves}).encode()) is Look.UNSEEN


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_record_of_a_session_breaks_the_look(value: object) -> None:
    """Unknown and missing fields are ignored."""
    for session in (value, {"messages": value}, {"messages": [value, {"message": value}]}):
        assert find(json.dumps(session).encode()) in {Look.UNSEEN, Look.UNREADABLE}


@pytest.mark.parametrize("state", ["drops", "half", "gateway", "timeout", "server_error"])
async def test_a_reply_that_is_in_the_session_was_delivered(
    bot: Bot, desk: Desk, state: str
) -> None:
    """There is one POST, one ✅ and no message: nobody needs to know that the answer was lost."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, state, takes=True, times=1)
    ts = await desk.reply("Please rebase", thread)
    await desk.until_delivered(ts)
    assert len(desk.devin.requests) == 1
    assert desk.said(thread) == []


async def test_the_same_words_from_before_do_not_count(bot: Bot, desk: Desk) -> None:
    """An earlier “yes” is no proof that this “yes” arrived."""
    thread = await desk.linked_thread()
    await desk.until_delivered(await desk.reply("yes", thread))
    session = desk.devin.session(SESSION)
    before = datetime.now(UTC) - timedelta(minutes=1)
    session.messages[:] = [replace(message, at=before) for message in session.messages]
    desk.devin.behave(SESSION, "drops", takes=False, times=1)
    await desk.reply("yes", thread)
    await desk.until_said(uncertain("yes"), thread)


async def test_equal_words_that_were_just_sent_leave_a_lost_one_uncertain(
    bot: Bot, desk: Desk
) -> None:
    """Devin has one “yes, deploy”: two marks would say that it has both."""
    thread = await desk.linked_thread()
    await desk.until_delivered(await desk.reply("yes, deploy", thread))
    desk.devin.behave(SESSION, "server_error", takes=False, times=1)
    second = await desk.reply("yes, deploy", thread)
    await desk.until_said(uncertain("yes, deploy"), thread)
    assert DELIVERED_MARK not in desk.marks(second)


async def said_long_ago(raw: Redis) -> None:
    """Forget which words were sent just now."""
    if keys := await raw.keys(at(once_key("claim:said:*"))):
        await raw.delete(*keys)


@pytest.mark.parametrize("ahead", [-60.0, 60.0])
@pytest.mark.parametrize("taken", [False, True], ids=["lost", "taken"])
async def test_a_devin_whose_clock_is_off_is_read_by_its_own_time(
    box: Sandbox, bot: Bot, desk: Desk, raw: Redis, *, ahead: float, taken: bool
) -> None:
    """Its `Date` tells the offset; a ✅ on a reply that Devin never got would be a lie."""
    box.devin.clock.ahead = ahead
    thread = await desk.linked_thread()
    await desk.until_delivered(await desk.reply("yes", thread))
    session = desk.devin.session(SESSION)
    earlier = timedelta(seconds=10)
    session.messages[:] = [replace(one, at=one.at - earlier) for one in session.messages]
    await said_long_ago(raw)
    desk.devin.behave(SESSION, "drops", takes=taken, times=1)
    second = await desk.reply("yes", thread)
    if taken:
        await desk.until_delivered(second)
    else:
        await desk.until_said(uncertain("yes"), thread)
    assert len(desk.received()) == 1 + taken


@pytest.mark.times(watch_pause=3_600.0)  # a poll reads the session as well
async def test_a_devin_without_such_a_record_is_not_asked_twice(bot: Bot, desk: Desk) -> None:
    """There may be only the message endpoint; the loss is then reported at once."""
    thread = await desk.linked_thread()
    desk.devin.has_records = False
    before = desk.devin.reads
    desk.devin.behave(SESSION, "drops", takes=False, times=1)
    await desk.reply("Please rebase", thread)
    await desk.until_said(uncertain("Please rebase"), thread)
    assert desk.devin.reads - before == 1
