"""Memory stays bounded under any load, and nobody waits for somebody else's flood.

`FLOOD` and `BACKLOG` are the numbers of events and of queued replies; the suite uses small ones.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import Bot
from bot.model.errors import SlackAway
from bot.model.people import UserId
from bot.model.replies import Evidence, Reply
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.redis.connection import Store, open_store
from bot.reporting.notices import Notices
from bot.runtime.in_flight import MOST_AWAITED, Background, InFlight
from bot.slack.api import RateLimits
from bot.slack.threads import Threads
from bot.store.mailbox import Mailbox
from bot.store.outbox import Outbox
from bot.store.state import measure
from bot.wording.message import SlackMessage
from bot.wording.phrases import mail_waiting
from sandbox import Sandbox
from tests.support.bots import environ_of
from tests.support.desk import OTHER_SESSION, SESSION, Desk
from tests.support.processes import BotProcess, bot_process, kept_valkey
from tests.support.schedules import Planned, unmoved
from tests.support.tables import each
from tests.support.told import forbidden
from tests.support.waiting import until_settled, wait_until

FLOOD = int(os.environ.get("FLOOD", "5000"))
BACKLOG = int(os.environ.get("BACKLOG", "4000"))
GROWTH_MB = 20
LONG = 120.0
TTL = timedelta(days=1)


def rss_mb(process: BotProcess) -> float:
    """Return the memory of a process, from Linux."""
    pages = int(Path(f"/proc/{process.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def highest_mb(process: BotProcess, until: asyncio.Event) -> float:
    """Return the peak memory of the process so far."""
    highest = 0.0

    def is_over() -> bool:
        nonlocal highest
        highest = max(highest, rss_mb(process))
        return until.is_set()

    await wait_until(is_over, "it is over", LONG)
    return highest


@pytest.fixture
async def patient_box(*, is_org: bool) -> AsyncIterator[Sandbox]:
    """A Slack that waits for acknowledgements without limit, so that only the bot sets bounds."""
    async with Sandbox(ack_timeout=LONG, org=is_org) as sandbox:
        sandbox.devin.add_session(SESSION)
        sandbox.devin.add_session(OTHER_SESSION)
        yield sandbox


@pytest.mark.timeout(180)
async def test_a_flood_of_events_stays_outside_and_loses_no_reply(
    patient_box: Sandbox, redis_url: str, tmp_path: Path
) -> None:
    """The load is mostly talk in unlinked threads; the bot reads only what it can handle."""
    desk = Desk(patient_box)
    environ = environ_of(patient_box, redis_url, tmp_path)
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        thread, other = await desk.linked_thread(), await desk.linked_thread(OTHER_SESSION)
        await desk.until_delivered(await desk.reply("Reply -1", thread))
        elsewhere = await desk.slack.say("Talk")
        before, over = rss_mb(process), asyncio.Event()
        watching = asyncio.create_task(highest_mb(process, over))
        for number in range(FLOOD):
            await desk.slack.say("word " * 40, thread=elsewhere)
            if number % (FLOOD // 20) == 0:
                await desk.reply(f"Reply {number * 20 // FLOOD}", thread)
            if number == FLOOD // 2:
                await desk.reply("from the other thread", other)
        await wait_until(lambda: desk.received(OTHER_SESSION), "the other one is delivered", LONG)
        await desk.until_heard()
        await wait_until(lambda: len(desk.received()) == 21, "every reply is delivered", LONG)
        over.set()
        growth = await watching - before
        assert await process.stop() == 0
    assert [one.rpartition(" ")[2] for one in desk.received()] == [str(n) for n in range(-1, 20)]
    assert growth < GROWTH_MB


async def test_a_reader_that_waits_keeps_its_connection_and_sees_slack_s_wish_for_another(
    patient_box: Sandbox, redis_url: str, tmp_path: Path
) -> None:
    """Envelopes are read in turn; events that a new connection cuts off come again through it."""
    desk = Desk(patient_box)
    async with bot_process(environ_of(patient_box, redis_url, tmp_path), tmp_path, "run") as bot:
        await desk.slack.wait_connected()
        thread, elsewhere = await desk.linked_thread(), await desk.slack.say("Talk")
        for number in range(2000):
            await desk.slack.say("word " * 40, thread=elsewhere)
            if number % 200 == 0:
                await desk.reply(f"Reply {number // 200}", thread)
            if number == 1000:
                await desk.slack.disconnect()
        await wait_until(lambda: all(one.acked for one in desk.slack.deliveries), "all are heard")
        await wait_until(lambda: len(desk.received()) == 10, "every reply is delivered")
        opened = [call for call in desk.slack.calls if call.method == "apps.connections.open"]
        assert await bot.stop() == 0
    assert len(opened) == 3, "one to try the token, one for each connection"


@pytest.mark.timeout(180)
async def test_a_frozen_redis_stops_the_reading_and_not_the_connection(tmp_path: Path) -> None:
    """A hundred events wait for seconds; the rest waits in the socket, and arrives later."""
    async with AsyncExitStack() as stack:
        valkey = await stack.enter_async_context(kept_valkey(tmp_path / "valkey"))
        box = await stack.enter_async_context(Sandbox(retry_delays=(0.1, 3.0, 10.0)))
        desk = Desk(box)
        box.devin.add_session(SESSION)
        environ = environ_of(box, valkey.url, tmp_path)
        process = await stack.enter_async_context(bot_process(environ, tmp_path, "run"))
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        await desk.until_heard()
        opened = len([one for one in box.slack.calls if one.method == "apps.connections.open"])
        valkey.freeze()
        for number in range(300):
            await desk.reply(f"Reply {number}", thread)
        await process.until_logged("not acknowledged")
        valkey.thaw()
        await wait_until(lambda: len(desk.received()) == 300, "every reply is delivered", LONG)
        assert box.slack.connections == 1
        assert opened == len([c for c in box.slack.calls if c.method == "apps.connections.open"])
        assert await process.stop() == 0


async def test_marks_beyond_what_slack_takes_are_dropped_and_words_are_kept(
    store: Store, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """A mark is best effort, and a flood of marks must not pile up; messages wait in Redis."""
    in_flight, over = InFlight(), asyncio.Event()
    client = AsyncWebClient(box.slack.bot_token, base_url=box.slack.api_url)
    schedule = Planned()
    background = Background(in_flight)
    notices = Notices(
        outbox=Outbox(store),
        schedule=schedule,
        threads=Threads(client, unmoved, store),
        background=background,
    )

    async def waits() -> None:
        await over.wait()

    for _ in range(MOST_AWAITED):
        background.later(waits())
    notices.mark("C0", "1764000000.000100", "eyes")
    thread = ThreadRef(team="T0", channel="C0", thread_ts="1764000000.000100")
    await notices.whisper(thread, "U0ADA", SlackMessage("hello"))
    assert len(schedule.told) == 1
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == [
        "answer given up"
    ]
    over.set()
    await background.drain(5)
    assert box.slack.calls == []


async def fill(store: Store, thread: ThreadRef, number: int) -> None:
    """Accept that many replies for the session, as their events would, without a wake-up."""
    mailbox = Mailbox(store, TTL)

    async def accept(one: int) -> None:
        ts, author = f"1764000000.{one:06}", UserId("U0ADA")
        reply = Reply(thread=thread, ts=ts, author=author, text=f"Mail {one}")
        await mailbox.accept(reply, SessionId(SESSION), timedelta(0), Evidence.PERSON)

    for begin in range(0, number, 500):
        await asyncio.gather(*(accept(one) for one in range(begin, min(begin + 500, number))))


@pytest.mark.timeout(180)
async def test_a_full_mailbox_costs_no_memory_and_nobody_s_turn(
    box: Sandbox, redis_url: str, tmp_path: Path
) -> None:
    """The bot holds one of its replies at a time, and still delivers other sessions' mail."""
    desk, environ = Desk(box), environ_of(box, redis_url, tmp_path)
    box.devin.add_session(OTHER_SESSION)
    async with bot_process(environ, tmp_path, "run") as process, open_store(redis_url) as opened:
        store = opened.of(desk.slack.team_id)
        await desk.slack.wait_connected()
        thread, other = await desk.linked_thread(), await desk.linked_thread(OTHER_SESSION)
        box.devin.behave(SESSION, "rate_limited", retry_after=1)
        before, over = rss_mb(process), asyncio.Event()
        watching = asyncio.create_task(highest_mb(process, over))
        await desk.reply("the one that begins", thread)
        await wait_until(lambda: box.devin.requests, "Devin is asked")
        await fill(store, place_of(desk, thread), BACKLOG - 1)
        await measure(store)
        assert REGISTRY.get_sample_value("relay_mail_waiting") == BACKLOG
        await desk.mention("status", thread=thread)
        await desk.until_said(mail_waiting(BACKLOG), thread)
        box.devin.behave(SESSION, "running", delay=0.002)
        await wait_until(lambda: len(desk.received()) > 300, "the mail goes on", LONG)
        await desk.reply("from the other thread", other)
        await desk.until_received("from the other thread", OTHER_SESSION)
        read, left = desk.received(), await Mailbox(store, TTL).length(SessionId(SESSION))
        over.set()
        growth = await watching - before
        assert await process.stop() == 0
    assert left > 0
    assert [one.rpartition(" ")[2] for one in read] == [str(number) for number in range(len(read))]
    assert growth < GROWTH_MB


