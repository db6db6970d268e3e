"""Socket Mode of the local Slack has acks, retries and disconnects, with Bolt's own client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from sandbox.slack.server import SlackSandbox
from tests.support.slack_apps import JSON, bolt_app, raw_apps, socket_mode, web_client
from tests.support.waiting import wait_until


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_timeout=30, retry_delays=(0.01, 0.02, 0.03)) as slack:
        yield slack


@pytest.fixture
async def impatient_slack() -> AsyncIterator[SlackSandbox]:
    """A Slack that soon retries unacknowledged events."""
    async with SlackSandbox(ack_timeout=1.0, retry_delays=(0.01, 0.02, 0.03)) as slack:
        yield slack


@pytest.fixture
async def connect(slack: SlackSandbox) -> AsyncIterator[Callable[[], Any]]:
    async with raw_apps(slack) as connect:
        yield connect


async def test_a_reply_reaches_a_bolt_app_once_and_is_acknowledged(slack: SlackSandbox) -> None:
    """A threaded reply is one `message` event with thread_ts and rich_text blocks."""
    seen: list[JSON] = []
    app = bolt_app(slack)

    @app.event("message")
    async def on_message(event: JSON) -> None:
        seen.append(event)

    async with socket_mode(slack, app):
        root = await slack.say("a question", deliver=False)
        ts = await slack.say("an <https://a.example|answer>", user="ben", thread=root)
        await wait_until(lambda: slack.deliveries[0].acked, "acknowledged")
    (event,) = seen
    assert (event["ts"], event["thread_ts"], event["channel_type"]) == (ts, root, "channel")
    assert event["parent_user_id"] == slack.workspace.user("ada").id
    section = event["blocks"][0]["elements"][0]["elements"]
    assert section[1] == {"type": "link", "url": "https://a.example", "text": "answer"}
    assert slack.deliveries[0].attempts == 1
    assert slack.deliveries[0].last_status == 200


async def test_a_mention_makes_two_events_except_in_a_direct_message(
    slack: SlackSandbox, connect: Callable[[], Any]
) -> None:
    """`message` and `app_mention` have different event ids, and a DM has no `app_mention`."""
    app = await connect()
    await slack.say(f"<@{slack.bot_user_id}> status")
    first, second = await app.read(), await app.read()
    kinds = {first["payload"]["event"]["type"], second["payload"]["event"]["type"]}
    assert kinds == {"message", "app_mention"}
    assert first["payload"]["event_id"] != second["payload"]["event_id"]
    assert first["payload"]["event"]["ts"] == second["payload"]["event"]["ts"]
    await slack.say(f"<@{slack.bot_user_id}> status", channel="dm")
    assert [d.payload["event"]["type"] for d in slack.deliveries[2:]] == ["message"]


async def test_an_unacknowledged_event_is_retried_three_times() -> None:
    """Retries keep the event id, and count up with the reason `timeout`; then Slack gives up."""
    quick = SlackSandbox(ack_timeout=0.05, retry_delays=(0.01, 0.01, 0.01))
    async with quick as slack, raw_apps(slack) as connect:
        app = await connect()
        await slack.say("hello")
        frames = [await app.read() for _ in range(4)]
        delivery = await slack.deliveries[0].settled()
    assert [(f["retry_attempt"], f["retry_reason"]) for f in frames] == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len({f["payload"]["event_id"] for f in frames}) == 1
    assert (delivery.acked, delivery.attempts) == (False, 4)


async def test_what_is_sent_in_patience_is_not_sent_again(slack: SlackSandbox) -> None:
    """A Slack that was hurried waits longer for the acks of some events, and only of those."""
    slack.hurry(0.05)
    async with raw_apps(slack) as connect:
        app = await connect()
        with slack.patient(30):
            await slack.say("first")
            await app.read()
        await slack.say("second")
        assert (await app.read())["payload"]["event"]["text"] == "second"
        assert (await app.read())["retry_attempt"] == 1
        assert slack.deliveries[0].attempts == 1


async def test_a_listener_that_raises_gets_the_event_again(impatient_slack: SlackSandbox) -> None:
    """Bolt does not acknowledge a listener that failed before the response, so Slack retries."""
    attempts: list[JSON] = []
    slack = impatient_slack
    app = bolt_app(slack)

    @app.event("message")
    async def on_message(event: JSON) -> None:
        attempts.append(event)
        if len(attempts) == 1:
            raise RuntimeError("away")

    async with socket_mode(slack, app):
        await slack.say("hello")
        await slack.deliveries[0].settled()
    assert len(attempts) >= 2
    assert slack.deliveries[0].acked
    assert slack.deliveries[0].retry_reason == "timeout"


async def test_an_ack_counts_from_any_connection(
    slack: SlackSandbox, connect: Callable[[], Any]
) -> None:
    """An envelope sent on one connection may be acknowledged on another."""
    one, two = await connect(), await connect()
    assert (one.hello["num_connections"], two.hello["num_connections"]) == (1, 2)
    await slack.say("first")
    await slack.say("second")
    for reader, other in ((one, two), (two, one)):
        await other.ack(await reader.read())
    await asyncio.gather(*(delivery.settled() for delivery in slack.deliveries))
    assert all(delivery.acked and delivery.attempts == 1 for delivery in slack.deliveries)


async def test_a_lost_connection_brings_the_event_to_another(
    slack: SlackSandbox, connect: Callable[[], Any]
) -> None:
    """An unacknowledged event of a closed connection is delivered again."""
    one = await connect()
    await slack.say("hello")
    await one.read()
    two = await connect()
    await one.ws.close()
    again = await two.read()
    await two.ack(again)
    assert again["retry_attempt"] == 1
    assert (await slack.deliveries[0].settled()).acked


async def test_a_disconnected_client_comes_back_and_goes_on(slack: SlackSandbox) -> None:
    """After `refresh_requested` Bolt opens a new connection, and events reach it."""
    seen: list[str] = []
    app = bolt_app(slack)

    @app.event("message")
    async def on_message(event: JSON) -> None:
        seen.append(event["text"])

    async with socket_mode(slack, app, pings=0.2):
        await slack.disconnect("refresh_requested")
        await slack.wait_connected()
        await slack.say("after the refresh")
        await wait_until(lambda: seen == ["after the refresh"], "seen after reconnecting")
        slack.drop_connections()
        await slack.say("after the cut")
        await wait_until(lambda: "after the cut" in seen, "seen after the cut")


async def test_a_connection_url_works_once(slack: SlackSandbox) -> None:
    """The ticket of `apps.connections.open` is used up by the first connection."""
    client = web_client(slack, slack.app_token)
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as ws:
            assert (await ws.receive_json(timeout=30))["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_refused_connections_are_taken_again_later(
    slack: SlackSandbox, connect: Callable[[], Any]
) -> None:
    """While Slack refuses, `apps.connections.open` answers 503 and events wait for a connection."""
    slack.refuse_connections(True)
    client = web_client(slack, slack.app_token)
    with pytest.raises(SlackApiError) as refused:
        await client.apps_connections_open(app_token=slack.app_token)
    assert refused.value.response.status_code == 503
    await slack.say("hello")
    slack.refuse_connections(False)
    app = await connect()
    await app.ack(await app.read())
    assert (await slack.deliveries[0].settled()).acked


async def test_an_eleventh_connection_is_sent_away(
    slack: SlackSandbox, connect: Callable[[], Any]
) -> None:
    """Slack allows ten connections and closes the next one as `too_many_websockets`."""
    opened = [await connect() for _ in range(10)]
    extra = await connect()
    assert not any(app.ws.closed for app in opened)
    assert extra.hello["reason"] == "too_many_websockets"
    assert slack.connections == 10


async def test_pings_are_answered(slack: SlackSandbox) -> None:
    """The SDK calls a connection stale if its pings stay unanswered."""
    async with socket_mode(slack, bolt_app(slack)) as handler:
        await wait_until(lambda: handler.client.last_ping_pong_time is not None, "a pong")
        assert await handler.client.is_connected()
