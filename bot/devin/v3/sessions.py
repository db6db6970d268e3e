"""Version 3's requests, its answers to what was sent, and its records: sessions, and messages.

`Surveys` reads many sessions together.

`SessionResponse`, `SessionPage` and `MessagePage` are described in
`tests/contract/devin-v3.openapi.yaml`. Enumerations are open: an unknown value counts as unknown,
and a missing or mistyped field as empty. A parser returns None for another body.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from cachetools import TTLCache

from bot.devin import answers
from bot.devin.answers import Answer, parsed
from bot.devin.api import MOST_CHILDREN, DevinMessage, SessionSummary, Source, Survey, Unread
from bot.model.record import mappings, parse_object, string, strings
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import NamedSession, Review, SessionId, SessionState, Trouble, parse_session

STATUSES: Mapping[str, SessionState] = {
    "new": SessionState.WORKING,
    "claimed": SessionState.WORKING,
    "resuming": SessionState.WORKING,
    "running": SessionState.WORKING,
    "suspended": SessionState.SUSPENDED,
    "exit": SessionState.ENDED,
    "error": SessionState.ENDED,
}

MOST_ACUS = 1e12
"""The largest total that is believed: what is computed with it stays a number."""

BEGINNING = frozenset({"new", "claimed", "resuming"})

RUNNING: Mapping[str, SessionState] = {
    "working": SessionState.WORKING,
    "waiting_for_user": SessionState.WAITING,
    "waiting_for_approval": SessionState.APPROVAL,
    "finished": SessionState.FINISHED,
}
"""The states of a running session by its `status_detail`; any other one may be at work."""

SLEEPING = frozenset({"inactivity", "user_request", "error"})
"""The other `status_detail` of a suspended session."""

LIMITS = re.compile(r"out_of_\w+|\w+_limit_exceeded|no_quota_allocation|payment_declined")
"""The `status_detail` of a session that was suspended because something is used up."""

_REPOSITORY = re.compile(r"[\w.-]+(?:/[\w.-]+)+", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)


def parse_record(body: bytes) -> SessionSummary | None:
    """Parse a `SessionResponse`."""
    return summary(parse_object(body) or {})


def parse_list(body: bytes) -> Sequence[SessionSummary] | None:
    """Parse a page of sessions."""
    page = parse_items(body)
    return None if page is None else summaries(page[0])


def parse_items(body: bytes) -> tuple[Sequence[Mapping[str, Any]], str | None] | None:
    """Parse a page of any list, and the cursor to the next one, None on the last; never raises."""
    page = parse_object(body) or {}
    if not isinstance(page.get("items"), list):
        return None
    has_more = page.get("has_next_page") is True
    return mappings(page["items"]), string(page, "end_cursor") if has_more else None


def parse_review(body: bytes) -> Review | None:
    """Parse a `PrReviewResponse`."""
    found = parse_object(body) or {}
    commit, status = string(found, "commit_sha").lower(), answers.word(found.get("status"))
    return Review(commit, status) if _COMMIT.fullmatch(commit) and status else None


def summaries(records: Iterable[Mapping[str, Any]]) -> Sequence[SessionSummary] | None:
    """Read sessions, except those without an id; None if that holds for all that are listed."""
    listed = list(records)
    found = [found for one in listed if (found := summary(one)) is not None]
    return answers.usable(found, listed)


def summary(record: Mapping[str, Any]) -> SessionSummary | None:
    """Read a `SessionResponse`; None without its id."""
    session = parse_session(string(record, "session_id"))
    if session is None:
        return None
    at = answers.time_of(record.get("updated_at"))
    title, url = string(record, "title"), string(record, "url")
    state, trouble = _state(record), _trouble(record)
    is_limited = state is SessionState.SUSPENDED and trouble is Trouble.LIMIT
    opened = mappings(record.get("pull_requests"))
    return SessionSummary(
        session,
        title,
        state,
        at,
        url,
        trouble=trouble,
        limit=answers.word(record.get("status_detail")) if is_limited else "",
        pull_requests=answers.pull_requests(
            (string(o, "pr_url"), string(o, "pr_state")) for o in opened
        ),
        acus=_amount(record.get("acus_consumed")),
        tags=strings(record, "tags"),
        created_at=answers.time_of(record.get("created_at")),
        parent=parse_session(string(record, "parent_session_id")),
        children=_children(record.get("child_session_ids")),
        is_archived=record.get("is_archived") is True,
        origin=string(record, "origin"),
        is_beginning=string(record, "status") in BEGINNING,
        unclear=_unclear(record),
    )


def _state(record: Mapping[str, Any]) -> SessionState:
    state = STATUSES.get(string(record, "status"), SessionState.UNKNOWN)
    if record.get("is_archived") is True:
        return SessionState.ENDED  # it can be neither changed nor resumed
    if string(record, "status") == "running":
        return RUNNING.get(string(record, "status_detail"), state)
    return state


def _unclear(record: Mapping[str, Any]) -> str:
    """Return a record's words for its state if they don't tell it, or not all of it."""
    status, detail = string(record, "status"), string(record, "status_detail")
    is_known = {
        "running": detail in RUNNING,
        "suspended": detail in SLEEPING or LIMITS.fullmatch(detail) is not None,
    }.get(status, status in STATUSES)
    if is_known or record.get("is_archived") is True:
        return ""
    return answers.words(record.get("status"), record.get("status_detail"))


def _trouble(record: Mapping[str, Any]) -> Trouble | None:
    status, detail = string(record, "status"), string(record, "status_detail")
    if status == "error" or (status == "suspended" and detail == "error"):
        return Trouble.ERROR
    return Trouble.LIMIT if status == "suspended" and LIMITS.fullmatch(detail) else None


def message(entry: Mapping[str, Any]) -> DevinMessage | None:
    """Read a message; None without a time or a text."""
    at, text = answers.time_of(entry.get("created_at")), string(entry, "message")
    if at is None or not isinstance(entry.get("message"), str):
        return None
    is_devin = entry.get("source") == "devin"
    if not is_devin:
        text = _without_attachments(text)
    source = Source.DEVIN if is_devin else Source.USER
    return DevinMessage(string(entry, "event_id"), source, text, at)


def _without_attachments(text: str) -> str:
    """Strip the lines for files below a person's message, as version 1 sends and lists them."""
    lines = text.split("\n")
    while lines and (lines[-1].startswith("ATTACHMENT:") or not lines[-1].strip()):
        lines.pop()
    return "\n".join(lines)


