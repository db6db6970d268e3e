"""The common part of every route to Devin: the permission check, links, and accepting a reply.

Replies in linked threads are accepted. Afterwards, `delivery/deliverer.py` takes them to Devin, and
`reporting/outcomes.py` brings their outcome back.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cachetools import LRUCache

from bot.mirror.poll import Polling
from bot.model import errors
from bot.model.people import Act, Standing, UserId
from bot.model.replies import Change, Evidence, OutcomeKind, Reply, ReplyId, place_of
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros, micros_ts, ts_micros
from bot.redis.keep import TRIED
from bot.reporting.notices import Notices
from bot.runtime import metrics
from bot.runtime.in_flight import InFlight
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.cards import card_owed
from bot.store.checkpoints import Listening, Missed
from bot.store.claims import start_claim
from bot.store.outbox import Owed, Owing, Schedule
from bot.store.state import State
from bot.text.to_devin import TEXT_READ, is_empty, mentioned, to_markdown, topic_of
from bot.wording import refusals

log = logging.getLogger(__name__)

FRESH = timedelta(seconds=2)
"""An older event came through a retry or a backlog, perhaps out of order."""

UNTOLD = timedelta(seconds=20)
"""The time after which an author hears that their message waits for a look-up."""

OLD = timedelta(minutes=1)
"""An older event was refused before, or Slack could not deliver it at first."""

KNOWN = 10_000
"""Size of the cache of linked threads' sessions, which saves one of two Redis trips per reply."""


