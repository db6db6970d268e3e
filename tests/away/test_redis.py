"""While Redis is stopped, frozen, full or read-only, nothing is acknowledged or lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import IsMuted, StoreAway
from bot.model.people import UserId
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import open_store
from bot.settings import load_settings
from bot.store.links import Links
from bot.timing import TIMING
from bot.wording import refusals, thread_links
from bot.wording.delivery_reports import late
from sandbox import Sandbox
from sandbox.devin.answers import Api
from sandbox.slack.transport.deliveries import Delivery
from tests.support.bots import ACK_SECONDS, BRISK, environ_of, open_bot
from tests.support.desk import SESSION, Desk, muted
from tests.support.devin_posts import until_devin_said
from tests.support.processes import ValkeyProcess, bot_process, command, kept_valkey
from tests.support.told import GUEST, STORE_AWAY
from tests.support.waiting import (
    stops,
    until_caught_up,
    until_settled,
    wait_until,
)

PASSWORD = "a-password-nobody-has"

MISSED_SECONDS = 3.0
"""The wait for an acknowledgement that does not come: Slack's."""

Act = Callable[[ValkeyProcess], Awaitable[None]]


async def frozen(valkey: ValkeyProcess) -> None:
    valkey.freeze()


async def thawed(valkey: ValkeyProcess) -> None:
    valkey.thaw()


async def full(valkey: ValkeyProcess) -> None:
    await valkey.tell("CONFIG", "SET", "maxmemory", "1")


async def roomy(valkey: ValkeyProcess) -> None:
    await valkey.tell("CONFIG", "SET", "maxmemory", "0")


async def read_only(valkey: ValkeyProcess) -> None:
    await valkey.tell("REPLICAOF", "127.0.0.1", "1")


async def writable(valkey: ValkeyProcess) -> None:
    await valkey.tell("REPLICAOF", "NO", "ONE")


async def locked(valkey: ValkeyProcess) -> None:
    """Close the door to clients that have not authenticated by now."""
    await valkey.tell("CONFIG", "SET", "requirepass", PASSWORD)
    async with Redis.from_url(valkey.url, password=PASSWORD) as client:
        await client.client_kill_filter(_type="normal", skipme=True)


async def unlocked(valkey: ValkeyProcess) -> None:
    async with Redis.from_url(valkey.url, password=PASSWORD) as client:
        await client.config_set("requirepass", "")


TROUBLES: dict[str, tuple[Act, Act]] = {
    "stopped": (ValkeyProcess.stop, ValkeyProcess.start),
    "frozen": (frozen, thawed),
    "full": (full, roomy),
    "read-only": (read_only, writable),
    "locked": (locked, unlocked),
}


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[ValkeyProcess]:
    """A separate Valkey, which keeps its data."""
    async with kept_valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture(params=["socket", "http"])
async def box(request: pytest.FixtureRequest, api: Api, *, is_org: bool) -> AsyncIterator[Sandbox]:
    """A Slack with either transport that retries only when the test says so."""
    async with Sandbox(
        transport=request.param,
        retry_delays=(),
        ack_timeout=ACK_SECONDS,
        devin_api=api,
        org=is_org,
    ) as sandbox:
        sandbox.devin.add_session(SESSION)
        yield sandbox


@pytest.fixture
async def bot(box: Sandbox, valkey: ValkeyProcess, tmp_path: Path) -> AsyncIterator[Bot]:
    """A bot on that Valkey, with the transport of the sandbox."""
    environ = environ_of(box, valkey.url, tmp_path)
    if box.slack.transport == "http":
        environ.pop("SLACK_APP_TOKEN", None)
        environ["SLACK_SIGNING_SECRET"] = box.slack.signing_secret
    async with open_bot(
        load_settings(environ, None), redis_seconds=TIMING.redis_seconds
    ) as running:
        if box.slack.transport == "http":
            box.slack.request_url = f"http://127.0.0.1:{running.port}/slack/events"
        else:
            await box.slack.wait_connected()
        yield running


async def readiness(bot: Bot) -> tuple[int, dict[str, str]]:
    """Return the status of `/readyz`, and what it waits for."""
    url = f"http://127.0.0.1:{bot.port}/readyz"
    async with aiohttp.ClientSession() as web, web.get(url) as answer:
        return answer.status, (await answer.json()).get("waiting_for", {})


