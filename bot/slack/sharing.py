"""Decides whether other organizations share a channel, so that Devin's words stay out of it.

It fails closed: a channel that Slack does not show the bot counts as shared, and no answer is no
permission. Answers are forgotten as soon as Slack's limit on look-ups allows, since a channel can
become shared at any moment.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from cachetools import LRUCache, TTLCache
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.model.lenient import mapping, string
from bot.model.people import UserId
from bot.slack.api import MISSING_SCOPE, call
from bot.slack.lookups import MINUTE
from bot.slack.people import People
from bot.slack.rate_limits import LIMITED, asked_wait

log = logging.getLogger(__name__)

INFO = "conversations.info"
CHANNELS = 10_000

CALLS_A_MINUTE = 40
"""The look-ups made here, of the 50 that Slack allows a workspace in a minute (Tier 3)."""

FRESH_SECONDS = 5.0
"""The shortest time for which an answer is used."""

SECONDS_A_CHANNEL = MINUTE / CALLS_A_MINUTE
"""The time for which an answer is used, for each channel in use.

While all look-ups of a minute are spent, answers are used for twice as long.
"""

APART_SECONDS = 0.25
"""The least time between the turns of two channels that wait."""

MISSED_SECONDS = 5.0
"""The time after which a turn that was not taken is free for others."""

DIRECT = "D"
"""The first letter of a direct message's id."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Slack's answer about a channel; `at` is when it was asked for."""

    is_external: bool
    at: float


class Sharing:
    """The channels of one workspace, as far as they are shared; `clock` is in seconds."""

    def __init__(
        self,
        client: AsyncWebClient,
        people: People,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._people = people
        self._clock = clock
        self._answers: LRUCache[str, _Answer] = LRUCache(CHANNELS)
        self._in_use: TTLCache[str, None] = TTLCache(CHANNELS, MINUTE, clock)
        self._told: TTLCache[str, None] = TTLCache(CHANNELS, MINUTE, clock)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._calls: deque[float] = deque(maxlen=CALLS_A_MINUTE)
        self._turns: dict[str, float] = {}
        self._limited_until = 0.0

    def known_shared(self, channel: str) -> bool:
        """Count `channel` as shared for a minute at least, and until a look-up says otherwise.

        Return True if this process did not know.
        """
        known = self._answers.get(channel)
        self._told[channel] = None
        self._answers[channel] = _Answer(is_external=True, at=self._clock())
        return known is None or not known.is_external

    async def is_external(self, channel: str, reader: UserId | None = None) -> bool:
        """Return True if other organizations share `channel`, or if Slack does not show it.

        A channel that waits for another organization to join counts as shared. Slack shows direct
        messages only with `im:read`, which the manifest does not ask for; without it, `reader`
        decides: a person who wrote there, and so the only one who reads there. Group direct
        messages are looked up with `mpim:read` only.

        Raises:
            SlackAway: Slack did not answer, or is not asked at present; nothing is decided.
        """
        self._in_use[channel] = None
        lock = self._locks.setdefault(channel, asyncio.Lock())
        async with lock:
            if channel in self._told:
                return True
            answer = self._answers.get(channel)
            if answer is not None and self._clock() - answer.at < self._usable_seconds:
                return answer.is_external
            asked_at = self._clock()
            is_external = await self._look_up(channel, reader)
            if channel in self._told:
                return True
            self._answers[channel] = _Answer(is_external, asked_at)
            return is_external

    @property
    def _usable_seconds(self) -> float:
        self._in_use.expire()
        seconds = max(FRESH_SECONDS, SECONDS_A_CHANNEL * len(self._in_use))
        return seconds * 2 if self._are_calls_spent else seconds

    @property
    def _are_calls_spent(self) -> bool:
        while self._calls and self._clock() - self._calls[0] >= MINUTE:
            self._calls.popleft()
        return len(self._calls) >= CALLS_A_MINUTE

    async def _look_up(self, channel: str, reader: UserId | None) -> bool:
        self._count_call(channel)
        try:
            answer = await call(self._client, INFO, channel=channel)
        except SlackAway as error:
            self._limited_until = max(self._limited_until, self._clock() + asked_wait(error))
            error.maybe_done = False  # a look-up posts nothing
            raise
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise SlackAway(INFO, error.reason, maybe_done=False) from error
            if error.reason == MISSING_SCOPE and channel.startswith(DIRECT) and reader:
                return await self._is_outsider(reader)
            log.info("sharing not known", extra={"channel": channel, "reason": str(error)})
            return True
        found = mapping(answer.get("channel"))
        if found.get("is_im") is True:
            return _says_shared(found) or await self._is_outsider(UserId(string(found, "user")))
        return not found or _says_shared(found)

    async def _is_outsider(self, user: UserId) -> bool:
        person = await self._people.person(user)
        return person.is_external or not person.is_known

    def _count_call(self, channel: str) -> None:
        """Count a look-up; raises `SlackAway`, with the turn of `channel`, if none is left for it.

        Each waiting channel has a turn of its own, and newcomers take none of these. Otherwise all
        would come back for the first look-up that Slack allows again.
        """
        now = self._clock()
        for late in [one for one, turn in self._turns.items() if turn + MISSED_SECONDS < now]:
            del self._turns[late]
        turn = self._turns.pop(channel, None)
        if turn is None or turn < self._limited_until:
            turn = self._next_turn(now)
        if now < turn:
            self._turns[channel] = turn
            raise SlackAway(INFO, LIMITED, retry_after=turn - now, maybe_done=False)
        self._calls.append(now)

    def _next_turn(self, now: float) -> float:
        """Return when the next look-up is left, after those that were made or have a turn."""
        turn, waiting = max(now, self._limited_until), sorted(self._turns.values())
        if waiting:
            turn = max(turn, waiting[-1] + APART_SECONDS)
        counted = [*self._calls, *waiting]
        if len(counted) >= CALLS_A_MINUTE:
            turn = max(turn, counted[-CALLS_A_MINUTE] + MINUTE)
        return turn


def _says_shared(found: Mapping[str, Any]) -> bool:
    """Read a conversation object (docs.slack.dev/reference/objects/conversation-object).

    `is_shared` alone says nothing: it is also true for channels within one Grid organization.
    """
    is_shared = found.get("is_shared") is True and found.get("is_org_shared") is not True
    is_ours_to_guess = "is_ext_shared" not in found and is_shared
    return bool(
        found.get("is_ext_shared") or found.get("is_pending_ext_shared") or is_ours_to_guess
    )
