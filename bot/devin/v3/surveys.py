"""The states of many sessions by few calls, although one of them may spoil a list for all.

A list may be too long, since records have structured outputs, or Devin may refuse one of the ids.
Then each half is read by itself, and a session for which that holds alone is left out. What was
learned saves those calls for some minutes: who was left out, and how long the others' records are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from http import HTTPStatus

from cachetools import TTLCache

from bot.devin.answers import READ_LIMIT, Answer, parsed
from bot.devin.api import SessionSummary, Survey, Unread
from bot.devin.v3.sessions import parse_list
from bot.model.sessions import SessionId

UNKNOWN_ID = frozenset({400, 404, 414, 422})
"""Statuses that may mean that Devin refuses one of the ids, or that there are too many."""

MOST_TRIES = 40
"""Most calls of a survey: to find one such id among 100 takes 15."""

LATEST = 100
"""The sessions that are read by one call, and those among which the latest are found: the order of
the list is not documented."""

FULL = READ_LIMIT * 9 // 10
"""The length of a list that is planned: records grow."""

KNOWN, KNOWN_SECONDS = 10_000, 120
"""Most sessions of which something is remembered, and for how long."""


class Surveys:
    """Reads sessions; `ask` makes the call for some of them."""

    def __init__(self, ask: Callable[[Sequence[SessionId]], Awaitable[Answer | Unread]]) -> None:
        self._ask = ask
        self._left_out: TTLCache[SessionId, Unread] = TTLCache(KNOWN, KNOWN_SECONDS)
        self._lengths: TTLCache[SessionId, int] = TTLCache(KNOWN, KNOWN_SECONDS)

    async def survey(self, sessions: Sequence[SessionId]) -> Survey | Unread:
        """Read `sessions` by one call for each `LATEST` of them, if their records are short.

        A call that fails for another reason fails all. So do sessions that are all unknown: that is
        also what Devin says of an organization that is.
        """
        wanted = dict.fromkeys(sessions)
        known = {one: why for one in wanted if (why := self._left_out.get(one)) is not None}
        found, alone, reads = dict[SessionId, SessionSummary](), dict[SessionId, Unread](), 0
        failed = list[tuple[Sequence[SessionId], Unread]]()
        parts = self._planned([one for one in wanted if one not in known])
        while parts and reads + len(parts) <= MOST_TRIES:
            reads += len(parts)
            pages, failed = await asyncio.gather(*map(self._page, parts)), []
            for part, page in zip(parts, pages, strict=True):
                if not isinstance(page, Unread):
                    found |= {one.session: one for one in page if one.session in wanted}
                elif page.is_too_long or page.status in UNKNOWN_ID:
                    failed.append((part, page))
                else:
                    return replace(page, reads=reads)
            alone |= {part[0]: why for part, why in failed if len(part) == 1}
            failed = [(part, why) for part, why in failed if len(part) > 1]
            parts = [half for part, _ in failed for half in _halves(part)]
        untried = {one: why for part, why in failed for one in part}
        lost = list((untried or alone).values())
        is_gone = all(why.status == HTTPStatus.NOT_FOUND for why in lost)
        if lost and not found and (untried or is_gone):
            return replace(lost[-1], reads=reads)
        self._left_out.update({one: why for one, why in alone.items() if found or why.is_too_long})
        return Survey(found, reads, {**known, **alone, **untried})

    async def _page(self, part: Sequence[SessionId]) -> Sequence[SessionSummary] | Unread:
        answer = await self._ask(part)
        page = parsed(answer, parse_list)
        if isinstance(answer, Answer) and not isinstance(page, Unread):
            self._lengths.update(dict.fromkeys(part, len(answer.body) // len(part)))
        return page

    def _planned(self, wanted: Sequence[SessionId]) -> list[Sequence[SessionId]]:
        """Return the parts that are asked for at first, of which each is expected to be short."""
        parts, room = list[list[SessionId]](), 0
        for one in wanted:
            length = self._lengths.get(one, 0)
            if not parts or len(parts[-1]) == LATEST or length > room:
                parts.append([])
                room = FULL
            parts[-1].append(one)
            room -= length
        return [*parts[:MOST_TRIES]]


def _halves(part: Sequence[SessionId]) -> Sequence[Sequence[SessionId]]:
    return part[: len(part) // 2], part[len(part) // 2 :]
