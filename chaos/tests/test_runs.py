"""Short chaos runs, with real processes, find nothing."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.features.adoption.use import Adopting
from bot.features.workflow_steps.use import WorkflowSteps
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import ts_micros
from bot.redis.connection import open_store
from bot.store.checkpoints import Checkpoints, Missed
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.outbox import Owed, OwedKind
from chaos.__main__ import OK, SETTLE_SECONDS, Run, run
from chaos.clocks import MISSING, library, shifted
from chaos.entries import Kind
from chaos.keeping import ASKED_FOR, OUTBOX, Keeping, opened
from chaos.processes import ValkeyProcess
from chaos.schedule import SCENES, Mode, plan
from chaos.stage import Setup, open_stage
from chaos.verdict import judge
from sandbox.devin.answers import Api
from sandbox.slack.server import SlackSandbox
from sandbox.slack.world.workspace import TEAM_ID
from tests.support.bots import BRISK
from tests.support.desk import SESSION

SEEDS: Sequence[tuple[Mode, Api, int, set[str]]] = (
    ("socket", "v3", 16, {"edits", "herd", "names", "silence"}),
    ("http", "v1", 18, {"authors", "edits", "hours", "orders"}),
)
"""Short runs: their modes, generations of Devin's API, and seeds, with the scenes that they play.

Two that failed need longer than a test may take, since they found a race of two processes:
`make chaos SEED=7001` and `make chaos SEED=4203 SECONDS=60 KILLS=12` (a deletion that met its reply
while another process accepted it; `test_a_deletion_that_meets_its_reply_at_the_door_takes_it_out`).
"""


@pytest.mark.longest
@pytest.mark.timeout(60 + 3 * SETTLE_SECONDS)  # so that a run that does not finish says why
@pytest.mark.parametrize(("mode", "api", "seed", "scenes"), SEEDS)
async def test_a_short_run_finds_nothing(
    tmp_path: Path, mode: Mode, api: Api, seed: int, scenes: set[str]
) -> None:
    """Kills, outages, repeats, disorder and wrong clocks on every way to Devin violate nothing.

    Without faketime, only the sandbox's clocks are wrong.
    """
    asked = Run(
        *(seed, 10.0, 4),
        sessions=4,
        mode=mode,
        api=api,
        crowd=0,
        voices=4,
        reports_within=2.0,
    )
    assert {act.what for act in plan(seed, 10.0, 4, 4)} & set(SCENES) == scenes
    verdict, code = await run(asked, tmp_path)
    assert verdict.is_clean, verdict.lines()
    assert code == OK, verdict.lines()
    assert sum(counts["sent"] for counts in verdict.kinds.values()) > 10
    assert verdict.counts["heard"] == verdict.counts["threads to hear it"] > 10


@pytest.mark.timeout(120)
async def test_the_ledger_sees_what_the_threads_and_devin_show(tmp_path: Path) -> None:
    """Devin got none of the acknowledged replies, as after a loss."""
    async with open_stage(tmp_path, Setup(seed=1, sessions=2, voices=0)) as stage:
        entry, ts = await stage.people.reply(Kind.REPLY, stage.sessions[0])
        await stage.people.bring(entry, stage.box.slack.event_of("general", ts))
        carrying = asyncio.create_task(stage.people.carrier.carry())
        async with asyncio.timeout(60):
            while not stage.ledger.is_over:
                await asyncio.sleep(0.1)
                stage.read()
        carrying.cancel()
        assert judge(stage.ledger).is_clean
        stage.box.devin.session(stage.sessions[0]).messages.clear()
        stage.read()
        assert judge(stage.ledger).sins["lost"] == [entry.number]


async def test_a_run_waits_for_all_that_was_asked_for(redis_url: str) -> None:
    """If its process dies, its lease ends only after the time for reports."""
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        keeping, now = Keeping(redis, "T0SANDBOX:C0"), int(time.time() * 1_000)
        kinds = (*OwedKind, WorkflowSteps.kind, Adopting.kind)
        owed = [str(Owed(f"T0:{kind}:about", 1, kind)) for kind in kinds]
        await redis.zadd(OUTBOX, dict.fromkeys(owed, now))
        await redis.expire(OUTBOX, 60)
        assert await keeping.depths() == (3, len(owed) - 4)
        await redis.zrem(OUTBOX, *(one for one in owed if one.endswith(tuple(ASKED_FOR))))
        assert await keeping.depths() == (0, len(owed) - 4)


async def test_a_run_learns_from_redis_what_was_refused_or_kept(redis_url: str, raw: Redis) -> None:
    """Until a refused message is noted, its thread to be read from before it, nothing may end."""
    root, ts, later = "1.000001", "1.000002", "1.000003"
    session, ada, for_ever = SessionId(SESSION), UserId("U0ADA"), timedelta(days=1)
    thread = ThreadRef(team=TEAM_ID, channel="C0", thread_ts=root)
    reply = Reply(thread=thread, ts=ts, author=ada, text="yes")
    keeping = Keeping(raw, f"{TEAM_ID}:C0")
    async with open_store(redis_url, BRISK) as opened:
        store = opened.of(TEAM_ID)
        assert not await keeping.is_noted(ts, root)
        link = Link(session=session, by=ada, linked_at=1)
        await Links(store, for_ever).create(thread, link)
        await Checkpoints(store, for_ever, "").note(
            [Missed(thread, ts_micros(later), is_read_first=False)]
        )
        assert [await keeping.is_noted(one, root) for one in (ts, later)] == [False, True]
        mailbox = Mailbox(store, for_ever)
        await mailbox.accept(reply, session, timedelta(0))
        assert [await keeping.is_kept(one) for one in (ts, later)] == [True, False]
        assert await keeping.is_noted(ts, root)
        accepted, sending = await keeping.times(ts)
        assert accepted is not None
        assert sending is None
        await mailbox.take(session, "token")
        assert (await keeping.times(ts))[1] is not None


async def test_a_run_asks_a_redis_that_is_away_until_it_is_back(tmp_path: Path) -> None:
    """Another outage may begin while a scene waits for what the last one has left."""
    valkey = ValkeyProcess(tmp_path / "valkey")
    await valkey.start()
    try:
        async with SlackSandbox() as slack, opened(valkey.url, slack, 0.0) as keeping:
            assert not await keeping.is_kept("1.000001")
            await valkey.kill()
            asking = asyncio.create_task(keeping.is_kept("1.000001"))
            assert not (await asyncio.wait({asking}, timeout=1))[0]
            await valkey.start()
            assert not await asking
    finally:
        await valkey.stop()


@pytest.mark.skipif(library() is None, reason=MISSING)
async def test_a_shifted_process_has_another_time(tmp_path: Path) -> None:
    """The `TIME` of Redis is an hour behind; its waits are not."""
    valkey = ValkeyProcess(tmp_path / "valkey", environ=shifted(-3_600.0))
    await valkey.start()
    redis = Redis.from_url(valkey.url)
    try:
        seconds, _ = await redis.time()
        assert seconds == pytest.approx(time.time() - 3_600, abs=30)
        await redis.set("key", 1, px=50)
        assert await redis.blpop(["nothing"], timeout=0.1) is None
        assert not await redis.exists("key")
    finally:
        await redis.aclose()
        await valkey.stop()
