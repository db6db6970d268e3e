"""The stage of a run: two listeners, two workers, a Valkey, and the sandbox's Slack and Devin.

The sandbox runs in this process; everything else is real processes, whose logs are in a directory.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chaos.clocks import Clocks, shifted
from chaos.front import balancing
from chaos.ledger import ASKED, Ledger, Said
from chaos.orders import Orders
from chaos.people import People
from chaos.processes import Post, ValkeyProcess, free_port
from chaos.scenes import Scenes
from chaos.schedule import SCENES, Act, Mode
from chaos.surfaces import CHANNEL
from chaos.trouble import LISTENERS, Front, Outage, Trouble
from sandbox import Sandbox
from sandbox.launch import environment_of

RETRY_DELAYS = (0.3, 1.0, 2.0)
ACK_SECONDS = 2.0
READY_SECONDS = 30.0
OK = 200
THINKING_SECONDS = 0.4
"""Time Devin takes for each message, so that a kill interrupts some."""

ORDERED = 2
"""The number of threads in which people give orders."""

HOURS = 2 * 3_600.0

PREFIX = "{devin-relay}"
"""Prefix of all keys in Redis, the same in every version (docs/architecture/redis.md)."""


@dataclass(slots=True)
class Stage:
    """The running parts, and the acts performed; `ports` are the listeners' in HTTP mode."""

    box: Sandbox
    redis: Redis
    posts: Sequence[Post]
    sessions: Sequence[str]
    ledger: Ledger
    people: People
    orders: Orders
    trouble: Trouble
    scenes: Scenes
    ports: Sequence[int]
    done: Counter[str] = field(default_factory=Counter)

    async def act(self, act: Act) -> None:
        """Perform one act until it is over."""
        if act.what in SCENES:
            await self.scenes.play(act)
        else:
            await self.trouble.cause(act)
        self.done[f"kill {act.what}" if act.is_kill else act.what] += 1

    async def think(self) -> None:
        """Make Devin slow, again after each fault that is over; without end."""
        devin = self.box.devin
        while True:
            for session in self.sessions:
                known = devin.session(session)
                if known.state == "running" and not known.answer.delay:
                    devin.behave(session, "running", delay=THINKING_SECONDS)
            await asyncio.sleep(0.05)

    async def heal(self) -> None:
        """Cancel all planned faults."""
        await self.box.devin.go_online()
        self.box.devin.upload_failures.clear()
        self.box.slack.fail_no_more()
        for session in self.sessions:
            self.box.devin.behave(session, "running")

    def read(self) -> None:
        """Enter the content of Devin's sessions and of the channel into the ledger."""
        devin, slack = self.box.devin, self.box.slack
        messages = [one for session in devin.sessions.values() for one in session.messages]
        said = [
            Said(message.text, (message.metadata or {}).get("event_payload", {}).get("key"), ts)
            for ts, message in slack.workspace.channel(CHANNEL).messages.items()
            if message.user == slack.bot_user_id
        ]
        taken = [(one.text, one.at.timestamp() - devin.clock.ahead) for one in messages]
        self.ledger.read(taken, said)
        uploaded = {one.url: (one.name, one.content) for one in devin.attachments}
        self.ledger.read_files([one.text for one in messages], uploaded)
        self.ledger.read_steps(slack.step_results)
        for entry, delivery in self.people.surfaces.asked:
            entry.is_answered |= slack.answers(delivery) > 0
            if delivery.acked:
                entry.acked = entry.acked or time.time()

    async def read_kept(self) -> None:
        """Record which of the requested or corrected messages Redis knows."""
        for entry in self.ledger.entries:
            if entry.kind in ASKED and not entry.is_seen:
                entry.is_kept = any([await self._is_kept(ts) for ts in entry.known_as])
            kept = [await self._is_kept(ts) for ts in entry.corrects]
            entry.unsent = kept.count(False)

    async def _is_kept(self, ts: str) -> bool:
        slack = self.box.slack
        place = f"{slack.team_id}:{slack.workspace.channel(CHANNEL).id}"
        return bool(await self.redis.hexists(f"{PREFIX}:reply:{place}:{ts}", "state"))

    def pressed(self) -> dict[str, int]:
        """Return the counts of people's other actions and their results."""
        surfaces, calls = self.people.surfaces, self.box.slack.calls
        homes = sum(one.method == "views.publish" and one.status == OK for one in calls)
        return {
            "buttons pressed": len(surfaces.presses),
            "presses that failed": sum(not one.acked for one in surfaces.presses),
            "home opened": surfaces.homes,
            "home shown": homes,
        }

    async def depths(self) -> tuple[int, int]:
        """Return the sessions with mail and the unsent reports; -1 while Redis is unavailable."""
        try:
            sessions = await self.redis.zcard(f"{PREFIX}:due")
            return sessions, await self.redis.zcard(f"{PREFIX}:untold")
        except (RedisError, OSError):
            return -1, -1


