"""Sessions are ordered and independent, and each reply is sent once, however events arrive."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.people import UserId
from bot.model.replies import reply_id
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros
from bot.redis.connection import Store
from bot.redis.keys import DUE_KEY, subject_key
from bot.runtime.in_flight import InFlight
from bot.settings import Settings
from bot.store.links import Links
from bot.wording.delivery_reports import DELIVERED_MARK
from sandbox import Sandbox
from sandbox.devin.answers import Api
from sandbox.slack.server import Message
from tests.support.bots import open_bot
from tests.support.desk import OTHER_SESSION, SESSION, Desk, on_v1
from tests.support.keys import at
from tests.support.told import suspended
from tests.support.waiting import until_settled, wait_until

HOUR = 3_600

WAITS = {"crowd_wait": timedelta(hours=1), "late_wait": timedelta(hours=1)}
"""Waits that end when a test says so (`let_go`), however long a machine takes for a burst."""

in_a_storm = pytest.mark.times(**WAITS)


class Clock:
    """A burst's clock: events that arrive while it is stopped arrive at the same time."""

    def __init__(self) -> None:
        self.stands_at: float | None = None

    def __call__(self) -> float:
        """Return the time in seconds."""
        return time.monotonic() if self.stands_at is None else self.stands_at

    def stop(self) -> None:
        """Stop the clock."""
        self.stands_at = time.monotonic()

    def go_on(self) -> None:
        """Let the clock run again."""
        self.stands_at = None


@pytest.fixture
def clock() -> Clock:
    """The clock that tells the test's bots how long a burst lasts."""
    return Clock()


@pytest.fixture
async def box(api: Api, *, is_org: bool) -> AsyncIterator[Sandbox]:
    """A Slack that repeats only what the test repeats, and nothing because a machine is slow."""
    async with Sandbox(ack_timeout=60, devin_api=api, org=is_org) as sandbox:
        sandbox.devin.add_session(SESSION)
        yield sandbox


@pytest.fixture
async def bot(
    settings: Settings, box: Sandbox, clock: Clock, request: pytest.FixtureRequest
) -> AsyncIterator[Bot]:
    """A bot with that clock."""
    mark = request.node.get_closest_marker("times")
    times = mark.kwargs if mark else {}
    async with open_bot(settings, in_flight=InFlight(clock=clock), **times) as running:
        await box.slack.wait_connected()
        yield running


async def storm(desk: Desk, events: list[dict[str, Any]], clock: Clock, seed: int) -> None:
    """Deliver the events in any order, all at once, until each is acknowledged."""
    random.Random(seed).shuffle(events)  # noqa: S311  (an order to repeat, no secret)
    clock.stop()
    for delivery in [await desk.slack.deliver_event(event) for event in events]:
        assert (await delivery.settled()).acked
    clock.go_on()


async def let_go(raw: Redis) -> None:
    """Let the time come before which replies are not sent."""
    async for key in raw.scan_iter(at(subject_key("*"))):
        await raw.hset(key, "not_before", 0)
    for session in await raw.zrange(at(DUE_KEY), 0, -1):
        await raw.zadd(at(DUE_KEY), {str(session): 0}, xx=True)


def write(desk: Desk, root: str, text: str, ts: str) -> dict[str, Any]:
    """Write a reply at `ts`, and return its event, which is not sent."""
    channel, ada = desk.slack.workspace.channel("general"), desk.slack.workspace.user("ada")
    desk.slack.workspace.put(
        Message(channel.id, ts, user=ada.id, text=text, thread_ts=root, client_msg_id=ts)
    )
    return desk.slack.event_of("general", ts)


def moments(age: float) -> Iterator[str]:
    """Return rising timestamps, from `age` seconds ago on."""
    now = int((time.time() - age) * 1_000_000)
    while True:
        now += 1
        yield f"{now // 1_000_000}.{now % 1_000_000:06d}"


async def linked_long_ago(desk: Desk, store: Store, session: str) -> str:
    """Link a thread earlier than everything that the tests let people write in it."""
    slack = desk.slack
    root = await slack.say("Shall we?", deliver=False)
    channel, ada = slack.workspace.channel("general").id, UserId(slack.workspace.user("ada").id)
    at = int(time.time()) - 2 * HOUR
    link = Link(session=SessionId(session), by=ada, linked_at=at, since=Micros(at * 1_000_000))
    thread = ThreadRef(team=slack.team_id, channel=channel, thread_ts=root)
    await Links(store, timedelta(days=1)).create(thread, link)
    return root


