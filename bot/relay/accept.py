"""The common part of every route to Devin: the permission check, links, and accepting a reply."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.delivery.compose import shown
from bot.mirror.poll import Polling
from bot.model.errors import NotAllowed, NotIdentified, StoreAway, TooManyStarts
from bot.model.people import Act, Standing, UserId
from bot.model.replies import Change, Evidence, Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef, micros_ts, ts_micros
from bot.relay.listening import Listening
from bot.runtime import metrics
from bot.runtime.in_flight import InFlight
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.checkpoints import Missed
from bot.store.links import card_owed
from bot.store.outbox import Schedule
from bot.store.state import State
from bot.text.devin_markdown import TEXT_READ, first_words
from bot.text.to_devin import mentioned, to_markdown

log = logging.getLogger(__name__)

FRESH = timedelta(seconds=2)
"""An older event came through a retry or a backlog, perhaps out of order."""

OLD = timedelta(minutes=1)
"""An older event was refused before, or Slack could not deliver it at first."""


@dataclass(frozen=True, slots=True)
class Accepting:
    """Checks who may steer Devin, creates links, and accepts replies."""

    workspace: Workspace
    state: State
    schedule: Schedule
    in_flight: InFlight
    listening: Listening
    polling: Polling

    async def standing(self, reply: Reply) -> Standing:
        """Return whether the reply's author may steer Devin where it was written.

        Raises:
            NotIdentified: Slack did not identify the author.
        """
        channel = reply.thread.channel
        return await self.workspace.permissions.of(reply.author, channel, reply.bots, reply.home)

    async def standing_after(
        self, before: asyncio.Event, reply: Reply, evidence: Evidence
    ) -> Standing:
        """Return `standing` once the arrivals `before` the reply have left their line.

        If Slack does not identify the author, the reply is noted as missed before a later one is
        accepted; one that an event has brought just waits.

        Raises:
            NotIdentified: Slack did not identify the author.
        """
        try:
            if before.is_set():
                return await self.standing(reply)
            looking = asyncio.create_task(self.standing(reply))
            try:
                await before.wait()
                return await looking
            finally:
                looking.cancel()
        except (NotIdentified, StoreAway) as error:
            if isinstance(error, NotIdentified) and evidence is Evidence.EVENT:
                self.listening.waits(reply.id)
            self.listening.refused(Missed(reply.thread, ts_micros(reply.ts)))
            raise

    async def check(
        self, who: UserId, channel: str | None, act: Act = Act.MESSAGE, **ids: str
    ) -> None:
        """Raise `NotAllowed` unless `who` may do `act` in `channel`, or without one anywhere.

        Events that were refused before are noted first, so that this request cannot hide them. A
        refusal is put on record, with the `ids` as in `turn_away`.

        Raises:
            NotAllowed: `who` may not.
            NotIdentified: Slack did not identify `who`.
        """
        await self._catch_up()
        by_step = bool(ids.get("step"))
        standing = await self.workspace.permissions.may(act, who, channel, by_step=by_step)
        if standing is not Standing.ALLOWED:
            raise await self.turn_away(who, channel, standing, **ids)

    async def turn_away(
        self, who: UserId, channel: str | None, standing: Standing, **ids: str
    ) -> NotAllowed:
        """Put on record that `who` was turned away in `channel`, and return the error to raise.

        What has an id is on record once: the `reply_id` of a message, or the execution of a `step`.
        """
        metrics.TURNED_AWAY.labels(standing).inc()
        once = "".join(ids.values())
        if not once or await self.state.claims.claim(f"turned away:{once}"):
            audit(Event.TURNED_AWAY, who, channel=channel or "", why=standing.value, **ids)
        return NotAllowed(standing)

    async def count_start(self, who: UserId, channel: str, start: str, step: str = "") -> None:
        """Count the `start` that `who` asks for in `channel`, once, whatever becomes of it.

        `step` is the execution of the workflow step that asks for it.

        Raises:
            TooManyStarts: they have asked for as many as they may within an hour.
        """
        wait = await self.state.starts.count(who, start)
        if wait is not None:
            metrics.TURNED_AWAY.labels("too_many_starts").inc()
            if await self.state.claims.claim(f"turned away:{start}"):
                ids = {"channel": channel, "step": step}
                audit(Event.TURNED_AWAY, who, why="too_many_starts", **ids)
            raise TooManyStarts(self.state.starts.most, wait)

    async def name(self, who: UserId) -> str:
        """Return the display name of `who`."""
        return await self.workspace.people.name(who)

    async def shown(self, reply: Reply) -> str:
        """Return the text of `reply` as Markdown with names."""
        return await shown(reply, self.workspace.people)

    async def link(
        self,
        thread: ThreadRef,
        by: UserId,
        session: SessionId,
        at: int,
        *,
        begins: bool = False,
        root: Reply | None = None,
        step: str = "",
    ) -> tuple[Link, bool]:
        """Link `thread` to `session`; return the link it has now, and True if it is new.

        A link to a session that `gives_way` does so. A new link is told by the thread's card. What
        the session said before stays out of the thread, unless it `begins` with this thread. `root`
        is the thread's first message, if it is at hand, and `step` the workflow step that asks.

        `at` is the `ts` of the message that asked for it (in microseconds), or Slack's time now:
        replies after it go to Devin.
        """
        link = Link(
            session=session,
            by=by,
            at=int(time.time()),
            since=at,
            begins=begins,
            card=str(at),
            topic="" if root is None else await self.first_words(root.text, root.blocks),
        )
        existing = await self.state.links.create(thread, link, begins=begins)
        if existing and existing.session != session and await self.gives_way(existing):
            await self.state.links.remove(thread, existing.session)
            existing = await self.state.links.create(thread, link, begins=begins)
        # Slack sends a request again that takes long, and a script may run twice: a link that this
        # request has made is new to it.
        is_new = existing is None or (existing.card, existing.session) == (link.card, session)
        if is_new:
            if await self.state.claims.claim(f"linked:{thread.name}:{link.card}"):
                audit(Event.LINKED, by, **thread.log_fields, session_id=session, step=step)
            if existing is None:  # else its first poll is due, or has been waited for
                await self.polling.begin(thread, session)
            await self.schedule.tell(card_owed(thread, link))
        if (existing or link).since == link.since:
            await self.read_since(thread, at, took_long=begins, is_known=root is not None)
        return existing or link, is_new

    async def gives_way(self, link: Link) -> bool:
        """Return True if the session of `link` has ended or stopped at its cap, as last seen."""
        return await self.polling.gives_way(link.session)

    async def refresh_card(self, thread: ThreadRef, link: Link) -> None:
        """Have the card of `thread` edited, now that its `link` has changed.

        The change has asked for that in Redis; here, a process is told to do it.
        """
        await self.schedule.tell(card_owed(thread, link), self.state.store.timing.card_pause)

    async def read_since(
        self, thread: ThreadRef, since: int, *, took_long: bool = False, is_known: bool = False
    ) -> None:
        """Have `thread` read from `since` on, the `ts` (in us) of the request for its link.

        Messages written since then met no link, and their events were acknowledged all the same;
        after a request that `took_long`, or came late, later mail waits for them. The thread's
        first words are read with them. If these are known, and there was no time, nothing is.
        """
        holds = took_long or self.is_late(micros_ts(since))
        if holds or not is_known:
            self.listening.reread(Missed(thread, since, holds=holds, is_refused=False))
            await self.listening.note()

    async def first_words(self, text: str, blocks: Sequence[Mapping[str, Any]]) -> str:
        """Return the start of a message as plain text with names."""
        if len(text) > TEXT_READ:  # a conversion holds up everything else, and blocks say the same
            text, blocks = text[:TEXT_READ], ()
        names = await self.workspace.people.names(mentioned(text, blocks))
        return first_words(to_markdown(text, blocks, names))

    async def accept(
        self, reply: Reply, session: SessionId, evidence: Evidence = Evidence.PERSON
    ) -> Change:
        """Put `reply` into the mailbox of `session` and wake it; it is in Redis on return.

        This changes nothing if the thread is no longer linked to `session` or is muted, or if the
        reply was accepted before; nor, unless a person sends it, if it is no longer for Devin.
        """
        await self._catch_up()
        wait = self._wait(reply.ts)
        if evidence is Evidence.EVENT and self.is_old(reply.ts):
            evidence = Evidence.OLD_EVENT
        accepted = await self.state.mailbox.accept(reply, session, wait, evidence)
        metrics.ACCEPTED.labels(accepted.change).inc()
        _record(reply, session, accepted.change)
        if accepted.wake_after is not None:
            await self.schedule.wake(session, accepted.wake_after)
        return accepted.change

    async def _catch_up(self) -> None:
        if self.listening.is_behind:
            await self.listening.note()

    def is_late(self, ts: str) -> bool:
        """Return True if `ts` is older than `FRESH`: a retry or a backlog brought its event."""
        return self._age(ts) > FRESH

    def is_old(self, ts: str) -> bool:
        """Return True if `ts` is older than `OLD`."""
        return self._age(ts) > OLD

    def _age(self, ts: str) -> timedelta:
        return timedelta(microseconds=self.workspace.clock.age(ts_micros(ts)))

    def _wait(self, ts: str) -> timedelta:
        timing = self.workspace.timing
        if abs(self._age(ts)) >= FRESH or self.state.store.was_away:
            return timing.late_wait
        self.in_flight.replied(ts_micros(ts))
        return timing.crowd_wait if self.in_flight.may_be_disordered else timedelta(0)


def _record(reply: Reply, session: SessionId, change: Change) -> None:
    """Put on record who sent `reply` to Devin; log why it was not accepted."""
    by = reply.sent_by or reply.author
    ids = reply.thread.log_fields | {"session_id": session, "reply_id": reply.id}
    ids |= {"author": reply.author, "length": len(reply.text), "step": reply.step}
    if change is Change.ACCEPTED:
        audit(Event.ACCEPTED, by, **ids)
    else:
        log.info("not accepted", extra=ids | {"by": by, "why": change.value})
