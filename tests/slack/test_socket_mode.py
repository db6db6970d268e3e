"""Socket Mode alone handles connections that come and go, and envelopes of every kind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import SlackAway
from bot.model.record import parse_object
from bot.runtime.in_flight import CROWD, InFlight
from bot.slack.receiving.socket_mode import SocketMode, parse_envelope
from sandbox import Sandbox
from sandbox.slack.server import Delivery
from sandbox.slack.transport.socket_mode import MAX_CONNECTIONS
from tests.support.observers import Observed, Payload
from tests.support.raw_http import answering, serving, whole
from tests.support.waiting import wait_until


def asked(box: Sandbox) -> int:
    """Return how often a connection was requested."""
    return len([one for one in box.slack.calls if one.method == "apps.connections.open"])


def bolt(box: Sandbox) -> AsyncApp:
    """A Bolt app with a listener for each kind of envelope."""
    client = AsyncWebClient(box.slack.bot_token, base_url=box.slack.api_url)

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=box.slack.team_id)

    app = AsyncApp(
        client=client,
        authorize=authorize,
        request_verification_enabled=False,
        process_before_response=True,
    )

    @app.event("message")
    async def on_message() -> None:
        pass

    @app.command("/devin-say")
    async def on_command(ack: AsyncAck, command: dict[str, str]) -> None:
        words = command["text"]
        await ack({"text": words, "response_type": "ephemeral"} if words == "json" else words)

    return app


@asynccontextmanager
async def connecting(box: Sandbox, observed: Observed | None = None) -> AsyncIterator[SocketMode]:
    """Socket Mode that does not wait a minute after a refusal."""
    opening = SocketMode(
        bolt(box), box.slack.app_token, InFlight(), observed or Observed(), refused_seconds=0.01
    ).connected()
    async with opening as socket_mode:
        yield socket_mode


async def test_an_acknowledgement_carries_what_the_listener_says(box: Sandbox) -> None:
    """It is empty for an event, and text or JSON for a command."""
    async with connecting(box):
        await box.slack.wait_connected()
        await box.slack.say("hello")
        event = await box.slack.deliveries[-1].settled()
        assert (event.acked, event.response) == (True, None)
        assert (await box.slack.slash("/devin-say", "words")).response == {"text": "words"}
        said = {"text": "json", "response_type": "ephemeral"}
        assert (await box.slack.slash("/devin-say", "json")).response == said


async def test_what_bolt_trips_over_is_acknowledged_and_logged(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """A retry would be the same, and the connection goes on."""
    async with connecting(box):
        await box.slack.wait_connected()
        await box.slack.deliver_event({"type": "message", "user": 5, "text": "xyzzy"})
        odd = await box.slack.deliveries[-1].settled()
        assert (odd.acked, odd.attempts) == (True, 1)
        await box.slack.say("hello")
        assert (await box.slack.deliveries[-1].settled()).acked
    assert "malformed request acknowledged" in caplog.text
    assert "xyzzy" not in caplog.text
    assert box.slack.connections == 0


async def test_the_connection_that_shall_go_is_read_beside_its_successor(box: Sandbox) -> None:
    """So nothing that Slack still sends there is lost or late, and there is no gap."""
    observed = Observed()
    async with connecting(box, observed) as socket_mode:
        await box.slack.wait_connected()
        await box.slack.disconnect("warning")
        await box.slack.wait_connected(2)
        await box.slack.disconnect("warning", most=1)  # which the next events come after
        for number in range(6):
            await box.slack.say(f"number {number}")
        for delivery in box.slack.deliveries:
            await delivery.settled()
        await socket_mode.check()
        assert [delivery.attempts for delivery in box.slack.deliveries] == [1] * 6
    assert (observed.gaps, asked(box)) == (1, 2)


class Counting(Observed):
    """Notes of each event whether a crowd was noticed before it was answered."""

    def __init__(self, in_flight: InFlight) -> None:
        super().__init__()
        self._in_flight = in_flight
        self.crowded: list[bool] = []

    def brought(self, payload: Payload) -> None:
        """Record the event, and whether there is a crowd."""
        super().brought(payload)
        self.crowded.append(self._in_flight.is_crowd)


async def test_a_crowd_is_noticed_before_its_first_event_is_answered(box: Sandbox) -> None:
    """It may come in any order, so that nothing of it must be sent on by then."""
    in_flight = InFlight()
    observed = Counting(in_flight)
    async with SocketMode(bolt(box), box.slack.app_token, in_flight, observed).connected():
        await box.slack.wait_connected()
        event = {"type": "message", "user": "U0ADA", "text": "hello"}
        sent = await asyncio.gather(*(box.slack.deliver_event(event) for _ in range(4 * CROWD)))
        for delivery in sent:
            assert (await delivery.settled()).acked
    assert observed.crowded[0]


async def test_socket_mode_that_is_switched_on_again_is_found(box: Sandbox) -> None:
    """No restart is needed; replies written meanwhile are a gap."""
    observed = Observed()
    box.slack.fail_next("apps.connections.open", error="access_denied", times=3)
    async with connecting(box, observed) as socket_mode:
        await box.slack.wait_connected()
        await wait_until(lambda: observed.gaps, "it was greeted")
        await socket_mode.check()
    assert asked(box) == 4
    assert observed.gaps == 1


async def test_an_address_that_nobody_answers_is_asked_for_anew(box: Sandbox) -> None:
    """Slack gives a new one each time; meanwhile the reason is reported."""
    away = b'{"ok": true, "url": "ws://127.0.0.1:9/"}'
    app = bolt(box)
    async with serving(answering(whole("200 OK", away))) as slack:
        app.client.base_url = f"{slack.url}/api/"
        opening = SocketMode(app, box.slack.app_token, InFlight(), Observed()).connected()
        async with opening as socket_mode:
            await wait_until(lambda: len(slack.requests) == 2, "again")
            with pytest.raises(SlackAway, match="connection refused"):
                await socket_mode.check()


async def test_too_many_connections_make_no_hot_loop(
    box: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack says so on the connection itself, and each further attempt comes later.

    That holds for each connection without a hello, however long it lasts: here any does.
    """
    monkeypatch.setattr("bot.slack.receiving.socket_mode.REFRESH_SECONDS", 0.0)
    async with AsyncExitStack() as stack:
        await fill(box, stack)
        one_more = await stack.enter_async_context(connecting(box))
        await wait_until(lambda: len(pauses(caplog)) > 1, "again")
        assert 0 == pauses(caplog)[0] < pauses(caplog)[1]
        await wait_until(lambda: says(one_more, "too_many_websockets"), "it says why")