async def linked(desk: Desk, store: Store, sessions: int) -> dict[str, str]:
    """Return that many linked threads, by session."""
    threads = {}
    for number in range(sessions):
        session = f"devin-{number:032x}"
        desk.devin.add_session(session)
        threads[session] = await linked_long_ago(desk, store, session)
    return threads


def read(desk: Desk, session: str) -> list[str]:
    """Return the session's messages, without their authors."""
    return [message.partition("\n\n")[2] for message in desk.received(session)]


@in_a_storm
@pytest.mark.parametrize(
    "case",
    [(0, True, 12, 60), (HOUR, False, 2, 6), (-HOUR, False, 12, 60)],
    ids=["fresh", "old", "future"],
)
async def test_shuffled_and_repeated_events_are_sent_once_in_the_order_of_writing(
    case: tuple[int, bool, int, int], bot: Bot, desk: Desk, store: Store, raw: Redis, clock: Clock
) -> None:
    """60 replies to 12 sessions, each event three times in any order, are 60 ordered POSTs.

    This also holds if the sessions are busy with an earlier reply, and become free midway. Old ones
    are looked up in their threads, as many as Slack lets the relay within a minute.
    """
    age, is_busy, sessions, replies = case
    threads = await linked(desk, store, sessions)
    written = defaultdict(list)
    time_of_writing, events = moments(age), []
    for number, session in enumerate(threads if is_busy else ()):
        desk.devin.behave(session, "running", delay=0.05 + number / 100, times=1)
        first = write(desk, threads[session], "First", next(time_of_writing))
        await (await desk.slack.deliver_event(first)).settled()
        written[session].append("First")
    await let_go(raw)
    await wait_until(lambda: len(desk.devin.requests) == len(written), "all are busy")
    for number in range(replies):
        session = list(threads)[number % sessions]
        events.append(write(desk, threads[session], f"Reply {number}", next(time_of_writing)))
        written[session].append(f"Reply {number}")
    await storm(desk, events * 3, clock, age)
    await let_go(raw)
    await until_settled(store)

    assert len(desk.devin.requests) == sum(map(len, written.values()))
    assert {session: read(desk, session) for session in threads} == written
    assert max(desk.devin.session(one).max_in_flight for one in threads) == 1


@in_a_storm
async def test_two_threads_of_one_session_keep_the_order_of_writing(
    bot: Bot, desk: Desk, store: Store, raw: Redis, clock: Clock
) -> None:
    """The order belongs to the session, not to the reply's thread."""
    roots = [await linked_long_ago(desk, store, SESSION) for _ in range(2)]
    ages = moments(HOUR)
    events = [write(desk, roots[n % 2], f"Reply {n}", next(ages)) for n in range(20)]
    await storm(desk, events, clock, 3)
    await let_go(raw)
    await until_settled(store)
    assert read(desk, SESSION) == [f"Reply {n}" for n in range(20)]


@pytest.mark.parametrize(("age", "wait"), [(-1, 0), (HOUR, 1_000)], ids=["fresh", "late"])
async def test_a_late_reply_waits_a_second_for_earlier_ones(
    age: int, wait: int, bot: Bot, desk: Desk, store: Store, raw: Redis
) -> None:
    """A fresh one that comes alone waits for nothing."""
    root, ts = await linked_long_ago(desk, store, SESSION), next(moments(age))
    event = write(desk, root, "Please rebase", ts)
    await (await desk.slack.deliver_event(event)).settled()
    key = subject_key(reply_id(desk.slack.team_id, event["channel"], ts))
    accepted, not_before = await raw.hmget(at(key), "accepted", "not_before")
    assert accepted
    assert not_before
    assert int(not_before) - int(accepted) == wait
    await desk.until_delivered(ts)


@pytest.mark.parametrize("state", ["rate_limited", "slow"])
async def test_a_session_in_trouble_delays_no_other(state: str, bot: Bot, desk: Desk) -> None:
    """Its failure outlasts everything that the other one is sent, no matter how much mail waits."""
    desk.devin.add_session(OTHER_SESSION)
    trouble, well = await desk.linked_thread(), await desk.linked_thread(OTHER_SESSION)
    over = asyncio.Event()
    until = over if state == "slow" else None
    desk.devin.behave(SESSION, state, delay=0, retry_after=600, until=until)
    waiting = [await desk.reply(f"Reply {number}", trouble) for number in range(20)]
    await wait_until(lambda: desk.devin.session(SESSION).requests, "the trouble has begun")
    for number in range(5):
        reply = await desk.reply(f"Reply {number}", well)
        await desk.until_delivered(reply)
    assert read(desk, OTHER_SESSION) == [f"Reply {number}" for number in range(5)]
    assert len(desk.devin.session(SESSION).requests) == 1
    assert [desk.marks(ts) for ts in waiting] == [[]] * 20
    over.set()


