"""What the polls for due work cost Redis: by processes, by links, and by sessions that are due.

Real processes (`benchmarks.poller`) poll a Valkey that syncs each write, each with a worker's
pauses. Some sessions get mail at once that no process is delivering; the polls find it, each
process takes what it has room for, and each reply must be taken once.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from redis.asyncio import Redis

from benchmarks.contest import Values
from benchmarks.homes import TTL, Home, homes, linked, many, reply, session_id
from benchmarks.plan import Plan
from benchmarks.processes import ROOT
from bot.redis.keys import OUTBOX_KEY
from bot.store.lua import scripts
from bot.store.mailbox import Mailbox

PATIENCE_SECONDS = 60.0
MOST_LOGGED = 20_000

NUMBERS = count(1)
"""The numbers of the replies, each in another round, row and session."""


@dataclass(slots=True)
class _Taken:
    """The replies that the processes took, and when they took the last one."""

    replies: list[str] = field(default_factory=list)
    last: float = 0.0

    async def hear(self, process: asyncio.subprocess.Process) -> None:
        """Note what a process takes, until it ends."""
        assert process.stdout is not None  # noqa: S101  (it is a pipe)
        async for line in process.stdout:
            self.replies.append(line.decode().strip())
            self.last = time.perf_counter()


async def store(plan: Plan, rounds: int) -> AsyncIterator[tuple[str, Values]]:
    """Measure the polls of so many processes, among so many links, with so many sessions due."""
    async with homes(plan.links_polled) as opened:
        for links, home in opened:
            await linked(links, home)
            await home.store.delete(OUTBOX_KEY)  # a link owes its card, which nobody here posts
            await home.raw.config_set("slowlog-log-slower-than", 0)
            await home.raw.config_set("slowlog-max-len", MOST_LOGGED)
        for _ in range(rounds):
            for links, home in opened:
                for processes in plan.polling:
                    async with _polled(home, processes, plan.api_delay) as taken:
                        for due in plan.due:
                            found = await _measured(home, taken, due, plan.polled)
                            yield f"{links:,} links, {processes} polling, {due:,} due", found


@asynccontextmanager
async def _polled(home: Home, processes: int, pause: float) -> AsyncIterator[_Taken]:
    """Start the processes, wait until all poll, and end them."""
    taken, pipe = _Taken(), asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "benchmarks.poller", home.url, str(pause))
    async with AsyncExitStack() as stack:
        started = []
        for _ in range(processes):
            one = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
            stack.push_async_callback(_end, one)
            started.append(one)
        for one in started:
            assert one.stdout is not None  # noqa: S101  (it is a pipe)
            if not await one.stdout.readline():
                raise RuntimeError(f"a poller ended with exit code {await one.wait()}")
        hearing = [asyncio.create_task(taken.hear(one)) for one in started]
        yield taken
        for one in started:
            await _end(one)
        await asyncio.gather(*hearing)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


async def _measured(home: Home, taken: _Taken, due: int, seconds: float) -> Values:
    """Make mail due in `due` sessions, and measure for `seconds`, and until all is taken."""
    taken.replies.clear()
    mailbox = Mailbox(home.store, TTL)

    async def accept(session: int) -> None:
        await mailbox.accept(reply(session, next(NUMBERS)), session_id(session), timedelta(0))

    await many(range(due), accept)
    await home.raw.slowlog_reset()
    before, began = await _used(home.raw), time.perf_counter()
    await asyncio.sleep(seconds)
    after, took = await _used(home.raw), time.perf_counter() - began
    polls = await _poll_ms(home.raw)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(set(taken.replies)) < due:  # noqa: ASYNC110  (other processes give no event)
            await asyncio.sleep(0.01)
    cpu, commands, scripts = (now - was for was, now in zip(before, after, strict=True))
    found = {
        "Redis commands/s": commands / took,
        "Redis scripts/s": scripts / took,
        "Valkey CPU %": 100 * cpu / took,
        "polls": len(polls),
        "poll p50 ms": _percentile(polls, 50),
        "poll p99 ms": _percentile(polls, 99),
    }
    if due:
        found["all taken s"] = taken.last - began
    return found | {"twice": len(taken.replies) - len(set(taken.replies))}


def _percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile, which is one of the values; 0 without any."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) * percent // 100] if ordered else 0.0


async def _used(raw: Redis) -> Sequence[float]:
    """Return Valkey's CPU time, and its commands and scripts so far."""
    cpu, stats = await raw.info("cpu"), await raw.info("commandstats")
    calls = sum(one["calls"] for one in stats.values())
    scripts = stats.get("cmdstat_evalsha", {"calls": 0})["calls"]
    return cpu["used_cpu_user"] + cpu["used_cpu_sys"], calls, scripts


async def _poll_ms(raw: Redis) -> Sequence[float]:
    """Return how long each look for due mail kept Valkey, by its own clock."""
    logged: Sequence[dict[str, Any]] = await raw.slowlog_get(MOST_LOGGED)
    sha = scripts.list_due.sha.encode()
    return [one["duration"] / 1000 for one in logged if sha in one["command"]]
