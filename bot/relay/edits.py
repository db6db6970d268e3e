"""Edits and deletions of replies: before Devin has one they change it, afterwards they can't.

After it, the author is offered to send the new text as a message of its own; nothing is sent
without that press.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from bot.model.errors import (
    AlreadySent,
    CannotPost,
    EmptyMessage,
    IsMuted,
    NoSuchReply,
    NotLinked,
    NotTaken,
    RelayError,
    SlackRefused,
    StillSending,
)
from bot.model.outcomes import OutcomeKind
from bot.model.people import Standing, UserId
from bot.model.replies import Change, Reply, ReplyId, place_of, reply_id
from bot.model.threads import Link, ThreadRef, ts_micros
from bot.relay.accept import Accepting
from bot.relay.workspace import Workspace
from bot.reporting.notices import Notices
from bot.runtime.background import Background
from bot.store.claims import Claims
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.revisions import TOO_LATE, Revised, Revision, Revisions, outlasted
from bot.store.tickets import Ticket, Tickets, new_number
from bot.text.to_devin import is_empty, says_something
from bot.wording import corrections, refusals

log = logging.getLogger(__name__)

TAKEN_BACK = frozenset({Revised.WITHDRAWN, Revised.AHEAD, Revised.REPEATED})


@dataclass(frozen=True, slots=True)
class Edit:
    """A message as its author has edited it, at `edited` (microseconds).

    `is_aside`: it says now that it is not for Devin; `was_aside`: it said so before.
    `drops_forwarded`: it forwards nothing now.
    """

    reply: Reply
    edited: int
    is_aside: bool
    was_aside: bool = False
    drops_forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Deletion:
    """A message that is gone; where it stood and whose it was, as far as Slack tells."""

    id: ReplyId
    ts: str
    thread: ThreadRef | None = None
    author: UserId | None = None


class CorrectionOffered(Ticket):
    """An offer to send the new text of an edited message: the latest one."""

    kind: ClassVar[str] = "CorrectionOffered"

    reply: Reply
    edited: int


class Edits:
    """What edits and deletions do."""

    def __init__(  # noqa: PLR0913  (the parts it is made of)
        self,
        *,
        workspace: Workspace,
        accepting: Accepting,
        links: Links,
        is_here: Callable[[str, str], Awaitable[bool]],
        mailbox: Mailbox,
        revisions: Revisions,
        tickets: Tickets,
        notices: Notices,
        claims: Claims,
        background: Background,
    ) -> None:
        self._accepting = accepting
        self._links = links
        self._is_here = is_here
        self._mailbox = mailbox
        self._revisions = revisions
        self._threads = workspace.threads
        self._tickets = tickets
        self._notices = notices
        self._claims = claims
        self._background = background

    async def edit(self, edit: Edit) -> None:
        """Change what waits of an edited reply, or offer its author to send the correction.

        Nothing for who may not steer Devin; in a thread that is not linked any more, or muted, only
        what was accepted before and waits still is changed.

        Raises:
            StoreAway, NotIdentified: it is not known to be done: Slack must not be acknowledged.
        """
        reply = edit.reply
        link = await self._links.get(reply.thread)
        if link is not None and link.muted:
            link = None
        if link is None and await self._mailbox.kept(reply.id) is None:
            return
        standing = await self._accepting.standing(reply)
        if standing is not Standing.ALLOWED:
            return
        is_new = link is not None and _may_be_ahead(reply.thread, reply.ts, link)
        is_new = is_new and not edit.was_aside  # whose event brings nothing, whenever it comes

        async def change() -> Revision:
            if edit.is_aside:
                return await self._revisions.withdraw(reply.id, edit.edited, may_be_ahead=is_new)
            return await self._revisions.change(
                *(reply, edit.edited), drops_forwarded=edit.drops_forwarded, may_be_ahead=is_new
            )

        is_offered = link is not None and not reply.bots
        await self._follow(change, lambda met: self._tell_edit(edit, met, is_offered=is_offered))

    async def delete(self, gone: Deletion) -> None:
        """Take a deleted reply out of its mailbox, or tell its author that Devin has it.

        Raises:
            StoreAway: as `edit`.
        """
        kept = await self._mailbox.kept(gone.id)
        if kept is not None and kept.step:
            return  # a workflow waits for how it ends
        is_new = kept is None and await self._is_awaited(gone)
        await self._follow(
            lambda: self._revisions.withdraw(gone.id, may_be_ahead=is_new),
            lambda met: self._tell_deletion(gone, met),
        )

    async def send(self, number: str, by: UserId, channel: str) -> None:
        """Post a correction that was offered to `by`, in their name, and send it, once.

        Raises:
            NoSuchReply: there is no such offer, or no longer.
            AlreadySent: it was taken up before.
            StillSending: the same, and it is not known to be posted.
            NotLinked, IsMuted: nothing of the thread goes to Devin any more.
            NotAllowed: `by` may not.
            CannotPost: Slack does not let us post there.
        """
        offered = await self._tickets.read(CorrectionOffered, number, by)
        if offered is None or not await self._is_here(offered.reply.thread.channel, channel):
            raise NoSuchReply(already_sent=False)
        await self._accepting.check(by, channel)
        link = await self._links.get(offered.reply.thread)
        if link is None:
            raise NotLinked
        if link.muted:
            raise IsMuted
        claim = f"correction:{number}:{offered.edited}"
        if not await self._claims.claim(claim):
            # By a press that is under way, or whose process died over it.
            ts = await self._find(offered.reply.thread, claim)
            if ts is None:
                raise StillSending
            if await self._take(offered.reply, ts, link) is Change.REPEATED:
                raise AlreadySent
            return
        try:
            ts = await self._post(offered.reply, claim)
            await self._take(offered.reply, ts, link)
        except RelayError:
            await self._claims.disclaim(claim)
            raise

    async def _post(self, reply: Reply, key: str) -> str:
        """The `ts` of the correction, posted now, unless an earlier press did that in vain."""
        if not await self._claims.claim(f"posting:{key}"):
            ts = await self._find(reply.thread, key)
            if ts is not None:
                return ts
        said = await self._accepting.shown(reply)
        words = corrections.corrected(await self._accepting.name(reply.author), said)
        try:
            return await self._threads.post(reply.thread, words, key)
        except SlackRefused as error:
            raise CannotPost(error.reason) from error

    async def _find(self, thread: ThreadRef, key: str) -> str | None:
        try:
            return await self._threads.find(thread, key)
        except SlackRefused as error:
            log.warning("thread not readable", extra={"reason": str(error)})
            return None

    async def _take(self, reply: Reply, ts: str, link: Link) -> Change:
        of_correction = {"ts": ts, "files": (), "is_correction": True}
        correction = reply.model_copy(update=of_correction)
        change = await self._accepting.take(correction, link.session)
        if change in {Change.UNLINKED, Change.MUTED}:
            raise NotTaken(change)
        return change

    async def _follow(
        self,
        change: Callable[[], Awaitable[Revision]],
        tell: Callable[[Revision], Awaitable[None]],
    ) -> None:
        """Make a change and tell what it met; of what is being sent, once that is known.

        Should this process die within the second for which the acknowledgement waits for that,
        Slack brings the event again.
        """
        met = await change()
        if met.what is Revised.SENDING:

            async def outlast() -> None:
                await tell(await outlasted(change))

            await self._background.soon(outlast())
        else:
            await tell(met)

    async def _tell_edit(self, edit: Edit, met: Revision, *, is_offered: bool) -> None:
        reply = edit.reply
        log.info("edited", extra={"reply_id": reply.id, "met": met.what.value})
        channel = reply.thread.channel
        if met.what is Revised.CHANGED:
            self._notices.mark(channel, reply.ts, corrections.CHANGED_MARK)
        elif met.what is Revised.WITHDRAWN:
            self._notices.mark(channel, reply.ts, corrections.WITHDRAWN_MARK)
        elif met.what in TOO_LATE and is_offered:
            await self._too_late(edit, met)
        if met.what in TAKEN_BACK and is_offered and not edit.is_aside and is_empty(reply):
            words = refusals.sorry(EmptyMessage())
            await self._notices.whisper(reply.thread, reply.author, words, once=f"empty:{reply.ts}")

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
        number = await self._revisions.offer(reply.id, new_number())
        forwarded = () if met.may_be_taken else reply.forwarded
        reply = reply.model_copy(update={"files": (), "forwarded": forwarded})
        ticket = CorrectionOffered(by=reply.author, reply=reply, edited=edit.edited)
        await self._tickets.write(number, ticket)
        once = f"edited:{reply.ts}:{edit.edited}"
        words = corrections.correction_offered(number, was_taken=met.may_be_taken)
        await self._notices.whisper(reply.thread, reply.author, words, once=once)
        await self._revisions.offered(reply.id, edit.edited)

    async def _regret(self, ts: str, thread: ThreadRef, author: UserId, met: Revision) -> None:
        """Tell who deleted a message that Devin may have read it; nothing where it has not."""
        if not met.may_be_taken:
            return
        is_certain = met.outcome is not None and met.outcome.kind is OutcomeKind.DELIVERED
        words = corrections.read_already(is_certain=is_certain)
        await self._notices.whisper(thread, author, words, once=f"deleted:{ts}")

    async def _is_awaited(self, gone: Deletion) -> bool:
        """Whether the event of a message that is gone may still come."""
        if gone.thread is None:  # Slack did not say: any linked thread of the channel may be its
            team, channel, _ = place_of(gone.id)
            return bool(await self._links.of_channel(team, channel, 1))
        link = await self._links.get(gone.thread)
        return link is not None and _may_be_ahead(gone.thread, gone.ts, link)


def deletion_of(thread: ThreadRef, ts: str, author: UserId | None) -> Deletion:
    """The deletion of a message whose thread is known."""
    return Deletion(reply_id(thread.team, thread.channel, ts), ts, thread, author)


def _may_be_ahead(thread: ThreadRef | None, ts: str, link: Link) -> bool:
    """Whether the event of a reply may still come, and would be for Devin."""
    is_reply = thread is not None and thread.thread_ts != ts
    return is_reply and ts_micros(ts) > link.hears_from
