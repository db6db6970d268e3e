"""The relay's use cases: replies, links and *Send again* here, the others in its parts.

Each use case takes values that a handler parsed, checks permissions, changes the state in Redis,
and raises an error from `model/errors.py` when the person must know something. Every reply is
accepted through `relay/accept.py`. Afterwards, `delivery/deliverer.py` takes it to Devin, and
`reporting/reporter.py` brings its outcome back into the thread.
"""

import logging
from dataclasses import dataclass, field

from cachetools import LRUCache

from bot.mirror.audience import Audience, Heard
from bot.model.errors import (
    EmptyMessage,
    LinkChanged,
    LinkedElsewhere,
    NoSuchReply,
    NotAllowed,
    NotIdentified,
    NotLinked,
)
from bot.model.mirror import Follow
from bot.model.people import Standing, UserId
from bot.model.replies import Change, Reply, ReplyId, Voucher, place_of
from bot.model.schedule import Schedule
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.relay.accept import Accepting
from bot.relay.asking.first_words import FirstWords
from bot.relay.asking.say_prompts import SayPrompts
from bot.relay.asking.session_choices import SessionChoices
from bot.relay.asking.shortcuts import MessageShortcuts
from bot.relay.channel_moves import ChannelMoves
from bot.relay.edits import Edits
from bot.relay.home import Home
from bot.relay.lifecycle.ending import Ending
from bot.relay.lifecycle.starting import Starting
from bot.relay.link_offers import LinkOffers
from bot.relay.mirror.answers import Answers
from bot.relay.mirror.statuses import Statuses
from bot.relay.naming import Naming
from bot.relay.saying.say import Say
from bot.relay.workflow_steps import WorkflowSteps
from bot.reporting.notices import Notices
from bot.runtime import metrics
from bot.runtime.background import Background
from bot.slack.app.workspace import Workspace
from bot.store.claims import Claims
from bot.store.links import Links
from bot.store.mailbox import Mailbox
from bot.store.mirror.cards import Cards
from bot.text.to_devin import is_empty

log = logging.getLogger(__name__)

