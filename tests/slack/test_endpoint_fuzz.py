"""Any request to `POST /slack/events` gets a 200 if it is signed, and otherwise a 401.

Requests are written to the socket byte by byte, since a client would repair or refuse most of them.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.app import Bot
from tests.slack.test_endpoint import FORM, transport
from tests.support.builders import mutated, sample
from tests.support.desk import Desk
from tests.support.logbook import logging_to

__all__ = ["transport"]

MARK = "xyz-zy xyz-zy"
"""A word that must not be in the log; it does not look like an id, since ids may be logged."""

Headers = Mapping[str, bytes]

WORDS = [
    *("event_callback", "block_actions", "view_submission", "message_action", "shortcut"),
    *("interactive_message", "dialog_submission", "block_suggestion", "view_closed", "type"),
    *("url_verification", "app_rate_limited", "message", "app_mention", "function_executed"),
    *("assistant_thread_started", "workflow_step_execute", "T123ABC456", "1515449522.000016"),
    *("send_again", "unlink", "/devin-say", "message_changed", "im", "E1", MARK),
]
KEYS = [
    *("type", "event", "user", "channel", "team", "enterprise", "authorizations", "view"),
    *("actions", "message", "previous_message", "item", "assistant_thread", "ts", "thread_ts"),
    *("text", "response_urls", "response_url", "function_data", "event_id", "command", "id"),
    *("callback_id", "action_id", "block_id", "value", "subtype", "channel_type", "bot_id"),
    *("is_ext_shared_channel", "user_team", "team_id", "trigger_id", "submission", "ssl_check"),
    *("app_installed_team_id", "workflow_step", "challenge", "name", "bot_access_token", MARK),
]
VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(WORDS)
ANYTHING = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=8)
SAMPLES = [sample(name) for name in ("message", "block_actions", "slash_command", "channel_join")]


def form(fields: Mapping[str, Any]) -> bytes:
    """Encode a form as a browser would."""
    return urlencode(fields, errors="replace").encode()


PAYLOADS = OBJECTS | mutated(SAMPLES)
BODIES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100).map(lambda text: f"{text}{MARK}".encode()),
    ANYTHING.map(lambda value: json.dumps(value).encode()),
    PAYLOADS.map(lambda payload: json.dumps(payload).encode()),
    PAYLOADS.map(lambda payload: form({"payload": json.dumps(payload)})),
    PAYLOADS.map(form),
)
LINES = st.lists(st.sampled_from([9, *range(32, 127), *range(128, 256)]), max_size=40).map(bytes)
"""Characters that a header may contain (RFC 9110, 5.5), in any encoding."""

TYPES = (
    st.sampled_from([b"application/json", FORM.encode(), b"text/plain; charset=nonsense"]) | LINES
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["X-Slack-Retry-Num", "X-Slack-Bolt-Lazy-Only", "X-Slack-Bolt-Lazy-Function-Name", "Cookie"]
    ),
    LINES,
)
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


async def post(bot: Bot, headers: Mapping[str, bytes | str], body: bytes) -> int:
    """Write a request as it is given, and return the status of the answer."""
    lines = [b"POST /slack/events HTTP/1.1", b"Host: x", b"Connection: close"]
    for name, value in headers.items():
        lines.append(
            name.encode() + b": " + (value if isinstance(value, bytes) else value.encode())
        )
    reader, writer = await asyncio.open_connection("127.0.0.1", bot.port)
    try:
        writer.write(b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body]))
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def thread(bot: Bot, desk: Desk) -> AsyncIterator[str]:
    """A linked thread; after the test, the next reply in it still arrives."""
    thread = await desk.linked_thread()
    yield thread
    await desk.reply("And the next.", thread)  # beyond the minute's budget of ✅, perhaps
    await desk.until_received("And the next.")


def assert_nothing_told(log: str) -> None:
    """Check that the log has no text of a request, and no unexpected failure."""
    assert MARK not in log
    assert "unforeseen" not in log
    assert "Traceback" not in log


@FUZZ
@given(body=BODIES, content_type=TYPES, more=HEADERS)
async def test_a_signed_request_is_acknowledged_whatever_is_in_it(
    thread: str, bot: Bot, desk: Desk, body: bytes, content_type: bytes, more: Headers
) -> None:
    """A retry would be the same, so Slack is not asked for one; the log quotes none of it."""
    stream = io.StringIO()
    with logging_to(stream, "json", "DEBUG"):
        asked: dict[str, bytes | str] = {**more, "Content-Type": content_type}
        assert await post(bot, asked | desk.slack.sign(body), body) == 200
    assert_nothing_told(stream.getvalue())


@FUZZ
@given(data=st.data())
async def test_a_reply_is_acknowledged_in_whatever_shape_it_comes(
    thread: str, bot: Bot, desk: Desk, data: st.DataObject
) -> None:
    """It is in a linked thread, where every field of it is read."""
    ts = await desk.slack.say(MARK, thread=thread, deliver=False)
    real = desk.slack.event_of("general", ts)
    outer = {"type": "event_callback", "team_id": desk.slack.team_id, "event_id": "Ev0FUZZ"}
    payload = data.draw(mutated([outer | {"event": real}]))
    body = json.dumps(payload).encode()
    stream = io.StringIO()
    with logging_to(stream, "json", "DEBUG"):
        headers = {"Content-Type": "application/json", **desk.slack.sign(body)}
        assert await post(bot, headers, body) == 200
    assert_nothing_told(stream.getvalue())


@FUZZ
@given(body=BODIES, content_type=TYPES, more=HEADERS, line=LINES, spoilt=st.integers(0, 2))
async def test_a_request_that_is_not_signed_is_turned_away_whatever_is_in_it(
    bot: Bot, desk: Desk, body: bytes, content_type: bytes, more: Headers,
    line: bytes, spoilt: int,
) -> None:  # fmt: skip
    """The answer is 401 for a wrong signature, a wrong time and an added body alike."""
    headers: dict[str, bytes | str] = {
        **more,
        "Content-Type": content_type,
        **desk.slack.sign(body),
    }
    if spoilt < 2:
        headers[["X-Slack-Signature", "X-Slack-Request-Timestamp"][spoilt]] = line
    stream = io.StringIO()
    with logging_to(stream, "json", "WARNING"):
        assert await post(bot, headers, body if spoilt < 2 else body + b" ") == 401
    assert stream.getvalue() == ""


async def test_a_body_beyond_the_limit_is_refused_without_a_look_at_it(
    bot: Bot, desk: Desk
) -> None:
    """The answer is 413, or 401 if nothing suggests that it is Slack's."""
    body = MARK.encode() * 2**18  # 1.25 MB
    stream = io.StringIO()
    with logging_to(stream, "json", "WARNING"):
        assert await post(bot, desk.slack.sign(body), body) == 413
        assert await post(bot, {}, body) == 401
    assert stream.getvalue() == ""


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "nonsense"])
async def test_no_body_is_unpacked(
    encoding: str, bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Slack compresses none; a small one from a stranger could be huge inside."""
    body, packed = MARK.encode(), {"Content-Encoding": encoding}
    assert await post(bot, packed, body) == 401
    assert await post(bot, packed | desk.slack.sign(body), body) == 200
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []


async def test_whoever_leaves_half_way_leaves_nothing_behind(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    """A body that never ends is not an error."""
    _, writer = await asyncio.open_connection("127.0.0.1", bot.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await post(bot, {}, b"") == 401
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []
