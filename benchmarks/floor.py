"""The floor: a reply's minimum cost, one durable write to Redis and one POST to Devin.

There is no Bolt, no ordering, no reports and no retry: an envelope is read, written, acknowledged
and sent.
"""

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from redis.asyncio import Redis

from bot.redis.embedded.server import embedded_valkey

LINKS: dict[str, str] = {}


async def main() -> None:
    """Relay threaded replies until SIGTERM; the Valkey, which then writes to disk, ends first."""
    if (this := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    slack = {"Authorization": f"Bearer {os.environ['SLACK_APP_TOKEN']}"}
    devin = {"Authorization": f"Bearer {os.environ['DEVIN_API_KEY']}"}
    message_url = os.environ["DEVIN_API_URL"] + os.environ["MESSAGE_PATH"]
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        embedded_valkey(Path(os.environ["DATA_DIR"])) as url,
        Redis.from_url(url, max_connections=1_000) as redis,
        aiohttp.ClientSession(connector=connector) as http,
    ):
        opening = f"{os.environ['SLACK_API_URL']}apps.connections.open"
        async with http.post(opening, headers=slack) as answer:
            address = (await answer.json())["url"]
        async with http.ws_connect(address) as ws, asyncio.TaskGroup() as group:

            async def relay(envelope: dict[str, Any]) -> None:
                event = envelope["payload"]["event"]
                text, thread = event["text"], event.get("thread_ts", "")
                if " link " in text:
                    LINKS[thread] = text.split()[-1]
                session = LINKS.get(thread)
                is_new = session is not None and " link " not in text
                if is_new:
                    key = f"{event['channel']}:{event['ts']}"
                    is_new = bool(await redis.set(key, text, nx=True, ex=86400))
                await ws.send_json({"envelope_id": envelope["envelope_id"]})
                if is_new:
                    url = message_url.format(session=session)
                    async with http.post(url, json={"message": text}, headers=devin) as sent:
                        await sent.read()

            async for frame in ws:
                envelope = json.loads(frame.data)
                if "envelope_id" in envelope:
                    group.create_task(relay(envelope))


if __name__ == "__main__":
    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        contextlib.suppress(asyncio.CancelledError),
    ):
        runner.run(main())
