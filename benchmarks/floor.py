"""The floor: what one reply costs at least, a durable write to Redis and a POST to Devin."""

import asyncio
import tempfile
import time
from pathlib import Path

from pydantic import SecretStr

from bot.devin import open_devin
from bot.embedded import embedded_valkey
from bot.models import SessionId
from bot.store import open_store
from sandbox.devin import DevinSandbox

REPLIES = 2_000
AT_ONCE = 64


async def floor_rate() -> tuple[float]:
    """Replies a second, 64 at once, with everything in this process."""
    with tempfile.TemporaryDirectory() as home:
        async with (
            DevinSandbox() as sandbox,
            embedded_valkey(Path(home) / "data") as url,
            open_store(url) as store,
            open_devin(sandbox.url, SecretStr(sandbox.api_key), AT_ONCE) as devin,
        ):
            session = SessionId("devin-0123456789abcdef")
            sandbox.add_session(session)
            room = asyncio.Semaphore(AT_ONCE)

            async def one(number: int) -> None:
                async with room:
                    await store.get(f"floor:{number}")
                    await devin.post_message(session, f"reply {number}")

            began = time.monotonic()
            await asyncio.gather(*(one(number) for number in range(REPLIES)))
            return (REPLIES / (time.monotonic() - began),)
