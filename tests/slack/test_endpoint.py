"""The HTTP server takes Slack's signed requests, and a platform's probes."""

import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.app import Bot
from bot.model.sessions import Follow
from bot.redis.connection import Store
from bot.runtime.logs import TRAIL
from bot.settings import load_settings
from bot.wording import actions
from bot.wording.mirror.card import FOLLOWS
from sandbox import Sandbox
from sandbox.slack.transport.http_events import encode
from tests.people import test_say_form
from tests.support.bots import open_bot
from tests.support.desk import SESSION, Desk, on_v1
from tests.support.devin_posts import until_card
from tests.support.logbook import logging_to
from tests.support.processes import free_port
from tests.support.told import suspended
from tests.support.waiting import until_settled, wait_until

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MARK = "xyzzy"
ALWAYS = 100_000


@pytest.fixture
def transport() -> str:
    """Slack sends signed requests in these tests."""
    return "http"


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    """A client for manual requests."""
    async with aiohttp.ClientSession() as session:
        yield session


class Caller:
    """Sends requests to the endpoint as Slack, or as somebody like it."""

    def __init__(self, web: aiohttp.ClientSession, desk: Desk, bot: Bot) -> None:
        self.web, self.slack = web, desk.slack
        self.url = f"http://127.0.0.1:{bot.port}/slack/events"

    async def post(
        self,
        body: bytes,
        headers: Mapping[str, str | None] | None = None,
        *,
        content_type: str | None = JSON,
        data: io.BytesIO | None = None,
    ) -> tuple[int, str]:
        """POST `data`, else `body`, signed for `body`; `headers` replace or, as None, remove."""
        given: dict[str, str | None] = {**self.slack.sign(body), "Content-Type": content_type}
        given |= headers or {}
        sent = {name: value for name, value in given.items() if value is not None}
        skip = () if content_type else ("Content-Type",)
        async with self.web.post(
            self.url, data=data or body, headers=sent, skip_auto_headers=skip
        ) as answer:
            return answer.status, await answer.text()

    def event(self, event: object) -> bytes:
        """Return the body of an event."""
        outer = {"type": "event_callback", "team_id": self.slack.team_id, "event_id": "Ev0HAND"}
        return json.dumps(outer | {"api_app_id": self.slack.app_id, "event": event}).encode()


@pytest.fixture
def caller(web: aiohttp.ClientSession, desk: Desk, bot: Bot) -> Caller:
    """A caller that is Slack or a stranger."""
    return Caller(web, desk, bot)


async def test_a_command_may_have_any_word_in_it(bot: Bot, desk: Desk) -> None:
    """Bolt takes a form with the letters "payload" in it for an interaction, and loses it."""
    text = "Log the payload=1 & the %70ayload, please"
    delivery = await desk.slack.slash("/devin-say", f"{SESSION} {text}")
    assert delivery.acked
    assert await desk.until_received("please") == f"ada, U0ADA00000 (in Slack):\n\n{text}"


