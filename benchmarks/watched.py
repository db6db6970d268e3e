"""Measures the watch: what Devin says until a thread shows it, and what watching costs.

The links are made before the relay starts, in its own Redis and by its own modules, as if it had
read each session a while ago. So nothing is measured but what goes on from there.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.contest import Contest, Values
from benchmarks.devin import Doing, Session
from benchmarks.payloads import CHANNEL, PEOPLE, TEAM, session_json
from benchmarks.plan import Talk
from benchmarks.processes import RELAY, started, until_connected
from benchmarks.wire import Wire, open_wire
from bot.mirror import pace
from bot.model.generation import Generation
from bot.model.people import UserId
from bot.model.sessions import SessionId, SessionState, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import DevinMillis, Micros, micros_ts
from bot.redis.connection import open_store
from bot.redis.embedded.server import embedded_valkey
from bot.redis.keys import OUTBOX_KEY, THREADS_KEY
from bot.store.links import Links
from bot.store.watches import Polled, TakenPoll, Watches

TTL = timedelta(days=90)
CHUNK = 100
AGO = 3_600.0
"""The seconds since the sessions did anything before they are watched."""

RESTING: Sequence[Doing] = ("waiting", "suspended", "finished")

LATEST_SECONDS = 120.0
"""The time after which what was said, and is in no thread, counts as lost."""


@asynccontextmanager
async def watching(
    busy: int,
    silent: int,
    *,
    api: Generation = Generation.V3,
    moves: bool = True,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Contest]:
    """Start a relay that watches `busy` sessions at work and `silent` ones at rest."""
    ids = [f"devin-{number:032x}" for number in range(busy + silent)]
    roots = [
        micros_ts(Micros(1_764_000_000_000_000 + 1_000_000 * number)) for number in range(len(ids))
    ]
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        async with open_wire(api=api) as wire:
            began = time.time() - AGO
            wire.devin.moves = moves
            for number, session in enumerate(ids):
                doing = "working" if number < busy else RESTING[number % len(RESTING)]
                wire.devin.known[session] = Session(doing, int(began))
            await _linked(home, wire, ids, roots)
            async with started(RELAY, wire, home, settings=settings) as process:
                await until_connected(wire, process, RELAY, home)
                running = Contest(RELAY, wire, home, [process], ids, roots)
                await running.until_quiet()
                yield running


async def _linked(home: Path, wire: Wire, ids: Sequence[str], roots: Sequence[str]) -> None:
    """Link each session's thread, with a poll in the past of what it does."""
    picked = random.Random(11)
    async with embedded_valkey(home / "data") as url, open_store(url) as opened:
        store = opened.of(TEAM)
        links, watches = Links(store, TTL), Watches(store, TTL)
        for start in range(0, len(ids), CHUNK):
            chunk = dict(zip(ids[start : start + CHUNK], roots[start:], strict=False))
            await asyncio.gather(*(_link(links, one, root) for one, root in chunk.items()))
            polls, _, _ = await watches.take(CHUNK, timedelta(0))
            await asyncio.gather(*(_polled(watches, one, wire, picked) for one in polls))
        await store.delete(OUTBOX_KEY)  # the cards, whose posts would be measured, too
        await store.delete(THREADS_KEY)  # or the threads would be read at the start


async def _link(links: Links, session: str, root: str) -> None:
    link = Link(session=SessionId(session), by=UserId(PEOPLE[0]), linked_at=1_764_000_000)
    await links.create(ThreadRef(team=TEAM, channel=CHANNEL, thread_ts=root), link, begins=True)


async def _polled(watches: Watches, poll: TakenPoll, wire: Wire, picked: random.Random) -> None:
    """Record a poll whose successor is due at any time within the pace of the state."""
    known = wire.devin.of(poll.session)
    state = SessionState(known.doing)
    shown = session_json(poll.session, "", None, 0)
    seen = Watched(
        state=state,
        since=poll.began,
        title=str(shown["title"]),
        url=str(shown["url"]) if wire.api is Generation.V3 else "",
        acus=0.0 if wire.api is Generation.V3 else None,
        updated=DevinMillis(int(known.updated_at) * 1000),
        read_at=poll.began,
    )
    await watches.record(
        poll,
        Polled(
            seen=seen,
            after=pace.SLOWEST.get(state, pace.OTHERWISE) * timedelta(seconds=picked.random()),
        ),
    )


async def spoken(
    busy: int, silent: int, talk: Talk, *, api: Generation = Generation.V3, moves: bool = True
) -> Values:
    """Measure the time from Devin's words to their post, while `busy` sessions go on speaking."""
    async with watching(busy, silent, api=api, moves=moves) as running:
        talking = asyncio.create_task(_talk(running, busy, talk.pause))
        await asyncio.sleep(talk.warm_up)
        first, reads = len(running.wire.devin.said_at), Counter(running.wire.devin.reads)
        before = running.usage()
        await asyncio.sleep(talk.seconds)
        used = running.usage().since(before)
        reads = running.wire.devin.reads - reads
        talking.cancel()
        said = dict(list(running.wire.devin.said_at.items())[first:])
        await _until_shown(running)
        return {
            "said": len(said),
            **_lags(running, said),
            **_a_minute(reads, used.at),
            "own CPU %": 100 * used.own / used.at,
            **_faults(running),
        }


