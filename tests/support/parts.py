"""The parts of a bot, on the sandbox and a Redis, without anything that runs beside them."""

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, cast

from bot.devin.api import Devin
from bot.redis.connection import Store
from bot.runtime.in_flight import Background, InFlight
from bot.settings import Settings, load_settings
from bot.slack.api import SlackClient
from bot.slack.app.workspace import Identity
from bot.timing import Timing
from bot.wiring import Connections, Parts
from handlers import FEATURES
from handlers.feature import Feature
from sandbox import Sandbox
from sandbox.launch import environment_of
from tests.support.bots import BRISK
from tests.support.known import organization_of
from tests.support.slack_apps import web_client


class _Nobody:
    """Stands for Devin where a test has none: whoever asks it fails."""

    def __getattr__(self, name: str) -> Callable[[], Awaitable[object]]:
        async def ask() -> object:
            raise AssertionError(name)

        return ask


@lru_cache(maxsize=8)
def _read(environ: tuple[tuple[str, str], ...]) -> Settings:
    """Read the settings once for the many processes that a test lets live and die."""
    return load_settings(dict(environ), None)


def parts_of(
    box: Sandbox,
    store: Store,
    client: SlackClient | None = None,
    devin: Devin | None = None,
    timing: Timing = BRISK,
    background: Background | None = None,
    features: Sequence[Feature[Any]] = FEATURES,
    **settings: str,
) -> Parts:
    """Return the parts of a process of its own; those that need Devin's API are given it."""
    in_flight = InFlight()
    return Parts(
        Connections(
            settings=_read(tuple({**environment_of(box.slack, box.devin), **settings}.items())),
            timing=timing,
            in_flight=in_flight,
            background=background or Background(in_flight, timing.soon_seconds),
            store=store,
            client=client or web_client(box.slack),
            identity=Identity(
                tenant=box.slack.team_id,
                enterprise=organization_of(box),
                user=box.slack.bot_user_id,
                bot="B0",
                scopes=frozenset(),
                url="",
            ),
            devin=devin or cast("Devin", _Nobody()),
        ),
        features,
    )
