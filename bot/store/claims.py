"""Claims let work be done once; starts and reads are budgeted; tickets keep what people are asked.

A claim is the first caller's, or a later one's if that caller died. A ticket is the context of a
modal or an offer: Slack passes on `private_metadata` and the values of buttons as a person's client
sent them, so they carry only its number, which cannot be guessed and is valid for one person only.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import ClassVar, TypeVar
from weakref import WeakValueDictionary

from bot.model.errors import Expired, StoreAway, TooManyStarts, UnderWay
from bot.model.people import WORKFLOW, UserId
from bot.model.record import Record
from bot.model.threads import ThreadRef
from bot.redis.connection import Store, millis
from bot.redis.keep import CLAIM_LEASE, CLAIMED, TICKET
from bot.redis.keys import Key, calls_key, once_key, ticket_key
from bot.redis.lua import commands
from bot.store.lua import scripts
from bot.timing import TIMING

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05


def claimed_key(what: str) -> Key:
    """Return where Redis keeps that `what` has been claimed."""
    return once_key(f"claim:{what}")


def start_claim(thread: ThreadRef) -> str:
    """Name the claim of the start that is being carried out in `thread`."""
    return f"starting:{thread.name}"


class Claims:
    """The claims, in Redis; a caller waits `seconds` for another one's work."""

    def __init__(self, store: Store, seconds: float = TIMING.claim_seconds) -> None:
        self._store = store
        self._seconds = seconds
        self._alone: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def alone(self, what: str, mine: str) -> asyncio.Lock:
        """Return this process's lock on what `mine` does, since `begin` lets all of one name in.

        Slack sends an event again after 3 s, also while it is still being answered.
        """
        return self._alone.setdefault(f"{what} {mine}", asyncio.Lock())

    async def begin(self, what: str, mine: str) -> bool:
        """Return True if this caller must do `what` now; False once it is done and `claim`ed.

        `mine` names the caller, which can go on after its process died. Others raise `UnderWay`.
        """
        deadline = time.monotonic() + self._seconds
        while not await self.is_claimed(what):
            begun = once_key(f"begun:{what}")
            if await self._store.claim(begun, mine or new_number(), CLAIM_LEASE):
                return True
            if time.monotonic() > deadline:
                raise UnderWay(what.partition(":")[0])
            await asyncio.sleep(LOOK_SECONDS)
        return False

    async def leave(self, what: str) -> None:
        """Undo `begin`, for work that failed and may be attempted again at once."""
        await self._store.delete(once_key(f"begun:{what}"))

    async def claim(self, what: str, keep: timedelta = CLAIMED, mine: str = "") -> bool:
        """Return True for the first claim of `what`, and for each later one by the same `mine`."""
        return await self._store.claim(claimed_key(what), mine or new_number(), keep)

    async def is_claimed(self, *whats: str) -> bool:
        """Return True if any of `whats` has been claimed."""
        keys = [claimed_key(what) for what in whats]
        return any(found is not None for found in await self._store.get_all(keys))

    async def note(self, what: str, done: str, keep: timedelta) -> None:
        """Note with the claim of `what` what has come of it, for as long as the claim."""
        await self._store.put(claimed_key(what), done, keep)

    async def noted(self, what: str) -> str | None:
        """Return what has come of `what`; a text that means nothing until it is noted, or None."""
        return await self._store.get(claimed_key(what))

    async def disclaim(self, what: str) -> None:
        """Undo `claim`, for work that failed and will be attempted again."""
        await self._store.delete(claimed_key(what))


@asynccontextmanager
async def renewed(
    renew: Callable[[], Awaitable[None]], every: timedelta, what: str, **ids: object
) -> AsyncIterator[None]:
    """Call `renew` at each interval inside this context; the log says `what` is leased, with `ids`.

    A renewal that fails is tried again at the next interval, and does not end the context. A holder
    that must know whether it still has the lease lets `renew` record that.
    """
    renewing: list[asyncio.Task[None]] = []

    async def keep_renewing() -> None:
        while True:
            try:
                await renew()
            except StoreAway as error:
                log.warning("lease not renewed", extra={"lease": what, **ids, "reason": str(error)})
            await asyncio.sleep(every.total_seconds())

    def begin() -> None:
        renewing.append(asyncio.create_task(keep_renewing(), name=what))

    # Most leases end before their first renewal: a task for each would cost more than the timer.
    timer = asyncio.get_running_loop().call_later(every.total_seconds(), begin)
    try:
        yield
    finally:
        timer.cancel()
        for task in renewing:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


SPAN = timedelta(hours=1)


EVERYBODY = "all"


