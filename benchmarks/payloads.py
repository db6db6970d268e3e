"""The events of the load, with every field that Slack sends, and Devin's answer to a message.

Shapes from docs.slack.dev/reference/events and /apis/events-api/using-socket-mode, and from
docs.devin.ai/sdk, "SessionResponse".
"""

import json
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

TEAM, CHANNEL, APP = "T0123456789", "C0123456789", "A0123456789"
BOT, BOT_USER = "B0123456789", "U0RELAY0000"
ORGANIZATION = "org-0123456789abcdef0123456789abcdef"
PEOPLE = tuple(f"U0PERSON{number:03d}" for number in range(8))

_numbers: Iterator[int] = count()


def _ticking() -> Iterator[int]:
    last = 0
    while True:
        last = max(last + 1, time.time_ns() // 1_000)
        yield last


_micros = _ticking()


def new_ts() -> str:
    """Return the `ts` of a message written now, later than every earlier one."""
    micros = next(_micros)
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def message(text: str, thread: str | None = None) -> dict[str, Any]:
    """Return the `message` event of a person; a reply if there is a `thread`."""
    ts = new_ts()
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    event: dict[str, Any] = {
        "type": "message",
        "user": PEOPLE[next(_numbers) % len(PEOPLE)],
        "text": text,
        "client_msg_id": f"7d1c1a2e-0c5f-4b8e-9a57-{next(_numbers):012d}",
        "team": TEAM,
        "ts": ts,
        "blocks": [{"type": "rich_text", "block_id": "qTg", "elements": [section]}],
        "channel": CHANNEL,
        "event_ts": ts,
        "channel_type": "channel",
    }
    return event if thread is None else event | {"thread_ts": thread, "parent_user_id": PEOPLE[0]}


def mentions(words: str, thread: str) -> list[dict[str, Any]]:
    """Return a mention of the bot as Slack sends it: a `message` and an `app_mention`."""
    event = message(f"<@{BOT_USER}> {words}", thread)
    return [
        event,
        {k: v for k, v in event.items() if k != "channel_type"} | {"type": "app_mention"},
    ]


def envelope(name: str, event: dict[str, Any], attempt: int = 0) -> str:
    """Return the Socket Mode frame of a delivery; `attempt` is 0 for the first."""
    number = next(_numbers)
    authorization = {
        "enterprise_id": None,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    payload = {
        "token": "bench",
        "team_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": None,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{number:09d}",
        "event_time": int(time.time()),
        "authorizations": [authorization],
        "is_ext_shared_channel": False,
        "event_context": f"4-{number:038d}",
    }
    frame = {
        "envelope_id": name,
        "type": "events_api",
        "accepts_response_payload": False,
        "retry_attempt": attempt,
        "retry_reason": "timeout" if attempt else "",
        "payload": payload,
    }
    return json.dumps(frame)


def user_json(user: str) -> dict[str, Any]:
    """Return a member of the workspace in the form of `users.info`."""
    name = f"Person {user[-3:]}"
    return {
        "id": user,
        "team_id": TEAM,
        "name": name.lower().replace(" ", "."),
        "deleted": False,
        "is_bot": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "profile": {"real_name": name, "display_name": name},
    }


def session_json(session: str, status: str, detail: str | None, updated: int) -> dict[str, Any]:
    """Return a session as version 3 shows it; `updated` is in Unix seconds."""
    return {
        "session_id": session,
        "url": f"https://app.devin.ai/sessions/{session.removeprefix('devin-')}",
        "org_id": ORGANIZATION,
        "title": "Benchmark",
        "status": status,
        "status_detail": detail,
        "structured_output": None,
        "acus_consumed": 0.0,
        "created_at": updated,
        "updated_at": updated,
        "is_archived": False,
        "origin": "api",
        "pull_requests": [],
        "tags": [],
        "playbook_id": None,
        "parent_session_id": None,
        "child_session_ids": None,
        "user_id": None,
        "service_user_id": "service-user-0123456789",
    }
