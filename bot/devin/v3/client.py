"""The Protocol by version 3: every method is one operation, and every failure is a value."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic_core import to_json

from bot.devin import answers, api
from bot.devin.answers import Answer, Read
from bot.devin.api import Failure, SessionSummary, Unread
from bot.devin.http import DevinHttp, Param, Path, path_of
from bot.devin.v3 import sessions as v3
from bot.devin.v3.organization import Organization
from bot.devin.v3.sessions import LATEST, Surveys
from bot.model.options import Options, Playbook
from bot.model.record import string
from bot.model.replies import Outcome, Wait
from bot.model.sessions import NamedSession, Review, SessionId, SessionState

MOST_READ = 10
"""Most pages that are read of a list of repositories, or of playbooks."""

ON_A_PAGE = 200
"""The most that a page of a list, or of messages, may have."""

BETA = "v3beta1"
"""The version in the paths of some lists (docs.devin.ai, "List repositories available to an
organization" and "List organization users")."""

TOO_EARLY = frozenset({404, 409, 422, 425})
"""Statuses by which a session that only begins may refuse a message that it takes later."""

FILTER_MARGIN = timedelta(minutes=1)

MOST_PAGES = 50
"""The pages of messages that are read at once."""


@dataclass(slots=True)
class Items:
    """What was `found` in a list up to the page at `cursor`; not all of it if there is `unread`."""

    cursor: str
    found: list[Mapping[str, Any]] = field(default_factory=list)
    unread: Unread | None = None
    skew: timedelta = timedelta(0)
    reads: int = 0


class DevinV3:
    """A client for Devin's sessions by version 3 of its API."""

    lacks = frozenset[str]()
    is_legacy = False
    over = frozenset({SessionState.ENDED})

    def __init__(self, http: DevinHttp, organization: Organization) -> None:
        self._http = http
        self._organization = organization
        self.begin, self.probe = organization.begin, organization.probe
        self.open_file = http.downloads.open
        self.survey = Surveys(self._states, self._state).survey

    async def post_message(
        self, session: SessionId, message: str, attachments: Sequence[str] = (), as_user: str = ""
    ) -> Outcome | Wait:
        body = {"message": message} | ({"attachment_urls": attachments} if attachments else {})
        body |= {"message_as_user_id": as_user} if as_user else {}
        path = await self._path("sessions", session, "messages")
        outcome = answers.written(await self._http.post(path, to_json(body)), v3.parse_sent)
        if not answers.may_be_over(outcome):
            return outcome
        path, seconds = await self._path("sessions", session), self._http.timing.state_seconds
        now = answers.parsed(await self._http.get(Read.SESSION, path, seconds), v3.parse_record)
        if isinstance(now, Unread):
            return answers.explained(outcome, None)
        if now.is_beginning and outcome.status in TOO_EARLY:
            return Wait(f"HTTP {outcome.status}")
        return answers.explained(outcome, now.state)

    def listed(self, message: str, attachments: Sequence[str] = ()) -> str:  # noqa: ARG002  (not listed)
        return message

    async def messages(
        self,
        session: SessionId,
        after: api.Cursor | None = None,
        clock: Callable[[], datetime] | None = None,
        slow: int = 0,
    ) -> api.MessagePage | Unread:
        """Read on from `after`, for `MOST_PAGES` pages or `read_seconds` at most, by `patience`.

        The cursor of the result begins the last page that can be read again: Devin gives none for
        what comes after the last page, and takes no ids of events.
        """
        path = await self._path("sessions", session, "messages")
        read = await self._items(
            Read.MESSAGES, path, {}, after or "", clock, MOST_PAGES, api.patience(slow)
        )
        if read.unread is not None and not read.found:
            return read.unread
        messages, left_out = answers.identified(map(v3.message, read.found))
        cursor, has_more = api.Cursor(read.cursor) if read.cursor else None, read.unread is not None
        return api.MessagePage(messages, cursor, read.skew, has_more, read.reads, left_out)

    async def upload(self, file: api.OutgoingFile) -> str | Failure:
        answer = await self._http.upload(await self._path("attachments"), file)
        return answers.written(answer, v3.parse_uploaded, answers.AWAY)

    async def create(
        self, prompt: str, options: Options, tag: str, as_user: str = ""
    ) -> NamedSession | Failure:
        body = answers.creation(prompt, options, tag, as_user)
        answer = await self._http.post(await self._path("sessions"), body)
        return answers.written(answer, partial(v3.parse_created, title=options.title))

    async def ask_review(self, pull_request: str) -> Review | Failure | None:
        """Ask for a review (docs.devin.ai, "Trigger Devin Review"); a 409 is for one under way."""
        body = to_json({"pr_url": pull_request})
        answer = await self._http.post(await self._path("pr-reviews"), body)
        if isinstance(answer, Answer) and answer.status == HTTPStatus.CONFLICT:
            return None
        return answers.written(answer, v3.parse_review)

    async def end(self, session: SessionId) -> Failure | None:
        return answers.confirmed(await self._http.delete(await self._path("sessions", session)))

    async def archive(self, session: SessionId) -> Failure | None:
        path = await self._path("sessions", session, "archive")
        return answers.confirmed(await self._http.post(path, b""))

    async def _states(self, part: Sequence[SessionId]) -> Answer | Unread:
        seconds = self._http.timing.read_seconds
        params: dict[str, Param] = {"session_ids": part, "first": len(part)}
        path = await self._path("sessions")
        return await self._http.get(Read.STATES, path, seconds, params)

    async def _state(self, session: SessionId) -> Answer | Unread:
        path, seconds = await self._path("sessions", session), self._http.timing.read_seconds
        return await self._http.get(Read.SESSION, path, seconds)

    async def recent(
        self, limit: int, tags: Sequence[str] = ()
    ) -> Sequence[SessionSummary] | Unread:
        """List the latest sessions, at most `limit`; without `tags`, no archived ones."""
        params: dict[str, Param] = {"first": max(limit, LATEST)}
        params |= {"tags": tags} if tags else {"is_archived": "false"}
        seconds = self._http.timing.read_seconds if tags else self._http.timing.list_seconds
        answer = await self._http.get(Read.LIST, await self._path("sessions"), seconds, params)
        found = answers.parsed(answer, v3.parse_list)
        return found if isinstance(found, Unread) else sorted(found, key=_age)[:limit]

    async def repositories(self) -> Sequence[str] | Unread:
        """List the repositories, without the state of Devin's index, which takes Devin longer."""
        path = await self._path("repositories", version=BETA)
        params = {"load_indexing_status": "false"}
        read = await self._items(Read.REPOSITORIES, path, params)
        return read.unread if read.unread and not read.found else v3.repositories(read.found)

    async def playbooks(self) -> Sequence[Playbook] | Unread:
        """List the playbooks of the organization: `Unread` if that is only a part of them."""
        read = await self._items(Read.PLAYBOOKS, await self._path("playbooks"), {})
        return read.unread or answers.playbooks(read.found)

    async def member(self, email: str) -> str | Unread | None:
        """Look among members with roles of their own, and those by groups of the identity provider.

        Those are two lists (docs.devin.ai, "List organization users" and "List organization IDP
        group users"), of which one may not exist.
        """
        found, is_gone = set[str](), False
        for kind in ("users", "idp-users"):
            listed = await self._members(kind, email)
            if listed.unread is not None:
                if listed.found or listed.unread.status != HTTPStatus.NOT_FOUND or is_gone:
                    return listed.unread
                is_gone = True
            found |= {
                string(one, "user_id")
                for one in listed.found
                if is_same_address(string(one, "email"), email) and string(one, "user_id")
            }
        return found.pop() if len(found) == 1 else None

    async def _members(self, kind: str, email: str) -> Items:
        """Read the list in the version of its page, and where that's gone, in the SDK's."""
        path = await self._path("members", kind, version=BETA)
        read = await self._items(Read.MEMBERS, path, {"email": email})
        if read.unread is None or read.unread.status != HTTPStatus.NOT_FOUND:
            return read
        return await self._items(Read.MEMBERS, await self._path("members", kind), {"email": email})

    async def matching(
        self, tags: Sequence[str], repos: Sequence[str], origins: Sequence[str], since: datetime
    ) -> Sequence[SessionSummary] | Unread:
        """List them; a new session may be in the second that `since` is in, so that counts too."""
        filters = {"tags": tags, "repo_names": repos, "origins": origins}
        params: dict[str, Param] = {name: given for name, given in filters.items() if given}
        params["created_after"] = int(since.timestamp()) - 1
        read = await self._items(Read.LIST, await self._path("sessions"), params)
        if read.unread is not None:
            return read.unread
        found = v3.summaries(read.found)
        if found is None:
            return Unread(HTTPStatus.OK)
        is_filtered = all(
            one.tags.issuperset(tags)
            and (not origins or not one.origin or one.origin in origins)
            and (one.created_at is None or one.created_at >= since - FILTER_MARGIN)
            for one in found
        )
        if not is_filtered:
            answers.note_odd("sessions that nobody asked for", logging.ERROR)
            return Unread(why="Devin doesn't filter the list")
        new = [one for one in found if one.created_at is not None and one.created_at >= since]
        return sorted(new, key=lambda one: (one.created_at or since, one.session))

    async def review(self, pull_request: str, commit: str = "") -> Review | Unread | None:
        """Read it (docs.devin.ai, "Get latest Devin Review status")."""
        params = {"pr_url": pull_request} | ({"commit_sha": commit} if commit else {})
        seconds = self._http.timing.read_seconds
        path = await self._path("pr-reviews")
        answer = await self._http.get(Read.REVIEW, path, seconds, params)
        is_none = isinstance(answer, Unread) and answer.status == HTTPStatus.NOT_FOUND
        return None if is_none else answers.parsed(answer, v3.parse_review)

    async def _items(
        self,
        kind: Read,
        path: Path,
        params: Mapping[str, Param],
        after: str = "",
        clock: Callable[[], datetime] | None = None,
        most: int = MOST_READ,
        patience: tuple[int, int] = (ON_A_PAGE, 1),
    ) -> Items:
        """Read a list's pages behind `after`, at most `most` of them, within `read_seconds`."""
        now = asyncio.get_running_loop().time
        size, times = patience
        ends, read = now() + times * self._http.timing.read_seconds, Items(after)
        while read.reads < most:
            read.reads += 1
            which = {"first": size, **params, **({"after": read.cursor} if read.cursor else {})}
            answer = await self._http.get(kind, path, ends - now(), which, clock)
            if isinstance(answer, Answer):
                read.skew = answer.skew
            page = answers.parsed(answer, v3.parse_items)
            if isinstance(page, Unread):
                if page.is_too_long and size > 1:
                    size = 1
                    continue
                read.unread = page
                return read
            items, cursor = page
            read.found += items
            if cursor is None:
                return read
            if cursor in {"", read.cursor}:
                break
            read.cursor = cursor
        read.unread = Unread(HTTPStatus.OK, is_too_long=True)
        return read

    async def _path(self, *segments: str, version: str = "v3") -> Path:
        """Return the path of a resource of the organization."""
        found = self._organization.id or await self._organization.find()
        if isinstance(found, Unread):
            return found
        return path_of(version, "organizations", found, *segments)


def _age(one: SessionSummary) -> float:
    """Sort the latest first, and those without a time last."""
    return -one.updated_at.timestamp() if one.updated_at else 0.0


def is_same_address(one: str, other: str) -> bool:
    """Compare email addresses: the case of ASCII is nothing; of others, nothing is alike."""
    if one.isascii() and other.isascii():
        return one.lower() == other.lower()
    return one == other
