"""Payloads that the relay has no use for are acknowledged, and nothing else happens."""

import json
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.app import Bot
from bot.slack.people import WORKSPACES
from sandbox import Sandbox
from tests.support.builders import JSON, sample
from tests.support.desk import Desk
from tests.support.slack_apps import MODAL

EVENTS: list[JSON] = [
    {"type": "reaction_added", "user": "U0ADA00000", "reaction": "+1", "item": {}},
    {"type": "member_joined_channel", "user": "U0ADA00000", "channel": "C0GENERAL0"},
    {"type": "app_home_opened", "user": "U0ADA00000", "channel": "D0ADADM000", "tab": "about"},
    {"type": "channel_id_changed", "old_channel_id": "G1", "new_channel_id": "C1"},
    {"type": "channel_shared", "connected_team_id": "T0OTHER000", "channel": "C0GENERAL0"},
    {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0DEVINREL"]}},
    {"type": "app_uninstalled"},
    {"type": "file_shared", "file_id": "F1", "user_id": "U0ADA00000"},
    {
        "type": "assistant_thread_started",
        "assistant_thread": {"user_id": "U0ADA00000", "channel_id": "D0ADADM000", "context": {}},
    },
    {"type": "app_context_changed", "user": "U0ADA00000", "channel": "D0ADADM000", "context": {}},
    {
        "type": "agent_session_title_changed",
        "channel": "D0ADADM000",
        "user": "U0ADA00000",
        "thread_ts": "1.000000",
        "title": "Poem",
    },
    {
        "type": "message",
        "subtype": "message_changed",
        "channel": "D0ADADM000",
        "message": {
            "subtype": "assistant_app_thread",
            "user": "U0DEVINREL",
            "ts": "1.000000",
            "thread_ts": "1.000000",
            "edited": {"user": "U0DEVINREL", "ts": "2.000000"},
            "assistant_app_thread": {"title": "Poem", "title_blocks": [], "artifacts": []},
        },
        "ts": "2.000000",
    },
    {"type": "something_new", "nested": {"deep": [1, None]}},
]


async def test_an_event_without_a_listener_is_acknowledged(bot: Bot, desk: Desk) -> None:
    """Otherwise Slack would send it three more times, and count it against the app."""
    calls = len(desk.slack.calls)
    for event in EVENTS:
        await desk.slack.deliver_event(event)
    await desk.until_heard()
    made = {one.method for one in desk.slack.calls[calls:]}
    assert made <= {WORKSPACES}, "an organization may be asked whether it shares with itself"
    assert desk.devin.requests == []


RATE_LIMITED: JSON = {
    "token": "XXYYZZ",
    "type": "app_rate_limited",
    "team_id": "T123ABC456",
    "minute_rate_limited": 1518467820,
    "api_app_id": "A123ABC456",
}
"""Slack's notification that it drops events (docs.slack.dev/apis/events-api)."""


def as_form(payload: JSON) -> bytes:
    """Encode an interaction as Slack posts it: JSON in a form."""
    return urlencode({"payload": json.dumps(payload)}).encode()


REQUESTS: dict[str, tuple[str, bytes]] = {
    "rate_limit": ("application/json", json.dumps(RATE_LIMITED).encode()),
    "event": ("application/json", json.dumps(sample("channel_join")).encode()),
    "unknown_event": (
        "application/json",
        json.dumps({**sample("message"), "event": {"type": "something_new"}}).encode(),
    ),
    "command": ("application/x-www-form-urlencoded", urlencode(sample("slash_command")).encode()),
    "button": ("application/x-www-form-urlencoded", as_form(sample("block_actions"))),
    "shortcut": (
        "application/x-www-form-urlencoded",
        as_form({**sample("block_actions"), "type": "message_action", "callback_id": "x"}),
    ),
    "global_shortcut": (
        "application/x-www-form-urlencoded",
        as_form({"type": "shortcut", "callback_id": "x", "user": {"id": "U1"}}),
    ),
    "view_closed": (
        "application/x-www-form-urlencoded",
        as_form({"type": "view_closed", "view": MODAL, "user": {"id": "U1"}}),
    ),
    "view_submission": (
        "application/x-www-form-urlencoded",
        as_form({"type": "view_submission", "view": MODAL, "user": {"id": "U1"}}),
    ),
    "options": (
        "application/x-www-form-urlencoded",
        as_form({"type": "block_suggestion", "action_id": "x", "user": {"id": "U1"}}),
    ),
}


@pytest.mark.parametrize("transport", ["http"])
async def test_over_http_all_of_it_gets_its_200(
    bot: Bot, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """A genuine payload that is not for the relay gets a 200; dropped events are logged."""
    async with aiohttp.ClientSession() as http:
        calls = len(box.slack.calls)
        for name, (kind, body) in REQUESTS.items():
            headers = {"Content-Type": kind, **box.slack.sign(body)}
            url = f"http://127.0.0.1:{bot.port}/slack/events"
            async with http.post(url, data=body, headers=headers) as answer:
                assert (answer.status, await answer.text()) == (200, ""), name
        assert len(box.slack.calls) == calls
    assert box.devin.requests == []
    said = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert said == ["Slack drops events: rate limit of the Events API reached"]
