"""A local Devin: version 1 of the API over a real socket, with a ledger of all it was sent.

It answers what `answers.STATES` says for the session's state, and refuses what the real one
would refuse: a wrong key, a malformed body, an unknown session, another verb. The key that a
request carries is never kept. Nothing is logged per request, since benchmarks run against it.
"""

import asyncio
import json
import time
import uuid
import weakref
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import quote

from aiohttp import web

from sandbox.devin.answers import FINISHED, NOT_FOUND, STATES, Answer, Changes, answer_in
from sandbox.devin.bodies import NewSession, RejectedError, page_of, parse_message, parse_session
from sandbox.devin.port import Port
from sandbox.devin.sessions import (
    DEMO_SESSIONS,
    DevinAttachment,
    DevinRequest,
    DevinSession,
    UnknownSessionError,
    canonical_id,
)
from sandbox.devin.wire import (
    check_key,
    file_part,
    hang_up,
    is_authorized,
    not_allowed,
    rejecting,
    send,
)
from sandbox.ids import Clock

SANDBOX_KEY = "apk_user_sandbox-not-a-secret"
LARGEST_BODY = 64 * 1024 * 1024
MESSAGE_PATH = "/v1/sessions/{session_id}/message"
SESSION_PATH = "/v1/sessions/{session_id}"


