"""Slack's own state of a thread is right in the end, though its links end and begin meanwhile."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from bot.mirror.agents import RENAME
from bot.model.people import UserId
from bot.model.sessions import SessionState
from bot.model.threads import Link
from bot.redis.connection import Store
from bot.store.links import Links
from sandbox import Sandbox
from tests.mirror.test_agents import WORKING, tell, told, want
from tests.support.speaking import ID, TTL, Speaking, speaking
from tests.support.waiting import wait_until


@pytest.fixture
async def speech(box: Sandbox, store: Store, raw: redis.asyncio.Redis) -> AsyncIterator[Speaking]:
    """A linked thread, in a workspace whose app is declared as an agent."""
    box.slack.agent = True
    async with speaking(box, store, raw) as opened:
        opened.agent = "auto"
        yield opened


async def link_again(speech: Speaking) -> None:
    """Link the thread again, as by a later command: its card is a new one."""
    ada = UserId(speech.box.slack.workspace.user("ada").id)
    await Links(speech.store, TTL).create(
        speech.thread, Link(session=ID, by=ada, linked_at=2, card="2000000")
    )


@pytest.mark.parametrize("state", [SessionState.WORKING, SessionState.WAITING])
@pytest.mark.parametrize("is_slow", [False, True])
async def test_an_old_card_that_closes_late_has_the_new_one_set_its_state_again(
    speech: Speaking, state: SessionState, *, is_slow: bool
) -> None:
    """The thread was linked again while the old card was edited; the new one may be under way."""
    seen = WORKING.model_copy(update={"state": state})
    await tell(speech, seen)
    shown, old = told(speech)[-1], await speech.card()
    await Links(speech.store, TTL).remove(speech.thread)
    edited, noted, slack = asyncio.Event(), asyncio.Event(), speech.box.slack
    slack.fail_next("chat.update", until=edited)
    closing = asyncio.ensure_future(speech.try_once(old))
    await wait_until(lambda: slack.calls[-1].method == "chat.update", "the old card is edited")
    await link_again(speech)
    if is_slow:
        slack.tells_agent_title = False
        slack.fail_next(RENAME, until=noted)
    showing = asyncio.ensure_future(speech.try_once(await speech.card()))
    await wait_until(lambda: len(told(speech)) > 1, "the new one is shown")
    if not is_slow:
        await showing
    edited.set()
    await closing
    noted.set()
    await showing
    await speech.try_once(await speech.card())
    assert [one for one in told(speech) if one[0] != "renamed"] == [
        *(shown, shown, ("closed", "Fix login"), shown)
    ]


async def test_a_thread_whose_first_state_was_cut_off_is_closed_all_the_same(
    speech: Speaking,
) -> None:
    """Slack may show work that no process has noted; the link has ended by the next try."""
    slack = speech.box.slack
    slack.tells_agent_title = False
    await want(speech, WORKING)
    held, thread, owed = asyncio.Event(), speech.thread.thread_ts, await speech.card()
    slack.fail_next(RENAME, until=held)
    await speech.die_after(
        once=lambda: slack.agent_status("general", thread) == "processing", owed=owed
    )
    held.set()
    await Links(speech.store, TTL).remove(speech.thread)
    await speech.try_once(owed)
    assert slack.agent_status("general", thread) == "closed"
