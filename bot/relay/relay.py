"""What people can make the relay do: replies, links and buttons here, the rest in its parts.

Each use-case takes values that a handler parsed, asks who may do it, changes what Redis keeps, and
raises an error of `model/errors.py` for what the person must know. All of them take replies by way
of `relay/accept.py`. What happens to a reply afterwards is in `delivery/deliverer.py` (to Devin)
and `reporting/reporter.py` (back into the thread).
"""

import logging
from dataclasses import dataclass, field

from cachetools import LRUCache

from bot.model.errors import (
    BadSession,
    EmptyMessage,
    LinkedElsewhere,
    NoSuchReply,
    NotAllowed,
    NotIdentified,
    NotLinked,
)
from bot.model.outcomes import Outcome
from bot.model.people import Standing, UserId
from bot.model.replies import Change, Reply, ReplyId, Voucher, place_of
from bot.model.schedule import Schedule
from bot.model.sessions import SessionId, parse_session
from bot.model.threads import Link, ThreadRef
from bot.relay.accept import Accepting
from bot.relay.channel_moves import ChannelMoves
from bot.relay.edits import Edits
from bot.relay.home import Home
from bot.relay.late_replies import LateReplies
from bot.relay.link_offers import LinkOffers
from bot.relay.say import Say
from bot.relay.say_prompts import SayPrompts
from bot.relay.shortcuts import MessageShortcuts
from bot.relay.workflow_steps import WorkflowSteps
from bot.relay.workspace import Workspace
from bot.reporting.notices import Notices
from bot.runtime import metrics
from bot.runtime.background import Background
from bot.store.claims import Claims
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.text.to_devin import is_empty

log = logging.getLogger(__name__)