class Starts:
    """What a person starts, or a channel adopts: `most` within `SPAN`, `overall` together; 0: any.

    Sessions and Devin Reviews count. What workflows start counts for the person that a step names,
    who may be anybody, and for all workflows.
    """

    def __init__(self, store: Store, most: int, overall: int = 0) -> None:
        self._store = store
        self.most = most
        self.overall = overall

    async def count(self, who: str, start: str, *, by_step: bool = False) -> None:
        """Count the `start` of `who` once; raise `TooManyStarts`, which counts nothing."""
        counted: list[str] = []
        for purse, most in self._purses(who, by_step=by_step):
            if wait := await self._spend(purse, start, most):
                for one in counted:
                    await self._give_back(one, start)
                raise TooManyStarts(most, wait, is_overall=purse == EVERYBODY)
            counted.append(purse)

    async def give_back(self, who: str, start: str) -> None:
        """Count the `start` of `who` no more: they are asked first, and may count it again."""
        for purse, _ in self._purses(who, by_step=False):
            await self._give_back(purse, start)

    def _purses(self, who: str, *, by_step: bool) -> list[tuple[str, int]]:
        purses = [(who, self.most), (EVERYBODY, self.overall)]
        if by_step and who != WORKFLOW:
            purses.insert(1, (WORKFLOW, self.most))
        return [one for one in purses if one[1]]

    async def _spend(self, purse: str, start: str, most: int) -> timedelta | None:
        wait_ms = await commands.spend_call(
            self._store,
            calls=calls_key(f"start:{purse}"),
            name=start,
            span_ms=millis(SPAN),
            most=most,
            after_ms=0,
            pause_ms=0,
        )
        return timedelta(milliseconds=wait_ms) if wait_ms else None

    async def _give_back(self, purse: str, start: str) -> None:
        await self._spend(purse, start, -1)


LENGTH = 32


class Ticket(Record):
    """A question to the person `by`; each subclass adds its content, and its `kind` for the key."""

    kind: ClassVar[str]

    by: UserId

    def __init_subclass__(cls, *, kind: str) -> None:
        super().__init_subclass__()
        cls.kind = kind


T = TypeVar("T", bound=Ticket)


class Tickets:
    """The tickets, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def issue(self, ticket: Ticket) -> str:
        """Keep `ticket`, and return its number."""
        number = new_number()
        await self._store.put(ticket_key(ticket.kind, number), ticket.to_json(), TICKET)
        return number

    async def write(self, number: str, ticket: T, is_later: Callable[[T], bool]) -> bool:
        """Keep `ticket` under a number that was given out, unless one is there that `is_later`."""
        key = ticket_key(ticket.kind, number)
        while True:
            raw = await self._store.get(key)
            found = type(ticket).parse(raw)
            if found is not None and is_later(found):
                return False
            if await self._store.swap(key, raw or "", ticket.to_json(), TICKET):
                return True

    async def read(self, form: type[T], number: str, by: UserId) -> T:
        """Return the ticket of that form and number; raises `Expired`."""
        is_number = number.isascii() and number.isalnum() and len(number) == LENGTH
        raw = await self._store.get(ticket_key(form.kind, number)) if is_number else None
        ticket = form.parse(raw)
        if ticket is None or ticket.by != by:
            raise Expired
        return ticket


def new_number() -> str:
    """Return a number for a ticket: 128 random bits, in hex."""
    return secrets.token_hex(LENGTH // 2)


BURST_DIVISOR = 12
"""One in so many of the minute's reads may be made at once."""


class Reads:
    """The budget of reads that all polls share, in Redis.

    A twelfth of a minute's reads may be made at once, and the rest is spread evenly, so that no
    minute has more of them than the setting allows.
    """

    def __init__(self, store: Store, per_minute: int) -> None:
        self._store = store
        self._per_minute = per_minute
        self._burst = max(2, per_minute // BURST_DIVISOR)
        self.seconds_each = 60 / max(1, per_minute - self._burst)

    async def spend(
        self, most: int = 1, *, rest: int = 0, is_made: bool = False, pause: float = 0.0
    ) -> tuple[int, float]:
        """Spend up to `most` reads, if `rest` are left over, or all if they were made already.

        During a `pause`, in seconds, no process reads. Return how many are spent, and the seconds
        until one more can be had.
        """
        spent, wait_ms = await scripts.spend_reads(
            self._store,
            most=most,
            per_minute=self._per_minute,
            burst=self._burst,
            rest=rest,
            is_made=is_made,
            pause_ms=int(pause * 1000),
        )
        return spent, wait_ms / 1000