@on_v1
async def test_events_commands_and_buttons_come_by_signed_http(bot: Bot, desk: Desk) -> None:
    """One address takes all three, each acknowledged at the first attempt."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "suspended", times=1)
    ts = await desk.reply("by event", thread)
    await desk.until_said(suspended("by event"), thread)
    await desk.press("send_again", thread)
    await desk.until_delivered(ts)
    said = await desk.slack.slash("/devin-say", f"{SESSION} by command")
    assert said.acked
    await desk.until_received("by command")
    await desk.until_heard()
    assert len(desk.received()) == 2


async def test_the_url_handshake_gives_the_challenge_back(bot: Bot, desk: Desk) -> None:
    """Slack asks for it before it sends anything."""
    assert await desk.slack.verify_url()


async def test_the_certificate_check_is_answered(caller: Caller) -> None:
    """It is Slack's `ssl_check` of a command's address, signed like everything."""
    status, _ = await caller.post(urlencode({"ssl_check": "1"}).encode(), content_type=FORM)
    assert status == 200


async def test_what_nobody_listens_to_is_acknowledged(caller: Caller) -> None:
    """Otherwise Slack retries it three times, and switches the app off in the end."""
    assert await caller.post(caller.event({"type": "emoji_changed"})) == (200, "")


async def test_there_is_nothing_to_post_to_elsewhere(web: aiohttp.ClientSession, bot: Bot) -> None:
    """There is one address, with one method."""
    base = f"http://127.0.0.1:{bot.port}"
    for path in ("/", "/slack", "/slack/events/", "/metrics"):
        async with web.post(base + path) as answer:
            assert answer.status in {404, 405}
    async with web.get(f"{base}/slack/events") as answer:
        assert answer.status == 405


UNSIGNED: Mapping[str, Mapping[str, str | None]] = {
    "a wrong signature": {"X-Slack-Signature": "v0=" + "0" * 64},
    "an empty signature": {"X-Slack-Signature": ""},
    "no signature": {"X-Slack-Signature": None},
    "a signature beyond ASCII": {"X-Slack-Signature": "v0=é"},
    "no time": {"X-Slack-Request-Timestamp": None},
    "a time that is no number": {"X-Slack-Request-Timestamp": "soon"},
    "a time below zero": {"X-Slack-Request-Timestamp": "-1"},
    "a time beyond all times": {"X-Slack-Request-Timestamp": "9" * 5000},
    "half a second": {"X-Slack-Request-Timestamp": "1764000000.5"},
    "a time in other digits": {"X-Slack-Request-Timestamp": "١٧٦٤٠٠٠٠٠٠"},
}


async def test_what_is_not_signed_by_slack_is_turned_away(caller: Caller) -> None:
    """The answer is 401, and the body is neither examined nor logged."""
    stream = io.StringIO()
    body = caller.event({"type": "message", "text": MARK})
    with logging_to(stream, "json"):
        answers = {name: await caller.post(body, headers) for name, headers in UNSIGNED.items()}
    assert answers == dict.fromkeys(UNSIGNED, (401, "bad signature or time"))
    assert MARK not in stream.getvalue()


async def test_a_signature_counts_for_five_minutes_either_way(caller: Caller) -> None:
    """Clocks differ and retries take time; an overheard request is useless afterwards."""
    body = caller.event({"type": "emoji_changed"})
    answers = []
    for seconds in (-302, -270, 270, 600):
        sign = caller.slack.sign(body, int(time.time()) + seconds)
        answers.append((await caller.post(body, sign))[0])
    assert answers == [401, 200, 200, 401]


async def test_headers_give_no_orders(caller: Caller, desk: Desk) -> None:
    """Headers are not signed; with these Bolt would skip the listener that keeps the reply."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("all the same", thread=thread, deliver=False)
    orders = {"X-Slack-Bolt-Lazy-Only": "1", "X-Slack-Bolt-Lazy-Function-Name": "on_message"}
    body = caller.event(desk.slack.event_of("general", ts))
    assert (await caller.post(body, orders))[0] == 200
    await desk.until_delivered(ts)


