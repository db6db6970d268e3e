"""The data directory of an earlier version, shifted to the current time, and its sandbox.

All times in the copy are shifted, as if its bot had been killed a minute and a half ago.
"""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from sandbox import Sandbox
from sandbox.slack.server import Message
from sandbox.slack.transport.deliveries import Delivery
from tests.support.desk import Desk, actions

DATA = Path(__file__).parents[1] / "data"

FIRST = DATA / "snapshot"
"""Of a version that read no sessions, and named some keys without their workspace."""

SHARED = DATA / "snapshot-shared"
"""Of the last version with one prefix for the keys of all workspaces."""

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

    def whisper(self, user: str, action: str) -> Message:
        """Return the message with a button or menu of this action that only `user` sees."""
        whispers = self.desk.slack.ephemerals("general", user)
        (found,) = (one for one in whispers if action in actions(one))
        return found


def times_moved(snapshot: Path) -> Callable[[bytes], bytes]:
    """Return what shifts each time in a text of the snapshot, without changing its length."""
    at: float = json.loads((snapshot / "seen.json").read_text())["at"]
    moved = round(time.time() - DOWNTIME.total_seconds() - at)
    return lambda raw: TIME.sub(lambda found: b"%d%b" % (int(found[1]) + moved, found[2]), raw)


async def load(redis: Redis, snapshot: Path) -> None:
    """Write the relay's keys of a snapshot."""
    client: Any = redis  # its method is untyped
    for command in _commands(snapshot):
        await client.execute_command(*command)


def _commands(snapshot: Path) -> Iterator[Sequence[bytes]]:
    (path,) = snapshot.glob("appendonlydir/*.base.aof")
    parts = iter(times_moved(snapshot)(path.read_bytes()).split(b"\r\n"))
    for head in parts:
        if head.startswith(b"*"):
            command = [(next(parts), next(parts))[1] for _ in range(int(head[1:]))]
            if command[1].startswith(b"{devin-relay}:"):
                yield command


def recalled(box: Sandbox, snapshot: Path, home: Path) -> Any:
    """Copy a snapshot's data directory to `home`; the sandbox continues from the same moment."""
    seen = json.loads((snapshot / "seen.json").read_text())
    moved = times_moved(snapshot)
    shutil.copytree(snapshot / "appendonlydir", home / "appendonlydir")
    before, after = seen["address"].encode(), box.slack.api_url.split("/")[2].encode()

    def now(raw: bytes) -> bytes:
        """Return the shifted time, with the same length, which Valkey's file depends on."""
        shifted = moved(raw).replace(before, after)
        assert len(shifted) == len(raw)
        return shifted

    for path in home.rglob("*.aof"):
        path.write_bytes(now(path.read_bytes()))
    seen = json.loads(now((snapshot / "seen.json").read_bytes()))
    box.slack.recall(seen["slack"])
    for session, messages in seen["devin"].items():
        box.devin.add_session(session)
        for one in messages:
            box.devin.session(session).take(one["text"], kind="user_message", at=one["at"])
    return seen


async def endless(home: Path) -> list[str]:
    """Return the relay's keys that would never expire."""
    async with valkey_of(home) as redis:
        keys = [str(key) async for key in redis.scan_iter("{devin-relay[:}]*")]
        assert keys
        return [key for key in keys if await redis.ttl(key) == -1]


async def left(home: Path) -> list[str]:
    """Return the keys that are still under the prefix that all workspaces shared."""
    async with valkey_of(home) as redis:
        return sorted(name for name in await kept(redis, "{devin-relay}:") if name != "alive")


def valkey_of(home: Path) -> Redis:
    """Return a client of the embedded Valkey of a data directory."""
    return Redis(unix_socket_path=(home / "socket").read_text(), decode_responses=True)


async def kept(redis: Redis, prefix: str) -> dict[str, object]:
    """Return the value of each key under a prefix, but for fences, by its name."""
    found: dict[str, object] = {}
    async for key in redis.scan_iter(f"{prefix}*", count=1000):
        match await redis.type(key):
            case "string":
                value: object = await redis.get(key)
            case "hash":
                value = await redis.hgetall(key)
            case "zset":
                value = await redis.zrange(key, 0, -1, withscores=True)
            case "list":
                value = await redis.lrange(key, 0, -1)
            case "set":
                value = await redis.smembers(key)
            case _:
                continue
        found[str(key).removeprefix(prefix)] = value
    return found
