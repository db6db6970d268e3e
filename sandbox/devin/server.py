"""A local Devin: both generations of the API over one real socket, from one record.

It answers what `answers.STATES` says for the session's state, and refuses what the real one
would refuse: a wrong key, a malformed body, an unknown session, another verb. Nothing is logged
per request, since benchmarks run against it.
"""

from types import TracebackType
from typing import Self

from aiohttp import web

from sandbox.devin.answers import Api
from sandbox.devin.bodies import RejectedError
from sandbox.devin.files import ANY, Files, attach
from sandbox.devin.port import Port
from sandbox.devin.posting import PLAIN_FILES
from sandbox.devin.record import Record
from sandbox.devin.sessions import DevinSession, NewSession
from sandbox.devin.v1.routes import V1
from sandbox.devin.v3.routes import V3
from sandbox.devin.wire import rejecting
from sandbox.loopback import loopback_only

LARGEST_BODY = 64 * 1024 * 1024


class DevinSandbox(Record):
    """The local Devin, serving on `url` inside its `async with`; sessions may change meanwhile.

    Both generations are always served, on the same sessions; `api` is the one whose key a bot
    is given.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, api: Api = "v3") -> None:
        super().__init__(api)
        self._port = Port(host, port)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[loopback_only, rejecting])
        app.on_response_prepare.append(self.clock.date)
        files = Files(self)
        V1(self, files).add_to(app.router)
        V3(self, files).add_to(app.router)
        files.add_to(app.router)
        app.router.add_get(PLAIN_FILES + "/{id}/{name}", self._on_file, allow_head=False)
        app.router.add_route("*", "/{anything:.*}", self._on_stray)
        await self._port.serve(app)
        self.origin = self._port.url
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._port.end()

    @property
    def url(self) -> str:
        """The base address, for `DEVIN_API_URL`; it stays the same while offline."""
        return self._port.url

    async def go_offline(self) -> None:
        """Close the port and every connection: from now on, connections are refused."""
        await self._port.close()

    async def go_online(self) -> None:
        """Listen (again) on the same port."""
        await self._port.open()

    def attach(
        self,
        session_id: str,
        name: str,
        content: bytes,
        content_type: str | None = None,
        *,
        is_presigned: bool = False,
    ) -> str:
        """Keep a file that Devin sends in the session; return the marker line, to `say` it.

        The marker's address asks for the key, unless it is presigned. `download_failures` and
        `read_failures["file"]` make downloads fail.
        """
        self.session(session_id)
        return attach(self, name, content, content_type, is_presigned=is_presigned)

    def appear(
        self, wanted: NewSession, *, origin: str = "automation", parent: str | None = None
    ) -> DevinSession:
        """Start a session as something else does than the relay, or as another session does."""
        session = self.create(wanted)
        session.origin = origin
        if parent is not None:
            above = self.session(parent)
            session.parent, session.origin = above.session_id, above.origin
            above.children.append(session.session_id)
            self._touch(above)
        return session

    async def _on_file(self, request: web.Request) -> web.Response:
        """Serve an uploaded file to everyone who knows its address, as presigned URLs do."""
        for one in self.attachments:
            if one.id == request.match_info["id"]:
                return web.Response(body=one.content, content_type=ANY)
        raise RejectedError(404, "Not Found")

    async def _on_stray(self, request: web.Request) -> web.Response:
        self.strays.append(f"{request.method} {request.raw_path}")
        raise RejectedError(404, "Not Found")
