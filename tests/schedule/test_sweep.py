"""One process sweeps at a time, and another goes on when it is gone."""

from datetime import timedelta

from redis.asyncio import Redis

from bot.model.sessions import SessionId
from bot.redis.connection import Store, open_store
from bot.redis.keys import DUE_KEY, SWEEP_KEY
from bot.schedule.docket import DocketSchedule, open_docket
from bot.schedule.sweep import SWEEP_EVERY, Sweep
from bot.store.due_mail import DueMail
from bot.store.outbox import Outbox
from tests.support.keys import at
from tests.support.processes import free_port

ID = SessionId("devin-0123456789ab")


async def test_a_turn_is_for_one_process(store: Store, raw: Redis, redis_url: str) -> None:
    """The other one learns when the next turn is, and takes it if the first has died."""
    async with open_docket(redis_url) as docket:

        async def deliver(_: str) -> None:
            pass

        docket.register(deliver)
        one, two = (Sweep(DueMail(store), Outbox(store), DocketSchedule(docket)) for _ in range(2))
        assert await one.once() == SWEEP_EVERY
        await raw.zadd(at(DUE_KEY), {ID: 0})
        await raw.expire(at(DUE_KEY), 60)
        assert timedelta(0) < await two.once() <= SWEEP_EVERY
        assert await raw.xlen(docket.stream_key) == 0
        await raw.delete(at(SWEEP_KEY))  # as it expires
        assert await two.once() == SWEEP_EVERY
        assert await raw.xlen(docket.stream_key) == 1


async def test_a_sweep_waits_out_an_outage(redis_url: str) -> None:
    """It is put off to the next turn."""
    async with (
        open_store(f"redis://127.0.0.1:{free_port()}/0") as away,
        open_docket(redis_url) as docket,
    ):
        sweep = Sweep(DueMail(away), Outbox(away), DocketSchedule(docket))
        assert await sweep.once() == SWEEP_EVERY
