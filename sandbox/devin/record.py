"""The one record behind both generations of the API: sessions, requests, files and knobs.

Tests read and turn it directly; `v1` and `v3` answer from it. The key that a request carries is
never kept.
"""

import asyncio
import time
import uuid
import weakref
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from sandbox.devin.answers import (
    ENDED,
    FINISHED,
    NOT_FOUND,
    Answer,
    Api,
    Changes,
    DownloadFailure,
    Quirk,
    Read,
    ReadFailure,
    RetryAfter,
    answer_in,
    retry_after_of,
)
from sandbox.devin.bodies import RejectedError
from sandbox.devin.catalog import Catalog
from sandbox.devin.organization import ORG_ID, PERMISSIONS, Members, Reviews
from sandbox.devin.sessions import (
    DEMO_SESSIONS,
    DevinAttachment,
    DevinPost,
    DevinRequest,
    DevinSession,
    Kind,
    NewSession,
    PullRequest,
    UnknownSessionError,
    canonical_id,
)
from sandbox.devin.wire import bearer
from sandbox.ids import Clock
from sandbox.limits import CallLimit

SANDBOX_KEYS: dict[Api, str] = {
    "v1": "apk_user_sandbox-not-a-secret",
    "v3": "cog_sandbox-not-a-secret",
}