async def test_whatever_is_replayed_does_nothing_twice(
    caller: Caller, desk: Desk, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """No command, form, start or button does, even if something else was done since."""
    caplog.set_level(logging.INFO)
    await desk.slack.slash("/devin-say", f"{SESSION} Please rebase.")
    await desk.until_received("rebase")
    await desk.slack.slash("/devin-say", "new Fix it")
    await desk.until_linked(await desk.mention("start Fix it, too", user="ben"))
    form = await test_say_form.opened(desk)
    await test_say_form.submit(desk, form, message="Merge it", session=SESSION)
    await desk.until_received("Merge it")
    thread = await desk.linked_thread()
    for action, follow in ((actions.UNFOLLOW, Follow.OFF), (actions.FOLLOW, Follow.ALL)):
        await desk.press(action, thread)
        await until_card(desk, FOLLOWS[follow], thread)
    desk.devin.behave(SESSION, "garbage", times=1)
    await desk.reply("Try again", thread)
    await desk.offering(actions.SEND_AGAIN, thread)
    await desk.press(actions.UNLINK, thread)
    await wait_until(lambda: "unlinked" in acts(caplog), "it is unlinked")
    await desk.mention(f"link {SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    await desk.fence(thread)
    before = (acts(caplog), desk.received(), set(desk.devin.sessions), desk.said(thread))
    for one in list(desk.slack.deliveries):
        body, content_type = encode(one)
        assert (await caller.post(body, content_type=content_type))[0] == 200
    await desk.until_heard()
    await until_settled(store)
    assert (acts(caplog), desk.received(), set(desk.devin.sessions), desk.said(thread)) == before


def acts(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what is on record."""
    return [one.getMessage() for one in caplog.records if one.name == TRAIL.name]


MALFORMED, UNHEARD = "malformed request acknowledged", "nobody listens to a request"
ODD: Mapping[str, tuple[bytes, str | None, str]] = {
    "not UTF-8": (b"\xff\xfe" + MARK.encode(), JSON, MALFORMED),
    "a deep array, not ended": (b"[" * 100_000, JSON, MALFORMED),
    "deep": (b'{"a":' * 100_000 + b'"%s"' % MARK.encode() + b"}" * 100_000, JSON, MALFORMED),
    "a deep form": (b"payload=" + b'{"a":' * 20_000 + b"1" + b"}" * 20_000, FORM, MALFORMED),
    "no JSON": (b"{" + MARK.encode(), JSON, MALFORMED),
    "no JSON in a form": (b"payload={" + MARK.encode(), FORM, MALFORMED),
    "a string": (f'"{MARK}"'.encode(), JSON, MALFORMED),
    "an array": (f'["{MARK}"]'.encode(), JSON, MALFORMED),
    "null": (b"null", JSON, MALFORMED),
    "no type": (b'{"event": {"text": "%s"}}' % MARK.encode(), JSON, UNHEARD),
    "a strange type": (b'{"type": "%s"}' % MARK.encode(), JSON, UNHEARD),
    "nothing": (b"", JSON, UNHEARD),
    "another content type": (MARK.encode(), "text/plain", UNHEARD),
    "no content type": (MARK.encode(), None, UNHEARD),
    "an event that is text": (b'{"type": "event_callback", "event": "type"}', JSON, MALFORMED),
    "an event that is null": (b'{"type": "event_callback", "event": null}', JSON, MALFORMED),
    "a user that is a number": (
        b'{"type": "event_callback", "event": {"type": "message", "user": 5}}',
        JSON,
        MALFORMED,
    ),
    "authorizations by name": (b'{"authorizations": {"a": "%s"}}' % MARK.encode(), JSON, MALFORMED),
}


async def test_odd_bodies_are_acknowledged_and_told_to_the_operator_alone(caller: Caller) -> None:
    """With a valid signature, a retry would be no better; the log quotes none of them."""
    for name, (body, content_type, said) in ODD.items():
        stream = io.StringIO()
        with logging_to(stream, "json", "WARNING"):
            assert await caller.post(body, content_type=content_type) == (200, ""), name
        assert [json.loads(one)["event"] for one in stream.getvalue().splitlines()] == [said], name
        assert MARK not in stream.getvalue(), name


async def test_an_event_under_another_content_type_is_still_an_event(
    caller: Caller, desk: Desk
) -> None:
    """A proxy may rewrite it; the signature proves that it is Slack's."""
    thread = await desk.linked_thread()
    ts = await desk.slack.say("as JSON", thread=thread, deliver=False)
    body = caller.event(desk.slack.event_of("general", ts))
    status, _ = await caller.post(body, content_type="application/json; charset=utf-8")
    assert status == 200
    await desk.until_received("as JSON")


async def test_an_event_that_comes_too_early_is_asked_for_again(
    environ: dict[str, str], desk: Desk, web: aiohttp.ClientSession
) -> None:
    """Until all parts are up, the answer is 503, `/readyz` says why; nothing is acknowledged."""
    desk.slack.fail_next("auth.test", status=503, times=ALWAYS)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    desk.slack.request_url = f"{url}/slack/events"
    leave = asyncio.Event()

    async def serve() -> None:
        async with open_bot(load_settings(environ | {"PORT": str(port)}, None)):
            await leave.wait()

    serving = asyncio.create_task(serve())
    await wait_until(lambda: missing(web, port, "Slack"), "it says that it waits for Slack")
    await desk.slack.say("too early")
    (delivery,) = desk.slack.deliveries
    await wait_until(lambda: delivery.last_status == 503, "the event is not acknowledged")
    desk.slack.fail_no_more()

    async def is_taken() -> bool:
        return (await (await desk.slack.redeliver(delivery)).settled()).acked

    await wait_until(is_taken, "it is taken when Slack sends it again")
    leave.set()
    await serving


@pytest.mark.parametrize("kind", ["http", "worker"])
async def test_a_platform_can_look_after_it(
    environ: dict[str, str], web: aiohttp.ClientSession, kind: str
) -> None:
    """It reports liveness, readiness and metrics; a worker takes nothing from Slack."""
    settings = load_settings(environ, None, needs_transport=kind == "http")
    async with open_bot(settings, listens=kind == "http") as bot:
        await looks_well(web, bot.port)
        async with web.post(f"http://127.0.0.1:{bot.port}/slack/events") as answer:
            assert answer.status == (401 if kind == "http" else 404)


@pytest.mark.parametrize("transport", ["socket"])
async def test_socket_mode_is_looked_after_in_the_same_way(
    bot: Bot, box: Sandbox, web: aiohttp.ClientSession
) -> None:
    """It is ready once Slack has said hello, and not ready without a connection."""
    await wait_until(lambda: is_ready(web, bot.port), "Slack said hello")
    await looks_well(web, bot.port)
    async with web.post(f"http://127.0.0.1:{bot.port}/slack/events") as answer:
        assert answer.status == 404
    box.slack.refuse_connections(refused=True)
    box.slack.drop_connections()

    await wait_until(lambda: missing(web, bot.port, "Socket Mode"), "the loss is noticed")


async def looks_well(web: aiohttp.ClientSession, port: int) -> None:
    base = f"http://127.0.0.1:{port}"
    async with web.get(f"{base}/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "alive"})
    async with web.get(f"{base}/readyz") as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ready"})
    async with web.get(f"{base}/metrics") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        assert "relay_sessions_with_mail" in await answer.text()


async def is_ready(web: aiohttp.ClientSession, port: int) -> bool:
    async with web.get(f"http://127.0.0.1:{port}/readyz") as answer:
        return answer.status == 200


async def missing(web: aiohttp.ClientSession, port: int, what: str) -> bool:
    """Return True if `/readyz` says that it waits for `what`."""
    try:
        async with web.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 503 and what in (await answer.json())["waiting_for"]
    except aiohttp.ClientConnectionError:
        return False
