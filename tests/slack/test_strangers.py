"""Strangers at the port of a real HTTP-mode process take nothing from signed requests.

They open connections and send slowly, or nothing; a stranger that is cut off reconnects at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from bot.runtime.connections import raise_open_files
from bot.runtime.http import BODY_LIMIT
from sandbox import Sandbox
from tests.away.test_backpressure import highest_mb, rss_mb
from tests.conftest import environ_of
from tests.support.desk import SESSION, Desk
from tests.support.processes import BotProcess, bot_process, free_port, open_files
from tests.support.raw_http import besieging, head_of
from tests.support.waiting import wait_until

LONG = 60.0
FEW_FILES = 1_024
"""The default limit of open files on most systems, unless a process raises it."""

EVENTS = 10
GROWTH_MB = 100
"""A bound well above the strangers' bytes (16 MB) and 2,000 open connections (some 25 MB)."""


@pytest.fixture
async def patient_box() -> AsyncIterator[Sandbox]:
    """A Slack that waits for answers without limit, so that only a refusal causes a retry."""
    async with Sandbox(transport="http", ack_timeout=LONG) as sandbox:
        sandbox.devin.add_session(SESSION)
        yield sandbox


@pytest.fixture
def port() -> int:
    """The port where the process listens."""
    return free_port()


@pytest.fixture
async def process(
    patient_box: Sandbox, redis_url: str, tmp_path: Path, port: int
) -> AsyncIterator[BotProcess]:
    """A real process in HTTP mode, to which the sandbox's Slack sends."""
    environ = environ_of(patient_box, redis_url, tmp_path)
    del environ["SLACK_APP_TOKEN"]
    environ |= {"SLACK_SIGNING_SECRET": patient_box.slack.signing_secret, "PORT": str(port)}
    raise_open_files()
    async with AsyncExitStack() as stack:
        with open_files(FEW_FILES):
            running = await stack.enter_async_context(bot_process(environ, tmp_path, "run"))
        await running.until_logged("started")
        patient_box.slack.request_url = f"http://127.0.0.1:{port}/slack/events"
        yield running
        assert await running.stop() == 0


SIEGES = {
    "bodies that are announced and do not come": (40, head_of(BODY_LIMIT)),
    "bodies that stop before their last byte": (40, head_of(BODY_LIMIT) + b"x" * (BODY_LIMIT - 1)),
    "silence": (2_500, b""),
    "heads that do not end": (2_500, head_of(1)[:-2] + b"X-More: " + b"x" * 4_000),
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("sockets", "opening"), SIEGES.values(), ids=SIEGES.keys())
async def test_strangers_keep_no_reply_out(
    process: BotProcess, patient_box: Sandbox, port: int, sockets: int, opening: bytes
) -> None:
    """Each event is acknowledged at its first attempt, and a platform's probes are answered."""
    desk = Desk(patient_box)
    thread = await desk.linked_thread()
    before, over = rss_mb(process), asyncio.Event()
    watching = asyncio.create_task(highest_mb(process, over))
    async with besieging(port, sockets, opening) as siege, aiohttp.ClientSession() as web:
        for number in range(EVENTS):
            await desk.reply(f"Reply {number}", thread)
            await desk.slack.deliveries[-1].settled()
        for path in ("healthz", "readyz", "metrics"):
            async with web.get(f"http://127.0.0.1:{port}/{path}") as answer:
                assert answer.status == 200
        await desk.until_heard()
        assert siege.standing > 0
    over.set()
    growth = await watching - before
    await wait_until(lambda: len(desk.received()) == EVENTS, "every reply is delivered", LONG)
    assert growth < GROWTH_MB