@asynccontextmanager
async def open_stage(
    home: Path, seed: int, sessions: int, mode: Mode, clocks: Clocks, hours: int = 0
) -> AsyncIterator[Stage]:
    """Start everything, with a linked thread for each session; at the end, kill the processes.

    The messages for that many scenes of `hours` are written, and all threads linked, `HOURS` ago.
    """
    ids = [f"devin-{number:032x}" for number in range(1, sessions + 1)]
    ordered = [f"devin-{0xF0 + number:032x}" for number in range(ORDERED)]
    ledger = Ledger()
    valkey = ValkeyProcess(home / "valkey", environ=shifted(clocks.redis))
    outage = Outage(valkey, ledger)
    posts = [
        Post(f"{command}-{number}", command, home, seed)
        for command in ("run", "worker")
        for number in range(1, LISTENERS + 1)
    ]
    ports = [free_port() for _ in range(LISTENERS)] if mode == "http" else []
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(
            Sandbox(
                transport=mode, retry_delays=RETRY_DELAYS, ack_timeout=ACK_SECONDS, devin_api="v1"
            )
        )
        balancer = await stack.enter_async_context(balancing(ports, seed)) if ports else None
        if balancer is not None:
            box.slack.request_url = balancer.url
        box.slack.workspace.clock.ahead = clocks.slack - HOURS
        box.devin.clock.ahead = clocks.devin
        for one in [*ids, *ordered]:
            box.devin.add_session(one)
        people = People(box.slack, ledger, seed)
        orders = Orders(box.slack, ledger, people)
        stack.push_async_callback(valkey.stop)
        await valkey.start()
        redis = Redis.from_url(valkey.url, decode_responses=True, socket_timeout=2.0)
        stack.push_async_callback(redis.aclose)
        await stack.enter_async_context(
            _kept(posts, _environs(box, valkey.url, home, ports), clocks)
        )
        await _wait_ready(box, ports)
        stack.push_async_callback(people.carrier.close)
        await people.link([*ids, *ordered])
        for one in ordered:
            orders.take(people.roots.pop(one), one)
        front = Front(box, balancer)
        trouble = Trouble(box, posts, ids, ledger, outage, front)
        scenes = Scenes(box, ledger, people, orders, outage, front)
        await scenes.write_early(hours)
        box.slack.workspace.clock.ahead = clocks.slack
        yield Stage(box, redis, posts, ids, ledger, people, orders, trouble, scenes, ports)


@asynccontextmanager
async def _kept(
    posts: Sequence[Post], environs: Sequence[Mapping[str, str]], clocks: Clocks
) -> AsyncIterator[None]:
    """Keep a process at every post."""
    tasks = [
        asyncio.create_task(post.keep({**environ, **shifted(ahead)}), name=post.name)
        for post, environ, ahead in zip(posts, environs, clocks.posts, strict=True)
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _wait_ready(box: Sandbox, ports: Sequence[int]) -> None:
    if not ports:
        await box.slack.wait_connected(LISTENERS, READY_SECONDS)
        return
    async with httpx.AsyncClient() as client, asyncio.timeout(READY_SECONDS):
        for port in ports:
            while not await _is_ready(client, port):  # noqa: ASYNC110  (another process gives no event)
                await asyncio.sleep(0.1)


async def _is_ready(client: httpx.AsyncClient, port: int) -> bool:
    try:
        answer = await client.get(f"http://127.0.0.1:{port}/readyz")
    except httpx.TransportError:
        return False
    return answer.is_success


def _environs(
    box: Sandbox, redis_url: str, home: Path, ports: Sequence[int]
) -> Sequence[Mapping[str, str]]:
    """Return the settings of the posts, the listeners' first."""
    same = {
        **environment_of(box.slack, box.devin),
        "REDIS_URL": redis_url,
        "DATA_DIR": str(home / "data"),
        "GIVE_UP_AFTER": "10m",
        "DELIVERY_CONCURRENCY": "4",
        "HOST": "127.0.0.1",
        "LOG_FORMAT": "json",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    listening = list(ports) or [0] * LISTENERS
    return [{**same, "PORT": str(port)} for port in [*listening, *([0] * LISTENERS)]]
