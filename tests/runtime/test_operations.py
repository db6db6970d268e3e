"""`/metrics` and the log tell an operator the queue, the failures, and each reply's outcome."""

import io
import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store, open_store
from bot.redis.keys import subject_key
from bot.settings import Settings
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.state import measure
from sandbox.slack.world.workspace import TEAM_ID
from tests.support.bots import open_bot
from tests.support.desk import SESSION, Desk
from tests.support.keys import at
from tests.support.logbook import logging_to
from tests.support.processes import bot_process, free_port
from tests.support.redis_servers import node_url
from tests.support.told import forbidden
from tests.support.waiting import until_settled, wait_until

TTL = timedelta(days=90)
ADA = UserId("U0ADA")


def value(name: str, **labels: str) -> float:
    """Return the value of a series of `/metrics`; 0 if it does not exist yet."""
    found = REGISTRY.get_sample_value(name, labels)
    return 0.0 if found is None else found


async def fill(store: Store, session: int, replies: int) -> list[Reply]:
    """Return a linked thread whose session has mail."""
    name = SessionId(f"devin-{session:032x}")
    thread = ThreadRef(team="T0TEAM", channel="C0GENERAL", thread_ts=f"17640000{session:02}.000100")
    await Links(store, TTL).create(thread, Link(session=name, by=ADA, linked_at=1764000000))
    mailbox = Mailbox(store, TTL)
    sent = [
        Reply(thread=thread, ts=f"1764000{number:03}.000{session:03}", author=ADA, text="hello")
        for number in range(replies)
    ]
    for reply in sent:
        await mailbox.accept(reply, name, timedelta(0))
    return sent


# The queue.


async def test_all_mail_is_counted_and_the_oldest_is_found(store: Store, redis_url: str) -> None:
    """It does not matter which session it waits in."""
    await fill(store, 1, 3)
    old, *_ = await fill(store, 2, 2)
    async with Redis.from_url(node_url(redis_url)) as raw:
        seconds, _ = await raw.time()
        await raw.hset(at(subject_key(old.id)), "accepted", (seconds - 600) * 1000)
        await measure(store)
        took = (await raw.time())[0] - seconds
    assert value("relay_mail_waiting") == 5
    assert value("relay_sessions_with_mail") == 2
    assert 600 <= value("relay_mail_oldest_seconds") <= 600 + took + 1


async def test_a_look_at_very_many_mailboxes_is_bounded(store: Store) -> None:
    """Beyond the limit each session counts as one reply, which it has at least."""
    for session in range(5):
        await fill(store, session, 3)
    await measure(store, most=2)
    assert value("relay_mail_waiting") == 2 * 3 + 3
    assert value("relay_sessions_with_mail") == 5


async def test_a_reply_that_was_forgotten_has_no_age(store: Store, redis_url: str) -> None:
    """A record may expire before its place in the mailbox is cleared."""
    (reply,) = await fill(store, 1, 1)
    async with Redis.from_url(node_url(redis_url)) as raw:
        await raw.delete(at(subject_key(reply.id)))
    await measure(store)
    assert value("relay_mail_oldest_seconds") == 0


async def test_what_redis_does_not_tell_is_no_number() -> None:
    """No value on a chart is better than an old one; the failure itself is counted."""
    before = value("relay_redis_errors_total", error="ConnectionError")
    async with open_store(f"redis://127.0.0.1:{free_port()}/0") as away:
        await measure(away)
    assert math.isnan(value("relay_mail_waiting"))
    assert math.isnan(value("relay_mail_oldest_seconds"))
    assert math.isnan(value("relay_watch_late_seconds"))
    assert math.isnan(value("relay_sessions_watched", state="waiting"))
    assert value("relay_redis_errors_total", error="ConnectionError") == before + 1


async def test_every_process_measures_for_itself(
    environ: dict[str, str], store: Store, tmp_path: Path
) -> None:
    """This includes a process that never runs the sweep; it also reports its readiness."""
    ports = [free_port(), free_port()]
    await fill(store, 1, 1)
    environ["DEVIN_API_URL"] = f"http://127.0.0.1:{free_port()}"  # nobody delivers it
    async with (
        bot_process(environ | {"PORT": str(ports[0])}, tmp_path, "run"),
        bot_process(environ | {"PORT": str(ports[1])}, tmp_path, "worker"),
        aiohttp.ClientSession() as client,
    ):

        async def all_show() -> bool:
            return all([await shows(client, port) for port in ports])

        await wait_until(all_show, "the mail is shown by both")