KNOWN = 10_000
"""Size of the cache of linked threads' sessions, which saves one of two Redis trips per reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Everything a person in Slack can ask for; handlers use its public parts directly.

    - `say`, `say_prompts`: `/devin-say`, and the form or menu that asks for its missing arguments
    - `shortcuts`: message shortcuts; `link_offers`: an offered link when a message names a session
    - `first_words`: offers to people who spoke to the bot, but gave no command
    - `edits`: edits and deletions; `home`: App Home; `workflow_steps`: steps of Workflow Builder
    - `channel_moves`: channels that get a new id
    - `starting`, `ending`: sessions that people start, end or archive from Slack
    - `naming`, `choices`: the names by which sessions are shown, and those to choose from
    - `answers`: the buttons under what Devin asks; `statuses`: the states of threads
    - `notices`, `claims`, `background`: messages to people, work that is done only once, and work
      that continues after an acknowledgement
    """

    workspace: Workspace
    accepting: Accepting
    naming: Naming
    links: Links
    mailbox: Mailbox
    schedule: Schedule
    audience: Audience
    cards: Cards
    notices: Notices
    claims: Claims
    background: Background
    say: Say
    say_prompts: SayPrompts
    choices: SessionChoices
    shortcuts: MessageShortcuts
    link_offers: LinkOffers
    first_words: FirstWords
    edits: Edits
    home: Home
    workflow_steps: WorkflowSteps
    channel_moves: ChannelMoves
    answers: Answers
    statuses: Statuses
    starting: Starting
    ending: Ending
    _known: LRUCache[ThreadRef, SessionId] = field(default_factory=lambda: LRUCache(KNOWN))

    def is_known(self, thread: ThreadRef) -> bool:
        """Return True if `accept` needs no look-up and no turn for the next reply in `thread`."""
        return thread in self._known and self.accepting.turns.is_free(thread)

    async def is_linked(self, thread: ThreadRef) -> bool:
        """Return True if `thread` is linked; the next `accept` keeps its order if called at once.

        Raises:
            StoreAway: it cannot be determined now.
        """
        with self.accepting.turns.line_up(thread) as turn:
            if is_linked := await self._session_of(thread) is not None:
                await turn.come()
        return is_linked

    async def accept(self, reply: Reply, voucher: Voucher = Voucher.EVENT) -> Change:
        """Accept a reply for the session its thread is linked to; it is in Redis on return.

        This changes nothing if the thread is unlinked or muted, or if the reply was accepted
        before, predates the link, or must be looked up in its thread first (`LATE`).

        Raises:
            NotAllowed: its author may not steer Devin here.
            EmptyMessage: it contains nothing that Devin could read.
            StoreAway, NotIdentified: the reply may not be in Redis, or its author's permission is
                still unknown; Slack must not be acknowledged.
        """
        # Before anything is asked: on a Cluster, answers may come in another order than questions.
        with self.accepting.turns.line_up(reply.thread) as turn:
            session = await self._session_of(reply.thread)
            if session is None:
                return Change.UNLINKED
            try:
                standing = await self.accepting.standing_after(turn, reply, voucher)
            except NotIdentified as error:
                return await self._turn_away(reply.thread, error)
        if standing is not Standing.ALLOWED:
            return await self._turn_away(reply.thread, NotAllowed(standing))
        if is_empty(reply):
            return await self._turn_away(reply.thread, EmptyMessage())
        change = await self.accepting.accept(reply, session, voucher)
        if change is Change.UNLINKED:
            # The link has changed since it was cached, perhaps by another process.
            self._known.pop(reply.thread, None)
            return await self.accept(reply, voucher)
        return change

    async def link(self, thread: ThreadRef, by: UserId, text: str, at: int) -> tuple[Link, bool]:
        """Link `thread` to the session that `text` names; return the link, and True if it existed.

        `at` is the `ts` of the message that asks for it, in microseconds.

        Raises:
            BadSession: `text` does not name a session.
            LinkedElsewhere: the thread has another session.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        session = await self.choices.named(text, thread.channel, by)
        link, is_new = await self.accepting.link(thread, by, session, at)
        if link.session != session:
            named = await self.naming.one(link.session)
            raise LinkedElsewhere(named, await self.name(link.by))
        return link, not is_new

    async def unlink(self, thread: ThreadRef, by: UserId, session: SessionId | None = None) -> Link:
        """End the link of `thread`; mail that was accepted is still delivered.

        Raises:
            NotLinked: the thread has no link.
            LinkChanged: `session` is given, and the link leads to another one.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        link = await self.links.remove(thread, session)
        if link is None:
            raise await self._not_linked(thread, session)
        log.info("unlinked", extra=thread.log_fields | {"session_id": link.session})
        await self.accepting.refresh_card(thread, link)
        return link

    async def mute(self, thread: ThreadRef, by: UserId, at: int, *, muted: bool) -> Link:
        """Stop or resume sending the replies of `thread` to Devin; the link stays.

        Raises:
            NotLinked: the thread has no link.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        link = await self.links.mute(thread, at, muted=muted)
        if link is None:
            raise NotLinked
        if not muted:
            await self.accepting.read_since(thread, at)
        await self.accepting.refresh_card(thread, link)
        return link

    async def follow(
        self, thread: ThreadRef, by: UserId, how: Follow, session: SessionId | None = None
    ) -> Heard:
        """Choose how much of its session `thread` is shown from now on; idempotent.

        Raises:
            NotLinked, LinkChanged, NotAllowed: as for `unlink`.
            SlackAway: the choice is made, but Slack does not say who shares the channel.
        """
        await self.check(by, thread.channel)
        link = await self.links.follow(thread, how, session, self.audience.default)
        if link is None:
            raise await self._not_linked(thread, session)
        ids = {"session_id": link.session, "follow": how.value}
        log.info("followed", extra=thread.log_fields | ids)
        await self.accepting.refresh_card(thread, link)
        return Heard(link, how, await self.audience.is_barred(thread.channel, link))

    async def send_again(self, reply: ReplyId, number: int, thread: ThreadRef, by: UserId) -> None:
        """Put a reply of `thread` back into its mailbox, in its old place, once for each `number`.

        Raises:
            NoSuchReply: the reply is gone, or was sent again already.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        _, channel, _ = place_of(reply)
        if channel != thread.channel:
            raise NoSuchReply(already_sent=False)
        kept = await self.mailbox.kept(reply)
        if kept is None:
            raise NoSuchReply(already_sent=await self.mailbox.was_sent_again(reply, number))
        if kept.thread != thread:
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
        """Return the display name of `who`."""
        return await self.accepting.name(who)

    async def _not_linked(
        self, thread: ThreadRef, session: SessionId | None
    ) -> NotLinked | LinkChanged:
        """Return why a change of the link to `session`, or of any, found none."""
        link = None if session is None else await self.links.get(thread)
        if link is None:
            return NotLinked()
        return LinkChanged(await self.naming.one(link.session), await self.name(link.by))

    async def _session_of(self, thread: ThreadRef) -> SessionId | None:
        known = self._known.get(thread)
        if known is None and (link := await self.links.get(thread)) is not None:
            known = self._known[thread] = link.session
        return known

    async def _turn_away(
        self, thread: ThreadRef, why: NotAllowed | NotIdentified | EmptyMessage
    ) -> Change:
        """Raise `why` if the reply would have gone to Devin; in other threads people just talk."""
        link = await self.links.get(thread)
        if link is None or link.muted:
            return Change.UNLINKED if link is None else Change.MUTED
        if isinstance(why, NotAllowed):
            metrics.TURNED_AWAY.labels(why.standing).inc()
        raise why
