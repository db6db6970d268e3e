"""Servers that answer a POST in every way a wire can, byte by byte, and clients to send to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from bot.devin import Devin, open_devin
from bot.models import Outcome, SessionId, Wait
from tests.people import SESSION

KEY = "apk_test-not-a-secret"
ID = SessionId(SESSION)
PATIENT = 30.0
"""Longer than a machine stands still; who waits for a time to be over gives a shorter one."""

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """A server that does on each connection what its test says; keeps the requests it read."""

    talk: Talk
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    script: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self.port}"

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """One whole request: its head and as much body as it says."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ),
            0,
        )
        request = head + await reader.readexactly(length)
        self.requests.append(request)
        return request


@asynccontextmanager
async def serving(talk: Callable[[RawServer], Talk]) -> AsyncIterator[RawServer]:
    """Run a raw server; its conversations end with the block."""
    server = RawServer(talk=lambda _, __: asyncio.sleep(0))
    server.talk = talk(server)
    running: set[asyncio.Task[None]] = set()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await server.talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            running.discard(task)
            writer.transport.abort()
            server.ended += 1

    listening = await asyncio.start_server(on_connection, "127.0.0.1", 0, limit=2**20)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await listening.wait_closed()


def answering(*parts: bytes, closes: bool = True) -> Callable[[RawServer], Talk]:
    """Read each request, then write `parts`, then close."""

    def talk(server: RawServer) -> Talk:
        async def talk_(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                await server.read(reader)
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                if closes:
                    writer.close()
                    await writer.wait_closed()
                    return

        return talk_

    return talk


def stepping(script: list[bytes]) -> Callable[[RawServer], Talk]:
    """Answer each request with the next of `script`, and close; a test may add to it."""

    def talk(server: RawServer) -> Talk:
        server.script = script

        async def talk_(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read(reader)
            writer.write(server.script.pop(0))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        return talk_

    return talk


def whole(
    status: str, body: bytes = b"", *headers: str, content_type: str = "application/json"
) -> bytes:
    """A whole HTTP/1.1 answer."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


OK = whole("200 OK", b"null")


@asynccontextmanager
async def client(
    url: str,
    *,
    connections: int = 4,
    timeouts: httpx.Timeout | float = PATIENT,
    total: float = PATIENT,
) -> AsyncIterator[Devin]:
    limits = httpx.Timeout(timeouts)
    async with open_devin(url, SecretStr(KEY), connections, limits, total) as devin:
        yield devin


async def post(
    url: str,
    message: str = "hello",
    *,
    timeouts: httpx.Timeout | float = PATIENT,
    total: float = PATIENT,
) -> Outcome | Wait:
    """Send one message with a client of its own."""
    async with client(url, timeouts=timeouts, total=total) as devin:
        return await devin.post_message(ID, message)


def kind(answer: Outcome | Wait) -> str:
    return "wait" if isinstance(answer, Wait) else answer.kind.value


HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HALF + b"Transfer-Encoding: chunked\r\n\r\n"
