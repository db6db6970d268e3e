"""Replies in linked threads are accepted for their sessions, and sent again when asked.

Every reply is accepted through `relay/accept.py`. Afterwards, `delivery/deliverer.py` takes it to
Devin, and `reporting/reporter.py` brings its outcome back into the thread.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from cachetools import LRUCache

from bot.delivery.acting import again, sender
from bot.model.errors import EmptyMessage, NoSuchReply, NotIdentified
from bot.model.people import Standing, UserId
from bot.model.replies import Change, Evidence, Reply, ReplyId, place_of
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.relay.accept import Accepting
from bot.runtime.logs import Event, audit
from bot.store.outbox import KEEP, Schedule
from bot.store.state import State
from bot.text.to_devin import is_empty

KNOWN = 10_000
"""Size of the cache of linked threads' sessions, which saves one of two Redis trips per reply."""


class Replies:
    """Accepts replies, and sends them again."""

    def __init__(self, state: State, accepting: Accepting, schedule: Schedule) -> None:
        self._links = state.links
        self._mailbox = state.mailbox
        self._claims = state.claims
        self._accepting = accepting
        self._schedule = schedule
        self._known: LRUCache[ThreadRef, SessionId] = LRUCache(KNOWN)
        self._last: dict[tuple[str, str], asyncio.Event] = {}
        self._nobody = asyncio.Event()
        self._nobody.set()

    def is_known(self, thread: ThreadRef) -> bool:
        """Return True if `accept` needs no look-up and no wait for the next reply in `thread`."""
        return thread in self._known and _line(thread) not in self._last

    @contextmanager
    def in_line(self, thread: ThreadRef) -> Iterator[asyncio.Event]:
        """Line up in `thread`; the event is set once the arrival before this one has left.

        Arrivals look up what they need at the same time: while Redis is away, each of them waits
        for that once.
        """
        key, over = _line(thread), asyncio.Event()
        before = self._last.get(key, self._nobody)
        self._last[key] = over
        try:
            yield before
        finally:
            over.set()
            if self._last.get(key) is over:
                del self._last[key]

    async def is_linked(self, thread: ThreadRef) -> bool:
        """Return True if `thread` is linked; an `accept` that is called at once keeps its order."""
        with self.in_line(thread) as before:
            if is_linked := await self._session_of(thread) is not None:
                await before.wait()
        return is_linked

    async def accept(self, reply: Reply, evidence: Evidence = Evidence.EVENT) -> Change:
        """Accept a reply for the session its thread is linked to; it is in Redis on return.

        This changes nothing if the thread is unlinked or muted, or if the reply was accepted
        before, predates the link, or must be looked up in its thread first (`LATE`).

        Raises:
            NotAllowed: its author may not steer Devin here.
            EmptyMessage: it contains nothing that Devin could read.
        """
        # Before anything is asked: on a Cluster, answers may come in another order than questions.
        with self.in_line(reply.thread) as before:
            session = await self._session_of(reply.thread)
            if session is None:
                return Change.UNLINKED
            try:
                standing = await self._accepting.standing_after(before, reply, evidence)
            except NotIdentified as error:
                return await self._turn_away(reply, error)
        if standing is not Standing.ALLOWED:
            return await self._turn_away(reply, standing)
        if is_empty(reply):
            return await self._turn_away(reply, EmptyMessage())
        change = await self._accepting.accept(reply, session, evidence)
        if change is Change.UNLINKED:
            # The link has changed since it was cached, perhaps by another process.
            self._known.pop(reply.thread, None)
            return await self.accept(reply, evidence)
        return change

    async def send_again(self, reply: ReplyId, number: int, thread: ThreadRef, by: UserId) -> None:
        """Put a reply of `thread` back into its mailbox, in its old place, once for each `number`.

        Raises:
            NoSuchReply: the reply is gone, or was sent again already.
            NotAllowed: another person sent it, and everybody writes as themselves here.
        """
        await self._accepting.check(by, thread.channel)
        _, channel, _ = place_of(reply)
        if channel != thread.channel:
            raise NoSuchReply(already_sent=False)
        kept = await self._mailbox.kept(reply)
        if kept is None:
            raise NoSuchReply(already_sent=await self._mailbox.was_sent_again(reply, number))
        if kept.thread != thread:
            raise NoSuchReply(already_sent=False)
        if by != sender(kept):
            if self._accepting.workspace.settings.act_as == "required":
                standing = Standing.NOT_SENDER
                raise await self._accepting.turn_away(by, thread.channel, standing, reply_id=reply)
            await self._claims.claim(again(reply, number), KEEP)
        session = await self._mailbox.send_again(kept, number)
        if session is None:
            raise NoSuchReply(already_sent=True)
        audit(Event.SENT_AGAIN, by, **thread.log_fields, session_id=session, reply_id=reply)
        await self._schedule.wake(session)

    async def _session_of(self, thread: ThreadRef) -> SessionId | None:
        known = self._known.get(thread)
        if known is None and (link := await self._links.get(thread)) is not None:
            known = self._known[thread] = link.session
        return known

    async def _turn_away(
        self, reply: Reply, why: Standing | NotIdentified | EmptyMessage
    ) -> Change:
        """Raise `why` if `reply` would have gone to Devin; in other threads people just talk."""
        thread = reply.thread
        link = await self._links.get(thread)
        if link is None or link.muted:
            return Change.UNLINKED if link is None else Change.MUTED
        if isinstance(why, Standing):
            by, channel = reply.author, thread.channel
            raise await self._accepting.turn_away(by, channel, why, reply_id=reply.id)
        raise why


def _line(thread: ThreadRef) -> tuple[str, str]:
    """Return what tells threads apart: every message lines up, and this hashes fast."""
    return thread.channel, thread.thread_ts
