"""Refused requests are answered so that Slack retries them, and are reported to the observer.

It hears of each event that no listener saw, or that broke on its way.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from slack_bolt.async_app import AsyncApp

from bot.runtime.http import BODY_LIMIT
from bot.runtime.in_flight import Background, InFlight
from bot.slack.receiving.endpoint import LEAST_BYTES, MOST_BYTES, SlackEndpoint
from bot.slack.receiving.socket_mode import SocketMode
from sandbox import Sandbox
from tests.support.doors import BODY, SECRET, Door, door, signed, waiting_app
from tests.support.observers import Observed
from tests.support.raw_http import head_of
from tests.support.waiting import wait_until

EVENT = {"type": "event_callback", "event_id": "Ev0", "event": {"type": "message"}}
LARGE = BODY[:-1] + b" " * (BODY_LIMIT - len(BODY)) + b"}"


async def refuses(at: Door, body: bytes = BODY) -> int:
    """Return the status of a refused signed request; Slack must not be told to stay away."""
    slack = await at.dial(signed(body))
    head = await slack.head()
    assert b"x-slack-no-retry" not in head.lower()
    return int(head.split()[1])


def is_heard(at: Door, requests: int) -> bool:
    """Return True if that many requests are being answered."""
    return len(at.heard) == requests


async def test_more_than_fits_is_sent_away_and_may_come_again() -> None:
    """The limit is on what is being answered; a small request counts for more than its size."""
    large, small = MOST_BYTES // BODY_LIMIT - 1, BODY_LIMIT // LEAST_BYTES
    async with door() as at:
        held = []
        for number, body in enumerate([LARGE] * large + [BODY] * small, 1):
            held.append(await at.dial(signed(body)))
            await wait_until(partial(is_heard, at, number), "it is being answered")
        assert await refuses(at) == 503
        assert at.observed.refused == [EVENT]
        at.over.set()
        assert [await one.status() for one in held] == [200] * len(held)
        await held[0].send(signed(LARGE))
        assert await held[0].status() == 200
        assert at.observed.refused == [EVENT]
        assert len(at.observed.kept) == len(at.observed.came) == len(held) + 1


async def test_what_comes_after_the_end_is_told_of_and_what_came_before_the_start_is_not() -> None:
    """Slack sends both again; and each start has all threads read."""
    in_flight = InFlight()
    async with door(SlackEndpoint(SECRET, in_flight), is_open=False) as at:
        assert await refuses(at) == 503
        at.open()
        assert at.observed.refused == []
        await Background(in_flight).drain(0)
        assert await refuses(at) == 503
    assert (at.observed.refused, at.heard) == ([EVENT], [])


def failing(app: AsyncApp) -> AsyncApp:
    """The same app, except that it lets every exception escape."""

    @app.error
    async def on_error(error: Exception) -> None:
        raise error

    @app.middleware
    async def breaks() -> None:
        raise RuntimeError("no listener sees this")

    return app


async def test_an_event_that_breaks_on_its_way_is_told_of() -> None:
    """The answer is 500, the traceback is in the log, and Slack retries."""
    async with door(is_open=False) as at:
        failing(at.app)
        at.open()
        assert await refuses(at) == 500
    assert (at.observed.came, at.observed.refused, at.observed.kept) == ([EVENT], [EVENT], [])


async def test_a_stranger_s_request_is_not_told_of() -> None:
    """Otherwise strangers could make the relay look for events that never existed."""
    async with door() as at:
        stranger = await at.dial(head_of(len(BODY)) + BODY)
        assert await stranger.status() == 401
    assert at.observed.refused == []


@pytest.fixture
async def hasty_box() -> AsyncIterator[Sandbox]:
    """A Slack that gives up soon."""
    async with Sandbox(ack_timeout=0.2, retry_delays=(0.01,)) as sandbox:
        yield sandbox


async def test_socket_mode_tells_of_events_that_come_while_it_closes(box: Sandbox) -> None:
    """They are not acknowledged, so Slack sends them to another connection."""
    observed, in_flight, over = Observed(), InFlight(), asyncio.Event()
    app = waiting_app(over, [])
    app.client.base_url = box.slack.api_url
    async with SocketMode(app, box.slack.app_token, in_flight, observed).connected():
        await box.slack.wait_connected()
        await Background(in_flight).drain(0)
        await box.slack.say("too late")
        await wait_until(lambda: observed.refused, "it is told of")
        assert not box.slack.deliveries[-1].acked
    assert observed.refused[0]["event"]["text"] == "too late"


async def test_socket_mode_tells_of_an_event_that_breaks_on_its_way(hasty_box: Sandbox) -> None:
    """The event is not acknowledged, and comes again."""
    observed = Observed()
    app = failing(waiting_app(asyncio.Event(), []))
    app.client.base_url = hasty_box.slack.api_url
    async with SocketMode(app, hasty_box.slack.app_token, InFlight(), observed).connected():
        await hasty_box.slack.wait_connected()
        await hasty_box.slack.say("broken")
        delivery = await hasty_box.slack.deliveries[-1].settled()
        await wait_until(lambda: len(observed.refused) == delivery.attempts, "each is told of")
    assert not delivery.acked
    assert len(observed.refused) == delivery.attempts == 2
    assert {one["event"]["text"] for one in observed.refused} == {"broken"}
