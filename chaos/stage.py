"""The stage of a run: two listeners, two workers, a Valkey, and the sandbox's Slack and Devin.

The sandbox lives in this process; all else are real processes, in a directory with their logs.
"""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import StoreAway
from bot.keys import reply_key
from bot.models import reply_id
from bot.reports import Reports
from bot.store import Store, open_store
from chaos.ledger import ASKED, Ledger, Said
from chaos.people import People
from chaos.processes import Post, ValkeyProcess
from chaos.schedule import Act
from chaos.surfaces import CHANNEL
from sandbox import Sandbox
from sandbox.launch import environment_of

RETRY_DELAYS = (0.5, 2.0, 5.0)
ACK_SECONDS = 3.0
OK = 200
THINKING_SECONDS = 0.4
"""How long Devin takes with each message: a kill should find some that are on their way."""


@dataclass(slots=True)
class Stage:
    """What runs, and what has been done to it."""

    box: Sandbox
    valkey: ValkeyProcess
    posts: Sequence[Post]
    sessions: Sequence[str]
    ledger: Ledger
    people: People
    done: Counter[str] = field(default_factory=Counter)
    _valkey_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def act(self, act: Act) -> None:
        """Let one thing go wrong, until it is over."""
        if act.is_kill and act.what != "valkey":
            is_run = act.what == "run"
            await self.posts[act.where + (0 if is_run else 2)].end(signal.SIGKILL)
        elif "valkey" in act.what:
            await self._disturb_valkey(act)
        elif "freeze" in act.what:
            await self.posts[act.where].freeze(act.seconds)
            self.ledger.thaws.append(time.time())
        elif act.what == "roll":
            await self.posts[act.where].end(signal.SIGTERM)
        elif "devin" in act.what:
            await self._disturb_devin(act)
        else:
            await self._disturb_slack(act)
        self.done[f"kill {act.what}" if act.is_kill else act.what] += 1

    async def think(self) -> None:
        """Let Devin take its time, again after each fault that is over; without end."""
        devin = self.box.devin
        while True:
            for session in self.sessions:
                known = devin.session(session)
                if known.state == "running" and not known.answer.delay:
                    devin.behave(session, "running", delay=THINKING_SECONDS)
            await asyncio.sleep(0.05)

    async def heal(self) -> None:
        """Let nothing planned go wrong any more."""
        await self.box.devin.go_online()
        self.box.devin.upload_failures.clear()
        self.box.slack.refuse_connections(False)
        for session in self.sessions:
            self.box.devin.behave(session, "running")

    def read(self) -> None:
        """Enter into the ledger what stands in Devin's sessions and in the channel."""
        devin, slack = self.box.devin, self.box.slack
        messages = [one for session in self.sessions for one in devin.session(session).messages]
        said = [
            Said(message.text, (message.metadata or {}).get("event_payload", {}).get("key"), ts)
            for ts, message in slack.workspace.channel(CHANNEL).messages.items()
            if message.user == slack.bot_user_id
        ]
        self.ledger.read([(one.text, one.at.timestamp()) for one in messages], said)
        uploaded = {one.url: (one.name, one.content) for one in devin.attachments}
        self.ledger.read_files([one.text for one in messages], uploaded)
        self.ledger.read_steps(slack.step_results)
        for entry, delivery in self.people.surfaces.asked:
            entry.is_answered |= slack.answers(delivery) > 0
            if delivery.acked:
                entry.acked = entry.acked or time.time()

    async def read_kept(self) -> None:
        """Enter which of the messages that people asked for or corrected Redis knows."""
        async with open_store(self.valkey.url) as store:
            for entry in self.ledger.entries:
                if entry.kind in ASKED and not entry.is_seen:
                    entry.is_kept = any([await self._is_kept(store, ts) for ts in entry.known_as])
                kept = [await self._is_kept(store, ts) for ts in entry.corrects]
                entry.unsent = kept.count(False)

    async def _is_kept(self, store: Store, ts: str) -> bool:
        slack = self.box.slack
        id_ = reply_id(slack.team_id, slack.workspace.channel(CHANNEL).id, ts)
        return await store.field(reply_key(id_), "state") is not None

    def pressed(self) -> dict[str, int]:
        """What else people did, and what came of it."""
        surfaces, calls = self.people.surfaces, self.box.slack.calls
        homes = sum(one.method == "views.publish" and one.status == OK for one in calls)
        return {
            "buttons pressed": len(surfaces.presses),
            "presses that failed": sum(not one.acked for one in surfaces.presses),
            "home opened": surfaces.homes,
            "home shown": homes,
        }

    async def depths(self) -> tuple[int, int]:
        """How many sessions have mail, and how many reports are untold; -1 while Redis is away."""
        async with open_store(self.valkey.url) as store:
            with suppress(StoreAway):
                return await Reports(store).depths()
        return -1, -1

    async def _disturb_valkey(self, act: Act) -> None:
        async with self._valkey_lock:
            if act.is_kill:
                await self.valkey.kill()
                await asyncio.sleep(act.seconds)
                await self.valkey.start()
                self.ledger.returns.append(time.time())
            else:
                self.valkey.freeze()
                await asyncio.sleep(act.seconds)
                self.valkey.thaw()
                self.ledger.returns.append(time.time())

    async def _disturb_devin(self, act: Act) -> None:
        if act.what == "devin upload":
            self.box.devin.upload_failures.append(act.fault["status"])
            return
        if act.what == "devin":
            fault = dict(act.fault)
            self.box.devin.behave(self.sessions[act.where], fault.pop("state"), **fault)
            return
        await self.box.devin.go_offline()
        await asyncio.sleep(act.seconds)
        await self.box.devin.go_online()

    async def _disturb_slack(self, act: Act) -> None:
        slack = self.box.slack
        match act.what:
            case "slack":
                slack.fail_next(**act.fault)
            case "disconnect":
                await slack.disconnect(**act.fault)
            case "cut":
                slack.drop_connections()
            case "refuse":
                slack.drop_connections()
                slack.refuse_connections(True)
                await asyncio.sleep(act.seconds)
                slack.refuse_connections(False)
            case _:
                raise AssertionError(act.what)


@asynccontextmanager
async def open_stage(home: Path, seed: int, sessions: int) -> AsyncIterator[Stage]:
    """Start everything, with a linked thread for each session; the end kills what was started."""
    ids = [f"devin-{number:032x}" for number in range(1, sessions + 1)]
    ledger = Ledger()
    valkey = ValkeyProcess(home / "valkey")
    posts = [
        Post(f"{command}-{number}", command, home, seed)
        for command in ("run", "worker")
        for number in (1, 2)
    ]
    async with Sandbox(retry_delays=RETRY_DELAYS, ack_timeout=ACK_SECONDS) as box:
        people = People(box.slack, ledger, seed)
        for one in ids:
            box.devin.add_session(one)
        tasks: list[asyncio.Task[None]] = []
        try:
            await valkey.start()
            environ = _environ(box, valkey.url, home)
            tasks += [asyncio.create_task(post.keep(environ), name=post.name) for post in posts]
            await box.slack.wait_connected(2, 30)
            await people.link(ids)
            yield Stage(box, valkey, posts, ids, ledger, people)
        finally:
            await people.carrier.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await valkey.stop()


def _environ(box: Sandbox, redis_url: str, home: Path) -> dict[str, str]:
    return {
        **environment_of(box.slack, box.devin),
        "REDIS_URL": redis_url,
        "DATA_DIR": str(home / "data"),
        "GIVE_UP_AFTER": "10m",
        "HOST": "127.0.0.1",
        "PORT": "0",
        "LOG_FORMAT": "json",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
