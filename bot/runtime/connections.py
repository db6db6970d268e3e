"""The open connections of the HTTP server, bounded so that strangers cannot keep Slack out.

Anyone who reaches the port can open connections and send slowly, or nothing at all. A connection is
a stranger's until it has brought a request that Slack signed, and again from its next request on.
When there are too many connections, or strangers have sent too many bytes, the oldest stranger is
cut off. A genuine request is complete within milliseconds, so it is among the newest.
"""

import asyncio
import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import cast

if sys.platform != "win32":
    import resource

log = logging.getLogger(__name__)

MOST = 2_000
MOST_BYTES = 16 * 1024 * 1024
"""Limit on bytes that strangers have sent over open connections: heads, bodies, anything."""

READ_BYTES = 16 * 1024
"""Bytes per read. All connections together may read once before one is cut off."""

OPEN_FILES = 8_192
"""Enough for `MOST` connections and everything else in this process."""

LOG_SECONDS = 60.0


class Connections:
    """All open connections of one server, and which of them are strangers'."""

    def __init__(self, most: int | None = None, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_connections() if most is None else most
        self._most_bytes = most_bytes
        self._strangers: OrderedDict[Connection, None] = OrderedDict()
        self._trusted: OrderedDict[Connection, None] = OrderedDict()
        self.buffer = bytearray(READ_BYTES)
        self._is_closing = False
        self._bytes = 0
        self._parted = 0
        self._logged_at = -LOG_SECONDS

    def admit(self, newcomer: "Connection") -> None:
        """Admit a new connection; if all the others are being answered, it is cut off itself."""
        if self._is_closing:
            newcomer.cut_off()
            return
        is_full = len(self._strangers) + len(self._trusted) >= self._most
        leaving = next(self._by_age(), newcomer) if is_full else None
        self._strangers[newcomer] = None
        if leaving is not None:
            self._part_from(leaving)

    def close(self) -> None:
        """Cut off every connection, now and later, except those whose request is being answered.

        aiohttp 3.14 would wait a minute for one that was opened just before its server closed.
        """
        self._is_closing = True
        for one in list(self._by_age()):
            self.forget(one)
            one.cut_off()

    def count(self, connection: "Connection", size: int) -> None:
        """Count a connection's bytes; the oldest strangers with any are cut off to make room."""
        connection.unverified += size
        self._bytes += size
        while self._bytes > self._most_bytes:
            leaving = next((one for one in self._by_age() if one.unverified), None)
            if leaving is None:
                return
            self._part_from(leaving)

    def distrust(self, connection: "Connection") -> None:
        """Treat a connection as a stranger's again, and as the newest one."""
        if connection in self._trusted:
            del self._trusted[connection]
            self._strangers[connection] = None

    def trust(self, connection: "Connection") -> None:
        """Treat a connection as Slack's; what it has brought no longer counts as a stranger's."""
        if connection in self._strangers:
            self.forget(connection)
            self._trusted[connection] = None

    def is_trusted(self, connection: "Connection") -> bool:
        """Return True if the last request on a connection was signed."""
        return connection in self._trusted

    def forget(self, connection: "Connection") -> None:
        """Drop a connection that is gone."""
        self._strangers.pop(connection, None)
        self._trusted.pop(connection, None)
        self._bytes -= connection.unverified
        connection.unverified = 0

    def _by_age(self) -> Iterator["Connection"]:
        """Yield connections that may be cut off: strangers, then idle trusted ones, by age."""
        idle = (one for one in self._trusted if not one.is_answering)
        return chain(self._strangers, idle)

    def _part_from(self, connection: "Connection") -> None:
        self.forget(connection)
        connection.cut_off()
        self._parted += 1
        now = time.monotonic()
        if now - self._logged_at >= LOG_SECONDS:
            log.warning("connections cut off to make room", extra={"connections": self._parted})
            self._logged_at, self._parted = now, 0


class Connection(asyncio.BufferedProtocol):
    """One connection: counts its incoming bytes, and passes them on to aiohttp's `server`."""

    def __init__(self, connections: Connections, server: asyncio.Protocol) -> None:
        self._connections = connections
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._is_cut_off = False
        self.unverified = 0
        self.is_answering = False

    def begin(self) -> None:
        """Note that a request has begun whose sender is not known yet."""
        self._connections.distrust(self)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Protect the connection while a request that Slack signed is being answered."""
        self._connections.trust(self)
        self.is_answering = True
        try:
            yield
        finally:
            self.is_answering = False

    @property
    def is_trusted(self) -> bool:
        """True if Slack signed the last request."""
        return self._connections.is_trusted(self)

    def cut_off(self) -> None:
        """Close at once, and drop whatever is still unsent."""
        self._is_cut_off = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._server.connection_made(transport)
        self._connections.admit(self)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002  (the loop's signature)
        """Called by the event loop before it reads."""
        return self._connections.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Called by the event loop right after it has read."""
        if not self._is_cut_off:
            self._connections.count(self, nbytes)
        if not self._is_cut_off:
            self._server.data_received(bytes(self._connections.buffer[:nbytes]))

    def eof_received(self) -> bool | None:
        """Called by the event loop."""
        return self._server.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._connections.forget(self)
        self._server.connection_lost(exc)

    def pause_writing(self) -> None:
        """Called by the event loop."""
        self._server.pause_writing()

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self._server.resume_writing()


def connection_of(transport: asyncio.BaseTransport | None) -> Connection | None:
    """Return the `Connection` of a request's transport; None once it is lost."""
    protocol = None if transport is None else transport.get_protocol()
    return protocol if isinstance(protocol, Connection) else None


def most_connections() -> int:
    """Return `MOST`, or half of the allowed open files: Redis, Devin and Slack need the rest."""
    if sys.platform == "win32":
        return MOST
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, soft // 2)


def raise_open_files() -> None:
    """Raise the soft limit on open files to what this process needs, as far as permitted."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a lower limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