@dataclass(frozen=True, slots=True)
class Accepting:
    """Checks who may steer Devin, creates links, accepts replies, and owes outbox entries."""

    workspace: Workspace
    state: State
    schedule: Schedule
    in_flight: InFlight
    listening: Listening
    polling: Polling

    async def check(
        self, who: UserId, channel: str | None, act: Act = Act.MESSAGE, **ids: str
    ) -> None:
        """Raise `NotAllowed` unless `who` may do `act` in `channel` (None: at all).

        Refused events are noted first: this request must not hide them. `ids`: as in `turn_away`.
        """
        await self.listening.note()
        by_step = bool(ids.get("step"))
        standing = await self.workspace.permissions.may(act, who, channel, by_step=by_step)
        if standing is not Standing.ALLOWED:
            raise await self.turn_away(who, channel, standing, **ids)

    async def turn_away(
        self, who: UserId, channel: str | None, standing: Standing, **ids: str
    ) -> errors.NotAllowed:
        """Put on record that `who` was turned away in `channel`, and return the error to raise.

        What has an id is on record once: the `reply_id` of a message, or the execution of a `step`.
        """
        metrics.TURNED_AWAY.labels(standing).inc()
        once = "".join(ids.values())
        if not once or await self.state.claims.claim(f"turned away:{once}"):
            audit(Event.TURNED_AWAY, who, channel=channel or "", why=standing.value, **ids)
        return errors.NotAllowed(standing)

    async def count_start(self, who: UserId, channel: str, start: str, step: str = "") -> None:
        """Count the `start` that `who` asks for in `channel`, once, whatever becomes of it.

        `step` is the execution of the workflow step that asks for it. Raises `TooManyStarts`.
        """
        try:
            await self.state.starts.count(who, start, by_step=bool(step))
        except errors.TooManyStarts as error:
            why = metrics.OVERALL if error.is_overall else "too_many_starts"
            metrics.TURNED_AWAY.labels(why).inc()
            if await self.state.claims.claim(f"turned away:{start}"):
                audit(Event.TURNED_AWAY, who, why=why, channel=channel, step=step)
            raise

    async def link(
        self,
        thread: ThreadRef,
        by: UserId,
        session: SessionId,
        since: Micros,
        *,
        begins: bool = False,
        near: Reply | None = None,
        step: str = "",
    ) -> tuple[Link, bool]:
        """Link `thread` to `session`; return the link it has now, and True if it is new.

        Replies after `since` go to Devin; what the session said before stays out, unless it
        `begins` there. If `near` is the thread's first message, its words are kept.

        The read of what met no link comes before all that takes time: later mail may wait for it.
        """
        topic = ""
        if near is not None and near.begins_thread:
            topic = await self.topic_of(near.text, near.blocks)
        now = self.workspace.clock.seconds
        link = Link(
            session=session, by=by, linked_at=now, since=since, card=str(since), topic=topic
        )
        existing = await self.state.links.create(thread, link, begins=begins)
        if existing and existing.session != session and await self.gives_way(thread, existing):
            await self.unlink(thread, by, existing.session, why="gave_way")
            existing = await self.state.links.create(thread, link, begins=begins)
        found = existing or link
        # Slack sends a request again that takes long, and a script may run twice: a link that this
        # request has made, as its card's name tells, is new to it.
        is_new = (found.card, found.session) == (link.card, session)
        if found.since == since:
            await self.read_since(thread, since, took_long=begins)
        if is_new:
            if await self.state.claims.claim(f"linked:{thread.name}:{link.card}"):
                audit(Event.LINKED, by, **thread.log_fields, session_id=session, step=step)
            if existing is None:  # else its first poll is due, or has been waited for
                await self.polling.begin(thread, session)
            await self.schedule.tell(card_owed(thread, link))
        return found, is_new

    async def unlink(
        self, thread: ThreadRef, by: UserId, session: SessionId | None = None, why: str = ""
    ) -> Link | None:
        """End the link of `thread`, and put that on record once; return it as `remove` does."""
        link = await self.state.links.remove(thread, session)
        if link and await self.state.claims.claim(f"unlinked:{thread.name}:{link.card}"):
            ids = {"session_id": link.session, "why": why}
            audit(Event.UNLINKED, by, **thread.log_fields, **ids)
        return link

    async def is_starting(self, thread: ThreadRef) -> bool:
        """Return True while a session is being started in `thread`."""
        return await self.state.claims.is_claimed(start_claim(thread))

    async def linked(self, thread: ThreadRef) -> Link:
        """Return the link of `thread`; raises `BeingStarted` or `NotLinked`."""
        if (link := await self.state.links.get(thread)) is not None:
            return link
        raise errors.BeingStarted if await self.is_starting(thread) else errors.NotLinked

    async def owe(self, owed: Owed, content: str, keep: timedelta = TRIED) -> Owing:
        """Add an entry to the outbox, once within `keep`, and have it told soon."""
        if owing := await self.state.outbox.owe(owed, content, keep):
            await self.schedule.tell(owed)
        return owing

    async def gives_way(self, thread: ThreadRef, link: Link) -> bool:
        """Return True if the session of `link` has ended, or was seen to have stopped at its cap.

        It takes no more messages then, or does nothing about them. It has ended if that was seen,
        if somebody ended it from Slack, or if it did not take the last one of `thread`, which may
        show earlier. With API v1, a finished session may still take some.
        """
        watches, session = self.state.watches, link.session
        (seen,) = await watches.seen([session])
        if seen.is_at_cap or seen.state is SessionState.ENDED:
            return True
        last = await watches.last_outcome(session, thread)
        _, ended_by = await watches.last_people(session, thread)
        return bool(ended_by) or (last is not None and last.kind is OutcomeKind.ENDED)

    async def read_since(self, thread: ThreadRef, at: Micros, *, took_long: bool = False) -> None:
        """Have `thread` read from then on, the time of the request for its link.

        Messages written since then met no link; after a request that `took_long`, or isn't fresh,
        later mail waits for them.
        """
        is_read_first = took_long or not self.is_fresh(micros_ts(at))
        self.listening.reread(Missed(thread, at, is_read_first=is_read_first, is_refused=False))
        await self.listening.note()

    async def topic_of(self, text: str, blocks: Sequence[Mapping[str, Any]]) -> str:
        """Return the start of a message as plain text with names."""
        if len(text) > TEXT_READ:  # a conversion holds up everything else, and blocks say the same
            text, blocks = text[:TEXT_READ], ()
        names = await self.workspace.people.names(mentioned(text, blocks))
        return topic_of(to_markdown(text, blocks, names))

    async def accept(
        self, reply: Reply, session: SessionId, evidence: Evidence = Evidence.PERSON
    ) -> Change:
        """Put `reply` into the mailbox of `session` and wake it; it is in Redis on return."""
        await self.listening.note()
        wait = self._wait(reply.ts)
        if evidence is Evidence.EVENT and self.is_old(reply.ts):
            evidence = Evidence.OLD_EVENT
        accepted = await self.state.mailbox.accept(reply, session, wait, evidence)
        metrics.ACCEPTED.labels(accepted.change).inc()
        by = reply.sent_by or reply.author
        ids = reply.thread.log_fields | {"session_id": session, "reply_id": reply.id}
        ids |= {"author": reply.author, "length": len(reply.text), "step": reply.step}
        if accepted.change is Change.ACCEPTED:
            audit(Event.ACCEPTED, by, **ids)
        else:
            log.info("not accepted", extra=ids | {"by": by, "why": accepted.change.value})
        if accepted.wake_after is not None:
            await self.schedule.wake(session, accepted.wake_after)
        return accepted.change

    async def show(self, thread: ThreadRef, link: Link, *, doubts: bool = False) -> None:
        """Have the card of a link edited; as to `doubts`, see `Cards.want`."""
        after = await self.state.cards.want(thread, link, doubts=doubts)
        if after is not None:
            await self.schedule.tell(card_owed(thread, link), after)

    async def is_given_up(self, message: ReplyId) -> bool:
        """Return True if its author could not be looked up for too long, from the first try on.

        As other mail, it is given up after `GIVE_UP_AFTER`. Beyond `CATCH_UP`, it is not found.
        """
        _, _, ts = place_of(message)
        clock, settings, claims = self.workspace.clock, self.workspace.settings, self.state.claims
        first, now = f"unchecked:{message}", max(clock.now, ts_micros(ts))
        await claims.claim(first, mine=str(now))
        waited = clock.age(Micros(int(await claims.noted(first) or now)))
        is_over = waited >= settings.give_up_after or self.is_old(ts, settings.catch_up)
        return is_over and self.is_old(ts, UNTOLD)

    def is_fresh(self, ts: str) -> bool:
        """Return False if `ts` is older than `FRESH`: a retry or a backlog brought its event."""
        return self._age(ts) <= FRESH

    def is_old(self, ts: str, age: timedelta = OLD) -> bool:
        """Return True if `ts` is older than `age`."""
        return self._age(ts) > age

    def _age(self, ts: str) -> timedelta:
        return self.workspace.clock.age(ts_micros(ts))

    def _wait(self, ts: str) -> timedelta:
        timing = self.workspace.timing
        if abs(self._age(ts)) >= FRESH or self.state.store.was_away:
            return timing.late_wait
        self.in_flight.replied(ts_micros(ts))
        return timing.crowd_wait if self.in_flight.may_be_disordered else timedelta(0)


