"""Scenes: faults that occur just while people act."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

from chaos.carrier import LOOK_SECONDS
from chaos.entries import Entry, Kind, number_in, text_of
from chaos.front import strangers
from chaos.keeping import Keeping
from chaos.orders import Orders
from chaos.people import People
from chaos.processes import Post
from chaos.schedule import Act
from chaos.surfaces import CHANNEL, PERSON
from chaos.trouble import Front, Outage
from sandbox import Sandbox
from sandbox.ids import new_id
from sandbox.slack.world.workspace import JSON

WRITTEN = 4
NEWCOMERS = 3
MENTIONS = 150
NAMES_LIMIT = (100, 20.0)
"""Calls within this many seconds: a third of the minute in Slack's tier 4."""

CHANGES = ("deleted", "aside", "edited", "")
HERD = 30
EARLY = {"hours": len(CHANGES), "herd": HERD}
"""The replies that a scene delivers hours late."""

THREADS_LIMIT = (6, 6.0)
"""Calls within this many seconds: little more than Slack's tier 3."""

TRY_SECONDS = 6.0
SLOW_LOOK_UP = 0.8
AMID = 0.4
"""Delay from an order to Redis's outage, so that its author is being looked up."""

REFUSED_SECONDS = 4.0
"""Time after Slack's giving up in which a process stops waiting for Redis, too."""

KEPT_SECONDS = 60.0
"""Longest wait until Redis knows of what people wrote, or that it was refused."""

CROWD_DELAY = 24.0
CROWD_RETRY_AFTER = 25
CROWD_SECONDS = CROWD_RETRY_AFTER + 15.0
"""Time within which a thread must be told what could not be posted at first."""


