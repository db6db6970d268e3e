"""The data directory of an earlier version, shifted to the current time, and its sandbox.

All times in the copy are shifted, as if its bot had been killed a minute and a half ago.
"""

import json
import re
import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from sandbox import Sandbox
from sandbox.slack.server import Message
from sandbox.slack.transport.deliveries import Delivery
from tests.support.desk import Desk

SNAPSHOT = Path(__file__).parents[1] / "data" / "snapshot"

DOWNTIME = timedelta(seconds=90)
"""A time longer than any lease, and than the pause for a report that was begun."""

TIME = re.compile(rb"(?<![0-9A-Za-z])(1[78][0-9]{8})((?:[0-9]{3}|[0-9]{6})?)(?![0-9A-Za-z])")
"""A time in Unix seconds, with or without a fraction, in milliseconds or in microseconds."""


@dataclass(frozen=True)
class Upgraded:
    """The bot's surroundings after the upgrade, and the earlier messages by their names."""

    desk: Desk
    ts: dict[str, str]
    again: dict[str, Any]

    def redelivered(self, name: str) -> Delivery:
        """Let Slack bring an earlier event again."""
        return Delivery(**self.again[name])

    def whisper(self, user: str, words: str) -> Message:
        """Return the message with these words and a button that only `user` sees."""
        (found,) = (
            one
            for one in self.desk.slack.ephemerals("general", user)
            if words in one.text and one.blocks[-1]["type"] == "actions"
        )
        return found


def recalled(box: Sandbox, home: Path) -> Any:
    """Copy the data directory to `home`, and let the sandbox continue from the same moment."""
    seen = json.loads((SNAPSHOT / "seen.json").read_text())
    moved = round(time.time() - DOWNTIME.total_seconds() - seen["at"])
    shutil.copytree(SNAPSHOT / "appendonlydir", home / "appendonlydir")
    before, after = seen["address"].encode(), box.slack.api_url.split("/")[2].encode()

    def now(raw: bytes) -> bytes:
        """Return the shifted time, with the same length, which Valkey's file depends on."""
        shifted = TIME.sub(lambda found: b"%d%b" % (int(found[1]) + moved, found[2]), raw)
        shifted = shifted.replace(before, after)
        assert len(shifted) == len(raw)
        return shifted

    for path in home.rglob("*.aof"):
        path.write_bytes(now(path.read_bytes()))
    seen = json.loads(now((SNAPSHOT / "seen.json").read_bytes()))
    box.slack.recall(seen["slack"])
    for session, messages in seen["devin"].items():
        box.devin.add_session(session)
        for one in messages:
            box.devin.session(session).take(one["text"], kind="user_message", at=one["at"])
    return seen


async def endless(home: Path) -> list[str]:
    """Return the relay's keys that would never expire."""
    async with Redis(
        unix_socket_path=(home / "socket").read_text(), decode_responses=True
    ) as redis:
        keys = [str(key) async for key in redis.scan_iter("{devin-relay}*")]
        assert keys
        return [key for key in keys if await redis.ttl(key) == -1]
