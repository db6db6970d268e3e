"""Slack's own state of a thread is that of its session, whatever Slack answers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio

from bot.mirror.agents import RENAME, SET_STATUS
from bot.model.sessions import Follow, SessionState, Trouble, Watched
from bot.redis.connection import Store
from bot.redis.keys import OUTBOX_KEY, once_key, subject_key, watched_key
from bot.slack import threads
from bot.store.cards import Cards
from bot.store.links import Links
from sandbox import Sandbox
from tests.support.desk import SESSION
from tests.support.keys import at
from tests.support.speaking import TTL, Speaking, speaking
from tests.support.waiting import wait_until

SHORT = SESSION[:14]
WORKING = Watched(state=SessionState.WORKING, title="Fix login")


@pytest.fixture
async def speech(box: Sandbox, store: Store, raw: redis.asyncio.Redis) -> AsyncIterator[Speaking]:
    """A linked thread, in a workspace whose app is declared as an agent."""
    box.slack.agent = True
    async with speaking(box, store, raw) as opened:
        opened.agent = "auto"
        yield opened


async def want(speech: Speaking, seen: Watched | None = None) -> None:
    """Ask for the card, once the session is as it was `seen`."""
    link = await Links(speech.store, TTL).get(speech.thread)
    assert link is not None
    if seen is not None:
        key = watched_key(link.session)
        await speech.store.put_field(key, "seen", seen.to_json(), timedelta(hours=1))
    await Cards(speech.store).want(speech.thread, link)


async def tell(speech: Speaking, seen: Watched | None = None) -> None:
    """Let the card be told, once the session is as it was `seen`."""
    await want(speech, seen)
    await speech.try_once(await speech.card())


def told(speech: Speaking) -> Sequence[tuple[str, str]]:
    """Return the statuses that Slack was told, each with the title that the session had."""
    return [(one.status, one.title) for one in speech.box.slack.agent_statuses]


def lines(speech: Speaking) -> int:
    """Count the calls for status lines."""
    return sum(one.method == threads.SET_STATUS for one in speech.box.slack.calls)


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        (Watched(state=SessionState.WORKING), "processing"),
        (Watched(state=SessionState.WAITING), "suspended"),
        (Watched(state=SessionState.APPROVAL), "suspended"),
        (Watched(state=SessionState.SUSPENDED, trouble=Trouble.LIMIT), "suspended"),
        (Watched(state=SessionState.ENDED, trouble=Trouble.ERROR), "closed"),
        (Watched(state=SessionState.FINISHED), "active"),
        (Watched(state=SessionState.SUSPENDED), "active"),
        (Watched(state=SessionState.SUSPENDED, asked="a"), "suspended"),
        (Watched(state=SessionState.ENDED), "closed"),
        (Watched(state=SessionState.UNKNOWN), ""),
    ],
)
async def test_each_state_is_shown_as_slack_names_it(
    speech: Speaking, seen: Watched, status: str
) -> None:
    """A session whose state is not known yet is not shown; only work is told again later."""
    await tell(speech, seen)
    assert told(speech) == ([(status, SHORT)] if status else [])
    due = await speech.raw.zscore(at(OUTBOX_KEY), str(await speech.card()))
    assert (due is not None) == (status == "processing")
    assert lines(speech) == 0


async def later(speech: Speaking) -> None:
    """Let the time be over for which Slack shows that the session works."""
    subject = at(subject_key((await speech.card()).subject))
    await speech.raw.hset(subject, "rests_until", "1")


async def test_a_state_is_told_when_it_changes_and_work_again_within_the_hour(
    speech: Speaking,
) -> None:
    """Slack forgets within an hour that a session works, so its entry rests only for so long."""
    waits = WORKING.model_copy(update={"state": SessionState.WAITING})
    await tell(speech, WORKING)
    due = await speech.raw.zscore(at(OUTBOX_KEY), str(await speech.card()))
    await tell(speech)
    assert await speech.raw.zscore(at(OUTBOX_KEY), str(await speech.card())) == due
    await later(speech)
    for seen in (None, waits, None, waits.model_copy(update={"title": "Fix <!here>"})):
        await tell(speech, seen)
    assert told(speech) == [
        *[("processing", "Fix login")] * 2,
        ("suspended", "Fix login"),
        ("renamed", "Fix ‹!here›"),  # noqa: RUF001  (as it is shown)
    ]
    first, *others = [one.params for one in speech.box.slack.calls if one.method == SET_STATUS]
    assert first["title"] == "Fix login"
    assert not any("title" in one for one in others), "Slack ignores it once there is a session"


@pytest.mark.parametrize("tells_title", [True, False])
async def test_a_thread_that_is_linked_again_has_its_new_session_s_title(
    speech: Speaking, *, tells_title: bool
) -> None:
    """Slack keeps the title of the thread's first session, and may not answer which that is."""
    speech.box.slack.tells_agent_title = tells_title
    await tell(speech, WORKING)
    old = await speech.card()
    await Links(speech.store, TTL).remove(speech.thread)
    await speech.try_once(old)
    assert told(speech)[-1] == ("closed", "Fix login")
    await speech.link()
    await tell(speech, WORKING.model_copy(update={"title": "Write notes"}))
    assert told(speech)[-2:] == [("processing", "Fix login"), ("renamed", "Write notes")]


async def becomes_shared(speech: Speaking) -> None:
    """Let another organization share the channel, while no process hears of it."""
    await speech.box.slack.share("general")


async def is_unfollowed(speech: Speaking) -> None:
    """Let the thread follow nothing."""
    await Links(speech.store, TTL).follow(speech.thread, Follow.OFF)


