"""Numbers that Slack, Devin or a proxy before them writes have an effect within a bound."""

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest
from aiohttp import web

from bot.devin import answers
from bot.devin.v3.sessions import summary
from bot.model.errors import SlackAway
from bot.model.sessions import Watched
from bot.runtime.in_flight import LONGEST_LINE
from bot.slack.api import LONGEST_ASKED, STEP_SECONDS, RateLimits, SlackClient, SlackClock, call
from bot.slack.api import seconds_asked as slack_asks
from bot.slack.files import attached
from handlers.events import minute_of
from tests.support.clocks import SetClock
from tests.support.slack_apps import serving
from tests.support.tables import each

HUGE = "9" * 400
NUMBERS = ["0", "-1", "1e5", "100000", "1e400", HUGE, f"-{HUGE}", "", "soon", "٣", "nan", "inf"]
VALUES: list[Any] = [
    *NUMBERS,
    0,
    -1,
    10**5,
    10**400,
    -(10**400),
    1.5,
    1.7e308,
    math.inf,
    math.nan,
    None,
    True,
    [],
    {},
]
"""What may stand in JSON, for which Python reads NaN and infinity, too."""

NOW, LATEST = 1_700_000_000, 10**10
"""The latest time that a `ts` can have: the year 2286."""


def asked_of_devin(value: str) -> float:
    """Return the seconds that Devin asks for."""
    return answers.retry_after({"retry-after": value}) or 0.0


def clock_after(value: str) -> float:
    """Return what Slack's time moves to, in seconds, by a `Date`."""
    clock = SlackClock(SetClock())
    clock.dated({"Date": value})
    return int(clock.now) / 1_000_000


def skew(value: str) -> float:
    """Return how far ahead Devin's clock counts as, in seconds."""
    return abs(answers.skew({"date": value}, datetime.now(UTC)).total_seconds())


HEADERS: Mapping[Callable[[str], float], float] = {
    lambda value: slack_asks({"Retry-After": value}) or 0.0: 120,
    asked_of_devin: 600,
    clock_after: LATEST,
    skew: answers.MOST_SKEW.total_seconds(),
}
"""Each header that becomes a number, and its bound."""


@each("value", NUMBERS)
def test_a_number_in_a_header_has_a_bound(value: str) -> None:
    """A word, a negative number or one of 400 digits raises nothing, and moves nothing far."""
    for read, most in HEADERS.items():
        assert 0 <= read(value) <= most


@each("value", VALUES)
def test_a_number_in_a_record_has_a_bound(value: object) -> None:
    """What is no amount, time or size counts as missing; one that is can be computed with."""
    at, minute = answers.time_of(value), minute_of({"minute_rate_limited": value})
    assert at is None or at.tzinfo is not None
    assert minute is None or 0 <= int(minute) <= LATEST * 1_000_000
    amounts = {"acus_consumed": value, "created_at": value, "updated_at": value}
    record = summary({"session_id": f"devin-{0:032}", "status": "running", **amounts})
    assert record is not None
    seen = Watched(acus=record.acus, cap=1)
    assert all(map(math.isfinite, (10 * seen.used, 1_000 * (seen.acus or 0.0))))
    size = attached({"id": "F0", "size": value}).size
    assert type(size) is int
    assert size >= 0


@pytest.mark.parametrize("asked", NUMBERS)
async def test_whatever_a_limit_asks_for_the_next_call_comes_within_minutes(asked: str) -> None:
    """A proxy's `Retry-After` of a day, or of 400 digits, holds nothing up for longer."""
    limits, most = RateLimits(), LONGEST_ASKED + LONGEST_LINE + STEP_SECONDS
    async with limiting(asked) as client:
        for _ in range(3):
            with pytest.raises(SlackAway) as away, limits.respected("chat.postMessage", "C0"):
                await call(client, "chat.postMessage", channel="C0", text="Hello")
            assert 0 <= (away.value.retry_after or 0.0) <= most


@asynccontextmanager
async def limiting(asked: str) -> AsyncIterator[SlackClient]:
    """Serve a Slack that answers each call with 429 and this `Retry-After`."""

    async def answer(_: web.Request) -> web.Response:
        headers = {"Retry-After": asked} if asked.isascii() else {}
        return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/api/{method}", answer)
    async with serving(app) as url:
        yield SlackClient(token="xoxb-0", base_url=f"{url}/api/")
