"""The Protocol by version 3: every method is one operation, and every failure is a value."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from http import HTTPStatus

from bot.devin.answers import Answer, Read, explained, failed, may_be_over, unreadable
from bot.devin.api import (
    MOST_PAGES,
    Cursor,
    DevinMessage,
    Failure,
    IncomingFile,
    MessagePage,
    OutgoingFile,
    Unread,
    utc_now,
)
from bot.devin.http import LONGEST_READ, READ_LIMIT, RECORD_LIMIT, Param
from bot.devin.v3.lists import Lists, unread
from bot.devin.v3.probe import probed
from bot.devin.v3.sessions import (
    PASSING,
    Page,
    SessionMessageCreateRequest,
    creation,
    parse_created,
    parse_messages,
    parse_record,
    parse_sent,
    parse_uploaded,
)
from bot.model.findings import Finding
from bot.model.options import Options
from bot.model.replies import Outcome, Refusal, Wait
from bot.model.sessions import NamedSession, SessionId, SessionState

PER_PAGE = 200
"""The most that a page of sessions or messages may have."""

SMALLER = (PER_PAGE, 20, 1)
"""The messages that are asked for at once: fewer, where a page is longer than what is read."""


class DevinV3(Lists):
    """A client for Devin's sessions by version 3 of its API."""

    archives = True
    lacks = frozenset[str]()
    over = frozenset({SessionState.ENDED})

    async def begin(self) -> None:
        """Find out the organization."""
        await self._organization.begin()

    async def post_message(
        self, session: SessionId, message: str, attachments: Sequence[str] = ()
    ) -> Outcome | Wait:
        """Send `message` to `session`, once: a lost answer is `UNCERTAIN`, never sent again."""
        path = await self._path("sessions", session, "messages")
        if not isinstance(path, str):
            return path
        params = SessionMessageCreateRequest(message=message, attachment_urls=attachments or None)
        answer = await self._http.post(path, params.model_dump_json(exclude_none=True).encode())
        if not isinstance(answer, Answer):
            return answer
        outcome = parse_sent(answer)
        if not may_be_over(outcome):
            return outcome
        if self._organization.is_foreign and outcome.refusal is Refusal.NO_SESSION:
            return outcome.model_copy(update={"refusal": Refusal.FORBIDDEN})
        path = await self._path("sessions", session)
        if not isinstance(path, str):
            return outcome
        found = await self._http.get(
            Read.SESSION, path, self._http.timing.state_seconds, most=RECORD_LIMIT
        )
        summary = None if isinstance(found, Unread) else parse_record(found.body)
        return explained(outcome, None if summary is None else summary.state)

    def listed(self, message: str, attachments: Sequence[str] = ()) -> str:  # noqa: ARG002  (not listed)
        """Return the message: its files are no part of the text."""
        return message

    async def messages(
        self,
        session: SessionId,
        after: Cursor | None = None,
        clock: Callable[[], datetime] = utc_now,
        most: int = MOST_PAGES,
    ) -> MessagePage | Unread:
        """Read on from the page that begins at `after`, for `most` pages or `read_seconds` at most.

        The cursor of the result begins the last page that can be read again: Devin gives none for
        what comes after the last page, and takes no ids of events.
        """
        ends = asyncio.get_running_loop().time() + self._http.timing.read_seconds
        read: dict[str, DevinMessage] = {}
        ahead, has_more, reads, left_out, size = timedelta(0), True, 0, 0, 0
        while has_more and reads < most:
            reads += 1
            seconds = ends - asyncio.get_running_loop().time()
            found = await self._page(session, after, seconds, clock, size)
            if isinstance(found, Unread):
                if found.is_too_long and size + 1 < len(SMALLER):
                    size += 1
                    continue
                if not read:
                    return found
                break
            page, ahead = found
            size = min(size, len(SMALLER) - 2)
            left_out += page.left_out
            for one in page.messages:
                read.setdefault(one.id, one)
            has_more = page.has_more
            if page.cursor in {None, after}:
                break
            after = page.cursor
        return MessagePage(list(read.values()), after, ahead, has_more, reads, left_out)

    async def _page(
        self,
        session: SessionId,
        after: Cursor | None,
        seconds: float,
        clock: Callable[[], datetime],
        size: int,
    ) -> tuple[Page, timedelta] | Unread:
        """Read one page of messages, and how far Devin's clock is ahead."""
        path = await self._path("sessions", session, "messages")
        if not isinstance(path, str):
            return unread(path)
        params: dict[str, Param] = {"first": SMALLER[size]}
        if after:
            params["after"] = after
        most = READ_LIMIT if SMALLER[size] > 1 else LONGEST_READ
        answer = await self._http.get(Read.MESSAGES, path, seconds, params, clock, most)
        if isinstance(answer, Unread):
            return answer
        page = parse_messages(answer.body)
        return unreadable(answer, most) if page is None else (page, answer.skew)

    async def upload(self, file: OutgoingFile) -> str | Failure:
        """Upload a file and return its address, which `attachment_urls` takes."""
        path = await self._path("attachments")
        answer = await self._http.upload(path, file) if isinstance(path, str) else path
        return parse_uploaded(answer) if isinstance(answer, Answer) else answer

    async def create(self, prompt: str, options: Options, tag: str) -> NamedSession | Failure:
        """Start a session, once."""
        path = await self._path("sessions")
        if not isinstance(path, str):
            return path
        answer = await self._http.post(path, creation(prompt, options, tag))
        return parse_created(answer, options.title) if isinstance(answer, Answer) else answer

    async def end(self, session: SessionId) -> Failure | None:
        """Terminate the session for good."""
        path = await self._path("sessions", session)
        return _confirmed(await self._http.delete(path) if isinstance(path, str) else path)

    async def archive(self, session: SessionId) -> Failure | None:
        """Archive the session, which then can be neither changed nor resumed."""
        path = await self._path("sessions", session, "archive")
        return _confirmed(await self._http.post(path, b"") if isinstance(path, str) else path)

    def open_file(self, url: str) -> AbstractAsyncContextManager[IncomingFile | Unread]:
        """Open a file that Devin sent."""
        return self._http.downloads.open(url)

    async def probe(self) -> Sequence[Finding]:
        """Test the key, the organization, and the permission to read sessions."""
        return await probed(self._http, self._organization)


def _confirmed(answer: Answer | Failure) -> Failure | None:
    if not isinstance(answer, Answer):
        return answer
    return None if answer.status == HTTPStatus.OK else failed(answer, PASSING)