async def test_a_connection_too_many_hides_no_gap(box: Sandbox) -> None:
    """Slack asks it to go before a hello, so it was no connection that missed nothing."""
    observed = Observed()
    async with AsyncExitStack() as others:
        await fill(box, others)
        async with connecting(box, observed) as one_more:
            await wait_until(lambda: says(one_more, "too_many_websockets"), "it is one too many")
            await others.aclose()
            await wait_until(lambda: observed.gaps, "it was told that something was missed")
            await one_more.check()


async def fill(box: Sandbox, stack: AsyncExitStack) -> None:
    """Open all the connections that Slack allows."""
    for _ in range(MAX_CONNECTIONS):
        await stack.enter_async_context(connecting(box))
    await box.slack.wait_connected(MAX_CONNECTIONS)


def pauses(caplog: pytest.LogCaptureFixture) -> list[float]:
    """Return the pauses after failed connections, in seconds."""
    return [vars(one)["seconds"] for one in caplog.records if one.msg == "no connection"]


async def says(socket_mode: SocketMode, why: str) -> bool:
    """Return True if it is not connected for that reason; a new connection says nothing yet."""
    try:
        await socket_mode.check()
    except SlackAway as error:
        return why in str(error)
    return False


NO_ENVELOPES = [
    "{xyzzy",
    "[" * 100_000,
    '["hello"]',
    '{"envelope_id": "1-a", "payload": {}}',
    '{"type": ["hello"], "envelope_id": "1-a", "payload": {}}',
    '{"type": "events_api", "payload": {}}',
    '{"type": "events_api", "envelope_id": "1-a"}',
    '{"type": "events_api", "envelope_id": "1-a", "payload": [1]}',
]


async def test_a_frame_that_is_no_envelope_is_dropped_without_its_content(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection goes on, with envelopes of any type that Slack may have one day."""
    for text in NO_ENVELOPES:
        assert parse_envelope(parse_object(text) or {}) is None, text
    envelope = parse_envelope({"type": "new", "envelope_id": "1", "payload": {"a": 1}})
    assert envelope is not None
    assert (envelope.type, envelope.payload) == ("new", {"a": 1})
    async with connecting(box):
        await box.slack.wait_connected()
        odd: Any = None, {"text": "xyzzy"}
        await box.slack.redeliver(Delivery(*odd))
        await box.slack.say("hello")
        assert (await box.slack.deliveries[-1].settled()).acked
    assert "envelope dropped" in caplog.text
    assert "xyzzy" not in str([vars(one) for one in caplog.records])
