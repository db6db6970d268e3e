"""Measures the seconds after a restart: from a reply until Devin has it, in threads that rested.

Here the relay runs beside the sandbox's Slack and Devin, since it reads threads at a start: Slack
has their history, its limits, and a pause before each answer. The links, and the time until which
an earlier process kept everything, are written before the start by the relay's own modules.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.contest import Values
from benchmarks.processes import Contestant, last_words, started, until_connected
from bot.mirror import pace
from bot.model.people import UserId
from bot.model.sessions import SessionId, SessionState, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import DevinMillis, Micros, micros_ts, ts_micros
from bot.redis.connection import open_store
from bot.redis.embedded.server import embedded_valkey
from bot.redis.keys import OUTBOX_KEY
from bot.store.checkpoints import CATCH_UP, Checkpoints
from bot.store.links import Links
from bot.store.watches import Polled, Watches
from sandbox.devin.server import DevinSandbox
from sandbox.launch import environment_of
from sandbox.slack.server import SlackSandbox
from sandbox.slack.world.workspace import TEAM_ID, Channel, Message

TTL = timedelta(days=90)
CHANNELS = 10
TALK = 9
"""Messages of people between two threads of a channel."""

RECENT_SECONDS, QUIET_SECONDS = 30, 3_600
"""How long ago the last words of a thread at work were said, and of another."""

ANSWER_SECONDS = 0.3
"""The longest time that a call to Slack takes here; most take a small part of it."""

LATEST_SECONDS = 60.0
READS = ("conversations.replies", "conversations.history")


@dataclass(frozen=True, slots=True)
class Local:
    """The sandbox's servers, as a contestant needs them."""

    slack: SlackSandbox
    devin: DevinSandbox

    def environ(self) -> Mapping[str, str]:
        """Return the settings of a client of these servers."""
        return environment_of(self.slack, self.devin)

    async def connected(self, seconds: float) -> None:
        """Wait for a Socket Mode connection."""
        await self.slack.wait_connected(timeout=seconds)


async def restarted(who: Contestant, links: int, seconds: float, *, at_work: int = 10) -> Values:
    """Measure the replies of the first `seconds`, one in each of `links` threads.

    In one of `at_work` threads, Devin spoke just before the start.
    """
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        async with SlackSandbox() as slack, DevinSandbox() as devin:
            local = Local(slack, devin)
            threads = _threads(slack, links, at_work)
            for number in range(links):
                devin.add_session(_session(number), "blocked")
            await _linked(home, threads)
            for method in READS:
                slack.limit_calls(method, 50, 60.0)
            slack.jitter(ANSWER_SECONDS)
            async with started(who, local, home) as process:
                await until_connected(local, process, who, home)
                sent = await _written(slack, threads, seconds)
                deadline = time.monotonic() + LATEST_SECONDS
                while len(found := _lags(devin, sent)) < links:
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"only {len(found)} arrived:\n{last_words(home)}")
                    await asyncio.sleep(0.02)
            calls = Counter(one.method for one in slack.calls)
            return {
                "p50 s": found[len(found) // 2],
                "p90 s": found[int(len(found) * 0.9)],
                "longest s": found[-1],
                "reads of threads": calls[READS[0]],
                "reads of channels": calls[READS[1]],
            }


def _session(number: int) -> str:
    return f"devin-{number:032x}"


def _threads(slack: SlackSandbox, links: int, at_work: int) -> Sequence[ThreadRef]:
    """Fill channels with talk and with threads, and return these."""
    everybody = [*slack.workspace.channel("general").members]
    channels = [
        slack.workspace.add_channel(Channel(f"team-{number}", members=everybody)).id
        for number in range(CHANNELS)
    ]
    now, found = slack.workspace.clock.now(), []
    for number in range(links):
        channel = channels[number % CHANNELS]
        began = now - 86_400 + 3_600 * (number // CHANNELS)
        root = _put(slack, channel, "ada", began)
        for place in range(TALK):
            _put(slack, channel, "ben", began + 60 * (place + 1))
        is_at_work = number // CHANNELS % at_work == 0
        ago = RECENT_SECONDS if is_at_work else QUIET_SECONDS
        _put(slack, channel, "devin-relay", now - ago, root)
        found.append(ThreadRef(team=TEAM_ID, channel=channel, thread_ts=root))
    return found


def _put(slack: SlackSandbox, channel: str, user: str, at: float, root: str | None = None) -> str:
    ts = micros_ts(Micros(int(at * 1_000_000)))
    author = slack.workspace.user(user)
    message = Message(channel, ts, author.id, "Some words", root, bot_id=author.bot_id)
    slack.workspace.put(message)
    return ts


async def _linked(home: Path, threads: Sequence[ThreadRef]) -> None:
    """Link the threads to sessions that wait, and note that all is kept until now."""
    now = int(time.time() * 1_000_000)
    async with embedded_valkey(home / "data") as url, open_store(url) as opened:
        store = opened.of(TEAM_ID)
        links, watches = Links(store, TTL), Watches(store, TTL)
        for number, thread in enumerate(threads):
            since = ts_micros(thread.thread_ts)
            link = Link(
                session=SessionId(_session(number)),
                by=UserId("ada"),
                linked_at=int(float(thread.thread_ts)),
                since=since,
                card=str(since),
                topic="Some words",
            )
            await links.create(thread, link, begins=True)
        polls, _, _ = await watches.take(len(threads), timedelta(0))
        for poll in polls:
            seen = Watched(
                state=SessionState.WAITING,
                since=poll.began,
                updated=DevinMillis(now // 1_000),
                read_at=poll.began,
            )
            after = timedelta(seconds=pace.SLOWEST[SessionState.WAITING])
            await watches.record(poll, Polled(seen=seen, after=after))
        await store.delete(OUTBOX_KEY)  # the cards
        await Checkpoints(store, CATCH_UP, "before").kept(Micros(now))


async def _written(
    slack: SlackSandbox, threads: Sequence[ThreadRef], seconds: float
) -> Mapping[str, float]:
    """Write a reply in each thread, in any order, evenly in that time; return when, by session."""
    began, sent = time.monotonic(), {}
    picked = random.Random(7).sample([*enumerate(threads)], len(threads))
    for place, (number, thread) in enumerate(picked):
        await asyncio.sleep(max(0.0, began + seconds * place / len(threads) - time.monotonic()))
        ts = await slack.say("A reply", channel=thread.channel, thread=thread.thread_ts)
        sent[_session(number)] = float(ts)
    return sent


def _lags(devin: DevinSandbox, sent: Mapping[str, float]) -> list[float]:
    """Return the seconds until Devin had each reply that it has, sorted."""
    return sorted(
        message.at.timestamp() - at
        for session, at in sent.items()
        for message in devin.session(session).messages
    )
