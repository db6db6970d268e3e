"""The endpoints of v1 that a relay needs."""

import asyncio
import json

from aiohttp import web

from sandbox.devin.answers import NOT_FOUND, STATES
from sandbox.devin.bodies import RejectedError
from sandbox.devin.choices import check_choices
from sandbox.devin.files import Files
from sandbox.devin.posting import PLAIN_FILES, Speech, answer_message, upload
from sandbox.devin.record import Record
from sandbox.devin.sessions import DevinSession
from sandbox.devin.v1.bodies import page_of, parse_message, parse_session
from sandbox.devin.v1.shapes import created, listed, playbook_shown, session_shown
from sandbox.devin.wire import check_key, not_allowed, send

SESSIONS = "/v1/sessions"
SESSION = f"{SESSIONS}/{{session_id}}"
MESSAGE = f"{SESSION}/message"


class V1:
    """Answers from the record in the words of v1, to its key only."""

    def __init__(self, record: Record, files: Files) -> None:
        self._record, self._files = record, files
        self._speech = Speech("v1", self._check, parse_message, lambda _session, _answer: "null")

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add every route, and a 405 for other verbs."""
        router.add_post(MESSAGE, self._on_message)
        router.add_get(SESSIONS, self._on_list, allow_head=False)
        router.add_post(SESSIONS, self._on_create)
        router.add_get(SESSION, self._on_read, allow_head=False)
        router.add_get("/v1/playbooks", self._on_playbooks, allow_head=False)
        router.add_delete(SESSION, self._on_end)
        router.add_post("/v1/attachments", self._on_attachment)
        router.add_get("/v1/attachments/{uuid}/{name}", self._on_download, allow_head=False)
        router.add_route("*", MESSAGE, not_allowed("POST"))
        router.add_route("*", SESSION, not_allowed("GET"))

    def _check(self, request: web.Request) -> None:
        check_key(request, self._record.keys["v1"])

    def _find(self, request: web.Request) -> DevinSession | None:
        return self._record.find(request.match_info["session_id"])

    async def _on_message(self, request: web.Request) -> web.StreamResponse:
        return await answer_message(self._record, request, self._find(request), self._speech)

    async def _on_read(self, request: web.Request) -> web.Response:
        self._record.reads_by_kind["session"] += 1
        session = self._find(request)
        await asyncio.sleep(self._record.read_seconds)
        self._check(request)
        self._record.check_read("session")
        if session is None or session.state == "missing" or not self._record.has_records:
            raise RejectedError(404, NOT_FOUND)
        shown = session_shown(session, self._record.clock.now())
        if "lists messages only at rest" in self._record.quirks and session.state == "running":
            del shown["messages"]
        return web.json_response(shown)

    async def _on_list(self, request: web.Request) -> web.Response:
        """Serve `GET /v1/sessions`: summaries, newest session first (docs.devin.ai, sessions)."""
        self._record.reads_by_kind["sessions"] += 1
        self._check(request)
        limit, offset = page_of(request.query)
        self._record.check_read("sessions")
        await asyncio.sleep(self._record.read_seconds)
        tags = set(request.query.getall("tags", ()))
        found = [one for one in self._record.sessions.values() if tags <= set(one.tags)][::-1]
        summaries = [listed(one) for one in found[offset : offset + limit]]
        return web.json_response({"sessions": summaries})

    async def _on_playbooks(self, request: web.Request) -> web.Response:
        """Serve `GET /v1/playbooks`: all of them (docs.devin.ai, "List playbooks")."""
        self._record.reads_by_kind["playbooks"] += 1
        self._check(request)
        self._record.check_read("playbooks")
        await asyncio.sleep(self._record.read_seconds)
        return web.json_response([playbook_shown(one) for one in self._record.catalog.playbooks])

    async def _on_create(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self._check(request)
        wanted = parse_session(raw, request.content_type)
        check_choices({"playbook_id": wanted.body.get("playbook_id")}, self._record.catalog)
        answer = self._record.creations.pop(0) if self._record.creations else STATES["running"]
        success = json.dumps(created(self._record.create(wanted))) if answer.takes else "null"
        await answer.pause()
        return await send(request, answer, success)

    async def _on_end(self, request: web.Request) -> web.Response:
        """`DELETE`: final, and not for a session that has exited (docs.devin.ai, sessions)."""
        self._check(request)
        self._record.end(self._find(request), otherwise=400)
        return web.json_response({"detail": "Session terminated successfully"})

    async def _on_attachment(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.json_response((await upload(self._record, request, PLAIN_FILES)).url)

    async def _on_download(self, request: web.Request) -> web.Response:
        """Redirect to the presigned address of a file that Devin sent."""
        self._check(request)
        return self._files.redirect(request.match_info["uuid"])
