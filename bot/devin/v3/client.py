"""The Protocol by version 3: every method is one operation, and every failure is a value."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from http import HTTPStatus

from pydantic_core import to_json

from bot.devin.answers import Answer, Read, confirmed, explained, failed, may_be_over, unreadable
from bot.devin.api import (
    Cursor,
    DevinMessage,
    Failure,
    IncomingFile,
    MessagePage,
    OutgoingFile,
    Unread,
    utc_now,
)
from bot.devin.http import LONGEST_READ, READ_LIMIT, Param
from bot.devin.records import creation
from bot.devin.v3.lists import Lists
from bot.devin.v3.sessions import (
    PASSING,
    parse_created,
    parse_messages,
    parse_record,
    parse_review,
    parse_sent,
    parse_uploaded,
)
from bot.model.findings import Finding
from bot.model.options import Options
from bot.model.replies import Outcome, Refusal, Wait
from bot.model.sessions import NamedSession, Review, SessionId, SessionState

PER_PAGE = 200
"""The most that a page of sessions or messages may have."""

MOST_PAGES = 50
"""The pages of messages that are read at once."""

SMALLER = (PER_PAGE, 20, 1)
"""The messages that are asked for at once: fewer, where a page is longer than what is read."""


class DevinV3(Lists):
    """A client for Devin's sessions by version 3 of its API."""

    archives = True
    lacks = frozenset[str]()
    tells_cost = True
    is_legacy = False
    over = frozenset({SessionState.ENDED})

    async def begin(self) -> None:
        await self._organization.begin()

    async def post_message(
        self,
        session: SessionId,
        message: str,
        attachments: Sequence[str] = (),
        as_user: str = "",
    ) -> Outcome | Wait:
        body = {"message": message} | ({"attachment_urls": attachments} if attachments else {})
        body |= {"message_as_user_id": as_user} if as_user else {}
        answer = await self._post(to_json(body), "sessions", session, "messages")
        if not isinstance(answer, Answer):
            return answer
        outcome = parse_sent(answer)
        if not may_be_over(outcome):
            return outcome
        if self._organization.is_foreign and outcome.refusal is Refusal.NO_SESSION:
            return outcome.model_copy(update={"refusal": Refusal.FORBIDDEN})
        seconds = self._http.timing.state_seconds
        found = await self._get(Read.SESSION, seconds, "sessions", session)
        summary = None if isinstance(found, Unread) else parse_record(found.body)
        return explained(outcome, None if summary is None else summary.state)

    def listed(self, message: str, attachments: Sequence[str] = ()) -> str:  # noqa: ARG002  (not listed)
        return message

    async def messages(
        self,
        session: SessionId,
        after: Cursor | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> MessagePage | Unread:
        """Read on from `after`, for `MOST_PAGES` pages or `read_seconds` at most.

        The cursor of the result begins the last page that can be read again: Devin gives none for
        what comes after the last page, and takes no ids of events.
        """
        ends = asyncio.get_running_loop().time() + self._http.timing.read_seconds
        read: dict[str, DevinMessage] = {}
        ahead, has_more, reads, left_out, size = timedelta(0), True, 0, 0, 0
        while has_more and reads < MOST_PAGES:
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
            size = min(size, len(SMALLER) - 2)
            ahead, has_more = found.skew, found.has_more
            left_out += found.left_out
            for one in found.messages:
                read.setdefault(one.id, one)
            if found.cursor in {None, after}:
                break
            after = found.cursor
        return MessagePage(list(read.values()), after, ahead, has_more, reads, left_out)

    async def _page(
        self,
        session: SessionId,
        after: Cursor | None,
        seconds: float,
        clock: Callable[[], datetime],
        size: int,
    ) -> MessagePage | Unread:
        """Read one page of messages."""
        params: dict[str, Param] = {"first": SMALLER[size]} | ({"after": after} if after else {})
        most = READ_LIMIT if SMALLER[size] > 1 else LONGEST_READ
        place = "sessions", session, "messages"
        answer = await self._get(
            Read.MESSAGES, seconds, *place, params=params, clock=clock, most=most
        )
        if isinstance(answer, Unread):
            return answer
        return parse_messages(answer.body, answer.skew) or unreadable(answer, most)

    async def upload(self, file: OutgoingFile) -> str | Failure:
        path = await self._path("attachments")
        answer = await self._http.upload(path, file) if isinstance(path, str) else path
        return parse_uploaded(answer) if isinstance(answer, Answer) else answer

    async def create(
        self, prompt: str, options: Options, tag: str, as_user: str = ""
    ) -> NamedSession | Failure:
        path = await self._path("sessions")
        if not isinstance(path, str):
            return path
        answer = await self._http.post(path, creation(prompt, options, tag, as_user))
        return parse_created(answer, options.title) if isinstance(answer, Answer) else answer

    async def ask_review(self, pull_request: str) -> Review | Failure | None:
        """Ask for a review (docs.devin.ai, "Trigger Devin Review"); a 409 is for one under way."""
        answer = await self._post(to_json({"pr_url": pull_request}), "pr-reviews")
        if not isinstance(answer, Answer):
            return answer
        if answer.status == HTTPStatus.CONFLICT:
            return None
        return parse_review(answer.body) or failed(answer, PASSING)

    async def end(self, session: SessionId) -> Failure | None:
        path = await self._path("sessions", session)
        return confirmed(await self._http.delete(path) if isinstance(path, str) else path, PASSING)

    async def archive(self, session: SessionId) -> Failure | None:
        return confirmed(await self._post(b"", "sessions", session, "archive"), PASSING)

    def open_file(self, url: str) -> AbstractAsyncContextManager[IncomingFile | Unread]:
        return self._http.downloads.open(url)

    async def probe(self) -> Sequence[Finding]:
        return await self._organization.probe()

    async def _post(self, body: bytes, *segments: str) -> Answer | Failure:
        path = await self._path(*segments)
        return await self._http.post(path, body) if isinstance(path, str) else path