def parse_sent(body: bytes) -> Outcome | None:
    """Parse Devin's answer to a message: the session, which has ended or goes on."""
    record = parse_object(body) or {}
    if not (isinstance(record.get("session_id"), str) and isinstance(record.get("status"), str)):
        return None
    is_over = _state(record) is SessionState.ENDED
    kind = OutcomeKind.ENDED if is_over else OutcomeKind.DELIVERED
    return Outcome(kind=kind, status=HTTPStatus.OK)


def parse_created(body: bytes, title: str) -> NamedSession | None:
    """Parse Devin's answer to a start; without a session's name, one may be there all the same."""
    found = parse_record(body)
    return NamedSession(found.session, found.title or title, found.url) if found else None


def parse_uploaded(body: bytes) -> str | None:
    """Parse the address in an `AttachmentResponse`."""
    return answers.address(string(parse_object(body) or {}, "url"))


def _children(value: object) -> tuple[SessionId, ...]:
    """Return the ids of the first `MOST_CHILDREN` of a session's children."""
    listed = value if isinstance(value, list) else []
    found = (parse_session(one) for one in listed if isinstance(one, str))
    return tuple(dict.fromkeys(one for one in found if one is not None))[:MOST_CHILDREN]


def _amount(value: Any) -> float | None:
    """Return a number of ACUs; None for anything that is no amount."""
    is_amount = type(value) in {int, float} and 0 <= value <= MOST_ACUS
    return float(value) if is_amount else None


def repositories(records: Iterable[Mapping[str, Any]]) -> Sequence[str]:
    """Return the usual names of repositories (`repo_path`), each once, in their order."""
    found = dict.fromkeys(string(one, "repo_path") for one in records)
    return [one for one in found if len(one) <= answers.ID_LIMIT and _REPOSITORY.fullmatch(one)]


