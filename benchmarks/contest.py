"""One contestant beside the wire: started as processes, linked, loaded, and measured.

The wire and the load run in this process, the contestant in others. So one clock tells when an
event leaves, and when its acknowledgement and its POST arrive.
"""

import asyncio
import os
import tempfile
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from benchmarks.payloads import mentions, message, new_ts
from benchmarks.processes import (
    LOG,
    START_SECONDS,
    Contestant,
    last_words,
    started,
    started_worker,
    until_connected,
)
from benchmarks.usage import Usage, cpu_seconds, starved_seconds
from benchmarks.wire import Arrival, Wire, open_wire
from bot.model.generation import Generation
from bot.redis.embedded.home import ValkeyHome

Values = Mapping[str, float]

EXPECTED = "agent sessions refused"
"""A relay's warning once a day that its app is no agent, as the one on this wire."""

QUIET_SECONDS = 0.4
NUMBER = len("reply 0000000")


@dataclass
class Contest:
    """A running contestant, and the threads that it knows: one for each session."""

    contestant: Contestant
    wire: Wire
    home: Path
    processes: Sequence[asyncio.subprocess.Process]
    sessions: Sequence[str]
    roots: Sequence[str]
    sent: dict[str, float] = field(default_factory=dict)

    async def reply(self, session: int) -> None:
        """Write a reply in the thread of the session with that index."""
        text = f"reply {len(self.sent):07d}"
        event = message(text, self.roots[session])
        self.sent[text] = time.monotonic()
        self.sent[text] = await self.wire.send(event)

    async def flood(self, replies: int) -> float:
        """Write `replies` as fast as they are acknowledged; return seconds until all arrived."""
        began = time.monotonic()
        for number in range(replies):
            await self.reply(number % len(self.sessions))
        await self.until_arrived()
        return self.wire.arrivals[-1].at - began

    async def steady(self, rate: float, seconds: float) -> None:
        """Write `rate` replies a second, evenly, cycling through the sessions."""
        began = time.monotonic()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            await self.reply(number % len(self.sessions))
        await self.until_arrived()

    async def sustained(self, depth: int, warm_up: float, seconds: float) -> tuple[float, Usage]:
        """Write a session's next reply whenever one arrives; return arrivals a second, and CPU.

        So each session always has `depth` replies on their way to Devin. Arrivals are counted for
        `seconds` after `warm_up`.
        """
        places = {session: place for place, session in enumerate(self.sessions)}
        wanted: asyncio.Queue[int] = asyncio.Queue()
        for place in [*places.values()] * depth:
            wanted.put_nowait(place)
        self.wire.on_arrival = lambda session: wanted.put_nowait(places[session])
        return await self._counted(wanted, warm_up, seconds)

    async def closed(self, at_once: int, warm_up: float, seconds: float) -> tuple[float, Usage]:
        """Keep `at_once` replies unanswered; return arrivals a second, and CPU.

        When Devin answers one, the next is written, in the session that has rested longest. So a
        session has at most one, and the time that the contestant takes is never hidden behind
        Devin's.
        """
        places = {session: place for place, session in enumerate(self.sessions)}
        resting = deque(places.values())
        wanted: asyncio.Queue[int] = asyncio.Queue()
        for _ in range(at_once):
            wanted.put_nowait(resting.popleft())

        def go_on(session: str) -> None:
            resting.append(places[session])
            wanted.put_nowait(resting.popleft())

        self.wire.on_answer = go_on
        return await self._counted(wanted, warm_up, seconds)

    async def _counted(
        self, wanted: asyncio.Queue[int], warm_up: float, seconds: float
    ) -> tuple[float, Usage]:
        """Write what is wanted, count arrivals for `seconds` after `warm_up`, and end the load."""
        writing = asyncio.create_task(self._write(wanted))
        await asyncio.sleep(warm_up)
        before, arrived = self.usage(), len(self.wire.arrivals)
        await asyncio.sleep(seconds)
        used = self.usage().since(before)
        rate = (len(self.wire.arrivals) - arrived) / used.at
        self.wire.on_arrival = self.wire.on_answer = lambda _: None
        while not wanted.empty():
            wanted.get_nowait()
        await self.until_arrived()
        writing.cancel()
        await asyncio.wait({writing})
        return rate, used

    async def _write(self, wanted: asyncio.Queue[int]) -> None:
        while True:
            await self.reply(await wanted.get())

    async def until_arrived(self, seconds: float = 60.0) -> None:
        """Wait until everything written has arrived and is acknowledged, or for `seconds`.

        Raises:
            RuntimeError: the time is over, and the contestant may not lose anything.
        """
        deadline = time.monotonic() + seconds
        while self.wire.unacknowledged or len(self.wire.arrivals) < len(self.sent) or self.lost():
            if time.monotonic() > deadline:
                if self.contestant.may_lose:
                    return
                found = f"{self.lost()} of {len(self.sent)} replies did not arrive"
                unheard = f"{self.wire.unacknowledged} were not acknowledged"
                raise RuntimeError(f"{found}, {unheard}:\n{last_words(self.home)}")
            await asyncio.sleep(0.002)

    def lost(self) -> int:
        """Return the number of replies that were written and have not arrived."""
        return len(self.sent.keys() - {_number(one) for one in self.wire.arrivals})

    def faults(self) -> dict[str, float]:
        """Count the faults; order counts within a session."""
        latest: dict[str, str] = {}
        late = 0
        for one in self.wire.arrivals:
            late += _number(one) < latest.get(one.session, "")
            latest[one.session] = max(_number(one), latest.get(one.session, ""))
        arrived = {_number(one) for one in self.wire.arrivals}
        return {
            "lost": self.lost(),
            "out of order": late,
            "twice": len(self.wire.arrivals) - len(arrived),
            "sent again": self.wire.repeats,
            "warnings": self.warnings(),
        }

    async def until_quiet(self) -> None:
        """Wait until the contestant has sent no request for a moment: its marks are made, too."""
        while time.monotonic() - self.wire.last_request < QUIET_SECONDS:  # noqa: ASYNC110  (a silence)
            await asyncio.sleep(0.02)

    def latencies_ms(self) -> list[float]:
        """Return the times from an event's departure to its POST's arrival, sorted."""
        return sorted((one.at - self.sent[_number(one)]) * 1000 for one in self.wire.arrivals)

    def acks_ms(self) -> list[float]:
        """Return the times from an event's departure to its acknowledgement's arrival, sorted."""
        return sorted(seconds * 1000 for seconds in self.wire.ack_seconds)

    def usage(self) -> Usage:
        """Return the usage so far."""
        pid = ValkeyHome(self.home / "data").pid_path
        return Usage(
            at=time.monotonic(),
            own=sum(cpu_seconds(process.pid) for process in self.processes),
            valkey=cpu_seconds(int(pid.read_text())) if pid.exists() else 0.0,
            load=time.process_time(),
            starved=sum(starved_seconds(process.pid) for process in self.processes),
        )

    def rss_mb(self) -> float:
        """Return the resident memory of the first process, in MB of 10^6 bytes."""
        pages = int(Path(f"/proc/{self.processes[0].pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def warnings(self) -> int:
        """Count the warnings and errors in its log, without those that are `EXPECTED`."""
        lines = (self.home / LOG).read_text().splitlines()
        found = (line for line in lines if "[warning" in line or "[error" in line)
        return sum(EXPECTED not in line for line in found)

    async def commands(self) -> Counter[str]:
        """Return Redis's calls so far, by command, including those inside scripts."""
        async with self.redis() as client:
            stats: dict[str, Any] = await client.info("commandstats")
        return Counter({name.removeprefix("cmdstat_"): one["calls"] for name, one in stats.items()})

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Redis]:
        """Open a connection to the contestant's Valkey."""
        path = ValkeyHome(self.home / "data").socket
        async with Redis(unix_socket_path=str(path)) as client:
            yield client

    def forget(self) -> None:
        """Start a new measurement."""
        self.sent.clear()
        self.wire.arrivals.clear()
        self.wire.ack_seconds.clear()
        self.wire.calls.clear()
        self.wire.repeats = 0


@asynccontextmanager
async def contest(
    contestant: Contestant,
    sessions: int,
    *,
    api: Generation = Generation.V3,
    delay: float = 0.0,
    workers: int = 0,
) -> AsyncIterator[Contest]:
    """Start a contestant, link `sessions` threads, and warm it up with a reply in each.

    `api` is the generation of Devin's API, `delay` the time Devin takes for a message, in seconds;
    `workers` are started beside it.
    """
    ids = [f"devin-{number:032x}" for number in range(sessions)]
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        wire = await stack.enter_async_context(open_wire(delay, api))
        first = await stack.enter_async_context(started(contestant, wire, home))
        await until_connected(wire, first, contestant, home)
        others = [
            await stack.enter_async_context(started_worker(wire, home)) for _ in range(workers)
        ]
        running = Contest(contestant, wire, home, [first, *others], ids, [new_ts() for _ in ids])
        await _link(running)
        await running.flood(sessions)
        await running.until_quiet()
        running.forget()
        yield running


async def _link(running: Contest) -> None:
    for root, session in zip(running.roots, running.sessions, strict=True):
        for event in mentions(f"link {session}", root):
            await running.wire.send(event)
    deadline = time.monotonic() + START_SECONDS
    while running.wire.unacknowledged:
        if time.monotonic() > deadline:
            raise RuntimeError("links were not acknowledged")
        await asyncio.sleep(0.02)
    await running.until_quiet()


def _number(arrival: Arrival) -> str:
    """Return the reply in an arrival's text, however its contestant framed it."""
    return arrival.text[-NUMBER:]
