"""Scripts that travel together do not affect each other's results."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis

from bot.model.errors import StoreAway
from bot.redis.connection import Store
from bot.redis.keys import once_key
from bot.redis.pipelining import Pipelining, Script, pipelined
from tests.support.lines import line_to
from tests.support.processes import kept_valkey
from tests.support.waiting import wait_until

SLOW = Script("for _ = 1, 5e7 do end return 'slow'")
"""A loop of some tenths of a second; while a script runs, its server's time stands still."""

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"

QUICK = Script("return 'quick'")


@pytest.fixture
async def batches(redis_url: str) -> AsyncIterator[Pipelining]:
    """A script runner whose server knows no script yet."""
    async with Redis.from_url(redis_url) as client:
        await client.script_flush()
    sending = pipelined(redis_url, 60.0)
    yield sending
    await sending.aclose()


async def test_who_no_longer_waits_costs_nobody_else_the_answer(batches: Pipelining) -> None:
    """This includes the time when the server is taught an unknown script."""
    leaving = asyncio.create_task(batches.run(SLOW, "", []))
    staying = asyncio.create_task(batches.run(QUICK, "", []))
    await asyncio.wait({leaving}, timeout=0.03)
    leaving.cancel()
    assert await staying == "quick"
    assert leaving.cancelled()
    assert await batches.run(QUICK, "", []) == "quick"


async def test_a_script_that_fails_fails_alone(batches: Pipelining) -> None:
    """This holds whether the server knew it or not."""
    bad = Script("return redis.error_reply('OOM not today')")
    for _ in range(2):
        good = asyncio.create_task(batches.run(QUICK, "", []))
        with pytest.raises(StoreAway, match="Error"):
            await batches.run(bad, "", [])
        assert await good == "quick"


@pytest.mark.parametrize(
    ("lacks", "reason"), [("-set", "ResponseError: ACL"), ("-evalsha", "NoPermissionError")]
)
async def test_a_missing_permission_is_told_as_the_page_has_it(
    tmp_path: Path, lacks: str, reason: str
) -> None:
    """Within a script, Redis has another word for it than before one."""
    script = Script("return redis.call('SET', KEYS[1], '1', 'EX', 60)")
    async with kept_valkey(tmp_path / "valkey") as server:
        await server.tell("ACL", "SETUSER", "relay", "on", ">pw", "~*", "+@all", lacks)
        url = server.url.replace("://", "://relay:pw@")
        async with aclosing(pipelined(url, 5.0)) as sending:
            with pytest.raises(StoreAway, match=f"^{reason}$"):
                await sending.run(script, "x", [])
    assert f"`{reason}`" in PAGE.read_text(encoding="utf-8")


async def test_what_is_no_text_fails_alone(batches: Pipelining) -> None:
    """Half a character cannot be sent to Redis, but the scripts beside it can."""
    others = [asyncio.create_task(batches.run(QUICK, "", [])) for _ in range(3)]
    with pytest.raises(UnicodeError):
        await batches.run(QUICK, "\ud800", [])
    others.append(asyncio.create_task(batches.run(QUICK, "", [])))
    assert await asyncio.gather(*others) == ["quick"] * 4


@pytest.mark.parametrize(
    ("script", "argument", "error"),
    [
        (Script("return string.char(255, 254)"), "", UnicodeError),
        (QUICK, cast("str", None), StoreAway),
    ],
    ids=["answer", "argument"],
)
async def test_what_cannot_be_read_or_packed_fails_alone(
    redis_url: str, script: Script, argument: str, error: type[Exception]
) -> None:
    """Its caller is told, and the others get their answers."""
    async with aclosing(pipelined(redis_url, 5.0)) as sending:
        for _ in range(2):
            others = [asyncio.create_task(sending.run(QUICK, "", [])) for _ in range(3)]
            with pytest.raises(error):
                await sending.run(script, "", [argument])
            others.append(asyncio.create_task(sending.run(QUICK, "", [])))
            assert await asyncio.gather(*others) == ["quick"] * 4