def place_of(desk: Desk, thread: str, channel: str = "general") -> ThreadRef:
    """Return a thread as the bot identifies it."""
    place = desk.slack.workspace.channel(channel).id
    return ThreadRef(team=desk.slack.team_id, channel=place, thread_ts=thread)


def posts_in(desk: Desk, channel: str) -> int:
    """Return how often Slack was asked to post there."""
    place = desk.slack.workspace.channel(channel).id
    calls = [call for call in desk.slack.calls if call.method == "chat.postMessage"]
    return len([call for call in calls if call.params.get("channel") == place])


async def test_a_channel_that_slack_limits_is_not_hammered_and_delays_no_other(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Slack takes a message a second per channel; nobody asks before, and all are told."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    other = await desk.linked_thread(OTHER_SESSION, channel="secrets")
    for session in (SESSION, OTHER_SESSION):
        desk.devin.behave(session, "forbidden")
    desk.slack.limit_posts(0.9)
    asked = posts_in(desk, "general")
    for number in range(6):
        await desk.reply(f"Reply {number}", thread)
    await wait_until(lambda: posts_in(desk, "general") > asked + 1, "the limit is met")
    await desk.reply("Reply", other, channel="secrets")
    await desk.until_said(forbidden("Reply"), other, channel="secrets")
    assert len(desk.said(thread)) < 6
    await until_settled(store)
    assert len(desk.said(thread)) == 6
    assert posts_in(desk, "general") - asked <= 2 * 6 + 2


def turn_of(limits: RateLimits, method: str, channel: str) -> float | None:
    """In how many seconds a call may be made; None: it was made, and taken."""
    try:
        with limits.respected(method, channel):
            return None
    except SlackAway as error:
        return error.retry_after


def limited(limits: RateLimits, method: str, channel: str, seconds: float | None) -> float | None:
    """A call that Slack answers with 429; when the next call may be made."""
    error = SlackAway(method, "ratelimited", retry_after=seconds, maybe_done=False)
    with pytest.raises(SlackAway) as raised, limits.respected(method, channel):
        raise error
    return raised.value.retry_after


def test_a_limit_holds_its_channel_or_its_method_and_nothing_else() -> None:
    """Messages are limited by channel, everything else by workspace."""
    limits = RateLimits()
    limited(limits, "chat.postMessage", "C1", 30)
    limited(limits, "reactions.add", "C1", 30)
    assert turn_of(limits, "chat.postMessage", "C1") is not None
    assert turn_of(limits, "chat.postMessage", "C2") is None
    assert turn_of(limits, "reactions.add", "C2") is not None
    assert turn_of(limits, "reactions.remove", "C1") is None


def test_those_who_wait_come_back_one_after_the_other() -> None:
    """A crowd that came back at once would be sent away again."""
    limits = RateLimits()
    turns = [limited(limits, "chat.postMessage", "C1", 30)]
    turns += [turn_of(limits, "chat.postMessage", "C1") for _ in range(3)]
    assert [round(turn or 0) for turn in turns] == [30, 31, 32, 33]


def test_a_429_without_a_time_is_a_limit_too() -> None:
    """And so is one of 0 seconds: it must not make a hot loop."""
    for seconds in (None, 0.0):
        assert (limited(RateLimits(), "reactions.add", "C1", seconds) or 0) > 0.4


@each("reason", ["ratelimited", "rate_limited", "HTTP 429"])
def test_slack_s_words_for_a_limit_are_one(reason: str) -> None:
    """It says them by method, and by what stands in front of it."""
    limits = RateLimits()
    with pytest.raises(SlackAway), limits.respected("reactions.add", "C1"):
        raise SlackAway("reactions.add", reason, retry_after=30, maybe_done=False)
    assert (turn_of(limits, "reactions.add", "C1") or 0) > 20