async def is_ready(bot: Bot) -> bool:
    return (await readiness(bot))[0] == 200


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_what_cannot_be_kept_is_not_acknowledged(
    bot: Bot, desk: Desk, valkey: ValkeyProcess, trouble: str
) -> None:
    """Slack's retry brings the event back, and it is then accepted once, without a restart."""
    breaks, mends = TROUBLES[trouble]
    thread = await desk.linked_thread()
    await desk.until_heard()
    await breaks(valkey)
    desk.slack.hurry(MISSED_SECONDS)
    ts = await desk.reply("while it is away", thread)
    delivery = await desk.slack.deliveries[-1].settled()
    assert not delivery.acked
    assert delivery.last_status in {None, 503}
    status, missing = await readiness(bot)
    assert (status, list(missing)) == (503, ["Redis"])
    await mends(valkey)
    await wait_until(lambda: is_ready(bot), "it is ready again")
    await until_taken(desk, delivery)
    await desk.until_delivered(ts)
    assert len(desk.received()) == 1


@pytest.mark.parametrize(
    ("trouble", "says", "tip"),
    [
        ("stopped", "can't be reached (ConnectionError: connection refused)", "REDIS_URL"),
        ("full", "doesn't accept writes (OutOfMemoryError)", "RelayRedisErrors"),
        ("read-only", "doesn't accept writes (ReadOnlyError)", "RelayRedisErrors"),
    ],
)
async def test_doctor_tells_a_redis_that_refuses_from_one_that_is_away(
    valkey: ValkeyProcess, tmp_path: Path, trouble: str, says: str, tip: str
) -> None:
    """Who reads that a running server can't be reached looks at the network."""
    breaks, mends = TROUBLES[trouble]
    async with Sandbox() as sandbox:
        environ = environ_of(sandbox, valkey.url, tmp_path)
        await breaks(valkey)
        code, out, _ = await command(environ, tmp_path, "doctor")
        await mends(valkey)
    found, fix = out.splitlines()[:2]
    assert (code, found) == (1, f"✗ Redis: {says}")
    assert tip in fix


async def test_what_takes_redis_a_moment_is_acknowledged_at_the_first_try(
    bot: Bot, desk: Desk, valkey: ValkeyProcess
) -> None:
    """A slow Redis is not an outage: Slack waits 3 s."""
    thread = await desk.linked_thread()
    await desk.until_heard()
    await valkey.tell("CLIENT", "PAUSE", "700", "ALL")
    ts = await desk.reply("slowly", thread)
    delivery = await desk.slack.deliveries[-1].settled()
    assert (delivery.acked, delivery.attempts) == (True, 1)
    await desk.until_delivered(ts)
    assert len(desk.received()) == 1