async def test_many_strings_are_one_answer(store: Store) -> None:
    """More than any list of threads has; Lua's stack ends at some 8,000."""
    keys = [once_key(str(number)) for number in range(5_000)]
    await store.put(keys[-1], "last", timedelta(minutes=1))
    found = await store.get_all(keys)
    assert (len(found), found[0], found[-1]) == (5_000, None, "last")


async def test_each_caller_gets_its_own_answer_however_often_connections_break(
    redis_url: str,
) -> None:
    """A script is sent again at most once; one without an answer fails, and none waits forever."""
    echo = Script("return ARGV[1]")
    async with Redis.from_url(redis_url) as other, aclosing(pipelined(redis_url, 5.0)) as sending:
        answers: list[bool] = []

        async def ask(number: int) -> None:
            for turn in range(200):
                words = f"{number}:{turn}"
                try:
                    answers.append(await sending.run(echo, "", [words]) == words)
                except StoreAway:
                    continue

        asking = asyncio.gather(*(ask(number) for number in range(20)))
        while not asking.done():
            await other.client_kill_filter(_type="normal", skipme=True)
            await asyncio.sleep(0.003)
        await asking
    assert all(answers)
    assert answers


async def test_a_server_that_hangs_fails_each_script_and_cancels_none(tmp_path: Path) -> None:
    """First the connection breaks, and then no new one can be made: a loop that asks goes on."""
    async with (
        kept_valkey(tmp_path / "valkey") as server,
        aclosing(pipelined(server.url, 0.3)) as sending,
    ):
        for _ in range(2):
            assert await sending.run(QUICK, "", []) == "quick"
            server.freeze()
            for _ in range(3):
                with pytest.raises(StoreAway):
                    await sending.run(QUICK, "", [])
            server.thaw()


@pytest.mark.parametrize("serves_stale", ["yes", "no"])
async def test_a_replica_is_left_for_the_server_that_its_address_leads_to(
    redis_url: str, tmp_path: Path, serves_stale: str
) -> None:
    """It refuses writes, or everything while it may not serve old data."""
    write = Script("return redis.call('SET', KEYS[1], ARGV[1], 'EX', 60)")
    async with (
        kept_valkey(tmp_path / "demoted") as demoted,
        line_to(demoted.url) as line,
        aclosing(pipelined(line.url, 5.0)) as sending,
    ):
        assert await sending.run(QUICK, "", []) == "quick"
        await demoted.tell("CONFIG", "SET", "replica-serve-stale-data", serves_stale)
        await demoted.tell("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(StoreAway, match=r"ReadOnlyError|MasterDownError"):
            await sending.run(write, "x", ["one"])
        line.lead(redis_url)
        running = [sending.run(write, "x", ["two"]) for _ in range(3)]
        assert await asyncio.gather(*running) == ["OK"] * 3


async def test_it_closes_at_any_moment(redis_url: str) -> None:
    """Whether it connects, sends or waits for the answer, closing it ends what still waits."""
    for turns in range(1, 100):
        async with aclosing(pipelined(redis_url, 5.0)) as sending:
            asking = asyncio.create_task(sending.run(QUICK, "", []))
            for _ in range(turns):
                await asyncio.sleep(0)
        await asyncio.wait({asking}, timeout=10.0)
        assert asking.done()


async def test_a_server_that_hangs_fails_what_waits_and_nothing_after_it(redis_url: str) -> None:
    """Answers come in the order of the scripts, so all that is on its way has lost them."""
    hanging = Script("for _ = 1, 1e8 do end return 'slow'")
    async with Redis.from_url(redis_url) as client:
        await client.script_load(hanging.source)
    async with aclosing(pipelined(redis_url, 0.2)) as sending:
        slow, behind = sending.run(hanging, "", []), sending.run(QUICK, "", [])
        failed = await asyncio.gather(slow, behind, return_exceptions=True)
        assert [type(one) for one in failed] == [StoreAway, StoreAway]
        await wait_until(lambda: _answers(sending), "the server answers again")


async def _answers(sending: Pipelining) -> bool:
    try:
        return bool(await sending.run(QUICK, "", []) == "quick")
    except StoreAway:
        return False