class DevinSandbox:
    """The local Devin, serving on `url` inside its `async with`; sessions may change meanwhile."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, api_key: str = SANDBOX_KEY
    ) -> None:
        self.api_key = api_key
        self.requests: list[DevinRequest] = []
        self.attachments: list[DevinAttachment] = []
        self.upload_failures: list[int] = []
        self.creations: list[Answer] = []
        self.reads = self.lists = 0
        self.has_records = True
        self.strays: list[str] = []
        self.read_seconds = 0.0
        self.clock = Clock()
        self.sessions: dict[str, DevinSession] = {}
        self.in_flight = self.max_in_flight = 0
        self._port = Port(host, port)
        self._watchers: weakref.WeakSet[asyncio.Queue[dict[str, str]]] = weakref.WeakSet()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[rejecting])
        app.on_response_prepare.append(self.clock.date)
        app.router.add_post(MESSAGE_PATH, self._on_message)
        app.router.add_get("/v1/sessions", self._on_list, allow_head=False)
        app.router.add_post("/v1/sessions", self._on_create)
        app.router.add_get(SESSION_PATH, self._on_read, allow_head=False)
        app.router.add_delete(SESSION_PATH, self._on_end)
        app.router.add_post("/v1/attachments", self._on_attachment)
        app.router.add_route("*", MESSAGE_PATH, not_allowed("POST"))
        app.router.add_route("*", SESSION_PATH, not_allowed("GET"))
        app.router.add_route("*", "/{anything:.*}", self._on_stray)
        await self._port.serve(app)
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

    def add_session(self, session_id: str, state: str = "running", *, title: str = "") -> None:
        """Add a session, or reset it; `ValueError` unless the id is `devin-<hex>` or hex."""
        known_as = canonical_id(session_id)
        if known_as is None:
            raise ValueError(f"{session_id!r} is no session id: it should be devin-<hex>")
        self.sessions[known_as] = DevinSession(known_as, title, state, answer_in(state))
        self._tell("devin.session", known_as)

    def demo_sessions(self) -> list[str]:
        """Add a session for each state worth seeing and return their ids; the first is running."""
        for id_, title, state in DEMO_SESSIONS:
            self.add_session(id_, state, title=title)
        return [id_ for id_, _, _ in DEMO_SESSIONS]

    def session(self, session_id: str) -> DevinSession:
        """Return the session with this id, bare or prefixed; raises `UnknownSessionError`."""
        known_as = canonical_id(session_id)
        if known_as is None or known_as not in self.sessions:
            raise UnknownSessionError(f"no session {session_id!r} was added")
        return self.sessions[known_as]

    def behave(  # noqa: PLR0913 - one keyword for each thing that a test may turn
        self,
        session_id: str,
        state: str,
        *,
        detail: object = None,
        status: int | None = None,
        body: object = None,
        retry_after: float | str | datetime | None = None,
        delay: float | None = None,
        until: asyncio.Event | None = None,
        takes: bool | None = None,
        times: int | None = None,
    ) -> None:
        """Set the session's answer from now on, or for the next `times` requests.

        `state` is one of `answers.STATES`; the rest changes its answer. `takes` says whether
        the session keeps the message all the same, as behind a 504. `delay` is in seconds,
        and `until` a delay that ends when somebody says so.
        """
        session = self.session(session_id)
        changes = Changes(
            detail=detail,
            status=status,
            body=body,
            retry_after=retry_after,
            delay=delay,
            until=until,
            takes=takes,
        )
        session.answer = answer_in(state, changes)
        session.state, session.times = state, times
        self._tell("devin.session", session.session_id)

    def say(self, session_id: str, text: str) -> None:
        """Let Devin itself write into the session; reading the session shows it."""
        self.session(session_id).take(text, kind="devin_message", at=self.clock.now())
        self._tell("devin.said", session_id)

    def received(self, session_id: str) -> list[str]:
        """Return the messages that the session really took, in order."""
        return self.session(session_id).received()

    def subscribe(self) -> asyncio.Queue[dict[str, str]]:
        """Return a queue that receives a small dict for every change, until it is dropped."""
        queue: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._watchers.add(queue)
        return queue

    def _tell(self, kind: str, session_id: str) -> None:
        for queue in self._watchers:
            queue.put_nowait({"type": kind, "session_id": session_id})

    async def _on_message(self, request: web.Request) -> web.StreamResponse:
        session = self._find(request)
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        if session is not None:
            session.in_flight += 1
            session.max_in_flight = max(session.max_in_flight, session.in_flight)
        try:
            return await self._answer_message(request, session)
        finally:
            self.in_flight -= 1
            if session is not None:
                session.in_flight -= 1

    def _find(self, request: web.Request) -> DevinSession | None:
        return self.sessions.get(canonical_id(request.match_info["session_id"]) or "")

    async def _answer_message(
        self, request: web.Request, session: DevinSession | None
    ) -> web.StreamResponse:
        """Check the key, the body and the session, in the order in which FastAPI would."""
        if session is not None and session.answer.ending == "refuses":
            self._record(request, session, session.next_answer(), {})
            return hang_up(request)
        raw = await request.read()
        try:
            check_key(request, self.api_key)
            body = parse_message(raw, request.content_type)
        except RejectedError as rejected:
            self._record(request, session, rejected.answer, {})
            raise
        answer = STATES["missing"] if session is None else session.next_answer()
        if session is not None and answer.takes:
            session.take(body["message"], kind="user_message", at=self.clock.now())
        self._record(request, session, answer, body)
        await answer.pause()
        return await send(request, answer)

    def _record(
        self,
        request: web.Request,
        session: DevinSession | None,
        answer: Answer,
        body: dict[str, object],
    ) -> None:
        entry = DevinRequest(
            session_id=session.session_id if session else request.match_info["session_id"],
            message=str(body.get("message", "")),
            at=time.monotonic(),
            status=answer.status if answer.ending == "answers" else "dropped",
            taken=answer.takes,
            authorized=is_authorized(request, self.api_key),
            headers={it: request.headers.get(it, "") for it in ("Content-Type", "User-Agent")},
            body=body,
        )
        self.requests.append(entry)
        if session is not None:
            session.requests.append(entry)
        self._tell("devin.request", entry.session_id)

    async def _on_read(self, request: web.Request) -> web.Response:
        self.reads += 1
        session = self._find(request)
        await asyncio.sleep(self.read_seconds)
        check_key(request, self.api_key)
        if session is None or session.state == "missing" or not self.has_records:
            raise RejectedError(404, NOT_FOUND)
        return web.json_response(session.as_json())

    async def _on_list(self, request: web.Request) -> web.Response:
        """Serve `GET /v1/sessions`: summaries, newest session first (docs.devin.ai, sessions)."""
        self.lists += 1
        check_key(request, self.api_key)
        limit, offset = page_of(request.query)
        await asyncio.sleep(self.read_seconds)
        tags = set(request.query.getall("tags", ()))
        found = [one for one in self.sessions.values() if tags <= set(one.tags)][::-1]
        summaries = [one.summary() for one in found[offset : offset + limit]]
        return web.json_response({"sessions": summaries})

    async def _on_create(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        check_key(request, self.api_key)
        wanted = parse_session(raw, request.content_type)
        answer = self.creations.pop(0) if self.creations else STATES["running"]
        if answer.takes:
            answer = replace(answer, body=self._create(wanted))
        return await send(request, answer)

    def _create(self, wanted: NewSession) -> str:
        number = uuid.uuid4().hex
        self.add_session(number, title=wanted.title)
        session = self.session(number)
        session.tags = wanted.tags
        session.take(wanted.prompt, kind="initial_user_message", at=self.clock.now())
        return json.dumps(session.as_created())

    async def _on_end(self, request: web.Request) -> web.Response:
        """`DELETE`: final, and not for a session that has exited (docs.devin.ai, sessions)."""
        session = self._find(request)
        check_key(request, self.api_key)
        if session is None or session.state == "missing":
            raise RejectedError(404, NOT_FOUND)
        if session.state == "finished":
            raise RejectedError(400, FINISHED)
        self.behave(session.session_id, "finished")
        return web.json_response({"detail": "Session terminated successfully"})

    async def _on_attachment(self, request: web.Request) -> web.Response:
        check_key(request, self.api_key)
        part = await file_part(request)
        if self.upload_failures:
            raise RejectedError(self.upload_failures.pop(0), "Not now")
        name = part.filename or "file"
        url = f"{self.url}/attachments/{uuid.uuid4()}/{quote(name, safe='')}"
        self.attachments.append(DevinAttachment(url, name, bytes(await part.read())))
        return web.json_response(url)

    async def _on_stray(self, request: web.Request) -> web.Response:
        self.strays.append(f"{request.method} {request.raw_path}")
        raise RejectedError(404, "Not Found")