class Replies:
    """Accepts replies."""

    def __init__(self, accepting: Accepting, notices: Notices) -> None:
        self._accepting = accepting
        self._notices = notices
        self._state = accepting.state
        self._known: LRUCache[ThreadRef, SessionId] = LRUCache(KNOWN)
        self._last: dict[ThreadRef, asyncio.Event] = {}
        self._nobody = asyncio.Event()
        self._nobody.set()

    def is_known(self, thread: ThreadRef) -> bool:
        """Return True if `accept` needs no look-up and no wait for the next reply in `thread`."""
        return thread in self._known and thread not in self._last

    @contextmanager
    def in_line(self, thread: ThreadRef) -> Iterator[asyncio.Event]:
        """Line up in `thread`; the event is set once the arrival before this one has left."""
        over = asyncio.Event()
        before = self._last.get(thread, self._nobody)
        self._last[thread] = over
        try:
            yield before
        finally:
            over.set()
            if self._last.get(thread) is over:
                del self._last[thread]

    async def is_linked(self, thread: ThreadRef) -> bool:
        """Return True if `thread` is linked; an `accept` that is called at once keeps its order."""
        with self.in_line(thread) as before:
            if is_linked := await self._session_of(thread) is not None:
                await before.wait()
        return is_linked

    async def accept(self, reply: Reply, evidence: Evidence = Evidence.EVENT) -> Change:
        """Accept a reply for the session its thread is linked to; may raise `EmptyMessage`.

        It is in Redis on return, unless it isn't for Devin, or must be looked up first.
        """
        # Before anything is asked: on a Cluster, answers may come in another order than questions.
        with self.in_line(reply.thread) as before:
            session = await self._session_of(reply.thread)
            if session is None:
                return Change.UNLINKED
            try:
                standing = await self._standing(before, reply, evidence)
            except errors.NotIdentified as error:
                return await self._turn_away(reply, error)
        if standing is not Standing.ALLOWED:
            return await self._turn_away(reply, standing)
        if is_empty(reply):
            return await self._turn_away(reply, errors.EmptyMessage())
        change = await self._accepting.accept(reply, session, evidence)
        if change is Change.UNLINKED:
            # The link has changed since it was cached, perhaps by another process.
            self._known.pop(reply.thread, None)
            return await self.accept(reply, evidence)
        return change

    async def _standing(self, before: asyncio.Event, reply: Reply, evidence: Evidence) -> Standing:
        """Return the author's standing once the arrivals `before` the reply have left their line.

        If Slack does not identify them, the reply is noted as missed before a later one is
        accepted; one that an event has brought just waits.
        """
        accepting = self._accepting
        try:
            try:
                return await accepting.workspace.permissions.of_author(reply)
            finally:
                await before.wait()
        except (errors.NotIdentified, errors.StoreAway) as error:
            if isinstance(error, errors.NotIdentified):
                if await accepting.is_given_up(reply.id):
                    raise
                if evidence is Evidence.EVENT:
                    accepting.listening.waits(reply.id)
            accepting.listening.refused(Missed(reply.thread, ts_micros(reply.ts)))
            raise

    async def _session_of(self, thread: ThreadRef) -> SessionId | None:
        known = self._known.get(thread)
        if known is None and (link := await self._state.links.get(thread)) is not None:
            known = self._known[thread] = link.session
        return known

    async def _turn_away(
        self, reply: Reply, why: Standing | errors.NotIdentified | errors.EmptyMessage
    ) -> Change:
        """Raise `why` if `reply` would have gone to Devin; else people just talk."""
        thread = reply.thread
        link = await self._state.links.get(thread)
        if link is None or not link.takes_replies:
            return Change.UNLINKED if link is None else Change.MUTED
        if ts_micros(reply.ts) <= link.since:
            return Change.EARLIER
        if isinstance(why, Standing):
            by, channel = reply.author, thread.channel
            raise await self._accepting.turn_away(by, channel, why, reply_id=reply.id)
        if isinstance(why, errors.NotIdentified) and self._accepting.is_old(reply.ts, UNTOLD):
            is_over = await self._accepting.is_given_up(reply.id)
            words = refusals.never_checked(reply) if is_over else refusals.UNCHECKED
            once = f"unsent:{reply.ts}" if is_over else f"unchecked:{reply.ts}"
            await self._notices.whisper(thread, reply.author, words, once=once, at=reply.ts)
            if is_over:  # nothing but a person sends it now
                by, standing = reply.author, Standing.UNKNOWN
                await self._accepting.turn_away(by, thread.channel, standing, reply_id=reply.id)
                await self._state.revisions.withdraw(reply.id, may_be_ahead=True)
                return Change.REPEATED
        raise why
