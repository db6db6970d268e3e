"""What counts as Slack's answer: its API's JSON alone, whatever stands between."""

import tracemalloc
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from bot.model.errors import SlackAway, SlackRefused
from bot.runtime.outgoing import MOST_READ, TOO_LONG, open_session
from bot.slack.api import SlackClient, call
from tests.support.slack_apps import serving

PAGE = b"<!DOCTYPE html><html><title>Sign in to the network</title></html>"
REFUSAL = b'{"ok": false, "error": "channel_not_found"}'

CALLS: Mapping[str, Mapping[str, object]] = {
    "chat.postMessage": {"channel": "C0", "text": "Hello", "blocks": []},
    "chat.update": {"channel": "C0", "ts": "1.2", "text": "Hello"},
    "users.info": {"user": "U0"},
    "conversations.info": {"channel": "C0"},
    "conversations.replies": {"channel": "C0", "ts": "1.2"},
    "reactions.add": {"channel": "C0", "timestamp": "1.2", "name": "x"},
    "views.open": {"trigger_id": "1", "view": {"type": "modal"}},
    "files.completeUploadExternal": {"files": [{"id": "F0", "title": "a"}]},
    "functions.completeSuccess": {"function_execution_id": "Fx0", "outputs": {}},
    "auth.test": {},
    "apps.connections.open": {"app_token": "xapp-0"},
}
"""Each way in which slack_sdk sends parameters: JSON, a form, a query."""

NO_ANSWERS: Mapping[str, tuple[str, bytes]] = {
    "page": ("text/html", PAGE),
    "page named JSON": ("application/json", PAGE),
    "text": ("text/plain", b"Forbidden"),
    "refusal as text": ("text/plain", REFUSAL),
    "archive": ("application/gzip", b"\x1f\x8b"),
    "nothing": ("text/html", b""),
    "nothing named JSON": ("application/json", b""),
    "list": ("application/json", b'["error"]'),
    "string": ("application/json", b'"error"'),
    "number": ("application/json", b"7"),
    "null": ("application/json", b"null"),
    "empty object": ("application/json", b"{}"),
    "error without ok": ("application/json", b'{"error": "blocked"}'),
    "ok that is text": ("application/json", b'{"ok": "false", "error": "blocked"}'),
    "ok that is null": ("application/json", b'{"ok": null, "error": "blocked"}'),
    "no error": ("application/json", b'{"ok": false}'),
    "error that is no code": ("application/json", b'{"ok": false, "error": {"code": 403}}'),
    "empty error": ("application/json", b'{"ok": false, "error": ""}'),
}
READING = {"users.info", "conversations.info", "conversations.replies", "auth.test"}
STATUSES = (200, 202, 301, 400, 401, 403, 404, 407, 451, 500, 502, 503, 511)


@asynccontextmanager
async def answering(status: int, kind: str, body: bytes) -> AsyncIterator[SlackClient]:
    """Serve a Slack whose every call gets one answer."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={"Content-Type": kind})

    app = web.Application()
    app.router.add_route("*", "/api/{method}", answer)
    async with serving(app) as url:
        yield SlackClient(token="xoxb-0", base_url=f"{url}/api/")


@pytest.mark.parametrize("kind", NO_ANSWERS)
async def test_what_is_no_answer_of_slack_s_api_refuses_nothing(kind: str) -> None:
    """A proxy's page may stand in for Slack for a moment; what changes something may be done.

    Each kind comes with each status and at each method, and of all three together every fourth.
    """
    shift = list(NO_ANSWERS).index(kind)
    for number, status in enumerate(STATUSES, start=shift):
        async with answering(status, *NO_ANSWERS[kind]) as client:
            for method in list(CALLS)[number % 4 :: 4]:
                with pytest.raises(SlackAway) as away:
                    await call(client, method, **CALLS[method])
                assert away.value.maybe_done is (method not in READING), (method, status)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404])
async def test_a_code_of_slack_s_refuses_whatever_its_status(status: int) -> None:
    """Slack's refusals have the status 200; a code counts all the same with another one."""
    async with answering(status, "application/json; charset=utf-8", REFUSAL) as client:
        for method, params in CALLS.items():
            with pytest.raises(SlackRefused) as refused:
                await call(client, method, **params)
            assert refused.value.reason == "channel_not_found"


@pytest.mark.parametrize("kind", sorted(NO_ANSWERS.keys() - {"archive"}))
async def test_a_page_of_status_429_is_a_rate_limit(kind: str) -> None:
    """What is limited was not done, so nothing is looked for."""
    async with answering(429, *NO_ANSWERS[kind]) as client:
        for method, params in CALLS.items():
            with pytest.raises(SlackAway) as away:
                await call(client, method, **params)
            assert not away.value.maybe_done


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
async def test_an_answer_that_is_too_long_takes_no_memory(encoding: str) -> None:
    """What is small on the wire may be a thousand times as long, and the process may end of it."""
    packer = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    megabyte = b" " * 2**20

    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
        body = web.StreamResponse(headers=headers)
        await body.prepare(request)
        with suppress(ConnectionError):
            for _ in range(4 * MOST_READ // len(megabyte)):
                part = megabyte if encoding == "identity" else packer.compress(megabyte)
                await body.write(part)
        return body

    app = web.Application()
    app.router.add_route("*", "/api/{method}", answer)
    async with serving(app) as url, open_session(None) as session:
        client = SlackClient(token="xoxb-0", base_url=f"{url}/api/", session=session)
        tracemalloc.start()
        try:
            with pytest.raises(SlackAway, match=TOO_LONG):
                await call(client, "users.info", **CALLS["users.info"])
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most < 2 * MOST_READ


async def test_a_workspace_that_writes_too_much_is_told_later() -> None:
    """`message_limit_exceeded` passes: the words wait, and nothing was posted."""
    body = b'{"ok": false, "error": "message_limit_exceeded"}'
    async with answering(200, "application/json", body) as client:
        with pytest.raises(SlackAway):
            await call(client, "chat.postMessage", **CALLS["chat.postMessage"])
