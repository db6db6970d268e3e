"""Replies and links survive restarts, kills and lost connections, the way machines cause them."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.settings import Settings
from bot.store.lua import scripts
from bot.wording.delivery_reports import DELIVERED_MARK
from sandbox import Sandbox
from tests.away.test_commands_away import age_reports
from tests.people import test_edits as edits
from tests.support.bots import open_bot
from tests.support.desk import OTHER_SESSION, SESSION, Desk, tells
from tests.support.entries import lapse
from tests.support.lines import line_to
from tests.support.processes import ValkeyProcess, bot_process, kept_valkey
from tests.support.told import uncertain
from tests.support.waiting import wait_until


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[ValkeyProcess]:
    """A separate Valkey, which keeps its data."""
    async with kept_valkey(tmp_path / "valkey") as server:
        yield server


async def test_links_and_mail_are_there_after_a_restart(settings: Settings, desk: Desk) -> None:
    """Replies acknowledged while Devin took nothing are delivered by the next process, in order."""
    async with open_bot(settings):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "rate_limited", retry_after=1)
        first = await desk.reply("one", thread)
        await wait_until(lambda: desk.devin.requests, "Devin was asked")
        second = await desk.reply("two", thread)
        await desk.until_heard()
    desk.devin.behave(SESSION, "running")
    async with open_bot(settings):
        await desk.slack.wait_connected()
        await desk.until_delivered(second)
        await desk.until_delivered(first)
        third = await desk.reply("three", thread)
        await desk.until_delivered(third)
    assert [one.rpartition("\n")[2] for one in desk.received()] == ["one", "two", "three"]


async def test_a_reply_that_is_written_while_nobody_listens_waits_at_slack(
    settings: Settings, desk: Desk
) -> None:
    """The event is not acknowledged between two processes, so the next one gets it."""
    async with open_bot(settings):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
    ts = await desk.reply("in between", thread)
    async with open_bot(settings):
        await desk.until_delivered(ts)
    assert len(desk.received()) == 1


@pytest.mark.parametrize("how", ["asked", "warned"])
async def test_a_reconnect_loses_nothing(bot: Bot, desk: Desk, how: str) -> None:
    """Slack asks for a new connection every few hours; replies continue through it, once each."""
    thread = await desk.linked_thread()
    sent = []
    for number in range(12):
        sent.append(await desk.reply(f"number {number}", thread))
        if number in {3, 7}:
            await desk.slack.disconnect("refresh_requested" if how == "asked" else "warning")
    for ts in sent:
        await desk.until_delivered(ts)
    received = [one.rpartition("\n")[2] for one in desk.received()]
    assert received == [f"number {number}" for number in range(12)]


async def test_a_connection_that_breaks_loses_nothing(bot: Bot, desk: Desk) -> None:
    """Slack retries every event that was in flight, and each is accepted once."""
    thread = await desk.linked_thread()
    sent = [await desk.reply(f"number {number}", thread) for number in range(6)]
    desk.slack.drop_connections()
    sent += [await desk.reply(f"number {number}", thread) for number in range(6, 9)]
    for ts in sent:
        await desk.until_delivered(ts)
    received = sorted(one.rpartition("\n")[2] for one in desk.received())
    assert received == [f"number {number}" for number in range(9)]


@pytest.mark.parametrize("taken", [True, False])
async def test_a_killed_process_leaves_one_uncertain_reply_and_the_order(
    environ: dict[str, str], desk: Desk, raw: Redis, tmp_path: Path, *, taken: bool
) -> None:
    """If the process is killed while Devin thinks, the next one looks into the session.

    A reply that is not there is reported; in neither case is it sent a second time.
    """
    desk.devin.add_session(OTHER_SESSION)
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "slow", delay=30.0, takes=taken, times=1)
        first = await desk.reply("one", thread)
        await wait_until(lambda: desk.devin.requests, "Devin is asked")
        later = [await desk.reply(words, thread) for words in ("two", "three")]
        await desk.until_heard()
        assert await process.stop(signal.SIGKILL) == -signal.SIGKILL
    await lapse(raw, SESSION)
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        elsewhere = await desk.linked_thread(OTHER_SESSION)
        await desk.until_delivered(await desk.reply("other", elsewhere))
        if taken:
            await desk.until_delivered(first)
        else:
            await desk.until_said(uncertain("one"), thread)
        for ts in later:
            await desk.until_delivered(ts)
        assert await process.stop() == 0
    sent = [one.message for one in desk.devin.requests if one.session_id == SESSION]
    assert [str(one).rpartition("\n")[2] for one in sent] == ["one", "two", "three"]
    assert desk.marks(first) == ([DELIVERED_MARK] if taken else [])
    assert len([one for one in desk.said(thread) if tells(one, uncertain("one"))]) == (not taken)


@pytest.mark.parametrize("taken", [True, False])
async def test_an_edit_that_met_a_try_counts_though_its_process_is_killed(
    environ: dict[str, str], desk: Desk, raw: Redis, tmp_path: Path, *, taken: bool
) -> None:
    """What was acknowledged is in Redis: *Send again* sends the new words, and never the old.

    If Devin took the old ones, the author is offered a correction by whichever process is there.
    """
    old, new = "drop the production database", "drop the STAGING database"
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "slow", delay=30.0, takes=taken, times=1)
        ts = await desk.reply(old, thread)
        await wait_until(lambda: desk.devin.requests, "Devin is asked")
        await desk.slack.edit("general", ts, new)
        assert (await desk.slack.deliveries[-1].settled()).acked
        assert await process.stop(signal.SIGKILL) == -signal.SIGKILL
    await lapse(raw, SESSION)
    await age_reports(environ["REDIS_URL"], timedelta(minutes=1))
    async with bot_process(environ, tmp_path, "run"):
        await desk.slack.wait_connected()
        offer = await edits.offered(desk)
        if taken:
            await edits.press(desk, offer)
        else:
            await desk.until_said(uncertain(new), thread)
            await desk.press("send_again", thread)
        await desk.until_received(new)
    sent = [str(one.message).rpartition("\n")[2] for one in desk.devin.requests]
    assert sent == [old, new]


async def test_a_reply_that_was_acknowledged_and_not_sent_when_its_process_dies_is_sent(
    environ: dict[str, str], desk: Desk, box: Sandbox, tmp_path: Path
) -> None:
    """Nobody has to press *Send again*, and it is sent once.

    The process gets the answer of ACCEPT, and acknowledges the reply. Nothing that it asks of Redis
    or Devin after that leaves it before it is killed.
    """
    async with line_to(environ["REDIS_URL"]) as redis, line_to(box.devin.url) as devin:
        held = {**environ, "REDIS_URL": redis.url, "DEVIN_API_URL": devin.url}
        async with bot_process(held, tmp_path, "run") as process:
            await box.slack.wait_connected()
            thread = await desk.linked_thread()
            await desk.until_delivered(await desk.reply("zero", thread))
            await desk.until_heard()  # the second event of `link`, too
            redis.hold(after=scripts.accept.sha)
            devin.hold()
            ts = await desk.reply("one", thread)
            await desk.until_heard()
            assert await process.stop(signal.SIGKILL) == -signal.SIGKILL
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.until_delivered(ts)
        assert await process.stop() == 0
    assert [one.rpartition("\n")[2] for one in desk.received()] == ["zero", "one"]
    assert len(box.devin.requests) == 2
    assert desk.said(thread) == []


@pytest.mark.longest
async def test_a_killed_worker_is_followed_by_another(
    environ: dict[str, str], desk: Desk, box: Sandbox, tmp_path: Path
) -> None:
    """A second process takes the session over as soon as the lease expires."""
    async with bot_process(environ, tmp_path, "run") as killed:
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        box.devin.behave(SESSION, "slow", delay=30.0, times=1)
        first = await desk.reply("one", thread)
        await desk.until_received("one")
        second = await desk.reply("two", thread)
        await desk.until_heard()
        async with bot_process(environ, tmp_path, "worker") as worker:
            await worker.until_logged("started")
            assert await killed.stop(signal.SIGKILL) == -signal.SIGKILL
            await desk.until_delivered(first)
            await desk.until_delivered(second)
            assert await worker.stop() == 0
    assert len(desk.received()) == 2


async def test_a_rolling_restart_under_load_loses_nothing(
    environ: dict[str, str], desk: Desk, box: Sandbox, tmp_path: Path
) -> None:
    """Two processes are replaced, one after the other, while people write and Slack retries."""
    replaced, written = asyncio.Event(), 0

    def has_read(count: int) -> bool:
        return len(desk.received()) >= count

    async def write(thread: str) -> None:
        nonlocal written
        while not replaced.is_set():
            await desk.reply(f"number {written}", thread)
            written += 1
            delivery = box.slack.deliveries[-1]
            if written % 3 == 0:
                await box.slack.redeliver(delivery)
            assert (await delivery.settled()).acked
            await wait_until(partial(has_read, written - 5), "Devin keeps up")

    async with AsyncExitStack() as stack:
        old = [
            await stack.enter_async_context(bot_process(environ, tmp_path, "run")) for _ in range(2)
        ]
        await box.slack.wait_connected(2)
        thread = await desk.linked_thread()
        box.devin.behave(SESSION, "running", delay=0.05)
        writing = asyncio.create_task(write(thread))
        new = []
        for process in old:
            await wait_until(partial(has_read, len(desk.received()) + 5), "there is load")
            assert await process.stop() == 0
            new.append(await stack.enter_async_context(bot_process(environ, tmp_path, "run")))
            await box.slack.wait_connected(2)
        replaced.set()
        await writing
        await wait_until(partial(has_read, written), "all are there")
        for process in new:
            assert await process.stop() == 0
    received = [one.rpartition("\n")[2] for one in desk.received()]
    assert received == [f"number {number}" for number in range(written)]


async def test_a_killed_valkey_loses_nothing_that_was_acknowledged(
    environ: dict[str, str], desk: Desk, box: Sandbox, tmp_path: Path, valkey: ValkeyProcess
) -> None:
    """A reply is on disk before its acknowledgement, so it is delivered after the kill."""
    environ |= {"REDIS_URL": valkey.url}
    async with bot_process(environ, tmp_path, "run") as process:
        await box.slack.wait_connected()
        thread = await desk.linked_thread()
        box.devin.behave(SESSION, "rate_limited", retry_after=1)
        sent = [await desk.reply(words, thread) for words in ("one", "two", "three")]
        await desk.until_heard()
        await valkey.kill()
        box.devin.behave(SESSION, "running")
        await valkey.start()
        for ts in sent:
            await desk.until_delivered(ts)
        assert await process.stop() == 0
    assert [one.rpartition("\n")[2] for one in desk.received()] == ["one", "two", "three"]