class Record:
    """What Devin knows and was sent; `api` is the generation that a bot is pointed at."""

    def __init__(self, api: Api) -> None:
        self.api: Api = api
        self.keys = dict(SANDBOX_KEYS)
        self.org_id = ORG_ID
        self.self_org: str | None = ORG_ID
        self.permissions: set[str] = set(PERMISSIONS)
        # Devin's documents name the conditions of acting as a member, not the status of a refusal.
        self.acting_refused = 403
        self.principal, self.origin = "service_user", ""
        self.requests: list[DevinRequest] = []
        self.attachments: list[DevinAttachment] = []
        self.message_limit: CallLimit | None = None
        self.upload_failures, self.archive_failures = list[int](), list[int]()
        self.download_failures: list[DownloadFailure] = []
        self.presigned_seconds = 60.0
        self.read_failures: dict[Read, list[ReadFailure]] = defaultdict(list)
        self.reads_by_kind: Counter[Read] = Counter()
        self.creations: list[Answer] = []
        self.has_records = self.moves_updated_at = True
        self.strays: list[str] = []
        self.read_seconds = self.listing_delay = 0.0
        self.quirks: set[Quirk] = set()
        self.clock, self.catalog = Clock(), Catalog()
        self.members = Members()
        self.reviews = Reviews(partial(self._tell, "devin.review", ""))
        self.sessions: dict[str, DevinSession] = {}
        self.in_flight = self.max_in_flight = 0
        self._watchers: weakref.WeakSet[asyncio.Queue[dict[str, str]]] = weakref.WeakSet()

    @property
    def api_key(self) -> str:
        """The key of the generation that a bot is pointed at."""
        return self.keys[self.api]

    @api_key.setter
    def api_key(self, key: str) -> None:
        self.keys[self.api] = key

    def add_session(self, session_id: str, state: str = "running", *, title: str = "") -> None:
        """Add a session, or reset it; `ValueError` unless the id is `devin-<hex>` or hex."""
        known_as = canonical_id(session_id)
        if known_as is None:
            raise ValueError(
                f"“{session_id}” isn't a session ID. It should look like devin-0123abcd."
            )
        session = DevinSession(known_as, title, state, answer_in(state))
        session.is_archived = state == "archived"
        self.sessions[known_as] = session
        self._tell("devin.session", known_as)

    def demo_sessions(self) -> list[str]:
        """Add a session for each state worth seeing and return their ids; the first is running."""
        for id_, title, state in DEMO_SESSIONS:
            self.add_session(id_, state, title=title)
        return [id_ for id_, _, _ in DEMO_SESSIONS]

    def session(self, session_id: str) -> DevinSession:
        """Return the session with this id, bare or prefixed; raises `UnknownSessionError`."""
        session = self.find(session_id)
        if session is None:
            raise UnknownSessionError(f"no session {session_id!r} was added")
        return session

    def find(self, session_id: str) -> DevinSession | None:
        """Return the session with this id, bare or prefixed, if there is one."""
        return self.sessions.get(canonical_id(session_id) or "")

    def behave(  # noqa: PLR0913 - one keyword for each thing that a test may turn
        self,
        session_id: str,
        state: str,
        *,
        detail: object = None,
        status: int | None = None,
        body: object = None,
        retry_after: RetryAfter | None = None,
        delay: float | None = None,
        until: asyncio.Event | None = None,
        takes: bool | None = None,
        times: int | None = None,
    ) -> None:
        """Set the session's answer from now on, or for the next `times` requests.

        `state` is one of `answers.STATES`; the rest changes its answer. `takes` says whether the
        session keeps the message all the same; `until` is a delay that ends when somebody says so.
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
        session.enter(state, answer_in(state, changes), times)
        self._touch(session)

    def say(self, session_id: str, text: str, *, attachments: tuple[str, ...] = ()) -> None:
        """Let Devin itself write into the session; reading the session shows it."""
        session = self.session(session_id)
        sent = attachments or tuple(one.url for one in self.attachments if one.id in text)
        self.take(session, text, "devin_message", sent)
        self._tell("devin.said", session.session_id)

    def take(
        self, session: DevinSession, text: str, kind: Kind, attachments: tuple[str, ...] = ()
    ) -> None:
        """Add a message now; Devin's own is listed `listing_delay` seconds later.

        `updated_at` moves with it unless `moves_updated_at` is off: nobody documents that it does.
        """
        now = self.clock.now()
        listed_at = now + self.listing_delay if kind == "devin_message" else now
        session.take(text, kind=kind, at=now, attachments=attachments, listed_at=listed_at)
        if self.moves_updated_at:
            session.updated_at = datetime.fromtimestamp(now, UTC)

    def open_pull_request(self, session_id: str, url: str, state: str | None = "open") -> None:
        """Let Devin open a pull request, or change the state of the one with that address."""
        session = self.session(session_id)
        session.change(PullRequest(url, state))
        self._touch(session)

    def rename(self, session_id: str, title: str) -> None:
        """Give the session another title."""
        session = self.session(session_id)
        session.title = title
        self._touch(session)

    def spend(self, session_id: str, acus: float) -> None:
        """Let the session consume that many ACUs more; at its cap, it is suspended."""
        session = self.session(session_id)
        session.acus = round(session.acus + acus, 6)
        self._touch(session)
        if session.cap is not None and session.acus >= session.cap:
            self.behave(session.session_id, "capped")

    def received(self, session_id: str) -> list[str]:
        """Return the messages that the session took, in order."""
        return self.session(session_id).received()

    def create(self, wanted: NewSession) -> DevinSession:
        """Start a session as the API does: running, with the prompt as its first message."""
        number = uuid.uuid4().hex
        self.add_session(number, title=wanted.title)
        session = self.session(number)
        session.begin(wanted)
        self.take(session, wanted.prompt, "initial_user_message", wanted.attachments)
        self._tell("devin.created", session.session_id)
        return session

    def end(self, session: DevinSession | None, *, otherwise: int) -> DevinSession:
        """Terminate for good; raises `otherwise`'s status for a session that is over."""
        if session is None or session.state == "missing":
            raise RejectedError(404, NOT_FOUND)
        if session.state in ENDED:
            raise RejectedError(otherwise, FINISHED)
        self.behave(session.session_id, "finished")
        return session

    def archive(self, session: DevinSession) -> None:
        """Archive for good: it can be read, but takes no message; one that is over stays so."""
        if session.state not in ENDED:
            self.behave(session.session_id, "archived")
        session.is_archived = True
        self._touch(session)

    def subscribe(self) -> asyncio.Queue[dict[str, str]]:
        """Return a queue that receives a small dict for every change, until it is dropped."""
        queue: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._watchers.add(queue)
        return queue

    @property
    def lists(self) -> int:
        """The number of reads of a list of sessions."""
        return self.reads_by_kind["sessions"]

    @property
    def reads(self) -> int:
        """The number of reads of one session, or of its messages."""
        return self.reads_by_kind["session"] + self.reads_by_kind["messages"]

    def check_read(self, kind: Read) -> None:
        """Raise the next failure that is planned for reads of this kind."""
        if not self.read_failures[kind]:
            return
        failure = self.read_failures[kind].pop(0)
        if isinstance(failure, Answer):
            raise RejectedError.by(failure)
        status, retry_after = failure if isinstance(failure, tuple) else (failure, None)
        raise RejectedError(status, "Not now", retry_after_of(retry_after))

    @contextmanager
    def counted(self, session: DevinSession | None) -> Iterator[None]:
        """Count a request in flight, for its session and in all."""
        counters: list[Record | DevinSession] = [self] if session is None else [self, session]
        for one in counters:
            one.in_flight += 1
            one.max_in_flight = max(one.max_in_flight, one.in_flight)
        try:
            yield
        finally:
            for one in counters:
                one.in_flight -= 1

    def note(
        self,
        request: web.Request,
        session: DevinSession | None,
        answer: Answer,
        post: DevinPost,
        api: Api,
    ) -> None:
        """Add a request for a message to the ledger."""
        entry = DevinRequest(
            session_id=session.session_id if session else request.match_info["session_id"],
            message=post.message,
            at=time.monotonic(),
            status=answer.status if answer.ending == "answers" else "dropped",
            taken=answer.takes,
            authorized=bearer(request) == self.keys[api],
            headers={it: request.headers.get(it, "") for it in ("Content-Type", "User-Agent")},
            body=post.body,
            api=api,
            attachments=post.attachments,
            noted_at=self.clock.now(),
        )
        self.requests.append(entry)
        if session is not None:
            session.requests.append(entry)
            session.answered()
        self._tell("devin.request", entry.session_id)

    def _touch(self, session: DevinSession) -> None:
        session.updated_at = datetime.fromtimestamp(self.clock.now(), UTC)
        self._tell("devin.session", session.session_id)

    def _tell(self, kind: str, session_id: str) -> None:
        for queue in self._watchers:
            queue.put_nowait({"type": kind, "session_id": session_id})
