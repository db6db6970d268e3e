"""One contestant beside the sandbox: started as a process, linked, loaded, and measured.

The sandbox (Slack by Socket Mode, and Devin) runs in this process, the contestant in another, so an
event's time is taken where it leaves and where the POST arrives, by the same clock.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import Sandbox

ROOT = Path(__file__).parent.parent
CHANNEL = "general"


@dataclass
class Contest:
    """A running contestant and the threads it knows, one for each session."""

    box: Sandbox
    process: asyncio.subprocess.Process
    sessions: Sequence[str]
    roots: list[str] = field(default_factory=list)
    sent: dict[str, float] = field(default_factory=dict)
    ack_ms: list[float] = field(default_factory=list)
    _waiting: set[asyncio.Task[None]] = field(default_factory=set)

    async def _acknowledged(self, since: float) -> None:
        await self.box.slack.deliveries[-1].settled()
        self.ack_ms.append((time.monotonic() - since) * 1000)

    async def send(self, number: int, session: int) -> None:
        """Ada writes reply `number` in the thread of the session with that index."""
        text = f"reply {number:07d}"
        self.sent[text] = time.monotonic()
        await self.box.slack.say(text, channel=CHANNEL, thread=self.roots[session])
        task = asyncio.create_task(self._acknowledged(self.sent[text]))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    @property
    def arrived(self) -> int:
        """How many replies have arrived at Devin."""
        return len(self.box.devin.requests)

    async def until_arrived(self, count: int, seconds: float) -> None:
        """Wait for `count` arrivals."""
        deadline = time.monotonic() + seconds
        while self.arrived < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.arrived} of {count} replies arrived in {seconds} s")
            await asyncio.sleep(0.002)

    def latencies_ms(self) -> list[float]:
        """From an event's leaving to its POST's arrival, sorted."""
        found = []
        for request in self.box.devin.requests:
            text = (request.message or "")[-len("reply 0000000") :]
            found.append((request.at - self.sent[text]) * 1000)
        return sorted(found)

    def cpu_seconds(self) -> float:
        """User and system time of the contestant's process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Resident memory of the contestant's process."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def forget(self) -> None:
        """Begin a new measurement."""
        self.sent.clear()
        self.ack_ms.clear()
        self.box.devin.requests.clear()
        self.box.slack.calls.clear()
        self.box.slack.deliveries.clear()


@asynccontextmanager
async def contest(
    command: Sequence[str], sessions: int, *, delay: float = 0.0, **environ: str
) -> AsyncIterator[Contest]:
    """Start `command` with `sessions` linked threads, at a Devin that takes `delay` seconds."""
    ids = [f"devin-{number:032x}" for number in range(sessions)]
    with tempfile.TemporaryDirectory() as home:
        async with Sandbox(ack_timeout=60.0) as box:
            for one in ids:
                box.devin.add_session(one)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                cwd=home,
                env=os.environ | _environ(box, home) | environ,
            )
            try:
                await box.slack.wait_connected(timeout=30)
                running = Contest(box, process, ids)
                await _link(running)
                for one in ids:
                    if delay:
                        box.devin.behave(one, "slow", delay=delay)
                running.forget()
                yield running
            finally:
                process.terminate()
                await process.wait()


def _environ(box: Sandbox, home: str) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "SLACK_BOT_TOKEN": box.slack.bot_token,
        "SLACK_APP_TOKEN": box.slack.app_token,
        "SLACK_API_URL": box.slack.api_url,
        "DEVIN_API_KEY": box.devin.api_key,
        "DEVIN_API_URL": box.devin.url,
        "DATA_DIR": f"{home}/data",
        "PORT": "0",
        "HOST": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
    }


async def _link(running: Contest) -> None:
    slack = running.box.slack
    for number, session in enumerate(running.sessions):
        root = await slack.say(f"thread {number}", channel=CHANNEL)
        running.roots.append(root)
        text = f"<@{slack.bot_user_id}> link {session}"
        await slack.say(text, channel=CHANNEL, thread=root)
    deadline = time.monotonic() + 60
    while not all(delivery.is_settled for delivery in slack.deliveries):
        if time.monotonic() > deadline:
            raise TimeoutError("links were not acknowledged")
        await asyncio.sleep(0.02)
    await asyncio.sleep(1.0)
