"""Edits and deletions change a reply until Devin has it; after that, they can't.

The author of a later edit is offered to send the new text as a separate message, and nothing is
sent unless they press the button. What Devin hasn't, or may not have, is sent again when asked.
"""

import logging
from dataclasses import dataclass
from typing import ClassVar

from bot.delivery.acting import again, sender
from bot.delivery.compose import markdown_of
from bot.model.errors import (
    AlreadyDone,
    EmptyMessage,
    Expired,
    MessageGone,
    NotAllowed,
    NotIdentified,
    SlackAway,
)
from bot.model.people import Standing, UserId
from bot.model.record import Record
from bot.model.replies import Deletion, Edit, Reply, ReplyId, place_of
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros, micros_ts, ts_micros
from bot.redis import keep
from bot.relay.accept import UNTOLD, Accepting
from bot.relay.speaking import Speaking, Spoken
from bot.reporting.notices import Notices
from bot.runtime.logs import Event, audit
from bot.slack.api import PAUSED
from bot.store.claims import Ticket, new_number
from bot.store.links import GONE
from bot.store.outbox import MOOT, Begun, Ended, Fate, Leaves, Owed, OwedKind, Owing, Teller
from bot.store.revisions import TOO_LATE, Revised, Revision
from bot.store.state import State
from bot.text.to_devin import is_empty, says_something
from bot.wording import delivery_reports, refusals

log = logging.getLogger(__name__)


class CorrectionOffered(Ticket, kind="CorrectionOffered"):
    """An offer to send the new text of an edited message; `reply` has the latest text."""

    reply: Reply
    edited: Micros


class Changed(Record):
    """An edit or a deletion that met a reply being sent; what came of it is still to be told."""

    change: Edit | Deletion

    @property
    def owed(self) -> Owed:
        """Its entry in the outbox."""
        change = self.change
        reply, edited = (
            (change.reply.id, change.edited) if isinstance(change, Edit) else (change.id, 0)
        )
        team, channel, ts = place_of(reply)
        return Owed(f"{team}:change:{channel}:{ts}:{edited}", 1, OwedKind.CHANGE)


