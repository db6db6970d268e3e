"""Socket Mode frames from Slack, and the acknowledgements that go back.

Shapes: docs.slack.dev/apis/events-api/using-socket-mode. Nothing here raises on a malformed frame.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.model.lenient import parse_object

NOTES = ("hello", "disconnect")
"""Frames about the connection itself, which are not answered."""

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class Flaw:
    """A frame that cannot be used: the problem, and its envelope's id if it has one."""

    problem: str
    envelope_id: str | None = None


def parse_frame(text: str) -> SocketModeRequest | Mapping[str, Any] | Flaw:
    """Parse a frame into an envelope, a note (one of `NOTES`, as it came), or a flaw."""
    frame = parse_object(text)
    if frame is None:
        return Flaw("no JSON object")
    kind = frame.get("type")
    if kind in NOTES:
        return frame
    named = frame.get("envelope_id")
    envelope_id = named if isinstance(named, str) and _ID.fullmatch(named) else None
    if not isinstance(kind, str):
        return Flaw("no type", envelope_id)
    try:
        envelope = SocketModeRequest.from_dict(frame)
    except ValueError:  # a payload of another kind
        envelope = None
    if envelope is None:
        return Flaw("no envelope_id" if named is None else "no payload", envelope_id)
    return envelope


def acknowledgement(envelope_id: str, response: BoltResponse) -> str:
    """Return the acknowledgement of an envelope, with the listener's response, if any."""
    ack: dict[str, Any] = {"envelope_id": envelope_id}
    if response.body:
        is_json = response.first_headers().get("content-type", "").startswith("application/json")
        ack["payload"] = json.loads(response.body) if is_json else {"text": response.body}
    return json.dumps(ack)
