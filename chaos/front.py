"""The network in front of the bot's processes in HTTP mode: a balancer, and strangers."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

CONNECT_SECONDS = 1.0
CHUNK = 65_536
STRANGERS = 300
AGAIN_SECONDS, AGAIN = 0.1, 10
"""A stranger comes again after that, or this many times as long as it took to be turned away:
they fill the ports, but not a slow machine."""

HALF = b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Length: 1048576\r\n\r\n{"
"""A request whose body never arrives."""


class Balancer:
    """Forwards each connection to a random process that accepts it; Slack sends to `url`."""

    def __init__(self, ports: Sequence[int], seed: int) -> None:
        self.is_refusing = False
        self.url = ""
        self._ports = list(ports)
        self._rng = random.Random(f"balancer {seed}")  # noqa: S311  (repeatable, not secret)
        self._carried: set[asyncio.StreamWriter] = set()

    def drop(self) -> None:
        """Cut every connection without notice."""
        for writer in self._carried:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side ends it."""
        self._carried.add(writer)
        try:
            found = None if self.is_refusing else await self._dial()
            if found is not None:
                there, back = found
                async with asyncio.TaskGroup() as group:
                    group.create_task(_carry(reader, back))
                    group.create_task(_carry(there, writer))
        finally:
            self._carried.discard(writer)
            writer.transport.abort()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Connect to any process that accepts."""
        for port in self._rng.sample(self._ports, len(self._ports)):
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection("127.0.0.1", port)
        return None


@asynccontextmanager
async def balancing(ports: Sequence[int], seed: int) -> AsyncIterator[Balancer]:
    """Run a balancer on a free port in front of `ports`."""
    balancer = Balancer(ports, seed)
    server = await asyncio.start_server(balancer.serve, "127.0.0.1", 0)
    balancer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/slack/events"
    try:
        yield balancer
    finally:
        server.close()
        balancer.drop()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.transport.abort()


@asynccontextmanager
async def strangers(port: int) -> AsyncIterator[None]:
    """Keep many connections to `port` open, each with half an unsigned request."""
    async with asyncio.TaskGroup() as group:
        coming = [group.create_task(_come(port)) for _ in range(STRANGERS)]
        try:
            yield
        finally:
            for one in coming:
                one.cancel()


async def _come(port: int) -> None:
    while True:
        began = time.monotonic()
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(HALF)
                await reader.read(1)
            finally:
                writer.transport.abort()
        await asyncio.sleep(max(AGAIN_SECONDS, AGAIN * (time.monotonic() - began)))
