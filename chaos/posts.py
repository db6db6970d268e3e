"""The posts of a run: their settings, and the processes at them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from chaos.clocks import Clocks, shifted
from chaos.processes import Post
from chaos.surfaces import CHANNEL
from chaos.trouble import LISTENERS
from chaos.wishing import EMOJI
from sandbox import Sandbox
from sandbox.launch import environment_of


def made(home: Path, seed: int) -> Sequence[Post]:
    """Return all posts, the listeners' first; their logs are in `home`."""
    return [
        Post(f"{command}-{number}", command, home, seed)
        for command in ("run", "worker")
        for number in range(1, LISTENERS + 1)
    ]


def environs(
    box: Sandbox, redis_url: str, home: Path, ports: Sequence[int]
) -> Sequence[Mapping[str, str]]:
    """Return the settings of the posts, in their order."""
    same = {
        **environment_of(box.slack, box.devin),
        "REDIS_URL": redis_url,
        "DATA_DIR": str(home / "data"),
        "GIVE_UP_AFTER": "10m",
        "ACT_AS": "off" if box.devin.api == "v1" else "known",
        "START_EMOJI": EMOJI,
        "START_EMOJI_CHANNELS": box.slack.workspace.channel(CHANNEL).id,
        "STARTS_PER_HOUR": "0",
        "STARTS_PER_HOUR_ALL": "0",
        "DELIVERY_CONCURRENCY": "4",
        "HOST": "127.0.0.1",
        "LOG_FORMAT": "json",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    listening = list(ports) or [0] * LISTENERS
    return [{**same, "PORT": str(port)} for port in [*listening, *([0] * LISTENERS)]]


@asynccontextmanager
async def kept(
    posts: Sequence[Post], environs: Sequence[Mapping[str, str]], clocks: Clocks
) -> AsyncIterator[None]:
    """Keep a process at every post."""
    tasks = [
        asyncio.create_task(post.keep({**environ, **shifted(ahead)}), name=post.name)
        for post, environ, ahead in zip(posts, environs, clocks.posts, strict=True)
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