@pytest.mark.parametrize(
    ("hides", "title"), [(becomes_shared, SHORT), (is_unfollowed, "Fix login")]
)
async def test_what_a_thread_may_not_show_is_not_shown_by_slack_either(
    speech: Speaking, hides: Any, title: str
) -> None:
    """A session that there is becomes active, and outsiders read no title; none is made."""
    await tell(speech, WORKING)
    await hides(speech)
    await tell(speech)
    session = speech.box.slack.agent_session("general", speech.thread.thread_ts)
    assert session is not None
    assert (session.status, session.title) == ("active", title)
    await speech.move()
    await speech.link()
    await hides(speech)
    await tell(speech)
    assert speech.box.slack.agent_session("general", speech.thread.thread_ts) is None


@pytest.mark.parametrize(
    ("reason", "of_channel"),
    [
        ("not_authorized", True),
        *((one, False) for one in ("unknown_method", "feature_disabled", "method_deprecated")),
        *((one, False) for one in ("missing_scope", "not_allowed_token_type")),
    ],
)
async def test_where_slack_has_no_sessions_a_status_line_serves_for_a_day(
    speech: Speaking, reason: str, *, of_channel: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever process asked, and the log says it once; a session that was shown ends."""
    caplog.set_level(logging.INFO)
    await tell(speech, WORKING)
    await later(speech)
    speech.box.slack.fail_next(SET_STATUS, error=reason, times=2)
    for _ in range(2):
        await tell(speech)
    assert told(speech) == [("processing", "Fix login")]
    assert lines(speech) == 2
    assert caplog.messages.count("agent sessions refused") == 1
    where = f":{speech.thread.channel}" if of_channel else ""
    claim = at(once_key(f"claim:agent refused:{where}"))
    assert 23 * 3600 < await speech.raw.ttl(claim) <= 24 * 3600
    speech.box.slack.fail_no_more()
    await speech.raw.delete(claim)
    await tell(speech)
    assert told(speech) == [("processing", "Fix login")] * 2


async def test_an_edit_that_slack_refused_is_made_when_the_card_is_asked_for_again(
    speech: Speaking,
) -> None:
    """Also if nothing has changed since: the card doesn't count as showing it."""
    await tell(speech, WORKING)
    speech.box.slack.fail_next("chat.update", error="not_in_channel")
    await tell(speech, WORKING.model_copy(update={"state": SessionState.FINISHED}))
    (card,) = speech.posts()
    before = card.text
    await tell(speech)
    assert speech.posts()[0].text != before


@pytest.mark.parametrize("method", [SET_STATUS, RENAME])
async def test_a_refusal_of_one_thread_is_logged_and_tried_again_with_the_next_change(
    speech: Speaking, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The card is as it would be, and no line is shown."""
    await tell(speech, Watched(state=SessionState.WAITING, title="Fix"))
    speech.box.slack.fail_next(method, error="channel_not_found")
    for _ in range(2):
        await tell(speech, Watched(state=SessionState.FINISHED, title="Fix login"))
    assert [one.message for one in caplog.records].count("agent session not shown") == 1
    assert lines(speech) == 0
    await tell(speech, Watched(state=SessionState.WAITING, title="Fix login"))
    assert told(speech)[-1][0] == "suspended"
    assert len(speech.posts()) == 1


FAULTS: Mapping[str, Mapping[str, Any]] = {
    "429": {"retry_after": 1},
    "500": {"status": 500},
    "lost before": {"drop": True},
    "lost after": {"drop_after": True},
    "token": {"error": "token_expired"},
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_card_does_not_suffer_where_slack_does_not_answer(
    speech: Speaking, fault: str
) -> None:
    """It is edited once, and the state is told again, although it is what was told before that."""
    waits = Watched(state=SessionState.WAITING)
    await tell(speech, waits)
    speech.box.slack.fail_next(SET_STATUS, **FAULTS[fault])
    await tell(speech, WORKING)
    edits = [one for one in speech.box.slack.calls if one.method == "chat.update"]
    assert len(edits) == 1
    assert await speech.is_owed(await speech.card())
    await tell(speech, waits)
    assert speech.box.slack.agent_status("general", speech.thread.thread_ts) == "suspended"
    assert not await speech.is_owed(await speech.card())


async def test_a_state_is_right_after_its_process_was_killed(speech: Speaking) -> None:
    """Slack may show what that process has not noted; the next try does not rely on the record."""
    waits = Watched(state=SessionState.WAITING)
    await tell(speech, waits)
    await want(speech, WORKING)
    held = asyncio.Event()
    speech.box.slack.fail_next(RENAME, until=held)
    status = speech.box.slack.agent_status
    thread = speech.thread.thread_ts
    await speech.die_after(
        once=lambda: status("general", thread) == "processing", owed=await speech.card()
    )
    held.set()
    await tell(speech, waits)
    assert status("general", thread) == "suspended"
    assert len(speech.posts()) == 1


async def test_a_doubt_that_comes_while_the_state_is_set_has_it_set_once_more(
    speech: Speaking,
) -> None:
    """As of two presses of *Stop* in a row: the second may come after Slack has set it."""
    link = await Links(speech.store, TTL).get(speech.thread)
    assert link is not None
    cards = Cards(speech.store)
    await tell(speech, WORKING)
    await cards.want(speech.thread, link, doubts=True)
    is_set = asyncio.Event()
    speech.box.slack.fail_next(SET_STATUS, until=is_set)
    telling = asyncio.ensure_future(speech.try_once(await speech.card()))
    await wait_until(
        lambda: sum(one.method == SET_STATUS for one in speech.box.slack.calls) == 2, "it is set"
    )
    await cards.want(speech.thread, link, doubts=True)
    is_set.set()
    await telling
    await speech.try_once(await speech.card())
    assert told(speech) == [("processing", "Fix login")] * 3
