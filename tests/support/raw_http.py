"""Servers that answer a POST in every way possible, byte by byte, and clients to send to them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from pydantic import SecretStr

from bot.devin.api import Devin, SessionSummary, Survey
from bot.devin.opening import open_devin
from bot.model.replies import Outcome, Wait
from bot.model.sessions import SessionId
from bot.timing import Timing
from tests.support.bots import BRISK
from tests.support.desk import SESSION

ID = SessionId(SESSION)
PATIENT = 30.0
"""A time longer than a machine stands still; tests that wait for a timeout give a shorter one."""

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """A server that follows a test's script on each connection, and keeps the requests it read."""

    talk: Talk
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    script: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The server's base address."""
        return f"http://127.0.0.1:{self.port}"

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """Read one whole request: its head and its announced body."""
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
async def serving(
    talk: Callable[[RawServer], Talk], tls: SSLContext | None = None
) -> AsyncIterator[RawServer]:
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

    listening = await asyncio.start_server(on_connection, "127.0.0.1", 0, limit=2**20, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await listening.wait_closed()


def silent(server: RawServer) -> Talk:
    """Read each request, and never answer."""

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while True:
            await server.read(reader)

    return talk


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
            head, _, body = server.script.pop(0).partition(b"\r\n\r\n")
            writer.write(head + b"\r\nConnection: close\r\n\r\n" + body)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        return talk_

    return talk


def whole(
    status: str, body: bytes = b"", *headers: str, content_type: str = "application/json"
) -> bytes:
    """Return a whole HTTP/1.1 answer."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Wire:
    """A generation of Devin's API: a key for it, where messages go, and what says they arrived."""

    name: str
    key: str
    sessions: str
    messages: str
    sent: bytes

    @property
    def ok(self) -> bytes:
        """The whole answer to a message that was taken."""
        return whole("200 OK", self.sent)

    @asynccontextmanager
    async def client(
        self,
        url: str,
        *,
        connections: int = 4,
        timing: Timing = BRISK,
    ) -> AsyncIterator[Devin]:
        """Open a client for the API at `url`."""
        key = SecretStr(self.key)
        async with open_devin(url, key, ORGANIZATION, connections, timing) as devin:
            yield devin

    async def post(
        self,
        url: str,
        message: str = "hello",
        timing: Timing = BRISK,
    ) -> Outcome | Wait:
        """Send one message with a separate client."""
        async with self.client(url, timing=timing) as devin:
            return await devin.post_message(ID, message)


ORGANIZATION = "org-0123456789abcdef"
RECORD: dict[str, Any] = {
    "session_id": SESSION,
    "url": f"https://app.devin.ai/sessions/{SESSION.removeprefix('devin-')}",
    "org_id": ORGANIZATION,
    "status": "running",
    "status_detail": None,
    "tags": [],
    "created_at": 1764000000,
    "updated_at": 1764000001,
    "acus_consumed": 0.5,
    "pull_requests": [],
}
"""What version 3 answers to a message that it took."""

V1 = Wire("v1", "apk_test-not-a-secret", "/v1/sessions", "message", b"null")
V3 = Wire(
    "v3",
    "cog_test-not-a-secret",
    f"/v3/organizations/{ORGANIZATION}/sessions",
    "messages",
    json.dumps(RECORD).encode(),
)


async def states_of(devin: Devin, *sessions: SessionId) -> list[SessionSummary]:
    """Return what a survey finds, in the order of `sessions`."""
    found = await devin.survey(sessions)
    assert isinstance(found, Survey)
    return [found.found[one] for one in sessions if one in found.found]


def kind(answer: Outcome | Wait) -> str:
    return "wait" if isinstance(answer, Wait) else answer.kind.value


HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HALF + b"Transfer-Encoding: chunked\r\n\r\n"


def head_of(length: int, *, signature: str = "v0=" + "0" * 64, moment: int | None = None) -> bytes:
    """Return the head of an unsigned request to the endpoint, as well-formed as Slack's."""
    lines = [
        "POST /slack/events HTTP/1.1",
        "Host: bot",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        f"X-Slack-Request-Timestamp: {int(time.time()) if moment is None else moment}",
        f"X-Slack-Signature: {signature}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass
class Client:
    """A connection that a test writes to and reads from, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Write without waiting for an answer."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[bytes, bytes]:
        """Return the head and the body of the next answer."""
        async with asyncio.timeout(PATIENT):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            (length,) = [one[15:] for one in lines if one.startswith(b"content-length:")] or [b"0"]
            return head, await self.reader.readexactly(int(length))

    async def head(self) -> bytes:
        """Return the head of the next answer, after reading its body, too."""
        return (await self.answer())[0]

    async def status(self) -> int:
        """Return the status of the next answer."""
        return int((await self.head()).split()[1])

    async def until_closed(self) -> None:
        """Wait until the other side has closed the connection; incoming data is discarded."""
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENT):
                await self.reader.read()


@asynccontextmanager
async def dialing(port: int) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Open connections to `port` and send something at once; the block's end closes them."""
    clients: list[Client] = []

    async def dial(sends: bytes = b"") -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        clients.append(client)
        await client.send(sends)
        return client

    try:
        yield dial
    finally:
        for client in clients:
            client.writer.transport.abort()
