"""A command by mention is carried out or answered even if its process or Redis goes away."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.model.sessions import NamedSession, SessionId
from bot.redis.connection import open_store
from bot.redis.keys import OUTBOX_KEY, subject_key
from bot.settings import load_settings
from bot.store.outbox import parse_owed
from bot.wording import delivery_reports, thread_links
from bot.wording.phrases import session_link
from sandbox import Sandbox
from sandbox.devin.answers import Api
from sandbox.slack.transport.deliveries import Delivery
from tests.away.test_redis import until_taken
from tests.support.bots import environ_of, open_bot
from tests.support.desk import SESSION, Desk, Told, muted, tells
from tests.support.entries import expire
from tests.support.keys import at
from tests.support.processes import ValkeyProcess, bot_process, kept_valkey
from tests.support.waiting import until_settled, wait_until

MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[ValkeyProcess]:
    """A separate Valkey, which keeps its data."""
    async with kept_valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
async def box(api: Api, *, is_org: bool) -> AsyncIterator[Sandbox]:
    """A Slack that retries only when the test says so."""
    async with Sandbox(retry_delays=(), devin_api=api, org=is_org) as sandbox:
        sandbox.devin.add_session(SESSION)
        yield sandbox


@pytest.fixture
def environ(box: Sandbox, valkey: ValkeyProcess, tmp_path: Path) -> dict[str, str]:
    """The environment of a bot on both."""
    return environ_of(box, valkey.url, tmp_path)


class Asked:
    """A request by Ben whose author Slack is slow to identify.

    Until Slack answers, the command is begun but not done.
    """

    def __init__(self, desk: Desk) -> None:
        self.is_known = asyncio.Event()
        self.deliveries: list[Delivery] = []
        self._desk = desk

    async def begin(self, words: str, thread: str) -> None:
        """Let Ben mention the bot, and wait until Slack is asked who he is."""
        calls, before = self._desk.slack.calls, len(self._desk.slack.deliveries)
        asked = sum(call.method == "users.info" for call in calls)
        self._desk.slack.fail_next("users.info", until=self.is_known)
        await self._desk.mention(words, thread=thread, user="ben")
        self.deliveries = self._desk.slack.deliveries[before:]
        await wait_until(
            lambda: sum(call.method == "users.info" for call in calls) > asked, "he is looked up"
        )

    async def until_taken(self) -> None:
        """Let Slack retry each of its events until it is acknowledged."""
        settled = [await delivery.settled() for delivery in self.deliveries]
        # At once: one may wait for what the other has begun.
        await asyncio.gather(*(until_taken(self._desk, delivery) for delivery in settled))


DONE: Mapping[str, Told] = {
    "unlink": thread_links.unlinked(NamedSession(SessionId(SESSION))),
    "mute": muted(),
    "status": session_link(NamedSession(SessionId(SESSION))),
    "defaults max:6": "changed the defaults for new sessions here",
}

STILL_LINKED = {"status", "defaults max:6"}


@pytest.mark.parametrize("verb", DONE)
async def test_a_command_that_redis_left_half_way_is_done_when_slack_brings_it_again(
    environ: dict[str, str], desk: Desk, valkey: ValkeyProcess, verb: str
) -> None:
    """Both of its events come again; the command is carried out once, and answered once."""
    async with open_bot(load_settings(environ, None)):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        await desk.until_heard()
        asked = Asked(desk)
        await asked.begin(verb, thread)
        await valkey.stop()
        asked.is_known.set()
        for delivery in asked.deliveries:
            await delivery.settled()
        await valkey.start()
        await asked.until_taken()
        await desk.until_said(DONE[verb], thread)
        await desk.reply("for people only now", thread)
        await until_taken(desk, await desk.slack.deliveries[-1].settled())
        if verb in STILL_LINKED:
            await desk.until_received("for people only now")
    assert sum(tells(one, DONE[verb]) for one in desk.said(thread)) == 1
    assert len(desk.received()) == (verb in STILL_LINKED)


@pytest.mark.parametrize("verb", DONE)
async def test_a_command_whose_process_is_killed_over_it_is_done_by_the_next(
    environ: dict[str, str], desk: Desk, tmp_path: Path, verb: str
) -> None:
    """Slack retries unacknowledged events; the dead process does not block the command."""
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        await desk.until_heard()
        asked = Asked(desk)
        await asked.begin(verb, thread)
        await process.stop(signal.SIGKILL)
    asked.is_known.set()
    async with bot_process(environ, tmp_path, "run"):
        await desk.slack.wait_connected()
        await asked.until_taken()
        await desk.until_said(DONE[verb], thread)
    assert sum(tells(one, DONE[verb]) for one in desk.said(thread)) == 1


async def test_what_is_done_is_told_although_its_process_dies_before_slack_takes_the_words(
    environ: dict[str, str], desk: Desk, valkey: ValkeyProcess, tmp_path: Path
) -> None:
    """The answer is in the outbox from the moment on from which Slack does not retry the event."""
    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        root = await desk.slack.say("Shall we?")
        refused = asyncio.Event()
        desk.slack.fail_next("chat.postMessage", until=refused, drop=True)
        await desk.mention(f"link {SESSION}", thread=root)
        await desk.until_heard()
        await process.stop(signal.SIGKILL)
    refused.set()
    await age_reports(valkey.url, timedelta(minutes=1))
    async with bot_process(environ, tmp_path, "run"):
        await desk.slack.wait_connected()
        await desk.until_linked(root)
        await desk.reply("hello", root)
        await desk.until_received("hello")


async def test_a_channel_reads_once_that_its_defaults_changed(
    environ: dict[str, str], desk: Desk, valkey: ValkeyProcess, tmp_path: Path
) -> None:
    """Its process dies after Slack took the post, and before it knew."""

    def told() -> list[str]:
        posts = [one.text for one in desk.slack.channel_messages("general") if not one.is_reply]
        return [one for one in posts if tells(one, DONE["defaults max:6"])]

    async with bot_process(environ, tmp_path, "run") as process:
        await desk.slack.wait_connected()
        refused = asyncio.Event()
        desk.slack.fail_next("chat.postMessage", drop_after=True)
        desk.slack.fail_next("conversations.history", until=refused, drop=True)  # the look-up
        await desk.mention("defaults max:6")
        await wait_until(told, "it is posted")
        await process.stop(signal.SIGKILL)
    refused.set()
    await age_reports(valkey.url, timedelta(minutes=1))
    async with bot_process(environ, tmp_path, "run"):
        await desk.slack.wait_connected()
        async with open_store(valkey.url) as store:
            await until_settled(store.of(desk.slack.team_id))
    assert len(told()) == 1


async def age_reports(url: str, by: timedelta) -> None:
    """Make every untold report older, and let the lease of the process that began it run out."""
    async with Redis.from_url(url, decode_responses=True) as raw:
        owed = await raw.zrange(at(OUTBOX_KEY), 0, -1)
        assert owed
        for name in map(str, owed):
            await raw.zincrby(at(OUTBOX_KEY), -by / MILLISECOND, name)
            report = parse_owed(name)
            begun = f"begun|{report.number}|{report.kind}"
            if await raw.hexists(at(subject_key(report.subject)), begun):
                await expire(raw, report)


@pytest.mark.parametrize(
    ("late", "since"),
    [
        ("mute", "unmute"),
        ("unlink", "mute"),
        (f"link {SESSION}", "unlink"),
        ("unlink", f"link {SESSION}"),
        ("follow turns", "unfollow"),
    ],
)
async def test_a_command_that_comes_late_is_asked_for_again(
    environ: dict[str, str], desk: Desk, late: str, since: str
) -> None:
    """Slack's Delayed Events come in any order, up to a day late; others may have asked since."""
    async with open_bot(load_settings(environ, None)):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        text = f"<@{desk.slack.bot_user_id}> {late}"
        ts = await desk.slack.say(text, user="ben", thread=thread, deliver=False)
        desk.slack.workspace.clock.ahead += 61
        await desk.mention(since, thread=thread)
        await wait_until(lambda: len(desk.said(thread)) == 1, "the later one is done")
        await desk.slack.deliver_event(desk.slack.event_of("general", ts), retry_num=3)
        verb = late.partition(" ")[0]
        await desk.until_said(delivery_reports.late(0, [verb], silenced=False), thread)
        assert await desk.is_linked(thread) is (since != "unlink"), desk.said(thread)