async def shows(client: aiohttp.ClientSession, port: int) -> bool:
    """Return True if a process is ready, and knows of the one reply and of GIVE_UP_AFTER."""
    try:
        async with client.get(f"http://127.0.0.1:{port}/metrics") as answer:
            text = await answer.text()
    except aiohttp.ClientError:
        return False
    shown = ("relay_mail_waiting 1.0", "relay_ready 1.0", "relay_give_up_after_seconds 900.0")
    return all(f"\n{one}" in text for one in shown)


async def test_the_port_tells_nothing_of_people_and_sessions(bot: Bot, desk: Desk) -> None:
    """Whoever reaches it reads numbers, and the names of errors."""
    thread = await desk.linked_thread()
    await desk.until_delivered(await desk.reply("Feed the armadillo", thread))
    desk.devin.behave(SESSION, "forbidden", body={"detail": "The wolverine sleeps"})
    await desk.until_marked("x", await desk.reply("Feed the wolverine", thread))
    told = ""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{bot.port}") as client:
        for path in ("/metrics", "/readyz", "/healthz"):
            async with client.get(path) as answer:
                told += await answer.text()
    assert "relay_replies_total" in told
    ids = [one.id for one in desk.slack.workspace.users.values()]
    ids += [one.id for one in desk.slack.workspace.channels.values()]
    words = ("armadillo", "wolverine", SESSION, SESSION[6:14], thread, TEAM_ID, *ids)
    assert [one for one in words if one in told] == []


# Failures.


async def test_refusals_by_devin_and_slack_are_counted_with_their_reasons(
    settings: Settings, desk: Desk, store: Store
) -> None:
    """A rejected key needs attention at once; a missing session does not."""
    names = {"outcome": "refused", "refusal": "forbidden"}
    failed = {"method": "chat.postMessage", "reason": "fatal_error"}
    before = value("relay_outcomes_total", **names)
    failed_before = value("relay_slack_errors_total", **failed)
    async with open_bot(settings):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "forbidden", times=1)
        desk.slack.fail_next("chat.postMessage", error="fatal_error")
        await desk.reply("Please rebase.", thread)
        await desk.until_said(forbidden("Please rebase."), thread)
        await until_settled(store)
    assert value("relay_outcomes_total", **names) == before + 1
    assert value("relay_slack_errors_total", **failed) == failed_before + 1


# The life of a reply.

STORIES = {
    "delivered": ("running", None, ["accepted", "outcome", "told"]),
    "waits": ("rate_limited", 0, ["accepted", "waits", "outcome", "told"]),
    "uncertain": (
        "server_error",
        None,
        ["accepted", "looked into the session", "outcome", "told"],
    ),
}


def events(stream: io.StringIO, reply_id: str) -> list[str]:
    """Return the log lines about a reply."""
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [one["event"] for one in lines if one.get("reply_id") == reply_id]


@pytest.mark.parametrize("story", STORIES)
async def test_one_id_follows_a_reply_through_its_life(
    story: str, settings: Settings, desk: Desk
) -> None:
    """Each line has it, in order, as a field; another reply's lines have another id."""
    state, retry_after, expected = STORIES[story]
    stream = io.StringIO()
    with logging_to(stream, "json", "INFO"):
        async with open_bot(settings, reconcile_pauses=(0.0,)):
            await desk.slack.wait_connected()
            thread = await desk.linked_thread()
            desk.devin.behave(SESSION, state, times=1, retry_after=retry_after)
            ts = await desk.reply("Please rebase.", thread)
            channel = desk.slack.workspace.channel("general").id
            reply_id = f"{desk.slack.team_id}:{channel}:{ts}"
            await wait_until(lambda: "told" in events(stream, reply_id), "it is told")
    lines: list[dict[str, Any]] = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert events(stream, reply_id) == expected
    stages = {"accepted", "waits", "outcome", "told", "looked into the session"}
    assert all({"reply_id", "subject"} & one.keys() for one in lines if one["event"] in stages)
