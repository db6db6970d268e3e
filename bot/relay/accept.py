"""What every way to Devin has in common: who may go it, and how a reply gets into its mailbox."""

import asyncio
import logging
import time
from datetime import timedelta

from bot.catch_up.listening import Listening
from bot.delivery.compose import shown
from bot.model.errors import NotAllowed, NotIdentified
from bot.model.people import Standing, UserId
from bot.model.replies import Change, Reply, Voucher
from bot.model.schedule import Schedule
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef, micros_ts, millis_after, ts_micros
from bot.redis.connection import Store
from bot.relay.workspace import Workspace
from bot.runtime import metrics
from bot.runtime.in_flight import InFlight
from bot.store.checkpoints import Missed
from bot.store.links import Links
from bot.store.mailbox import Mailbox

log = logging.getLogger(__name__)

FRESH = timedelta(seconds=2)
"""An event that is older than this came by a retry or a backlog, perhaps out of order."""

OLD = timedelta(minutes=1)
"""An event that is older than this was refused before, or could not be brought."""

SETTLE = timedelta(seconds=1)
"""How long such a reply waits for earlier ones, before an idle session takes it.

So does any reply just after Redis was away: another process may have refused an earlier one.
"""


class Accepting:
    """Asks who may steer Devin, makes links, and keeps replies."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        links: Links,
        mailbox: Mailbox,
        schedule: Schedule,
        in_flight: InFlight,
        listening: Listening,
        store: Store,
    ) -> None:
        self._links = links
        self._mailbox = mailbox
        self._people = workspace.people
        self._permissions = workspace.permissions
        self._schedule = schedule
        self._in_flight = in_flight
        self._clock = workspace.clock
        self._listening = listening
        self._store = store
        self._turns: dict[ThreadRef, asyncio.Event] = {}

    async def standing(self, reply: Reply) -> Standing:
        """Whether the reply's author may steer Devin where it was written.

        Raises:
            NotIdentified: Slack did not say who that is.
        """
        channel = reply.thread.channel
        return await self._permissions.of(reply.author, channel, reply.bots, reply.home)

    async def standing_in_turn(self, reply: Reply) -> Standing:
        """`standing`, after that of every reply of its thread that came before it.

        Where Slack does not say who one is from, that is remembered before a later one is taken.

        Raises:
            NotIdentified: Slack did not say who that is.
        """
        before, turn = self._turns.get(reply.thread), asyncio.Event()
        self._turns[reply.thread] = turn
        try:
            return await self._standing_after(before, reply)
        except NotIdentified:
            self._listening.refused(Missed(reply.thread, ts_micros(reply.ts)))
            raise
        finally:
            turn.set()
            if self._turns.get(reply.thread) is turn:
                del self._turns[reply.thread]

    async def _standing_after(self, before: asyncio.Event | None, reply: Reply) -> Standing:
        if before is None:
            return await self.standing(reply)
        looking = asyncio.create_task(self.standing(reply))
        try:
            await before.wait()
            return await looking
        finally:
            looking.cancel()

    async def check(self, who: UserId, channel: str) -> None:
        """Raise `NotAllowed` unless `who` may steer Devin in `channel`.

        What was refused before is noted first, so that what `who` asks for hides none of it.

        Raises:
            NotAllowed: `who` may not.
            NotIdentified: Slack did not say who that is.
            StoreAway: it is not known to be noted.
        """
        await self._catch_up()
        standing = await self._permissions.of(who, channel)
        if standing is not Standing.ALLOWED:
            metrics.TURNED_AWAY.labels(standing).inc()
            raise NotAllowed(standing)

    async def is_full_member(self, who: UserId) -> bool:
        """Whether `who` is a full member of this workspace; False where Slack does not say."""
        return (await self._people.person(who)).is_full_member

    async def name(self, who: UserId) -> str:
        """What `who` is called."""
        return await self._people.name(who)

    def now(self) -> int:
        """What time it is at Slack, at least: a `ts` in microseconds."""
        return self._clock.now

    async def shown(self, reply: Reply) -> str:
        """What `reply` says, as Markdown with names."""
        return await shown(reply, self._people)

    async def link(
        self,
        thread: ThreadRef,
        by: UserId,
        session: SessionId,
        at: int | None = None,
        *,
        since: int = 0,
    ) -> tuple[Link, bool]:
        """Link `thread` to `session`: the link it has now, and whether that is this new one.

        `at` is the `ts` of the message that asked for it, in microseconds: replies after it are for
        Devin. Without one, those are that come after whatever Slack has told by now, and `since`.

        Raises:
            Outdated: the thread was unlinked by somebody who asked later.
        """
        since = max(since, self._clock.now) if at is None else at
        link = Link(session=session, by=by, at=int(time.time()), since=millis_after(since))
        existing = await self._links.create(thread, link, at)
        if existing is None:
            log.info("linked", extra=thread.log_fields | {"session_id": session})
        if at is not None and (existing or link).since == link.since:
            await self.hear_since(thread, at)
        return existing or link, existing is None

    async def hear_since(self, thread: ThreadRef, at: int) -> None:
        """Have `thread` read from `at` on (a `ts` in us), if somebody asked for it a while ago.

        What was written meanwhile met no link, and its event was acknowledged all the same.

        Raises:
            StoreAway: it is not known to be noted.
        """
        if self.is_late(micros_ts(at)):
            self._listening.refused(Missed(thread, at))
            await self._listening.note()

    async def take(
        self, reply: Reply, session: SessionId, voucher: Voucher = Voucher.PERSON
    ) -> Change:
        """Put `reply` into the mailbox of `session` and wake it; kept when this returns.

        Changes nothing if its thread is no longer linked to `session`, is muted, or if the reply
        was taken before; nor, where nobody sends it, if it is not for Devin any more, or never was.

        Raises:
            StoreAway: it is not known to be kept: Slack must not be acknowledged.
        """
        await self._catch_up()
        self._in_flight.replied(ts_micros(reply.ts))
        settle = self._settle(reply.ts)
        if voucher is Voucher.EVENT and self._age(reply.ts) > OLD:
            voucher = Voucher.OLD_EVENT
        accepted = await self._mailbox.accept(reply, session, settle, voucher)
        metrics.ACCEPTED.labels(accepted.change).inc()
        ids = reply.thread.log_fields | {"session_id": session, "reply_id": reply.id}
        log.info(accepted.change.value, extra=ids | {"length": len(reply.text)})
        if accepted.wake_after is not None:
            await self._schedule.wake(session, accepted.wake_after)
        return accepted.change

    async def _catch_up(self) -> None:
        if self._listening.is_behind:
            await self._listening.note()

    def is_late(self, ts: str) -> bool:
        """Whether that was a while ago: its event came by a retry or a backlog."""
        return self._age(ts) > FRESH

    def _age(self, ts: str) -> timedelta:
        return timedelta(microseconds=self._clock.age(ts_micros(ts)))

    def _settle(self, ts: str) -> timedelta:
        return timedelta(0) if abs(self._age(ts)) < FRESH and not self._store.was_away else SETTLE
