"""The Protocol by version 3: every method is one operation, and every failure is a value."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from pydantic_core import to_json

from bot.devin import answers, api
from bot.devin.answers import Answer, Read
from bot.devin.api import Failure, SessionSummary, Unread
from bot.devin.http import LONGEST_READ, DevinHttp, Param, path_of
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

MOST_PAGES = 50
"""The pages of messages that are read at once."""

_Items = tuple[Sequence[Mapping[str, Any]], Unread | None]
"""What a list's pages have, and why that isn't all of it, if it isn't."""


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
        self.survey = Surveys(self._states).survey

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
        outcome = v3.parse_sent(answer)
        if not answers.may_be_over(outcome):
            return outcome
        found = await self._get(Read.SESSION, self._http.timing.state_seconds, "sessions", session)
        now = None if isinstance(found, Unread) else v3.parse_record(found.body)
        return answers.explained(outcome, None if now is None else now.state)

    def listed(self, message: str, attachments: Sequence[str] = ()) -> str:  # noqa: ARG002  (not listed)
        return message

    async def messages(
        self,
        session: SessionId,
        after: api.Cursor | None = None,
        clock: Callable[[], datetime] = api.utc_now,
    ) -> api.MessagePage | Unread:
        """Read on from `after`, for `MOST_PAGES` pages or `read_seconds` at most.

        From a page that is longer than what is read, messages are asked for one by one. The cursor
        of the result begins the last page that can be read again: Devin gives none for what comes
        after the last page, and takes no ids of events.
        """
        ends = asyncio.get_running_loop().time() + self._http.timing.read_seconds
        read: dict[str, api.DevinMessage] = {}
        ahead, has_more, reads, left_out, first = timedelta(0), True, 0, 0, ON_A_PAGE
        while has_more and reads < MOST_PAGES:
            reads += 1
            seconds = ends - asyncio.get_running_loop().time()
            found = await self._page(session, after, seconds, clock, first)
            if isinstance(found, Unread):
                if found.is_too_long and first > 1:
                    first = 1
                    continue
                if not read:
                    return found
                break
            ahead, has_more = found.skew, found.has_more
            left_out += found.left_out
            for one in found.messages:
                read.setdefault(one.id, one)
            if found.cursor in {None, after}:
                break
            after = found.cursor
        return api.MessagePage(list(read.values()), after, ahead, has_more, reads, left_out)

    async def _page(
        self,
        session: SessionId,
        after: api.Cursor | None,
        seconds: float,
        clock: Callable[[], datetime],
        first: int,
    ) -> api.MessagePage | Unread:
        """Read one page of messages."""
        params: dict[str, Param] = {"first": first} | ({"after": after} if after else {})
        most = answers.READ_LIMIT if first > 1 else LONGEST_READ
        place = "sessions", session, "messages"
        answer = await self._get(
            Read.MESSAGES, seconds, *place, params=params, clock=clock, most=most
        )
        if isinstance(answer, Unread):
            return answer
        return v3.parse_messages(answer.body, answer.skew) or answers.unreadable(answer, most)

    async def upload(self, file: api.OutgoingFile) -> str | Failure:
        path = await self._path("attachments")
        answer = await self._http.upload(path, file) if isinstance(path, str) else path
        return v3.parse_uploaded(answer) if isinstance(answer, Answer) else answer

    async def create(
        self, prompt: str, options: Options, tag: str, as_user: str = ""
    ) -> NamedSession | Failure:
        path = await self._path("sessions")
        if not isinstance(path, str):
            return path
        answer = await self._http.post(path, answers.creation(prompt, options, tag, as_user))
        return v3.parse_created(answer, options.title) if isinstance(answer, Answer) else answer

    async def ask_review(self, pull_request: str) -> Review | Failure | None:
        """Ask for a review (docs.devin.ai, "Trigger Devin Review"); a 409 is for one under way."""
        answer = await self._post(to_json({"pr_url": pull_request}), "pr-reviews")
        if not isinstance(answer, Answer):
            return answer
        if answer.status == HTTPStatus.CONFLICT:
            return None
        return v3.parse_review(answer.body) or answers.failed(answer, v3.PASSING)

    async def end(self, session: SessionId) -> Failure | None:
        path = await self._path("sessions", session)
        return answers.confirmed(
            await self._http.delete(path) if isinstance(path, str) else path, v3.PASSING
        )

    async def archive(self, session: SessionId) -> Failure | None:
        return answers.confirmed(await self._post(b"", "sessions", session, "archive"), v3.PASSING)

    async def _states(self, part: Sequence[SessionId]) -> Answer | Unread:
        seconds = self._http.timing.read_seconds
        params: dict[str, Param] = {"session_ids": part, "first": len(part)}
        most = answers.READ_LIMIT if len(part) > 1 else LONGEST_READ
        return await self._get(Read.STATES, seconds, "sessions", params=params, most=most)

    async def recent(
        self, limit: int, tags: Sequence[str] = ()
    ) -> Sequence[SessionSummary] | Unread:
        """List the latest sessions, at most `limit`; without `tags`, no archived ones."""
        params: dict[str, Param] = {"first": max(limit, LATEST)}
        params |= {"tags": tags} if tags else {"is_archived": "false"}
        seconds = self._http.timing.read_seconds if tags else self._http.timing.list_seconds
        answer = await self._get(Read.LIST, seconds, "sessions", params=params)
        found = answers.parsed(answer, v3.parse_list)
        if isinstance(found, Unread):
            return found
        return sorted(found, key=_age)[:limit]

    async def repositories(self) -> Sequence[str] | Unread:
        """List the repositories, without the state of Devin's index, which takes Devin longer."""
        path = await self._path("repositories", version=BETA)
        params = {"load_indexing_status": "false"}
        found, unread = await self._items(Read.REPOSITORIES, path, params)
        return unread if unread is not None and not found else answers.repositories(found)

    async def playbooks(self) -> Sequence[Playbook] | Unread:
        """List the playbooks of the organization: `Unread` if that is only a part of them."""
        found, unread = await self._items(Read.PLAYBOOKS, await self._path("playbooks"), {})
        return answers.playbooks(found) if unread is None else unread

    async def member(self, email: str) -> str | Unread | None:
        """Look among members with roles of their own, and those by groups of the identity provider.

        Those are two lists (docs.devin.ai, "List organization users" and "List organization IDP
        group users"), of which one may not exist.
        """
        found, is_gone = set[str](), False
        for kind in ("users", "idp-users"):
            listed, unread = await self._members(kind, email)
            if unread is not None:
                if listed or unread.status != HTTPStatus.NOT_FOUND or is_gone:
                    return unread
                is_gone = True
            found |= {
                string(one, "user_id")
                for one in listed
                if is_same_address(string(one, "email"), email) and string(one, "user_id")
            }
        return found.pop() if len(found) == 1 else None

    async def _members(self, kind: str, email: str) -> _Items:
        """Read the list in the version of its page, and where that's gone, in the SDK's."""
        path = await self._path("members", kind, version=BETA)
        found, unread = await self._items(Read.MEMBERS, path, {"email": email})
        if unread is None or unread.status != HTTPStatus.NOT_FOUND:
            return found, unread
        return await self._items(Read.MEMBERS, await self._path("members", kind), {"email": email})

    async def matching(
        self, tags: Sequence[str], repos: Sequence[str], origins: Sequence[str], since: datetime
    ) -> Sequence[SessionSummary] | Unread:
        """List them; a new session may be in the second that `since` is in, so that counts too."""
        filters = {"tags": tags, "repo_names": repos, "origins": origins}
        params: dict[str, Param] = {name: given for name, given in filters.items() if given}
        params["created_after"] = int(since.timestamp()) - 1
        found, unread = await self._items(Read.LIST, await self._path("sessions"), params)
        if unread is not None:
            return unread
        parsed = [one for one in map(v3.summary, found) if one is not None]
        new = [one for one in parsed if one.created_at is not None and one.created_at >= since]
        return sorted(new, key=lambda one: (one.created_at or since, one.session))

    async def review(self, pull_request: str, commit: str = "") -> Review | Unread | None:
        """Read it (docs.devin.ai, "Get latest Devin Review status")."""
        params = {"pr_url": pull_request} | ({"commit_sha": commit} if commit else {})
        seconds = self._http.timing.read_seconds
        answer = await self._get(Read.REVIEW, seconds, "pr-reviews", params=params)
        is_none = isinstance(answer, Unread) and answer.status == HTTPStatus.NOT_FOUND
        return None if is_none else answers.parsed(answer, v3.parse_review)

    async def _items(self, kind: Read, path: str | Failure, params: Mapping[str, Param]) -> _Items:
        """Read a list's pages, at most `MOST_READ`, within `read_seconds`."""
        if not isinstance(path, str):
            return (), _unread(path)
        now = asyncio.get_running_loop().time
        ends, cursor = now() + self._http.timing.read_seconds, ""
        items: list[Mapping[str, Any]] = []
        for _ in range(MOST_READ):
            which = {"first": ON_A_PAGE, **params, **({"after": cursor} if cursor else {})}
            answer = await self._http.get(kind, path, ends - now(), which)
            page = None if isinstance(answer, Unread) else v3.parse_items(answer.body)
            if page is None:
                return items, answer if isinstance(answer, Unread) else answers.unreadable(answer)
            items += page[0]
            if not page[1]:
                return items, None
            if page[1] == cursor:
                break
            cursor = page[1]
        return items, Unread(HTTPStatus.OK, is_too_long=True)

    async def _get(
        self,
        kind: Read,
        seconds: float,
        *segments: str,
        params: Mapping[str, Param] | None = None,
        clock: Callable[[], datetime] | None = None,
        most: int = answers.READ_LIMIT,
    ) -> Answer | Unread:
        path = await self._path(*segments)
        if not isinstance(path, str):
            return _unread(path)
        return await self._http.get(kind, path, seconds, params, clock, most)

    async def _path(self, *segments: str, version: str = "v3") -> str | Failure:
        """Return the path of a resource, or why a call that needs it has to fail or to wait."""
        found = self._organization.id or await self._organization.find()
        return (
            path_of(version, "organizations", found, *segments) if isinstance(found, str) else found
        )

    async def _post(self, body: bytes, *segments: str) -> Answer | Failure:
        path = await self._path(*segments)
        return await self._http.post(path, body) if isinstance(path, str) else path


def _unread(why: Failure) -> Unread:
    """Return why nothing was read, where the organization is unknown."""
    if isinstance(why, Wait):
        return Unread(why=why.reason, retry_after=why.retry_after)
    return Unread(why.status or 0)


def _age(one: SessionSummary) -> float:
    """Sort the latest first, and those without a time last."""
    return -one.updated_at.timestamp() if one.updated_at else 0.0


def is_same_address(one: str, other: str) -> bool:
    """Compare email addresses: the case of ASCII is nothing; of others, nothing is alike."""
    if one.isascii() and other.isascii():
        return one.lower() == other.lower()
    return one == other
