"""The real parts that tests use: Valkey, the sandbox's Slack and Devin, and the bot.

The three levels differ in what a test requests: none of these (pure), `store` or `devin` (edge),
or `bot` (whole, built by the same `open_bot` as production).
"""

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import hypothesis
import pytest
import redis
import redis.asyncio
import uvloop

from bot.app import Bot
from bot.commands import GARBAGE
from bot.redis.connection import Store, open_store
from bot.runtime.logs import Lines
from bot.settings import Settings, load_settings
from sandbox import Sandbox
from sandbox.devin.answers import Api
from sandbox.slack.world.workspace import TEAM_ID, Org
from tests.support import early_imports, long_first, not_run, secrets_guard
from tests.support.bots import ACK_SECONDS, BRISK, environ_of, open_bot, reached
from tests.support.desk import SESSION, Desk
from tests.support.keys import ALL_IN_ORG
from tests.support.redis_servers import asked_for, node_url, serving

# No test is timed: on a busy machine any of them occasionally takes long. And each run draws the
# same examples, unless others are asked for.
hypothesis.settings.register_profile(
    "patient",
    deadline=None,
    derandomize=not os.environ.get("TEST_RANDOM"),
    max_examples=int(os.environ.get("TEST_EXAMPLES") or 30),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """No test may let a token out, none may be skipped unseen, and long ones start first.

    Files of tests are private, whatever the user's umask: the relay refuses secrets that others can
    write.
    """
    os.umask(0o077)
    # As `logs.configure` does for a process: its lines hold addresses, and so people's e-mail.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config.pluginmanager.register(secrets_guard)
    config.pluginmanager.register(not_run)
    config.pluginmanager.register(long_first)
    config.pluginmanager.register(early_imports)


def pytest_itemcollected(item: pytest.Item) -> None:
    """A property has more time: Hypothesis shrinks what breaks it for up to 300 s, then reports it.

    By then, pytest-timeout would have ended the worker, and the example would be lost.
    """
    if isinstance(item, pytest.Function) and hypothesis.is_hypothesis_test(item.obj):
        item.add_marker(pytest.mark.timeout(600))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without garbage collection, then exempt what was collected from it.

    It takes a sixth of the time of collecting tests, of which nothing is garbage. Later, a full
    collection over them stopped tests for up to 2.8 s, longer than the relay waits for Redis.
    Production's threshold holds for tests: at Python's own, it takes 9 % of their time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        gc.set_threshold(GARBAGE)


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> bool | None:
    """Keep the timer of a test until it ends: pytest-timeout stops it at the first failed subtest.

    pytest takes away `funcargs` at the end.
    """
    return True if getattr(item, "funcargs", None) is not None else None


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run in the event loop of production, which also takes less time."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_sessionstart(session: pytest.Session) -> None:
    """The log of a failed test shows the fields of each line, as the relay's own does."""
    reported = session.config.pluginmanager.getplugin("logging-plugin").report_handler
    reported.setFormatter(Lines("console", frozenset()))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis for this process: `TEST_REDIS_URL`, or a separate one of the kind `TEST_REDIS`."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield given
        return
    with serving(asked_for(), tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def plain(redis_server: str) -> Iterator[redis.Redis]:
    """A plain connection to the Redis of this process, which is left empty."""
    with redis.Redis.from_url(node_url(redis_server), decode_responses=True) as client:
        yield client
        client.flushall()


@pytest.fixture
def redis_url(redis_server: str, plain: redis.Redis) -> Iterator[str]:
    """An empty Redis; after the test, it may not have a relay key that would never expire."""
    plain.flushall()
    yield redis_server
    keys = [str(key) for key in plain.scan_iter("{devin-relay[:}]*", count=1000)]
    with plain.pipeline(transaction=False) as asking:
        for key in keys:
            asking.ttl(key)
        endless = [key for key, ttl in zip(keys, asking.execute(), strict=True) if ttl == -1]
    assert not endless, "keys without a TTL"


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """A plain Redis client, to look at keys directly and to simulate expiry."""
    async with redis.asyncio.Redis.from_url(node_url(redis_url), decode_responses=True) as client:
        yield client


@pytest.fixture
async def store(redis_url: str, *, is_org: bool) -> AsyncIterator[Store]:
    """The sandbox's workspace, as the relay keeps it, but a busy machine fails no test."""
    async with open_store(redis_url, BRISK) as opened:
        yield opened.of(Org().id if is_org else TEAM_ID)


@pytest.fixture
def api() -> Api:
    """The generation of Devin's API that the bot speaks; a test may ask for the other one."""
    return "v3"


@pytest.fixture
def is_org() -> bool:
    """Whether the bot is installed to an organization of two workspaces; `TEST_ORG=1` for all."""
    return ALL_IN_ORG


@pytest.fixture
def transport() -> Literal["socket", "http"]:
    """The way by which Slack reaches the bot; a test may ask for the other one."""
    return "socket"


@pytest.fixture
async def box(
    api: Api, transport: Literal["socket", "http"], *, is_org: bool
) -> AsyncIterator[Sandbox]:
    """A local Slack and a local Devin with one running session."""
    slack: dict[str, Any] = {"transport": transport, "org": is_org, "ack_timeout": ACK_SECONDS}
    async with Sandbox(devin_api=api, **slack) as sandbox:
        sandbox.slack.jitter(float(os.environ.get("TEST_JITTER") or 0))
        sandbox.devin.add_session(SESSION)
        yield sandbox


@pytest.fixture
def hurried(box: Sandbox) -> None:
    """An event that is refused comes again soon. Over Socket Mode, Slack only misses its ack."""
    box.slack.hurry(0.3)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory whose path is short wherever tests run: pytest's own has the user's name in it.

    The socket of an embedded Valkey must fit below it.
    """
    with TemporaryDirectory(prefix="relay-", ignore_cleanup_errors=True) as path:
        yield Path(path).resolve()


@pytest.fixture
def environ(box: Sandbox, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a bot; a test may add to it before it requests `bot`."""
    return environ_of(box, redis_url, tmp_path)


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    """The settings of `environ`, as the command line reads them."""
    return load_settings(environ, None)


@pytest.fixture
async def bot(
    settings: Settings, box: Sandbox, request: pytest.FixtureRequest
) -> AsyncIterator[Bot]:
    """A running bot, connected to the sandbox.

    Its deadlines are patient. The mark `times` gives it others, by their names in `Timing`.
    """
    marked = request.node.get_closest_marker("times")
    async with open_bot(settings, **(marked.kwargs if marked else {})) as running:
        await reached(running, box)
        yield running


@pytest.fixture
def desk(box: Sandbox, plain: redis.Redis) -> Desk:
    """The actions and observations of people, in the words of the tests."""
    return Desk(box, plain)
