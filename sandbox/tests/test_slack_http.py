"""The local Slack sends signed HTTP requests and retries them."""

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.slack.server import Delivery, SlackSandbox
from tests.support.slack_apps import JSON, HttpApp, bolt_app, serving


@pytest.fixture
async def http_app() -> AsyncIterator[HttpApp]:
    app, served = HttpApp(), web.Application()
    served.router.add_post("/slack/events", app.on_request)
    served.router.add_post("/slow", app.on_slow_request)
    served.router.add_post("/redirect/{times}", app.on_redirect)
    async with serving(served) as base:
        app.url = f"{base}/slack/events"
        yield app


@pytest.fixture
async def http_slack(http_app: HttpApp) -> AsyncIterator[SlackSandbox]:
    slack = SlackSandbox(
        transport="http", request_url=http_app.url, retry_delays=(0.01, 0.01, 0.01)
    )
    async with slack:
        yield slack


async def settled(slack: SlackSandbox) -> list[Delivery]:
    return [await delivery.settled() for delivery in slack.deliveries]


async def test_http_requests_are_signed(http_slack: SlackSandbox, http_app: HttpApp) -> None:
    """The v0 signature covers timestamp and body, and its timestamp is current."""
    await http_slack.say("hello")
    await settled(http_slack)
    headers, body = http_app.requests[0]
    moment = headers["x-slack-request-timestamp"]
    base = f"v0:{moment}:".encode() + body
    digest = hmac.new(http_slack.signing_secret.encode(), base, hashlib.sha256).hexdigest()
    assert headers["x-slack-signature"] == f"v0={digest}"
    assert abs(time.time() - int(moment)) < 60
    assert "x-slack-retry-num" not in headers


async def test_http_failures_are_retried_with_number_and_reason(
    http_slack: SlackSandbox, http_app: HttpApp
) -> None:
    """A non-2xx is retried as `http_error`, counted from one."""
    http_app.answers = [web.Response(status=500), web.Response(status=404)]
    await http_slack.say("hello")
    (delivery,) = await settled(http_slack)
    retries = [
        (headers.get("x-slack-retry-num"), headers.get("x-slack-retry-reason"))
        for headers, _ in http_app.requests
    ]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert (delivery.acked, delivery.last_status, delivery.attempts) == (True, 200, 3)


async def test_no_retry_is_honoured(http_slack: SlackSandbox, http_app: HttpApp) -> None:
    """`x-slack-no-retry: 1` on a refusal ends the delivery."""
    http_app.answers = [web.Response(status=503, headers={"x-slack-no-retry": "1"})]
    await http_slack.say("hello")
    (delivery,) = await settled(http_slack)
    assert (delivery.acked, delivery.attempts, delivery.last_status) == (False, 1, 503)


async def test_an_answer_after_the_timeout_is_no_ack(http_app: HttpApp) -> None:
    """A slow app is `http_timeout`, and a later answer does not count."""
    slack = SlackSandbox(transport="http", retry_delays=(0.01,), ack_timeout=0.05)
    async with slack:
        slack.request_url = http_app.url.replace("/slack/events", "/slow")
        await slack.say("hello")
        (delivery,) = await settled(slack)
        http_app.released.set()
    assert (delivery.acked, delivery.error, delivery.attempts) == (False, "http_timeout", 2)


async def test_two_redirects_are_followed_and_no_third(
    http_slack: SlackSandbox, http_app: HttpApp
) -> None:
    """Slack follows two; more is `too_many_redirects`."""
    for times in (2, 3):
        http_slack.request_url = http_app.url.replace("/slack/events", f"/redirect/{times}")
        await http_slack.say("hello")
        await http_slack.deliveries[-1].settled()
    followed, refused = http_slack.deliveries
    assert (followed.acked, followed.attempts) == (True, 1)
    assert (refused.acked, refused.error) == (False, "too_many_redirects")


async def test_an_unreachable_app_is_a_failed_connection(http_app: HttpApp) -> None:
    """Without a listener it is `connection_failed`; after three retries the event is given up."""
    slack = SlackSandbox(transport="http", retry_delays=(0, 0, 0))
    async with slack:
        await slack.say("hello")
        (delivery,) = await settled(slack)
        slack.request_url = http_app.url
        assert (await slack.redeliver(delivery)) is not delivery
        await settled(slack)
    assert (delivery.error, delivery.attempts) == ("connection_failed", 4)
    assert http_app.requests[0][0]["x-slack-retry-num"] == "1"


async def test_bolt_takes_signed_http_and_refuses_a_wrong_signature() -> None:
    """Events, commands and the url_verification handshake pass Bolt's own verification."""
    async with SlackSandbox(transport="http") as slack:
        seen: list[str] = []
        app = bolt_app(slack)

        @app.event("message")
        async def on_message(event: JSON) -> None:
            seen.append(event["text"])

        @app.command("/devin-say")
        async def on_command(ack: Any, command: JSON) -> None:
            await ack(f"got {command['text']}")

        async with serving(app.web_app()) as base:
            slack.request_url = f"{base}/slack/events"
            assert await slack.verify_url()
            await slack.say("ünïcode & signs")
            command = await slack.slash("/devin-say", "a+b & ü", user="ben")
            await settled(slack)
            assert seen == ["ünïcode & signs"]
            assert command.response == "got a+b & ü"
            assert slack.ephemerals("general", "ben")[0].text == "got a+b & ü"
            async with aiohttp.ClientSession() as session:
                stale = slack.sign(b"{}", int(time.time()) - 600)
                async with session.post(slack.request_url, data=b"{}", headers=stale) as answer:
                    assert answer.status == 401
