"""A failure at any call of any kind of entry posts nothing twice, and loses nothing.

`tests/mirror/test_posting.py` does the same for what sessions say.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import redis.asyncio

from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Reply
from bot.redis.connection import Store
from bot.reporting.notices import Notices
from bot.runtime.in_flight import Background, InFlight
from bot.slack.threads import Threads
from bot.store.mailbox import Head, Mailbox
from bot.store.outbox import Outbox, Owed, OwedKind
from bot.wording.message import SlackMessage
from sandbox import Sandbox
from tests.support.desk import key_of
from tests.support.schedules import Planned, unmoved
from tests.support.slack_apps import web_client
from tests.support.speaking import ID, TTL, Speaking, speaking

Owe = Callable[[Speaking], Awaitable[Owed]]

FAULTS: Mapping[str, Mapping[str, Any]] = {
    "429": {"retry_after": 1},
    "500": {"status": 500},
    "passing": {"error": "internal_error"},
    "page": {"page": True},
    "lost before": {"drop": True},
    "lost after": {"drop_after": True},
}
NOW = timedelta(0)


@pytest.fixture
async def speech(box: Sandbox, store: Store, raw: redis.asyncio.Redis) -> AsyncIterator[Speaking]:
    """A linked thread."""
    async with speaking(box, store, raw) as opened:
        yield opened


async def notice(speech: Speaking) -> Owed:
    """Owe the thread an answer to a command."""
    planned, outbox = Planned(), Outbox(speech.store)
    threads, background = (
        Threads(web_client(speech.box.slack), unmoved, speech.store),
        Background(InFlight()),
    )
    notices = Notices(outbox=outbox, schedule=planned, threads=threads, background=background)
    await notices.say(speech.thread, SlackMessage("It is done."))
    return planned.told[0][0]


async def card(speech: Speaking) -> Owed:
    """Owe the thread its card."""
    return await speech.card()


async def outcome(speech: Speaking) -> Owed:
    """Owe the thread a report with a mark: Devin has rejected a reply."""
    head = await _taken(speech)
    refused = Outcome(kind=OutcomeKind.REFUSED, detail="no")
    mailbox = Mailbox(speech.store, TTL)
    await mailbox.finish(ID, "token", head, refused, is_owed=True, go_on=False)
    return Owed(head.reply.id, 1, OwedKind.OUTCOME)


async def delay(speech: Speaking) -> Owed:
    """Owe the thread the notice that a reply waits."""
    head = await _taken(speech)
    assert await Mailbox(speech.store, TTL).defer(ID, "token", head, TTL, NOW) is not None
    return Owed(head.reply.id, 1, OwedKind.DELAY)


async def _taken(speech: Speaking) -> Head:
    """Return a reply in the thread that is being sent."""
    slack = speech.box.slack
    ts = await slack.say("Rebase", thread=speech.thread.thread_ts, deliver=False)
    ada = UserId(slack.workspace.user("ada").id)
    mailbox = Mailbox(speech.store, TTL)
    await mailbox.accept(Reply(thread=speech.thread, ts=ts, author=ada, text="Rebase"), ID, NOW)
    head = await mailbox.take(ID, "token")
    assert isinstance(head, Head)
    return head


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("owe", [notice, card, outcome, delay])
async def test_a_fault_at_any_call_posts_once(
    speech: Speaking, owe: Owe, fault: str, raw: redis.asyncio.Redis
) -> None:
    """The next try looks for what the failed one may have posted, or goes on behind it."""
    for at in count():
        owed = await owe(speech)
        for _ in range(at):
            speech.box.slack.fail_next("*")
        speech.box.slack.fail_next("*", **FAULTS[fault])
        await speech.until_said(10, owed)
        left = speech.box.slack.fail_no_more()
        keys = [key_of(one) for one in speech.posts()]
        assert len(keys) == len(set(keys)) == 1, (at, keys)
        if left:
            return  # each call has failed once
        await raw.flushall()
        await speech.move()
        await speech.link()


@pytest.mark.parametrize("owe", [notice, card, outcome, delay])
async def test_what_fails_twice_is_posted_once(
    speech: Speaking, owe: Owe, raw: redis.asyncio.Redis
) -> None:
    """A look that is limited must not make the try after it forget why it looks."""
    for at in count():
        owed = await owe(speech)
        for _ in range(at):
            speech.box.slack.fail_next("*")
        speech.box.slack.fail_next("*", drop_after=True)
        speech.box.slack.fail_next("*", retry_after=1, times=2)
        await speech.until_said(10, owed)
        left = speech.box.slack.fail_no_more()
        keys = [key_of(one) for one in speech.posts()]
        assert len(keys) == len(set(keys)) == 1, (at, keys)
        if left == 1 + 2:
            return  # each call has failed first once
        await raw.flushall()
        await speech.move()
        await speech.link()