async def heavy(busy: int, rate: float, seconds: float) -> Values:
    """Measure the CPU time of a message, from its read to its post, without a budget of reads."""
    async with watching(busy, 0, settings={"DEVIN_READS": "100000"}) as running:
        idle = running.usage()
        await asyncio.sleep(seconds / 4)
        idle = running.usage().since(idle)
        before, reads = running.usage(), Counter(running.wire.devin.reads)
        pause = busy / rate
        talking = asyncio.create_task(_talk(running, busy, (0.5 * pause, 1.5 * pause)))
        await asyncio.sleep(seconds)
        talking.cancel()
        await _until_shown(running)
        used, posted = running.usage().since(before), len(running.wire.shown)
        reads = running.wire.devin.reads - reads
        return {
            "messages/s": posted / used.at,
            "CPU ms a message": 1000 * used.own / posted,
            "CPU % before": 100 * idle.own / idle.at,
            "reads a message": reads.total() / posted,
            **used.percent(),
            **_faults(running),
        }


async def silence(links: int, seconds: float, api: Generation) -> Values:
    """Measure what `links` cost whose sessions do nothing."""
    async with watching(0, links, api=api) as running:
        before, commands = running.usage(), await running.commands()
        reads = Counter(running.wire.devin.reads)
        await asyncio.sleep(seconds)
        used = running.usage().since(before)
        made = await running.commands() - commands
        del made["info"]
        return {
            **_a_minute(running.wire.devin.reads - reads, used.at),
            "Redis commands/s": made.total() / used.at,
            "Redis scripts/s": made["evalsha"] / used.at,
            "CPU %": 100 * used.own / used.at,
            "RSS MB": running.rss_mb(),
            "Valkey CPU %": 100 * used.valkey / used.at,
        }


async def beside(links: int, sessions: int, rate: float, seconds: float) -> Values:
    """Measure the time from a reply to its arrival at Devin, beside `links` that are watched."""
    async with watching(sessions, links) as running:
        running.sessions, running.roots = running.sessions[:sessions], running.roots[:sessions]
        await running.flood(sessions)
        await running.until_quiet()
        running.forget()
        await running.steady(rate, seconds)
        acks, found = running.acks_ms(), running.latencies_ms()
        return {
            "p50 ms": found[len(found) // 2],
            "p99 ms": found[int(len(found) * 0.99)],
            "ack p50 ms": acks[len(acks) // 2],
            "ack p99 ms": acks[int(len(acks) * 0.99)],
            "samples": len(found),
            **running.faults(),
        }


async def _talk(running: Contest, busy: int, pause: tuple[float, float]) -> None:
    """Let sessions say something now and then, each at its own pace, until canceled."""

    async def one(session: str, picked: random.Random) -> None:
        await asyncio.sleep(picked.uniform(0, pause[1]))
        while True:
            running.wire.devin.say(session)
            await asyncio.sleep(picked.uniform(*pause))

    async with asyncio.TaskGroup() as talks:
        for number, session in enumerate(running.sessions[:busy]):
            talks.create_task(one(session, random.Random(number)))


async def _until_shown(running: Contest) -> None:
    """Wait until threads show all that was said, or until what they lack counts as lost."""
    deadline = time.monotonic() + LATEST_SECONDS
    while _lost(running) and time.monotonic() < deadline:  # noqa: ASYNC110  (another process)
        await asyncio.sleep(0.05)


def _lost(running: Contest) -> int:
    return len(running.wire.devin.said_at.keys() - {one.number for one in running.wire.shown})


def _lags(running: Contest, said: Mapping[str, float]) -> dict[str, float]:
    """Return percentiles of the seconds until the things in `said` were shown first."""
    shown: dict[str, float] = {}
    for one in running.wire.shown:
        shown.setdefault(one.number, one.at)
    lags = sorted(shown[number] - at for number, at in said.items() if number in shown)
    if not lags:
        return {}
    return {
        "p50 s": lags[len(lags) // 2],
        "p95 s": lags[int(len(lags) * 0.95)],
        "longest s": lags[-1],
    }


def _a_minute(reads: Counter[str], seconds: float) -> dict[str, float]:
    return {
        "reads a minute": 60 * reads.total() / seconds,
        "of states": 60 * reads["states"] / seconds,
    }


def _faults(running: Contest) -> dict[str, float]:
    """Count the faults; order counts within a thread."""
    latest: dict[str, str] = {}
    late = 0
    for one in running.wire.shown:
        late += one.number < latest.get(one.thread, "")
        latest[one.thread] = max(one.number, latest.get(one.thread, ""))
    return {
        "lost": _lost(running),
        "out of order": late,
        "twice": len(running.wire.shown) - len({one.number for one in running.wire.shown}),
        "warnings": running.warnings(),
    }