async def test_a_redis_that_is_still_loading_is_away() -> None:
    """This happens after a restart with much data; the reason is reported in Redis's own word."""

    async def load(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(b"-LOADING Redis is loading the dataset in memory\r\n" * 8)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(load, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_store(f"redis://127.0.0.1:{port}/0") as store:
            with pytest.raises(StoreAway):
                await store.ping()


@pytest.mark.parametrize("trouble", ["stopped", "full"])
async def test_an_edit_a_deletion_and_a_step_come_again(
    bot: Bot, desk: Desk, valkey: ValkeyProcess, trouble: str
) -> None:
    """None of them is acknowledged before it is stored; each then acts once."""
    breaks, mends = TROUBLES[trouble]
    thread, goes_on = await desk.linked_thread(), asyncio.Event()
    desk.devin.behave(SESSION, "running", until=goes_on, times=1)
    await desk.reply("Zero", thread)  # holds up the others until everything is as it was
    await wait_until(lambda: desk.devin.requests, "Devin was asked")
    edited, deleted = await desk.reply("One", thread), await desk.reply("Two", thread)
    await desk.until_heard()
    await breaks(valkey)
    desk.slack.hurry(MISSED_SECONDS)
    before = len(desk.slack.deliveries)
    await desk.slack.edit("general", edited, "Uno")
    await desk.slack.delete("general", deleted)
    step = await desk.slack.run_step("send_message", {"session": SESSION, "message": "Three"})
    missed = [await one.settled() for one in desk.slack.deliveries[before:]]
    assert [one.acked for one in missed] == [False, False, False]
    await mends(valkey)
    await wait_until(lambda: is_ready(bot), "it is ready again")
    for delivery in missed:
        await until_taken(desk, delivery)
    goes_on.set()
    await wait_until(lambda: step in desk.slack.step_results, "the step ends")
    said = [one.partition(":\n\n")[2] for one in desk.received()]
    assert said == ["Zero", "Uno", "Three"]


@pytest.mark.parametrize("trouble", ["stopped", "full"])
async def test_a_command_is_acknowledged_and_its_failure_told(
    bot: Bot, desk: Desk, valkey: ValkeyProcess, trouble: str
) -> None:
    """Slack does not retry a command, so the person must be told that nothing was sent."""
    breaks, mends = TROUBLES[trouble]
    await breaks(valkey)
    delivery = await desk.slack.slash("/devin-say", f"{SESSION} hello")
    assert delivery.acked
    await desk.until_whispered(STORE_AWAY, "ada")
    await mends(valkey)
    await wait_until(lambda: is_ready(bot), "it is ready again")
    await desk.slack.slash("/devin-say", f"{SESSION} hello again")
    await desk.until_received("hello again")
    assert len(desk.received()) == 1


async def test_an_outcome_is_kept_when_redis_comes_back(
    bot: Bot, desk: Desk, valkey: ValkeyProcess
) -> None:
    """Devin's answer exists in one place only, so it is held until it can be written."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "slow", delay=0.5, times=1)
    first = await desk.reply("one", thread)
    await desk.until_received("one")
    await valkey.stop()
    await wait_until(lambda: not desk.devin.in_flight, "Devin has answered")
    await valkey.start()
    await desk.until_delivered(first)
    second = await desk.reply("two", thread)
    await until_taken(desk, await desk.slack.deliveries[-1].settled())
    await desk.until_delivered(second)
    assert [one.rpartition("\n")[2] for one in desk.received()] == ["one", "two"]


@pytest.mark.parametrize("trouble", ["stopped", "read-only"])
async def test_what_was_being_told_when_redis_went_is_told_when_it_returns(
    bot: Bot, desk: Desk, valkey: ValkeyProcess, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    """It doesn't wait for the end of the lease of that try, and is not told twice."""
    breaks, mends = TROUBLES[trouble]
    async with open_store(valkey.url, BRISK) as opened:
        store = opened.of(desk.slack.team_id)
        await until_settled(store)
        goes_on, before = asyncio.Event(), len(desk.slack.calls)
        desk.slack.fail_next("chat.postMessage", until=goes_on)
        direct = await desk.slack.say("hello?", channel="dm")
        await wait_until(
            lambda: "chat.postMessage" in {one.method for one in desk.slack.calls[before:]},
            "it is being told",
        )
        await breaks(valkey)
        goes_on.set()
        await wait_until(lambda: "Redis is waited for" in caplog.messages, "it waits for Redis")
        await mends(valkey)
        await until_settled(store)
    waits = [vars(one)["reason"] for one in caplog.records if one.message == "report waits"]
    assert len(waits) == 1
    assert waits[0].startswith("Redis: ")
    assert len(desk.said(direct, channel="dm")) == 1


@pytest.mark.parametrize("trouble", ["stopped", "frozen", "full", "read-only"])
async def test_a_stop_while_redis_is_in_trouble_is_a_stop(
    valkey: ValkeyProcess, tmp_path: Path, trouble: str
) -> None:
    """A platform that restarts everything at once must not have to kill the process."""
    breaks, mends = TROUBLES[trouble]
    async with Sandbox() as sandbox:
        environ = environ_of(sandbox, valkey.url, tmp_path)
        async with bot_process(environ, tmp_path, "run") as process:
            await sandbox.slack.wait_connected()
            await process.until_logged("started")
            await breaks(valkey)
            if trouble in {"stopped", "frozen"}:  # an idle process only reads
                await process.until_logged("sessions not watched")
            assert await process.stop() == 0
    await mends(valkey)


async def test_no_loop_ends_with_a_connection_that_hangs_and_cannot_be_replaced(
    bot: Bot, desk: Desk, valkey: ValkeyProcess, caplog: pytest.LogCaptureFixture
) -> None:
    """Afterwards, what was due meanwhile is sent, and Devin's words come."""
    thread = await desk.linked_thread()
    await desk.until_heard()
    valkey.freeze()
    lines = ("sessions not watched", "poll put off")
    await wait_until(
        lambda: all(caplog.messages.count(one) >= 2 for one in lines), "both are logged twice"
    )
    valkey.thaw()
    await wait_until(lambda: is_ready(bot), "it is ready again")
    desk.devin.say(SESSION, "Still here.")
    await until_devin_said(desk, "Still here.", thread)


@pytest.mark.parametrize("turns", range(12))
async def test_what_asks_redis_again_and_again_can_be_stopped(redis_url: str, turns: int) -> None:
    """A call can be canceled at every step, although Python 3.11 may swallow a cancellation."""
    async with open_store(redis_url) as store:
        assert await stops(store.ping, turns)


@pytest.mark.parametrize("is_followed", [True, False], ids=["followed", "last"])
async def test_what_slack_brings_no_more_is_found_and_comes_first(
    bot: Bot, desk: Desk, valkey: ValkeyProcess, *, is_followed: bool
) -> None:
    """The outage outlasts all retries while Slack stays connected; the order is kept as well."""
    thread = await desk.linked_thread()
    await desk.until_delivered(await desk.reply("before", thread))
    await desk.until_heard()
    await valkey.stop()
    desk.slack.hurry(MISSED_SECONDS)
    for text in ("first", "second"):
        await desk.reply(text, thread)
    refused = [await one.settled() for one in desk.slack.deliveries[-2:]]
    assert [one.acked for one in refused] == [False, False]
    await valkey.start()
    await wait_until(lambda: is_ready(bot), "it is ready again")
    if is_followed:
        await desk.reply("after", thread)
        await until_taken(desk, await desk.slack.deliveries[-1].settled())
        await desk.until_received("after")
    await desk.until_received("second")
    texts = [one.rpartition("\n")[2] for one in desk.received()]
    assert texts == ["before", "first", "second", *(["after"] if is_followed else [])]
    # The one that follows may be read with them before its event is accepted.
    told = [late(missed, [], silenced=False).text for missed in (2, 2 + is_followed)]
    await wait_until(lambda: desk.said(thread), "the thread is told")
    assert desk.said(thread)[0] in told


@pytest.mark.parametrize("box", ["http"], indirect=True)
async def test_what_one_process_refused_comes_before_what_another_accepts(
    bot: Bot, box: Sandbox, desk: Desk, valkey: ValkeyProcess, tmp_path: Path
) -> None:
    """The other process learns of it when Redis returns, while the first replies still wait."""
    environ = environ_of(box, valkey.url, tmp_path)
    environ["SLACK_SIGNING_SECRET"] = box.slack.signing_secret
    async with open_bot(load_settings(environ, None), redis_seconds=TIMING.redis_seconds) as other:
        thread = await desk.linked_thread()
        await desk.until_heard()
        await valkey.stop()
        await desk.reply("first", thread)
        assert not (await desk.slack.deliveries[-1].settled()).acked
        assert not await is_ready(other)
        box.slack.request_url = f"http://127.0.0.1:{other.port}/slack/events"
        await valkey.start()
        await desk.reply("after", thread)
        await until_taken(desk, await desk.slack.deliveries[-1].settled())
        await desk.until_received("after")
        texts = [one.rpartition("\n")[2] for one in desk.received()]
    assert texts == ["first", "after"]


async def test_what_a_process_refused_that_died_in_the_outage_is_found_by_one_that_lives(
    bot: Bot, desk: Desk, valkey: ValkeyProcess, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack brings it no more, and no process starts; the one that lives saw Redis away as well."""
    thread = await desk.linked_thread()
    await desk.until_heard()
    await valkey.stop()
    await desk.slack.say("For Devin", thread=thread, deliver=False)
    await wait_until(lambda: "catch-up put off" in caplog.messages, "the outage is noticed")
    await valkey.start()
    await desk.until_received("For Devin")


async def test_what_was_asked_for_in_an_outage_is_asked_back(
    bot: Bot, desk: Desk, valkey: ValkeyProcess
) -> None:
    """This includes unlinked threads: nobody must believe that the command was carried out."""
    thread, other = await desk.linked_thread(), await desk.slack.say("Shall we?")
    await desk.until_heard()
    await valkey.stop()
    desk.slack.hurry(MISSED_SECONDS)
    await desk.reply("for Devin", thread)
    brought = desk.slack.deliveries[-1]
    await desk.mention("mute", thread=thread)
    await desk.reply("between us", thread)
    await desk.mention(f"link {SESSION}", thread=other)
    for delivery in desk.slack.deliveries:
        await delivery.settled()
    await valkey.start()
    await desk.until_said(late(0, ["link"], silenced=False), other)
    # Unless Slack's retry came first, which may happen at the moment when Redis is back.
    ways = [late(count, ["mute"], silenced=True).text for count in (1, 0)]
    await wait_until(lambda: set(ways) & set(desk.said(thread)), f"{desk.said(thread)}")
    assert ways[0] in desk.said(thread) or brought.acked
    await desk.until_received("for Devin")
    assert len(desk.received()) == 1


async def test_what_was_deleted_in_an_outage_stays_so_though_slack_brings_it_before_it_is_read(
    bot: Bot, box: Sandbox, desk: Desk, valkey: ValkeyProcess
) -> None:
    """The deletion was refused as well, and a later retry still has the original message."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("taken back", thread=thread, deliver=False)
    event = desk.slack.event_of("general", ts)
    await desk.until_heard()
    await valkey.stop()
    desk.slack.hurry(MISSED_SECONDS)
    await desk.slack.delete("general", ts)
    assert not (await desk.slack.deliveries[-1].settled()).acked
    box.slack.workspace.clock.ahead = 120.0
    await valkey.start()
    after = await desk.slack.say("after", thread=thread, deliver=False)
    for brought in (desk.slack.event_of("general", after), event):
        await until_taken(desk, await (await desk.slack.deliver_event(brought)).settled())
    await desk.until_received("after")
    await wait_until(lambda: is_ready(bot), "it is ready again")
    assert [one.rpartition("\n")[2] for one in desk.received()] == ["after"]


async def test_first_words_that_slack_brings_no_more_are_answered(
    bot: Bot, desk: Desk, valkey: ValkeyProcess
) -> None:
    """Whoever speaks to the bot gets an answer, once, also where no session listens."""
    linked, other = await desk.linked_thread(), await desk.slack.say("Shall we?")
    before = await desk.reply("before", linked)
    await desk.until_delivered(before)
    await desk.mention("mute", thread=linked)
    await desk.until_said(muted(), linked)
    await desk.until_heard()
    await valkey.stop()
    desk.slack.hurry(MISSED_SECONDS)
    await desk.mention("can you look into this?")
    await desk.mention("and into this?", thread=other, user="ben")
    await desk.mention("and here?", thread=linked, user="ben")
    await desk.mention("may I?", thread=other, user="gus")
    direct = await desk.slack.say("hello?", channel="dm")
    for delivery in desk.slack.deliveries:
        await delivery.settled()
    await valkey.start()
    await desk.until_whispered(thread_links.not_linked(""), "ada")
    await desk.until_whispered(thread_links.not_linked(""), "ben")
    await desk.until_whispered(refusals.sorry(IsMuted()), "ben")
    await desk.until_whispered(GUEST, "gus")
    await desk.until_said(thread_links.not_linked(""), direct, channel="dm")
    async with open_store(valkey.url, BRISK) as opened:
        await until_caught_up(opened.of(desk.slack.team_id))
        await until_settled(opened.of(desk.slack.team_id))
    assert len(desk.said(direct, channel="dm")) == 1
    assert [len(desk.whispers(who)) for who in ("ada", "ben", "gus")] == [1, 2, 1]


@pytest.mark.parametrize("verb", ["unlink", "mute"])
async def test_what_follows_a_missed_request_to_stop_stays_though_its_event_is_heard(
    bot: Bot, desk: Desk, valkey: ValkeyProcess, verb: str
) -> None:
    """The reply was written before anybody could know that the request was missed."""
    thread = await desk.linked_thread()
    await desk.until_heard()
    await valkey.stop()
    desk.slack.hurry(MISSED_SECONDS)
    await desk.mention(verb, thread=thread)
    ts = await desk.slack.say("between us", thread=thread, deliver=False)
    event = desk.slack.event_of("general", ts)
    for delivery in desk.slack.deliveries:
        await delivery.settled()
    await valkey.start()
    await until_taken(desk, await (await desk.slack.deliver_event(event)).settled())
    await desk.until_said(late(0, [verb], silenced=True), thread)
    await desk.reply("for Devin again", thread)
    await desk.until_received("for Devin again")
    assert len(desk.received()) == 1


async def until_taken(desk: Desk, delivery: Delivery) -> None:
    """Let Slack retry an event until it is acknowledged, however slow the machine is."""
    desk.slack.hurry(ACK_SECONDS)

    async def is_taken() -> bool:
        nonlocal delivery
        if not delivery.acked:
            delivery = await (await desk.slack.redeliver(delivery)).settled()
        return delivery.acked

    await wait_until(is_taken, "it is acknowledged")


async def test_a_full_redis_takes_no_link(valkey: ValkeyProcess) -> None:
    """After a deletion, Redis would take it, and nothing else that comes with it."""
    thread = ThreadRef(team="T0", channel="C0", thread_ts="1700000000.000100")
    link = Link(session=SessionId(SESSION), by=UserId("U0ADA00000"), linked_at=1)
    async with open_store(valkey.url) as store:
        links = Links(store, timedelta(days=1))
        await full(valkey)
        with pytest.raises(StoreAway):
            await links.create(thread, link)
        assert await links.get(thread) is None
