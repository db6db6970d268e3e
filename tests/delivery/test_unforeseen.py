"""An unforeseen failure ends one reply, once, with a reference, and the session goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from copy import copy
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from bot.app import Bot
from bot.delivery.deliverer import Deliverer
from bot.devin.opening import open_devin
from bot.model.errors import StoreAway
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Refusal, Reply, reply_id
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import subject_key
from bot.runtime.in_flight import InFlight
from bot.slack.api import SlackClient
from bot.slack.lookups import LookupParts
from bot.slack.people import Called, People
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.outbox import Owed, OwedKind
from bot.text.mrkdwn import Mention
from bot.wording import delivery_reports
from sandbox import Sandbox
from tests.support.bots import BRISK
from tests.support.desk import SESSION, Desk, actions, tells
from tests.support.keys import at
from tests.support.known import channels_of
from tests.support.parts import parts_of
from tests.support.waiting import until_settled, wait_until

ID = SessionId(SESSION)
TTL = timedelta(days=1)
THREAD = ThreadRef(team="T0SANDBOX", channel="C0GENERAL0", thread_ts="1764000000.000100")


def logged(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """Return the one log line about an unforeseen failure."""
    (line,) = [one for one in caplog.records if one.message.startswith("unforeseen")]
    assert line.levelname == "ERROR"
    assert line.exc_info
    return line


async def test_a_reply_whose_record_is_broken_is_told_and_blocks_nobody(
    bot: Bot, desk: Desk, store: Store, raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """None of it is ever sent: nobody knows which part of it is right."""
    thread = await desk.linked_thread()
    over = asyncio.Event()
    desk.devin.behave(SESSION, "running", until=over)
    await desk.reply("This one is on its way", thread)
    await wait_until(lambda: desk.devin.requests, "Devin is asked")
    broken, after = [await desk.reply(text, thread) for text in ("Please rebase", "And push")]
    await desk.until_heard()
    channel = desk.slack.workspace.channel("general").id
    key = at(subject_key(reply_id(desk.slack.team_id, channel, broken)))
    kept = await raw.hget(key, "reply")
    assert kept
    await raw.hset(key, "reply", str(kept).replace('"blocks":[', '"blocks":["words",'))
    over.set()
    await desk.until_marked("x", broken)
    await desk.until_delivered(after)
    await until_settled(store)

    detail = delivery_reports.logged(vars(logged(caplog))["reference"])
    outcome = Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.OTHER, detail=detail)
    unreadable = delivery_reports.words_of(outcome, "your reply")
    assert tells(desk.said(thread)[0], unreadable)
    assert "rebase" not in caplog.text
    assert actions(desk.posts(thread)[-1]) == ["open_session"]
    assert len(desk.said(thread)) == 1
    assert ["rebase" in one for one in desk.received()] == [False, False]


class Stumbling(People):
    """A look-up that raises for a reply with a certain word."""

    error: BaseException = LookupError("stumble")

    async def called(self, reply: Reply, mentioned: frozenset[Mention]) -> Called:
        """Return the names that the message needs."""
        if "stumble" in reply.text:
            raise self.error
        return Called("ada", "", await self.names(mentioned))


class Noting:
    """A schedule that only records the entries it is asked to tell."""

    def __init__(self) -> None:
        self.told: list[Owed] = []

    async def wake(self, session: SessionId, after: float = 0.0) -> None:
        """Do nothing, since no mail is scheduled for later here."""
        raise AssertionError(f"{session} was woken after {after} s")

    async def tell(self, report: Owed, after: float = 0.0, attempt: int = 1) -> None:
        """Record the entry."""
        assert (after, attempt) == (0.0, 1)
        self.told.append(report)


@dataclass
class Parts:
    """A delivery without the rest of a bot."""

    deliveries: Deliverer
    people: Stumbling
    schedule: Noting
    mailbox: Mailbox


@pytest.fixture
async def parts(store: Store, box: Sandbox) -> AsyncIterator[Parts]:
    """The real parts, except for people who make it fail."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        client = SlackClient(token=box.slack.bot_token, base_url=box.slack.api_url, session=session)
        opening = open_devin(box.devin.url, SecretStr(box.devin.api_key), None, 4)
        devin = await stack.enter_async_context(opening)
        channels, schedule = channels_of(client, store), Noting()
        people = Stumbling(LookupParts(client, store, BRISK), channels.lookup, THREAD.team, None)
        built = parts_of(box, store, client, devin, FILE_LIMIT="0")
        built.workspace = copy(built.workspace)
        built.workspace.people = people
        deliveries = Deliverer(built.workspace, built.state, built.sender(), schedule, InFlight())
        link = Link(session=ID, by=UserId("U0ADA"), linked_at=1)
        await Links(store, TTL).create(THREAD, link)
        yield Parts(deliveries, people, schedule, built.state.mailbox)


async def accepted(parts: Parts, *texts: str) -> list[Reply]:
    """Return replies that wait, in that order."""
    author = UserId("U0ADA")
    replies = [
        Reply(thread=THREAD, ts=f"176400000{number}.000100", author=author, text=text)
        for number, text in enumerate(texts, 1)
    ]
    for reply in replies:
        await parts.mailbox.accept(reply, ID, timedelta(0))
    return replies


async def test_a_letter_that_cannot_be_written_ends_its_reply_and_the_next_one_goes(
    parts: Parts, box: Sandbox, raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """The reply is uncertain, since that can be sent again; the thread is told once."""
    first, second = await accepted(parts, "stumble", "hello")
    await parts.deliveries.deliver(ID)
    assert box.devin.received(SESSION) == ["ada, U0ADA (in Slack):\n\nhello"]
    kept = await raw.hget(at(subject_key(first.id)), "outcome")
    assert kept
    outcome = Outcome.model_validate_json(kept)
    assert outcome.kind is OutcomeKind.UNCERTAIN
    assert outcome.detail == delivery_reports.logged(vars(logged(caplog))["reference"])
    assert parts.schedule.told == [Owed(one.id, 1, OwedKind.OUTCOME) for one in (first, second)]


@pytest.mark.parametrize("error", [StoreAway("ConnectionError"), asyncio.CancelledError()])
async def test_what_is_foreseen_ends_no_reply(
    parts: Parts, box: Sandbox, raw: Redis, error: BaseException
) -> None:
    """If Redis is away or the process ends, the next lease holder finds out what became of it."""
    parts.people.error = error
    (reply,) = await accepted(parts, "stumble")
    with pytest.raises(type(error)):
        await parts.deliveries.deliver(ID)
    assert await raw.hget(at(subject_key(reply.id)), "state") == "sending"
    assert parts.schedule.told == []
    assert box.devin.requests == []
