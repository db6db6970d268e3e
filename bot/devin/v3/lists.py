"""The lists of version 3: of sessions, and of the repositories and playbooks that they may have."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from bot.devin.answers import Answer, Read
from bot.devin.api import Failure, SessionSummary, Survey, Unread, utc_now
from bot.devin.http import READ_LIMIT, DevinHttp, Param
from bot.devin.records import playbooks, repositories
from bot.devin.v3.organization import Organization, organization_path
from bot.devin.v3.sessions import parse_items, parse_list, parse_review, summary
from bot.model.options import Playbook
from bot.model.record import string
from bot.model.replies import Wait
from bot.model.sessions import Review, SessionId

UNKNOWN_ID = frozenset({400, 404, 414, 422})
"""Statuses that may mean that Devin refuses one of the ids, or that there are too many."""

MOST_TRIES = 40
"""Most calls of a survey: to find one such id among 100 takes 15."""

LATEST = 100
"""The sessions that are read by one call, and those among which the latest are found: the order of
the list is not documented."""

MOST_READ = 10
"""Most pages that are read of a list of repositories, or of playbooks."""

ON_A_PAGE = 200
"""The most that such a page may have."""

BETA = "v3beta1"
"""The version in the paths of some lists (docs.devin.ai, "List repositories available to an
organization" and "List organization users")."""


class Lists:
    """The part of a client that reads lists of its organization."""

    def __init__(self, http: DevinHttp, organization: Organization) -> None:
        self._http = http
        self._organization = organization

    async def survey(self, sessions: Sequence[SessionId]) -> Survey | Unread:
        """Read `sessions` by one call for each `LATEST` of them.

        One that fails fails all, unless Devin may have refused an id: then each half is read by
        itself, and an id that is refused alone is left out.
        """
        wanted = dict.fromkeys(sessions)
        parts, found, reads = _parts(list(wanted), LATEST), dict[SessionId, SessionSummary](), 0
        while parts:
            reads += len(parts)
            refused = list[tuple[Sequence[SessionId], Unread]]()
            asked = (self._states(part) for part in parts)
            for part, page in zip(parts, await asyncio.gather(*asked), strict=True):
                if not isinstance(page, Unread):
                    found |= {one.session: one for one in page if one.session in wanted}
                elif page.status in UNKNOWN_ID:
                    refused.append((part, page))
                else:
                    return page
            halves = (_parts(part, (len(part) + 1) // 2) for part, _ in refused if len(part) > 1)
            parts = [half for pair in halves for half in pair]
            if parts and reads + len(parts) > MOST_TRIES:
                return Survey(found, reads) if found else refused[-1][1]
        return Survey(found, reads)

    async def _states(self, sessions: Sequence[SessionId]) -> Sequence[SessionSummary] | Unread:
        params: dict[str, Param] = {"session_ids": sessions, "first": len(sessions)}
        return await self._list(Read.STATES, self._http.timing.read_seconds, params)

    async def recent(
        self, limit: int, tags: Sequence[str] = ()
    ) -> Sequence[SessionSummary] | Unread:
        """List the latest sessions, at most `limit`; without `tags`, no archived ones."""
        params: dict[str, Param] = {"first": max(limit, LATEST)}
        params |= {"tags": tags} if tags else {"is_archived": "false"}
        seconds = self._http.timing.read_seconds if tags else self._http.timing.list_seconds
        found = await self._list(Read.LIST, seconds, params)
        if isinstance(found, Unread):
            return found
        return sorted(found, key=_age)[:limit]

    async def repositories(self) -> Sequence[str] | Unread:
        """List the repositories, without the state of Devin's index, which takes Devin longer."""
        path = await self._path("repositories", version=BETA)
        found, unread = await self._items(
            Read.REPOSITORIES, path, {"load_indexing_status": "false"}
        )
        return unread if unread is not None and not found else repositories(found)

    async def playbooks(self) -> Sequence[Playbook] | Unread:
        """List the playbooks of the organization: `Unread` if that is only a part of them."""
        found, unread = await self._items(Read.PLAYBOOKS, await self._path("playbooks"), {})
        return playbooks(found) if unread is None else replace(unread, part=playbooks(found))

    async def member(self, email: str) -> str | Unread | None:
        """Look among members with roles of their own, and those by groups of the identity provider.

        Those are two lists (docs.devin.ai, "List organization users" and "List organization IDP
        group users").
        """
        found = set[str]()
        for kind in ("users", "idp-users"):
            listed = await self._members(kind, email)
            if isinstance(listed, Unread):
                return listed
            found |= {
                string(one, "user_id")
                for one in listed
                if is_same_address(string(one, "email"), email) and string(one, "user_id")
            }
        return found.pop() if len(found) == 1 else None

    async def _members(self, kind: str, email: str) -> Sequence[Mapping[str, Any]] | Unread:
        """Read the list in the version of its page, and where that's gone, in the SDK's."""
        for version in (BETA, "v3"):
            path = await self._path("members", kind, version=version)
            found, unread = await self._items(Read.MEMBERS, path, {"email": email})
            if unread is None or unread.status != HTTPStatus.NOT_FOUND:
                break
        return found if unread is None else unread

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
        parsed = [one for one in map(summary, found) if one is not None]
        new = [one for one in parsed if one.created_at is not None and one.created_at >= since]
        return sorted(new, key=lambda one: (one.created_at or since, one.session))

    async def review(self, pull_request: str, commit: str = "") -> Review | Unread | None:
        """Read it (docs.devin.ai, "Get latest Devin Review status")."""
        params = {"pr_url": pull_request} | ({"commit_sha": commit} if commit else {})
        seconds = self._http.timing.read_seconds
        answer = await self._get(Read.REVIEW, seconds, "pr-reviews", params=params)
        if isinstance(answer, Unread):
            return None if answer.status == HTTPStatus.NOT_FOUND else answer
        return parse_review(answer.body) or Unread(answer.status)

    async def _items(
        self, kind: Read, path: str | Failure, params: Mapping[str, Param]
    ) -> tuple[Sequence[Mapping[str, Any]], Unread | None]:
        """Read a list's pages, at most `MOST_READ`, within `read_seconds`.

        Return what they have, and why that isn't all of the list, if it isn't.
        """
        if not isinstance(path, str):
            return (), _unread(path)
        now = asyncio.get_running_loop().time
        ends, cursor = now() + self._http.timing.read_seconds, ""
        items: list[Mapping[str, Any]] = []
        for _ in range(MOST_READ):
            which = {"first": ON_A_PAGE, **params, **({"after": cursor} if cursor else {})}
            answer = await self._http.get(kind, path, ends - now(), which)
            page = None if isinstance(answer, Unread) else parse_items(answer.body)
            if page is None:
                return items, answer if isinstance(answer, Unread) else Unread(answer.status)
            items += page[0]
            if not page[1]:
                return items, None
            if page[1] == cursor:
                break
            cursor = page[1]
        return items, Unread(HTTPStatus.OK, is_too_long=True)

    async def _list(
        self, kind: Read, seconds: float, params: Mapping[str, Param]
    ) -> Sequence[SessionSummary] | Unread:
        answer = await self._get(kind, seconds, "sessions", params=params)
        if isinstance(answer, Unread):
            return answer
        found = parse_list(answer.body)
        return Unread(answer.status) if found is None else found

    async def _get(
        self,
        kind: Read,
        seconds: float,
        *segments: str,
        params: Mapping[str, Param] | None = None,
        clock: Callable[[], datetime] = utc_now,
        most: int = READ_LIMIT,
    ) -> Answer | Unread:
        path = await self._path(*segments)
        if not isinstance(path, str):
            return _unread(path)
        return await self._http.get(kind, path, seconds, params, clock, most)

    async def _path(self, *segments: str, version: str = "v3") -> str | Failure:
        """Return the path of a resource of the organization, or why the organization is unknown."""
        found = await self._organization.id()
        if not isinstance(found, str):
            return found
        return organization_path(found, *segments, version=version)


def _unread(why: Failure) -> Unread:
    """Return why nothing was read, where the organization is unknown."""
    if isinstance(why, Wait):
        return Unread(why=why.reason, retry_after=why.retry_after)
    return Unread(why.status or 0)


def _parts(sessions: Sequence[SessionId], most: int) -> list[Sequence[SessionId]]:
    return [sessions[first : first + most] for first in range(0, len(sessions), most)]


def _age(one: SessionSummary) -> float:
    """Sort the latest first, and those without a time last."""
    return -one.updated_at.timestamp() if one.updated_at else 0.0


def is_same_address(one: str, other: str) -> bool:
    """Compare email addresses: the case of ASCII is nothing; of others, nothing is alike."""
    if one.isascii() and other.isascii():
        return one.lower() == other.lower()
    return one == other
