"""A cap is told once, and the ledger is right, whatever dies meanwhile."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.model.sessions import SessionId
from bot.redis.connection import Store
from bot.store.watches import Watches
from bot.wording.phrases import acus_of
from sandbox import Sandbox
from tests.features.test_usage import started
from tests.support.desk import SESSION, Desk
from tests.support.processes import bot_process
from tests.support.waiting import wait_until


async def used(store: Store) -> float:
    """Return what the ledger has of the session, in this month, or else in the one before."""
    now, watches = datetime.now(UTC), Watches(store, timedelta(days=90))
    for month in (now, now - timedelta(days=1)):
        for one in await watches.used(month):
            if one.session == SessionId(SESSION):
                return one.until(31)
    return 0.0


@pytest.mark.timeout(150)
async def test_a_killed_process_tells_a_cap_once_and_loses_no_acus(
    environ: dict[str, str], desk: Desk, box: Sandbox, tmp_path: Path, store: Store, raw: Redis
) -> None:
    """It is killed as the session nears its cap; another process goes on where Redis says."""
    async with (
        bot_process(environ, tmp_path, "run") as killed,
        bot_process(environ, tmp_path, "worker") as worker,
    ):
        await box.slack.wait_connected()
        await worker.until_logged("started")
        thread = await started(desk, raw, SESSION, user="ada", channel="general")
        desk.devin.session(SESSION).cap = 10
        desk.devin.spend(SESSION, 8.5)

        async def is_known() -> bool:
            return await used(store) == 8.5

        await wait_until(is_known, "the ledger has what was used")
        assert await killed.stop(signal.SIGKILL) == -signal.SIGKILL
        desk.devin.spend(SESSION, 2.0)

        def is_told() -> bool:
            return "used up its cap" in " ".join(desk.said(thread))

        # It may have been polling or posting, and keeps others out for 45 s then.
        await wait_until(is_told, "the thread is told of the cap", 75.0)
        assert await worker.stop() == 0
    assert await used(store) == desk.devin.session(SESSION).acus
    said = " ".join(desk.said(thread))
    assert (said.count(acus_of(8.5, 10)), said.count("used up its cap")) == (1, 1)