UNKNOWN_ID = frozenset({400, 404, 414, 422})
"""Statuses that may mean that Devin refuses one of the ids, or that there are too many."""

MOST_TRIES = 40
"""Most calls of a survey: to find one such id among 100 takes 15."""

LATEST = 100
"""The sessions that are read by one call, and those among which the latest are found: the order of
the list is not documented."""

MOST_SINGLY = 20
"""Most sessions that a survey reads singly, where Devin does not filter its list."""

KNOWN, KNOWN_SECONDS = 10_000, 120
"""Most sessions of which something is remembered, and for how long."""


class Surveys:
    """The states of many sessions by few calls, although one of them may spoil a list for all.

    A list may be too long, since records have structured outputs, or Devin may refuse one of the
    ids. Then each half is read by itself, and a session for which that holds alone is left out,
    for some minutes without a call. `ask` makes the call for some sessions, and `ask_one` for one:
    should Devin list others than those that were asked for, it does not filter the list.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[SessionId]], Awaitable[Answer | Unread]],
        ask_one: Callable[[SessionId], Awaitable[Answer | Unread]],
    ) -> None:
        self._ask = ask
        self._ask_one = ask_one
        self._asked_at: TTLCache[SessionId, float] = TTLCache(KNOWN, KNOWN_SECONDS)
        self._left_out: TTLCache[SessionId, Unread] = TTLCache(KNOWN, KNOWN_SECONDS)

    async def survey(self, sessions: Sequence[SessionId]) -> Survey | Unread:
        """Read `sessions` by one call for each `LATEST` of them, if their records are short.

        A call that fails for another reason fails all. So do sessions that are all unknown: that is
        also what Devin says of an organization that is.
        """
        wanted = dict.fromkeys(sessions)
        known = {one: why for one in wanted if (why := self._left_out.get(one)) is not None}
        found, lost, reads = dict[SessionId, SessionSummary](), dict[SessionId, Unread](), 0
        missed = set[SessionId]()
        asked = [one for one in wanted if one not in known][: LATEST * MOST_TRIES]
        parts = [asked[at : at + LATEST] for at in range(0, len(asked), LATEST)]
        while parts and reads + len(parts) <= MOST_TRIES:
            reads += len(parts)
            pages, halves = await asyncio.gather(*map(self._ask, parts)), []
            for part, answer in zip(parts, pages, strict=True):
                page = parsed(answer, parse_list)
                if not isinstance(page, Unread):
                    found |= {one.session: one for one in page if one.session in wanted}
                    if any(one.session not in wanted for one in page):
                        missed.update(part)
                    lost = {one: why for one, why in lost.items() if one not in part}
                elif page.is_too_long or page.status in UNKNOWN_ID:
                    lost |= dict.fromkeys(part, page)
                    middle = len(part) // 2
                    halves += [part[:middle], part[middle:]] if middle else []
                else:
                    return replace(page, reads=reads)
            parts = halves
        if missed:
            singly = await self._singly(missed - found.keys())
            found, reads = found | singly[0], reads + singly[1]
        is_gone = all(why.status == HTTPStatus.NOT_FOUND for why in lost.values())
        if lost and not found and (parts or is_gone):
            return replace(lost.popitem()[1], reads=reads)
        untried = {one for part in parts for one in part}
        alone = ((one, why) for one, why in lost.items() if one not in untried)
        self._left_out.update((one, why) for one, why in alone if found or why.is_too_long)
        return Survey(found, reads, known | lost)

    async def _singly(
        self, missed: Collection[SessionId]
    ) -> tuple[dict[SessionId, SessionSummary], int]:
        """Read some sessions by a call for each, first those that were not read for longest."""
        answers.note_odd("sessions that nobody asked for", logging.ERROR)
        line = sorted(missed, key=lambda one: self._asked_at.get(one, 0.0))[:MOST_SINGLY]
        self._asked_at.update(dict.fromkeys(line, time.monotonic()))
        found = await asyncio.gather(*map(self._ask_one, line))
        read = [parsed(one, parse_record) for one in found]
        return {
            o.session: o for o in read if not isinstance(o, Unread) and o.session in missed
        }, len(line)
