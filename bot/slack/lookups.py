"""Look-ups by id, with one request at a time for each id; all processes share answers and limits.

A failed look-up is raised, so that nobody takes it for a no. What Slack allows of a method in a
minute is one budget, of which less urgent calls may use a part only.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import partial
from typing import Generic, TypeVar

from cachetools import TTLCache
from pydantic import TypeAdapter, ValidationError

from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused, StoreAway
from bot.model.threads import is_id
from bot.redis import keep
from bot.redis.connection import Store
from bot.redis.keys import Key, calls_key, known_key
from bot.redis.lua import commands
from bot.runtime import metrics
from bot.runtime.in_flight import LONGEST_LINE
from bot.runtime.outgoing import broken
from bot.slack.api import PAUSED, SlackClient, asked_wait
from bot.timing import Timing

log = logging.getLogger(__name__)

AT_HAND_SECONDS = 60
"""The time for which a process keeps an answer of Redis: changes go unnoticed for both times."""

REMEMBERED = 10_000

TRIES = 2
TIER_2, TIER_3, TIER_4 = 20, 50, 100
"""Calls of a method that Slack allows per minute (docs.slack.dev/apis/web-api/rate-limits)."""

MINUTE = 60.0

V = TypeVar("V")


class Need(Enum):
    """What a look-up is for, the most urgent first.

    `MAIL` waits for a thread that the backfill reads, and so is a `LATE` event's if need be. It may
    use up the part `share` of Slack's limit, and waits `after` seconds longer after a 429.
    """

    ACT = (0.9, 0.0)
    WORDS = (0.8, 1.0)
    MAIL = (0.8, 2.0)
    CARDS = (0.6, 10.0)
    NAMES = (0.5, 60.0)
    LATE = (0.4, 60.0)
    DECORATION = (0.0, 0.0)

    def __init__(self, share: float, after: float) -> None:
        self.share = share
        self.after = after


class Budget:
    """The calls of `method` that Slack allows all processes: `tier` a minute."""

    def __init__(self, store: Store, method: str, tier: int = TIER_3) -> None:
        self._store = store
        self._method = method
        self._tier = tier
        self._reserved: dict[Need, float] = {}

    @asynccontextmanager
    async def spent(self, need: Need) -> AsyncIterator[None]:
        """Count the call that is made inside this context, and learn its limit.

        Raises `SlackAway` if it can't be made now; `retry_after` is until its own time then.
        """
        if wait := await self.spend(need):
            raise SlackAway(self._method, PAUSED, retry_after=wait, maybe_done=False)
        try:
            yield
        except SlackAway as error:
            if not (asked := asked_wait(error)):
                raise
            wait = await self.spend(need, pause=asked)
            raise SlackAway(
                self._method, error.reason, retry_after=wait, maybe_done=False
            ) from error

    async def spend(self, need: Need, pause: float = 0.0) -> float:
        """Count a call that is about to be made and return 0, or return the seconds to wait.

        Those that wait get times of their own. With a `pause`, in seconds, no process makes a call
        until it is over.
        """
        most = int(self._tier * need.share)
        wait_ms: int = await commands.spend_call(
            self._store,
            calls=calls_key(self._method),
            name="",
            span_ms=int(MINUTE * 1000),
            most=most,
            after_ms=int(need.after * 1000),
            pause_ms=int(pause * 1000),
        )
        if not wait_ms:
            return 0.0
        now = time.monotonic()
        free = now + wait_ms / 1000
        # Of those that wait, some do not come back; they hold up nobody for over a minute.
        at = min(max(self._reserved.get(need, 0.0) + MINUTE / most, free), free + LONGEST_LINE)
        self._reserved[need] = at
        return at - now


def _is_key(key: str) -> bool:
    """Return True for an id, or for one in a place: `id@id`."""
    return all(map(is_id, key.split("@", 1)))


@dataclass(frozen=True, slots=True)
class LookupParts:
    """What look-ups are made with: Slack, and where their answers are kept."""

    client: SlackClient
    store: Store
    timing: Timing


@dataclass(eq=False)
class Lookup(Generic[V]):
    """The answers of `method` (`tier` calls a minute); Redis keeps their `form` for `kept`.

    With `keeps`, it keeps each for as long as that says.
    """

    source: LookupParts
    method: str
    look_up: Callable[[str], Awaitable[V]]
    form: TypeAdapter[V]
    tier: int = TIER_3
    kept: timedelta = keep.LOOKED_UP
    keeps: Callable[[V], timedelta] | None = None

    def __post_init__(self) -> None:
        """Begin with nothing at hand."""
        self._store = self.source.store
        self._budget = Budget(self._store, self.method, self.tier)
        at_hand = min(AT_HAND_SECONDS, self.kept.total_seconds())
        self._at_hand: TTLCache[str, V] = TTLCache(REMEMBERED, at_hand)
        pause = self.source.timing.look_up_pause
        self._failed: TTLCache[str, asyncio.Task[V | None]] = TTLCache(REMEMBERED, pause)
        self._asking: dict[str, asyncio.Task[V | None]] = {}

    async def get(self, key: str, need: Need = Need.ACT) -> V | None:
        """Return the answer for `key`; None if Slack has none, or if `key` is not an id.

        Raises `SlackAway`, also if no look-up is left for this `need` at present.
        """
        found = self._at_hand.get(key)
        if found is None and _is_key(key):
            found = self.read(key, await self._store.get(self.key(key)))
        if found is None:
            found = await (self._failed.get(key) or self.ask(key, need))
        return found

    def known(self, key: str) -> V | None:
        """Return the answer for `key` if it is at hand."""
        return self._at_hand.get(key)

    def key(self, key: str) -> Key:
        """Return where Redis keeps the answer."""
        return known_key(self.method, key)

    def read(self, key: str, raw: str | None) -> V | None:
        """Read what Redis has for `key`, and keep it at hand."""
        if raw is None:
            return None
        try:
            self._at_hand[key] = found = self.form.validate_json(raw)
        except ValidationError:
            return None
        return found

    async def forget(self, key: str) -> None:
        """Drop the answer for `key`; other processes may have it at hand for a minute.

        One that is under way may be of before, so it is waited for.
        """
        if (asking := self._asking.get(key)) is not None:
            await asyncio.wait({asking})
        self._at_hand.pop(key, None)
        await self._store.delete(self.key(key))

    def may_prepare(self, key: str) -> bool:
        """Return True if `key` is an id that was not requested just now."""
        return _is_key(key) and key not in self._at_hand and key not in self._failed

    async def prepare(self, key: str) -> None:
        """Look `key` up so that it is `known`, unless that takes a call that others may need."""
        with suppress(SlackAway, StoreAway):
            await self.get(key, Need.NAMES)

    async def ask(self, key: str, need: Need) -> V | None:
        """Ask Slack, or wait for who does, whatever is known; returns and raises as `get` does."""
        if not _is_key(key):
            return None
        if not need.share:
            raise self._away(PAUSED)
        if key not in self._asking:
            self._asking[key] = asking = asyncio.create_task(self._ask(key, need))
            asking.add_done_callback(partial(self._ended, key))
        return await asyncio.shield(self._asking[key])

    def _ended(self, key: str, asking: "asyncio.Task[V | None]") -> None:
        del self._asking[key]
        if not asking.cancelled():
            asking.exception()  # whoever asked may be gone

    async def _ask(self, key: str, need: Need) -> V | None:
        failure: SlackAway | None = None
        for _ in range(TRIES):
            if wait := await self._budget.spend(need):
                raise self._away(PAUSED, wait)
            try:
                answer = await self._try(key)
            except SlackAway as error:
                log.warning("look-up failed", extra={"id": key, "reason": str(error)})
                if asked := asked_wait(error):
                    wait = await self._budget.spend(need, pause=asked)
                    raise self._away(error.reason, wait) from error
                failure = error
                continue
            if answer is not None:
                self._at_hand[key] = answer
                raw = self.form.dump_json(answer).decode()
                kept = self.kept if self.keeps is None else self.keeps(answer)
                await self._store.put(self.key(key), raw, kept)
                return answer
            failure = None
            break
        self._failed[key] = self._asking[key]
        if failure is not None:
            raise failure
        return None

    async def _try(self, key: str) -> V | None:
        """Ask once; None if Slack says that there is no answer."""
        try:
            async with asyncio.timeout(self.source.timing.look_up_seconds):
                return await self.look_up(key)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise self._away(error.reason) from error
            log.warning("look-up refused", extra={"id": key, "reason": str(error)})
        except TimeoutError as error:
            reason = broken(error)
            metrics.SLACK_ERRORS.labels(self.method, reason).inc()
            raise self._away(reason) from error
        except (KeyError, TypeError, AttributeError) as error:
            # An answer without its method's promised fields names nobody.
            log.warning("look-up unreadable", extra={"id": key, "reason": type(error).__name__})
        return None

    def _away(self, reason: str, wait: float | None = None) -> SlackAway:
        return SlackAway(self.method, reason, retry_after=wait, maybe_done=False)