class Scenes:
    """The scenes: some are played amid everything else; `pages`, `flood` and `crowd` separately."""

    def __init__(
        self,
        box: Sandbox,
        keeping: Keeping,
        people: People,
        orders: Orders,
        outage: Outage,
        front: Front,
        posts: Sequence[Post],
    ) -> None:
        self._devin, self._slack = box.devin, box.slack
        self._keeping = keeping
        self._people = people
        self._orders = orders
        self._outage = outage
        self._front = front
        self._posts = posts
        self._early: list[tuple[Entry, JSON]] = []

    async def write_early(self, replies: int) -> None:
        """Write as many replies, which scenes deliver hours late (`EARLY`)."""
        for _ in range(replies):
            entry, ts = await self._people.reply(Kind.HOURS, self._people.anyone)
            self._early.append((entry, self._slack.event_of(CHANNEL, ts)))

    async def play(self, act: Act) -> None:
        """Play one of `schedule.SCENES`; some determine their own duration."""
        match act.what:
            case "silence":
                await self._silence(**act.fault)
            case "authors":
                await self._authors(act.seconds)
            case "names":
                await self._names()
            case "hours":
                self._hours()
            case "herd":
                await self._herd(act.seconds)
            case "edits":
                await self._amid_a_try()
            case "orders":
                await self._amid_an_order(act.seconds, **act.fault)
            case _:
                raise AssertionError(act.what)

    async def _silence(self, *, is_frozen: bool) -> None:
        """Take Redis away, with Slack connected, until Slack has given up people's events.

        No listener ends until Redis knows what was refused.
        """
        async with self._front.quiet:
            await self._front.until_open()
            async with self._outage.of_redis(is_frozen=is_frozen):
                written = [await self._write(Kind.GIVEN_UP) for _ in range(WRITTEN)]
                while any(one.heard is None for one in written):  # noqa: ASYNC110  (Slack's giving up gives no event)
                    await asyncio.sleep(LOOK_SECONDS)
                await asyncio.sleep(REFUSED_SECONDS)
            await self._until(self._is_noted, written)

    async def _authors(self, seconds: float) -> None:
        """Make Slack fail to say who somebody is, for a while."""
        self._slack.fail_next("users.info", status=503, times=1_000_000)
        await self._write_as_newcomers()
        await asyncio.sleep(seconds)
        self._slack.fail_no_more("users.info")

    async def _names(self) -> None:
        """Send a message with more names than the rate limit allows; then newcomers write."""
        calls, seconds = NAMES_LIMIT
        self._slack.limit_calls("users.info", calls, seconds)
        mentions = " ".join(f"<@{new_id('U0')}>" for _ in range(MENTIONS))
        await self._write(Kind.NAMES, more=f" {mentions}")
        await asyncio.sleep(1.0)
        await self._write_as_newcomers()
        await asyncio.sleep(seconds)
        self._slack.fail_no_more("users.info")

    def _hours(self) -> None:
        """Deliver replies hours late, after their authors have changed or deleted them."""
        for change in CHANGES:
            self._people.carrier.begin(self._bring_late(*self._early.pop(), change))

    async def _herd(self, seconds: float) -> None:
        """Deliver many replies hours late at once, while few threads can be looked up."""
        calls, span = THREADS_LIMIT
        self._slack.limit_calls("conversations.replies", calls, span)
        for _ in range(HERD):
            self._people.carrier.begin(self._bring_late(*self._early.pop(), ""))
        await asyncio.sleep(seconds)
        self._slack.fail_no_more("conversations.replies")

    async def _amid_a_try(self) -> None:
        """Let a reply be edited while Devin is being sent it, and kill all processes over that."""
        session = self._people.anyone
        self._devin.behave(session, "timeout", delay=TRY_SECONDS, takes=False, times=1)
        entry, ts = await self._people.reply(Kind.EDITED, session)
        await self._people.bring(entry, self._slack.event_of(CHANNEL, ts))
        ends = time.monotonic() + KEPT_SECONDS
        while time.monotonic() < ends and not self._was_asked(entry):  # noqa: ASYNC110  (Devin tells nobody)
            await asyncio.sleep(LOOK_SECONDS)
        self._people.carrier.begin(self._bring_edit(entry, ts))
        while time.monotonic() < ends and not any(entry.edits):  # noqa: ASYNC110  (an acknowledgement gives no event)
            await asyncio.sleep(LOOK_SECONDS)
        async with self._front.quiet:
            for post in self._posts:
                await post.end(signal.SIGKILL)

    async def _bring_edit(self, entry: Entry, ts: str) -> None:
        enter = await self._change(entry, ts, "edited")
        self._people.surfaces.bring_last(enter)

    async def _bring_late(self, entry: Entry, event: JSON, change: str) -> None:
        """Deliver a reply after the change to it has been acknowledged."""
        if change:
            known = asyncio.Event()
            enter = await self._change(entry, event["ts"], change)

            def on_ack(at: float) -> None:
                enter(at)
                known.set()

            self._people.surfaces.bring_last(on_ack)
            await known.wait()
        await self._people.bring(entry, event)

    async def _change(self, entry: Entry, ts: str, change: str) -> Callable[[float], None]:
        """Withdraw or edit a reply; return the function that records its acknowledgement."""
        if change == "deleted":
            await self._slack.delete(CHANNEL, ts)
        elif change == "aside":
            await self._slack.edit(CHANNEL, ts, f"(aside) {text_of(entry.number)}")
        else:
            entry.edits.append(None)
            await self._slack.edit(CHANNEL, ts, text_of(entry.number, 1))
            return partial(entry.edits.__setitem__, 0)
        return partial(setattr, entry, "deleted")

    async def _amid_an_order(self, seconds: float, *, is_frozen: bool) -> None:
        """Take Redis away between an order and its answer."""
        self._slack.fail_next("users.info", delay=SLOW_LOOK_UP)
        session = next(iter(self._orders.roots))
        self._people.carrier.begin(self._orders.next(session, user=self._people.newcomer()))
        await asyncio.sleep(AMID)
        async with self._outage.of_redis(is_frozen=is_frozen):
            await asyncio.sleep(seconds)

    async def pages(self) -> None:
        """Lose the answer to a reply in a long session that can be read, with no process killed."""
        for session in self._people.roots:
            self._devin.behave(session, "drops", times=1)
            entry = await self._write(Kind.REPLY, session=session)
            entry.can_be_found = True

    async def flood(self, ports: Sequence[int]) -> None:
        """Let strangers fill the ports while people write, until Redis knows what they wrote."""
        async with AsyncExitStack() as stack:
            for port in ports:
                await stack.enter_async_context(strangers(port))
            written = []
            for _ in range(WRITTEN):
                await asyncio.sleep(1.0)
                written.append(await self._write(Kind.REPLY))
            for entry in await self._until(self._is_kept, written):
                entry.kept_out = True

    async def crowd(self, size: int, read: Callable[[], None]) -> None:
        """Make more sessions busy than can be served, while another's thread waits for a report.

        Its first post is rate-limited, and Slack says for how long; `read` reads the ledger.
        """
        refused = self._people.anyone
        self._devin.behave(refused, "rejects")
        self._slack.fail_next("chat.postMessage", retry_after=CROWD_RETRY_AFTER)
        entry = await self._write(Kind.REPLY, session=refused)
        # The reply waits while its thread still has to be read.
        ends = time.monotonic() + CROWD_SECONDS
        while time.monotonic() < ends and not self._was_asked(entry):  # noqa: ASYNC110  (Devin tells nobody)
            await asyncio.sleep(LOOK_SECONDS)
        ends = time.monotonic() + CROWD_SECONDS
        crowd = [f"devin-{0xC0000 + number:032x}" for number in range(size)]
        for session in crowd:
            self._devin.add_session(session)
            self._devin.behave(session, "slow", delay=CROWD_DELAY)
            await self._people.surfaces.start_step(session, Kind.STEP)
        while time.monotonic() < ends and not entry.told:
            await asyncio.sleep(1.0)
            read()
        entry.late_told = not entry.told
        for session in [*crowd, refused]:
            self._devin.behave(session, "running")

    async def _until(
        self, holds: Callable[[Entry], Awaitable[bool]], written: Sequence[Entry]
    ) -> Sequence[Entry]:
        """Wait until it holds of all that was written; return those of which it never did."""
        ends, left = time.monotonic() + KEPT_SECONDS, list(written)
        while left and time.monotonic() < ends:
            await asyncio.sleep(LOOK_SECONDS)
            left = [one for one in left if not await holds(one)]
        return left

    async def _is_noted(self, entry: Entry) -> bool:
        return await self._keeping.is_noted(entry.ids[0], self._people.roots[entry.session])

    async def _is_kept(self, entry: Entry) -> bool:
        return await self._keeping.is_kept(entry.ids[0])

    def _was_asked(self, entry: Entry) -> bool:
        """Return True if Devin was asked to take that message."""
        return any(number_in(one.message) == entry.number for one in self._devin.requests)

    async def _write_as_newcomers(self) -> None:
        for _ in range(NEWCOMERS):
            await self._write(Kind.NEWCOMER, user=self._people.newcomer())

    async def _write(
        self, kind: Kind, *, user: str = PERSON, more: str = "", session: str | None = None
    ) -> Entry:
        people = self._people
        entry, ts = await people.reply(kind, session or people.anyone, user=user, more=more)
        await people.bring(entry, self._slack.event_of(CHANNEL, ts))
        return entry