KNOWN = 10_000
"""Linked threads whose session is remembered here, to ask Redis once instead of twice a reply."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a linked thread stands: the link, who made it, mail waiting, the last outcome."""

    link: Link
    by: str
    mail: int
    last: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Everything a person in Slack can ask for; its parts are public, and handlers ask them.

    - `say`, `say_prompts`: `/devin-say`, and the form or the menu that asks for what it left out
    - `shortcuts`: of messages; `link_offers`: a link, where somebody names a session
    - `edits`: and deletions; `home`: App Home; `workflow_steps`: those of Workflow Builder
    - `channel_moves`: channels that get another id; `late_replies`: what Slack brings late
    - `notices`, `claims`, `background`: what people are told, what is done once, what goes on
      after an acknowledgement
    """

    workspace: Workspace
    accepting: Accepting
    links: Links
    mailbox: Mailbox
    schedule: Schedule
    notices: Notices
    claims: Claims
    background: Background
    say: Say
    say_prompts: SayPrompts
    shortcuts: MessageShortcuts
    link_offers: LinkOffers
    edits: Edits
    home: Home
    workflow_steps: WorkflowSteps
    channel_moves: ChannelMoves
    late_replies: LateReplies
    _known: LRUCache[ThreadRef, SessionId] = field(default_factory=lambda: LRUCache(KNOWN))

    async def accept(self, reply: Reply, voucher: Voucher = Voucher.EVENT) -> Change:
        """Take a reply for the session its thread is linked to; it is kept when this returns.

        Changes nothing for a thread without a link, a muted one, or a reply that was taken before,
        was written before the link was made, or must be looked for in its thread first (`LATE`).

        Raises:
            NotAllowed: its author may not steer Devin here.
            EmptyMessage: there is nothing in it that Devin could read.
            StoreAway, NotIdentified: it is not known to be kept, or nobody knows yet whether it
                may be: Slack must not be acknowledged.
        """
        session = self._known.get(reply.thread) or await self._look_up(reply.thread)
        if session is None:
            return Change.UNLINKED
        try:
            standing = await self.accepting.standing_in_turn(reply)
        except NotIdentified as error:
            return await self._turn_away(reply.thread, error)
        if standing is not Standing.ALLOWED:
            return await self._turn_away(reply.thread, NotAllowed(standing))
        if is_empty(reply):
            return await self._turn_away(reply.thread, EmptyMessage())
        change = await self.accepting.take(reply, session, voucher)
        if change is Change.UNLINKED:
            # The link was changed since it was remembered, perhaps by another process.
            self._known.pop(reply.thread, None)
            return await self.accept(reply, voucher)
        return change

    async def link(self, thread: ThreadRef, by: UserId, text: str, at: int) -> tuple[Link, bool]:
        """Link `thread` to the session that `text` names; True when it already was.

        `at` is the `ts` of the message that asks for it, in microseconds.

        Raises:
            BadSession: `text` names none.
            LinkedElsewhere: the thread has another session.
            NotAllowed: `by` may not.
            Outdated: the thread was unlinked by somebody who asked later.
        """
        await self.check(by, thread.channel)
        session = parse_session(text)
        if session is None:
            raise BadSession(text)
        link, is_new = await self.accepting.link(thread, by, session, at)
        if link.session != session:
            raise LinkedElsewhere(link)
        return link, not is_new

    async def unlink(
        self,
        thread: ThreadRef,
        by: UserId,
        session: SessionId | None = None,
        *,
        at: int | None = None,
    ) -> Link:
        """End the link of `thread`; mail that was accepted is still delivered.

        `at` is as for `link`; None for what Slack never brings late.

        Raises:
            NotLinked: it has none.
            LinkedElsewhere: it is not the one to `session`, where that is asked for.
            NotAllowed: `by` may not.
            Outdated: the link was changed by somebody who asked later.
        """
        await self.check(by, thread.channel)
        existing = None if session is None else await self.links.get(thread)
        if existing is not None and existing.session != session:
            raise LinkedElsewhere(existing)
        link = await self.links.remove(thread, at, self.accepting.now())
        if link is None:
            raise NotLinked
        log.info("unlinked", extra=thread.log_fields | {"session_id": link.session})
        return link

    async def mute(self, thread: ThreadRef, by: UserId, at: int, *, muted: bool) -> Link:
        """Stop bringing replies of `thread` to Devin, or go on; the link stays.

        Raises:
            NotLinked: it has none.
            NotAllowed: `by` may not.
            Outdated: as for `unlink`.
        """
        await self.check(by, thread.channel)
        link = await self.links.mute(thread, at, muted=muted)
        if link is None:
            raise NotLinked
        if not muted:
            await self.accepting.hear_since(thread, at)
        return link

    async def status(self, thread: ThreadRef, by: UserId) -> Status:
        """How `thread` stands.

        Raises:
            NotLinked: it has no link.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        link = await self.links.get(thread)
        if link is None:
            raise NotLinked
        return Status(
            link=link,
            by=await self.name(link.by),
            mail=await self.mailbox.waiting(link.session),
            last=await self.links.last_outcome(thread),
        )

    async def send_again(self, reply: ReplyId, number: int, thread: ThreadRef, by: UserId) -> None:
        """Put a reply of `thread` back into its mailbox, in its old place, once for each `number`.

        Raises:
            NoSuchReply: it is gone, or was sent again already.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        _, channel, _ = place_of(reply)
        if not await self.channel_moves.is_here(channel, thread.channel):
            raise NoSuchReply(already_sent=False)
        kept = await self.mailbox.kept(reply)
        if kept is None:
            raise NoSuchReply(already_sent=await self.mailbox.was_sent_again(reply, number))
        if kept.thread.thread_ts != thread.thread_ts:
            raise NoSuchReply(already_sent=False)
        session = await self.mailbox.send_again(kept, number)
        if session is None:
            raise NoSuchReply(already_sent=True)
        log.info("sent again", extra={"reply_id": reply, "session_id": session})
        await self.schedule.wake(session)

    async def check(self, who: UserId, channel: str) -> None:
        """Raise `NotAllowed` unless `who` may steer Devin in `channel`; as `Accepting.check`."""
        await self.accepting.check(who, channel)

    async def name(self, who: UserId) -> str:
        """What `who` is called."""
        return await self.accepting.name(who)

    async def _look_up(self, thread: ThreadRef) -> SessionId | None:
        link = await self.links.get(thread)
        if link is None:
            return None
        self._known[thread] = link.session
        return link.session

    async def _turn_away(
        self, thread: ThreadRef, why: NotAllowed | NotIdentified | EmptyMessage
    ) -> Change:
        """Raise `why`, where a reply would have gone to Devin; elsewhere people just talk."""
        link = await self.links.get(thread)
        if link is None or link.muted:
            return Change.UNLINKED if link is None else Change.MUTED
        if isinstance(why, NotAllowed):
            metrics.TURNED_AWAY.labels(why.standing).inc()
        raise why