async def test_replies_behind_a_waiting_one_follow_it_in_order(bot: Bot, desk: Desk) -> None:
    """A retry holds up its session, so that a later reply does not overtake it."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited", times=1)
    for number in range(5):
        await desk.reply(f"Reply {number}", thread)
    await wait_until(lambda: desk.devin.requests, "the first is tried")
    late = await desk.reply("Reply 5", thread)
    await desk.until_delivered(late)
    assert read(desk, SESSION) == [f"Reply {number}" for number in range(6)]
    assert len(desk.devin.requests) == 7


@on_v1
async def test_what_is_sent_again_keeps_its_old_place(bot: Bot, desk: Desk) -> None:
    """It goes ahead of the replies that still wait, since it was written before them."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "suspended", times=1)
    await desk.reply("Reply 0", thread)
    await desk.until_said(suspended("Reply 0"), thread)
    desk.devin.behave(SESSION, "rate_limited")
    await desk.reply("Reply 1", thread)
    await wait_until(lambda: len(desk.devin.requests) > 1, "the second waits")
    await desk.press("send_again", thread)
    desk.devin.behave(SESSION, "running")
    await wait_until(lambda: len(desk.received()) == 2, "both are sent")
    assert read(desk, SESSION) == ["Reply 0", "Reply 1"]


async def test_an_event_that_comes_again_changes_nothing(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Slack's retries have a number, the same `event_id`, and may come after the delivery."""
    thread = await desk.linked_thread()
    reply = await desk.reply("Please rebase", thread)
    await desk.until_delivered(reply)
    event, original = desk.slack.event_of("general", reply), desk.slack.deliveries[-1]
    again = [await desk.slack.redeliver(original)]
    again += [
        await desk.slack.deliver_event(
            event, event_id=event_id, retry_num=3, retry_reason="timeout"
        )
        for event_id in (original.event_id, "Ev0ANOTHER0")
    ]
    for delivery in again:
        await delivery.settled()
        assert (delivery.acked, delivery.attempts) == (True, 1)
    await until_settled(store)
    assert len(desk.devin.requests) == 1
    assert desk.marks(reply) == [DELIVERED_MARK]


@pytest.mark.parametrize("kinds", [("message", "app_mention"), ("app_mention", "message")])
async def test_a_mention_is_one_reply_though_slack_sends_two_events(
    kinds: tuple[str, str], bot: Bot, desk: Desk, store: Store
) -> None:
    """This holds in either order, with different event ids."""
    thread = await desk.linked_thread()
    text = f"<@{desk.slack.bot_user_id}> please rebase"
    ts = await desk.slack.say(text, thread=thread, deliver=False)
    event = desk.slack.event_of("general", ts)
    for kind in kinds:
        delivery = await desk.slack.deliver_event({**event, "type": kind})
        await delivery.settled()
        assert delivery.acked
    await desk.until_delivered(ts)
    await until_settled(store)
    assert len(desk.devin.requests) == 1
    assert desk.said(thread) == []


async def test_two_bots_on_one_redis_send_each_reply_once(
    settings: Settings, desk: Desk, store: Store, raw: Redis, clock: Clock
) -> None:
    """Both listen and both deliver, but only one of them has the lease on the session at a time."""
    one, other = (open_bot(settings, in_flight=InFlight(clock=clock), **WAITS) for _ in range(2))
    async with one, other:
        await desk.slack.wait_connected(2)
        threads = await linked(desk, store, 5)
        fresh = moments(0)
        roots = list(threads.values())
        events = [write(desk, roots[n % 5], f"Reply {n}", next(fresh)) for n in range(50)] * 3
        await storm(desk, events, clock, 5)
        await let_go(raw)
        await until_settled(store)
    assert len(desk.devin.requests) == 50
    for place, session in enumerate(threads):
        assert read(desk, session) == [f"Reply {n}" for n in range(50) if n % 5 == place]
        assert desk.devin.session(session).max_in_flight == 1
