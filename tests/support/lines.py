"""A TCP line to a server that a test can cut, lead elsewhere, or hold in one direction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import yarl

from tests.support.processes import free_port


class Line:
    """A line to the server at `to`."""

    def __init__(self, to: str) -> None:
        self._to = yarl.URL(to)
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._last: bytes | None = None
        self._is_held = False
        self.port = free_port()

    @property
    def url(self) -> str:
        """The server's address through this line."""
        return str(self._to.with_port(self.port))

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Refuse new connections, and close the existing ones."""
        assert self._server is not None
        self._server.close()
        for end in list(self._ends):
            end.transport.abort()

    def lead(self, to: str) -> None:
        """Lead new connections to another server; the existing ones stay where they are."""
        self._to = yarl.URL(to)

    def hold(self, after: str = "") -> None:
        """Let nothing more through to the server, after a piece that contains `after`."""
        self._is_held, self._last = not after, after.encode() or None

    @property
    def is_held(self) -> bool:
        """True while nothing gets through to the server."""
        return self._is_held

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._to.host, self._to.port)
        self._ends |= {writer, back}
        there_and_back = self._pump(reader, back, is_way_in=True), self._pump(there, writer)
        await asyncio.gather(*there_and_back, return_exceptions=True)
        self._ends -= {writer, back}

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_way_in: bool = False,
    ) -> None:
        try:
            while piece := await reader.read(65536):
                if is_way_in and self._is_held:
                    continue
                if is_way_in and self._last is not None:
                    self._is_held = self._last in piece
                writer.write(piece)
                await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def line_to(url: str) -> AsyncIterator[Line]:
    """Open a line to the server at `url`, which works until a test cuts or holds it."""
    line = Line(url)
    await line.mend()
    try:
        yield line
    finally:
        await line.cut()