@dataclass(frozen=True, slots=True)
class Edits(Teller):
    """Applies edits and deletions, offers corrections, and sends replies again.

    What came of a change is told at once, or, if the reply was being sent, when that is over: an
    entry of the outbox has it made again until then, here or in another process.
    """

    state: State
    accepting: Accepting
    notices: Notices
    speaking: Speaking
    kind = OwedKind.CHANGE
    refused: ClassVar[Fate] = Ended(Leaves.NOTHING)

    async def edit(self, edit: Edit) -> None:
        """Change an edited reply that is still queued, or offer its author to send the correction.

        In a thread without a link, or muted, only a reply that was accepted before changes. What
        the bot has answered before is not answered again, which its author is told.
        """
        reply = edit.reply
        link = await self.state.links.get(reply.thread)
        if link is not None and reply.begins_thread:
            topic = await self.accepting.topic_of(reply.text, reply.blocks)
            await self.state.links.describe(reply.thread, topic, edit.edited)
        is_new = may_come(edit, link)
        if link is not None and not link.takes_replies:
            link = None
        if edit.was_answered:
            await self._tell_no_edit(edit, link, is_new=is_new)
            return
        if link is None and await self.state.mailbox.kept(reply.id) is None:
            return
        is_known = await self.state.mailbox.is_known(reply.id)
        try:
            standing = await self.accepting.workspace.permissions.of_author(reply)
        except NotIdentified:
            if not (is_known and self.accepting.is_old(micros_ts(edit.edited), UNTOLD)):
                raise  # Slack brings it again, or the reply, once accepted, is read as it is then
            standing = Standing.UNKNOWN
        if standing is Standing.ALLOWED:
            await self._follow(edit, link, is_new=is_new)
        elif is_known and standing.is_open:  # Devin may have, or get, what they replace
            words, once = refusals.sorry(NotAllowed(standing)), f"edited:{edit.edited}"
            await self.notices.whisper(reply.thread, reply.author, words, once=once, at=reply.ts)

    async def _tell_no_edit(self, edit: Edit, link: Link | None, *, is_new: bool) -> None:
        """Take back a reply that is a command now, and tell its author to post it again."""
        reply = edit.reply
        if is_new or await self.state.mailbox.is_known(reply.id):
            await self._follow(edit, None, is_new=is_new)
        if not edit.is_aside and (edit.is_spoken or link is not None):
            once = f"edited:{reply.ts}:{edit.edited}"
            words = delivery_reports.ANSWERED_BEFORE
            await self.notices.whisper(reply.thread, reply.author, words, once=once, at=reply.ts)

    async def delete(self, gone: Deletion) -> None:
        """Take a deleted reply out of its mailbox, or tell its author that Devin has it."""
        kept = await self.state.mailbox.kept(gone.id)
        is_linked, is_new = (True, False) if kept is not None else await self._look_up(gone)
        if is_linked and (gone.thread is None or gone.thread.thread_ts == gone.ts):
            team, channel, ts = place_of(gone.id)
            thread = ThreadRef(team=team, channel=channel, thread_ts=ts)
            await self.state.links.describe(thread, "", GONE)
        if kept is not None and kept.step:
            return  # a workflow waits for its outcome
        await self._follow(gone, None, is_new=is_new)

    async def send(self, number: str, by: UserId, channel: str) -> None:
        """Have a correction that was offered to `by` posted in their name, and sent, once.

        Raises `AlreadyDone`, `Expired`, and as `check_link` does.
        """
        offered = await self.state.tickets.read(CorrectionOffered, number, by)
        if offered.reply.thread.channel != channel:
            raise Expired
        await self.accepting.check(by, channel)
        reply = offered.reply
        session = await self.state.mailbox.session_of(reply.id)
        await self.speaking.check_link(reply.thread, session)
        people, clock = self.speaking.workspace.people, self.speaking.workspace.clock
        fields = {"ts": clock.before_now(), "files": (), "is_correction": True}
        text = await markdown_of(reply, people)
        spoken = Spoken(
            key=f"correction:{number}:{offered.edited}",
            reply=reply.model_copy(update=fields),
            words=delivery_reports.corrected(await people.name(by), text),
            session=session,
        )
        if await self.speaking.say(spoken) is Owing.DONE:
            raise AlreadyDone

    async def send_again(self, reply: ReplyId, number: int, thread: ThreadRef, by: UserId) -> None:
        """Put a reply of `thread` back into its mailbox, in its old place, once for each `number`.

        Raises `Expired`, `MessageGone`, and as `check_link` does; `NotAllowed` also if another
        person sent it and all write as themselves.
        """
        await self.accepting.check(by, thread.channel)
        kept = await self.state.mailbox.kept(reply)
        if kept is None:
            if await self.state.mailbox.round_of(reply) > number:
                raise AlreadyDone
            raise MessageGone if await self.state.mailbox.is_known(reply) else Expired
        if kept.thread != thread:
            raise Expired
        session = await self.state.mailbox.session_of(reply)
        await self.speaking.check_link(thread, session, stops=kept.is_stop)
        if by != sender(kept):
            if self.accepting.workspace.settings.act_as == "required":
                standing = Standing.NOT_SENDER
                raise await self.accepting.turn_away(by, thread.channel, standing, reply_id=reply)
            await self.state.claims.claim(again(reply, number), keep.TRIED)
        session = await self.state.mailbox.send_again(kept, number)
        if session is None:
            raise AlreadyDone
        audit(Event.SENT_AGAIN, by, **thread.log_fields, session_id=session, reply_id=reply)
        await self.accepting.schedule.wake(session)

    async def _follow(self, change: Edit | Deletion, link: Link | None, *, is_new: bool) -> None:
        """Make a change, and tell what came of it: by an entry if the reply is being sent."""
        met = await self._revise(change, may_be_ahead=is_new)
        if met.what is Revised.SENDING:
            changed = Changed(change=change)
            await self.accepting.owe(changed.owed, changed.to_json())
        else:
            await self._tell(change, met, link)

    async def _revise(self, change: Edit | Deletion, *, may_be_ahead: bool) -> Revision:
        revisions = self.state.revisions
        if isinstance(change, Deletion):
            return await revisions.withdraw(change.id, may_be_ahead=may_be_ahead)
        reply, edited = change.reply, change.edited
        if change.is_aside or change.was_answered:
            return await revisions.withdraw(reply.id, edited, may_be_ahead=may_be_ahead)
        drops = change.drops_forwarded
        return await revisions.change(
            reply, edited, drops_forwarded=drops, may_be_ahead=may_be_ahead
        )

    async def tell(self, begun: Begun) -> Fate:
        """Make a change again, and tell what came of it; raise `SlackAway` while that is open."""
        changed = Changed.parse(begun.record["content"])
        if changed is None:
            return MOOT
        change = changed.change
        met = await self._revise(change, may_be_ahead=False)
        if met.what is Revised.SENDING:
            raise SlackAway("telling", PAUSED, maybe_done=False)
        link = None
        if isinstance(change, Edit) and not change.was_answered:
            link = await self.state.links.get(change.reply.thread)
        await self._tell(change, met, link if link is not None and link.takes_replies else None)
        return Ended(Leaves.NOTHING)

    async def _link(self, thread: ThreadRef) -> Link | None:
        """Return the thread's link, if it takes replies."""
        link = await self.state.links.get(thread)
        return link if link is not None and link.takes_replies else None

    async def _tell(self, change: Edit | Deletion, met: Revision, link: Link | None) -> None:
        if isinstance(change, Edit):
            await self._tell_edit(change, met, link)
        else:
            await self._tell_deletion(change, met)

    async def _tell_edit(self, edit: Edit, met: Revision, link: Link | None) -> None:
        reply = edit.reply
        is_there = link is not None and met.session in {None, link.session}
        is_offered = is_there and not reply.bots
        channel, ids = reply.thread.channel, {"reply_id": reply.id, "met": met.what.value}
        if met.what in {Revised.CHANGED, Revised.WITHDRAWN}:
            audit(Event.EDITED, reply.author, **reply.thread.log_fields, **ids)
        else:
            log.info("not edited", extra=ids)
        if met.what is Revised.CHANGED:
            self.notices.mark(channel, reply.ts, delivery_reports.CHANGED_MARK)
        elif met.what is Revised.WITHDRAWN:
            self.notices.mark(channel, reply.ts, delivery_reports.WITHDRAWN_MARK)
        elif met.what in TOO_LATE and is_offered:
            await self._too_late(edit, met)
        is_out = met.what in {Revised.WITHDRAWN, Revised.AHEAD, Revised.REPEATED}
        if is_out and is_offered and not edit.is_aside and is_empty(reply):
            words = refusals.sorry(EmptyMessage())
            await self.notices.whisper(reply.thread, reply.author, words, once=f"empty:{reply.ts}")

    async def _tell_deletion(self, gone: Deletion, met: Revision) -> None:
        if met.what in {Revised.UNKNOWN, Revised.AHEAD, Revised.REPEATED}:
            return
        log.info("deleted", extra={"reply_id": gone.id, "met": met.what.value})
        if met.what in TOO_LATE and gone.thread is not None and gone.author is not None:
            await self._regret(gone.ts, gone.thread, gone.author, met)

    async def _too_late(self, edit: Edit, met: Revision) -> None:
        reply = edit.reply
        if edit.is_aside or not says_something(reply.text, reply.blocks):
            await self._regret(reply.ts, reply.thread, reply.author, met)
            return
        number = await self.state.revisions.offer(reply.id, new_number())
        forwarded = () if met.may_be_taken else reply.forwarded
        reply = reply.model_copy(update={"files": (), "forwarded": forwarded})
        ticket = CorrectionOffered(by=reply.author, reply=reply, edited=edit.edited)
        # Another edit may be offered at the same moment.
        await self.state.tickets.write(number, ticket, lambda one: one.edited > edit.edited)
        once = f"edited:{reply.ts}:{edit.edited}"
        words = delivery_reports.correction_offered(number)
        await self.notices.whisper(reply.thread, reply.author, words, once=once)
        await self.state.revisions.offered(reply.id, edit.edited)

    async def _regret(self, ts: str, thread: ThreadRef, author: UserId, met: Revision) -> None:
        """Tell a message's author that Devin may have read it; say nothing if it has not."""
        if not met.may_be_taken:
            return
        words = delivery_reports.READ_ALREADY
        await self.notices.whisper(thread, author, words, once=f"deleted:{ts}")

    async def _look_up(self, gone: Deletion) -> tuple[bool, bool]:
        """Return whether a deleted message's thread may be linked, and its event still come."""
        if gone.thread is None:  # unknown: it may be any linked thread of the channel
            team, channel, _ = place_of(gone.id)
            is_linked = bool(await self.state.links.of_channel(team, channel, 1))
            return is_linked, is_linked
        link = await self.state.links.get(gone.thread)
        return link is not None, _may_be_ahead(gone.thread, gone.ts, link)


def may_come(edit: Edit, link: Link | None) -> bool:
    """Return True if the own event of an edited reply may still come; an aside's brings none."""
    reply = edit.reply
    return not edit.was_aside and _may_be_ahead(reply.thread, reply.ts, link)


def _may_be_ahead(thread: ThreadRef, ts: str, link: Link | None) -> bool:
    """Return True if the event of a reply may still come, and would be for Devin."""
    is_heard = link is not None and link.takes_replies and ts_micros(ts) > link.since
    return is_heard and thread.thread_ts != ts
