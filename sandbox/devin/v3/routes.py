"""The endpoints of v3 that a relay needs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from sandbox.devin.answers import NOT_FOUND, STATES, Answer, Ending, Read
from sandbox.devin.bodies import RejectedError, invalid
from sandbox.devin.choices import check_choices
from sandbox.devin.files import Files
from sandbox.devin.posting import Speech, answer_message, upload
from sandbox.devin.record import Record
from sandbox.devin.sessions import DevinMessage, DevinPost, DevinSession, Unread
from sandbox.devin.v3.access import (
    MANAGE,
    PLAYBOOKS,
    REPOSITORIES,
    USE,
    VIEW,
    admit,
    check_credential,
    may_speak_for,
    self_shown,
)
from sandbox.devin.v3.cursors import Listing
from sandbox.devin.v3.filters import matches
from sandbox.devin.v3.organizing import Organizing
from sandbox.devin.v3.requests import (
    Creation,
    Message,
    Page,
    RepositoriesQuery,
    SessionsQuery,
    Termination,
    parse_body,
    parse_query,
    post_of,
    session_of,
)
from sandbox.devin.v3.shapes import (
    attachments_shown,
    message_shown,
    playbook_shown,
    repository_shown,
    session_shown,
    uploaded,
    written,
)
from sandbox.devin.wire import not_allowed, send

ORGANIZATION = "/v3/organizations/{org_id}"
SECONDS_EACH, HANGS_SECONDS = 0.01, 6.0
"""What a slow session takes for each message on a page, and one that hangs."""

SESSION = f"{ORGANIZATION}/sessions/{{session_id}}"

On = Callable[[web.Request], Awaitable[web.StreamResponse]]


class V3:
    """Answers from the record in the words of v3, to its key and in its organization only."""

    def __init__(self, record: Record, files: Files) -> None:
        self._record, self._files = record, files
        self._speech = Speech("v3", self._may_manage, self._parse_message, self._sent)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add every route, and a 405 for the other verbs of its path."""
        for path, handlers in self._routes().items():
            for verb, handler in handlers.items():
                router.add_route(verb, path, handler)
            router.add_route("*", path, not_allowed(*handlers))

    def _routes(self) -> Mapping[str, Mapping[str, On]]:
        return {
            **Organizing(self._record).routes(),
            "/v3/self": {"GET": self._on_self},
            f"{ORGANIZATION}/sessions": {"GET": self._on_list, "POST": self._on_create},
            SESSION: {"GET": self._on_read, "DELETE": self._on_end},
            f"{SESSION}/messages": {"GET": self._on_messages, "POST": self._on_message},
            f"{SESSION}/archive": {"POST": self._on_archive},
            f"{SESSION}/attachments": {"GET": self._on_attachments},
            f"{ORGANIZATION}/playbooks": {"GET": self._on_playbooks},
            f"/v3beta1{ORGANIZATION.removeprefix('/v3')}/repositories": {
                "GET": self._on_repositories
            },
            f"{ORGANIZATION}/attachments": {"POST": self._on_upload},
            f"{ORGANIZATION}/attachments/{{uuid}}/{{name}}": {"GET": self._on_download},
        }

    def _may_manage(self, request: web.Request) -> None:
        admit(self._record, request, MANAGE)

    def _find(self, request: web.Request) -> DevinSession | None:
        """Return the session of the path, whose id needs its prefix."""
        session_id = request.match_info["session_id"]
        return self._record.find(session_id) if session_id.startswith("devin-") else None

    def _existing(self, request: web.Request) -> DevinSession:
        session = self._find(request)
        if session is None or session.state == "missing" or not self._record.has_records:
            raise RejectedError(404, NOT_FOUND)
        return session

    async def _on_self(self, request: web.Request) -> web.Response:
        self._record.reads_by_kind["self"] += 1
        check_credential(self._record, request)
        self._record.check_read("self")
        return web.json_response(self_shown(self._record))

    async def _on_list(self, request: web.Request) -> web.Response:
        """Serve a page of sessions, the newest first."""
        self._record.reads_by_kind["sessions"] += 1
        admit(self._record, request, VIEW)
        query = parse_query(SessionsQuery, request.query)
        self._record.check_read("sessions")
        await asyncio.sleep(self._record.read_seconds)
        if "refuses unknown ids" in self._record.quirks:
            self._check_ids(query.session_ids or [])
        sessions = Listing(
            f"sessions of {self._record.org_id}",
            list(self._record.sessions.values())[::-1],
            lambda one: one.session_id,
        )
        page = sessions.page(
            query.first,
            query.after,
            self._shown,
            lambda one: matches(query, self._shown(one), one.repos),
        )
        return web.json_response(page)

    def _check_ids(self, session_ids: Sequence[str]) -> None:
        for one in session_ids:
            if self._record.find(one) is None:
                raise invalid("value_error", ["query", "session_ids"], "unknown", given=one)

    def _shown(self, session: DevinSession) -> dict[str, object]:
        return session_shown(session, self._record.org_id)

    async def _on_repositories(self, request: web.Request) -> web.Response:
        """Serve a page of the repositories that sessions may work in."""
        admit(self._record, request, REPOSITORIES)
        query = parse_query(RepositoriesQuery, request.query)
        await self._reads("repositories")
        wanted, barred = query.only_repo_paths, query.exclude_repo_paths or ()
        part = (query.filter_name or "").lower()
        listing = Listing(
            f"repositories of {self._record.org_id}", self._record.catalog.repositories, str
        )
        page = listing.page(
            query.first,
            query.after,
            lambda one: repository_shown(one, is_indexed=query.load_indexing_status),
            lambda one: (
                part in one.lower() and (wanted is None or one in wanted) and one not in barred
            ),
        )
        return web.json_response(page)

    async def _on_playbooks(self, request: web.Request) -> web.Response:
        """Serve a page of the organization's playbooks."""
        admit(self._record, request, PLAYBOOKS)
        query = parse_query(Page, request.query)
        await self._reads("playbooks")
        name, org_id = f"playbooks of {self._record.org_id}", self._record.org_id
        listing = Listing(name, self._record.catalog.playbooks, lambda one: one.id)
        shown = listing.page(query.first, query.after, lambda one: playbook_shown(one, org_id))
        return web.json_response(shown)

    async def _reads(self, kind: Read) -> None:
        """Count a read, let it take its time, and raise the failure that is planned for it."""
        self._record.reads_by_kind[kind] += 1
        await asyncio.sleep(self._record.read_seconds)
        self._record.check_read(kind)

    async def _on_create(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self._may_manage(request)
        given, body = parse_body(Creation, raw, request.content_type)
        may_speak_for(self._record, given.create_as_user_id)
        check_choices(body, self._record.catalog)
        creations = self._record.creations
        answer = (creations.pop(0) if creations else STATES["running"]).by("v3")
        success = "null"
        if answer.takes:
            session = self._record.create(session_of(given, body))
            success = json.dumps(written(session, self._record.org_id))
        await answer.pause()
        return await send(request, answer, success)

    async def _on_read(self, request: web.Request) -> web.Response:
        self._record.reads_by_kind["session"] += 1
        await asyncio.sleep(self._record.read_seconds)
        admit(self._record, request, VIEW)
        self._record.check_read("session")
        return web.json_response(self._shown(self._existing(request)))

    async def _on_messages(self, request: web.Request) -> web.StreamResponse:
        """Serve a page of messages, the oldest first."""
        self._record.reads_by_kind["messages"] += 1
        await asyncio.sleep(self._record.read_seconds)
        admit(self._record, request, VIEW)
        query = parse_query(Page, request.query)
        self._record.check_read("messages")
        session = self._existing(request)
        if session.unread == "slow":
            await asyncio.sleep(query.first * SECONDS_EACH)
        elif session.unread is not None:
            return await self._fail(request, session.unread)
        messages: Listing[DevinMessage] = Listing(
            f"messages of {session.session_id}",
            session.listed(self._record.clock.now()),
            lambda one: one.event_id,
        )
        page = messages.page(query.first, query.after, self._message_shown)
        if "gives no cursor" in self._record.quirks:
            page |= {"end_cursor": None, "has_next_page": True}
        return web.json_response(page)

    async def _fail(self, request: web.Request, how: Unread) -> web.StreamResponse:
        """Let a read fail for one session alone."""
        if isinstance(how, int):
            raise RejectedError(how, "Not this session")
        if how == "hangs":
            await asyncio.sleep(HANGS_SECONDS)
        ending: Ending = "half" if how == "half" else "answers"
        return await send(request, Answer(meaning="", body='{"data": []}', ending=ending))

    def _message_shown(self, message: DevinMessage) -> dict[str, object]:
        shown = message_shown(message)
        if "gives ISO times" in self._record.quirks:
            shown["created_at"] = message.at.isoformat()
        return shown

    async def _on_message(self, request: web.Request) -> web.StreamResponse:
        return await answer_message(self._record, request, self._find(request), self._speech)

    def _parse_message(self, raw: bytes, content_type: str) -> DevinPost:
        message, body = parse_body(Message, raw, content_type)
        may_speak_for(self._record, message.message_as_user_id)
        return post_of(message, body)

    def _sent(self, session: DevinSession, answer: Answer) -> str:
        return json.dumps(written(session, self._record.org_id, resumes=answer.resumes))

    async def _on_archive(self, request: web.Request) -> web.Response:
        self._may_manage(request)
        session = self._existing(request)
        self._record.archive(session)
        if self._record.archive_failures:
            raise RejectedError(self._record.archive_failures.pop(0), "Not now")
        return web.json_response(written(session, self._record.org_id))

    async def _on_end(self, request: web.Request) -> web.Response:
        """`DELETE`: final, and not for a session that is over."""
        self._may_manage(request)
        query = parse_query(Termination, request.query)
        session = self._record.end(self._find(request), otherwise=409)
        if query.archive:
            self._record.archive(session)
        return web.json_response(written(session, self._record.org_id))

    async def _on_attachments(self, request: web.Request) -> web.Response:
        admit(self._record, request, VIEW)
        session = self._existing(request)
        return web.json_response(attachments_shown(session, self._record.attachments))

    async def _on_upload(self, request: web.Request) -> web.Response:
        admit(self._record, request, USE)
        prefix = f"/v3/organizations/{self._record.org_id}/attachments"
        return web.json_response(uploaded(await upload(self._record, request, prefix)))

    async def _on_download(self, request: web.Request) -> web.Response:
        """Redirect to the presigned address of the file, which asks for no key."""
        admit(self._record, request, VIEW)
        return self._files.redirect(request.match_info["uuid"])
