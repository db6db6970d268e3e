"""A port that can be closed and opened again while its server lives."""

import asyncio

from aiohttp import web


class Port:
    """Serves an application; while it is closed, connections are refused."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    @property
    def url(self) -> str:
        """The base address; it stays the same while the port is closed."""
        return f"http://{self._host}:{self._port}"

    async def serve(self, app: web.Application) -> None:
        """Open the port for `app`."""
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await self.open()

    async def end(self) -> None:
        """Close the port for good."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = self._site = None

    async def close(self) -> None:
        """Close the port and every connection: from now on, connections are refused."""
        if self._site is None or self._runner is None or self._runner.server is None:
            return
        await self._site.stop()
        self._site = None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        while self._runner.server.connections:  # noqa: ASYNC110 - abort() closes a turn later, and aiohttp has no event for it
            await asyncio.sleep(0)

    async def open(self) -> None:
        """Listen (again) on the same port."""
        if self._runner is None or self._site is not None:
            return
        self._site = web.TCPSite(self._runner, self._host, self._port, reuse_address=True)
        await self._site.start()
        self._port = self._runner.addresses[0][1]
