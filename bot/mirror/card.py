"""Posts the card of a link, and edits it when what it shows has changed, as Slack's own state.

The entry ends only if nothing asked for another edit meanwhile, so in the end the card is right. An
edit that Slack refuses for good waits for the next request.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from bot.mirror.agents import Slot, StatusLines, parse_slot, wanted_slot
from bot.mirror.audience import Audience, Heard
from bot.model.errors import OPERATOR_MUST_ACT, SlackRefused
from bot.model.people import WORKFLOW
from bot.model.sessions import NamedSession, SessionId, SessionState, Started, Watched
from bot.model.threads import ThreadRef
from bot.model.times import Millis
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.cards import CardShown, card_owed, card_subject
from bot.store.outbox import Begun, Fate, OwedKind, Schedule, Teller, thread_of
from bot.store.state import State
from bot.text.options import parse_options
from bot.text.to_slack import escape
from bot.wording.message import Block, SlackMessage
from bot.wording.mirror.card import Card, card, children_shown, ended_card

log = logging.getLogger(__name__)


UNEDITABLE = frozenset({"edit_window_closed", "cant_update_message", "message_not_found"})
"""Slack's codes for a message that can't be edited any more, perhaps since it was deleted."""


@dataclass(frozen=True, slots=True)
class CardTeller(Teller):
    """The teller of cards."""

    workspace: Workspace
    state: State
    audience: Audience
    status_lines: StatusLines
    schedule: Schedule
    offers: Sequence[Callable[[Watched], Sequence[Block]]] = ()
    beside: tuple[str, str] | None = None
    kind = OwedKind.CARD
    is_decorative = True
    is_found_by_polls = True  # one that rests, or whose link gave way

    async def tell(self, begun: Begun) -> Fate:
        """Post or edit the card, if it does not show what is so.

        It answers a request, so it is posted before Slack says who shares the channel, and shows
        what Devin does after that.
        """
        thread, record = thread_of(begun.owed.subject), begun.record
        session = SessionId(record["session"])
        heard = await self.audience.of(thread, Need.CARDS, session)
        if heard.unsure is not None and (record["ts"] or begun.again):
            raise heard.unsure
        link = heard.link
        is_linked = link is not None and card_subject(thread, link) == begun.owed.subject
        seen, named = heard.seen, heard.named
        if heard.is_barred:
            named = NamedSession(session, "", named.url)
        words = await self._words(thread, named, seen, heard, is_linked=is_linked)
        ts, shows = await self._show(begun, thread, words, seen, is_linked=is_linked)
        was = parse_slot(record["slot"])
        if begun.again and not is_linked:
            was = was or Slot()  # a try that was cut off may have made a session
        wanted = wanted_slot(was, heard, seen, named, is_linked=is_linked)
        is_current = Millis(record["rests_until"] or 0) > begun.at
        slot, rest = await self.status_lines.agents.show(
            *(thread, session, was, wanted),
            again=begun.again,
            is_current=is_current,
            are_refused=heard.has_no_agents,
        )
        if is_linked and (ts != record["ts"] or slot is None):
            self.status_lines.again(thread, heard.seen)
        elif not is_linked and (begun.again or wanted is not None):
            await self.status_lines.agents.doubt(thread)
        if seen.parent is not None and shows != record["shows"]:
            await self._have_listed(thread.channel, seen.parent)
        is_open = is_linked and not heard.is_barred
        if heard.unsure is not None and link is not None and is_linked:
            await self.state.cards.want(thread, link)
        shown = "" if slot is None else str(slot)
        return CardShown(ts=ts, shows=shows, slot=shown, is_open=is_open, rest=rest)

    async def _words(
        self,
        thread: ThreadRef,
        named: NamedSession,
        seen: Watched,
        heard: Heard,
        *,
        is_linked: bool,
    ) -> SlackMessage:
        link = heard.link
        if link is None or not is_linked:
            return ended_card(named)
        chosen, standing_by = await self._start(heard.started, thread.channel)
        return card(
            Card(
                thread=thread,
                link=link,
                by="" if link.by == WORKFLOW else await self.workspace.people.name(link.by),
                session=named,
                seen=seen,
                follow=heard.follow,
                is_barred=heard.is_barred,
                is_unsure=heard.unsure is not None,
                chosen=chosen,
                standing_by=standing_by,
                followed=await self._followed(thread.channel, seen),
                offers=[one for offer in self.offers for one in offer(seen)],
                beside=self.beside,
            )
        )

    async def _followed(self, channel: str, seen: Watched) -> Mapping[SessionId, str]:
        """Return the children that have a thread in the channel, with its address."""
        return {
            child.session: self.workspace.address(thread)
            for child in children_shown(seen)
            for thread in await self.state.watches.threads_of(child.session)
            if thread.channel == channel
        }

    async def _have_listed(self, channel: str, parent: SessionId) -> None:
        """Have the cards of a child's parent say that it has a thread in the channel, or none.

        The parent may be known only after the child's card was posted. A card that shows nothing
        new asks for no other, or two sessions that are each other's parents would do so forever.
        """
        for thread in await self.state.watches.threads_of(parent):
            link = await self.state.links.get(thread)
            if link is not None and thread.channel == channel:
                after = await self.state.cards.want(thread, link)
                if after is not None:
                    await self.schedule.tell(card_owed(thread, link), after)

    async def _start(self, started: Started | None, channel: str) -> tuple[Sequence[str], str]:
        """Return what a session of this channel was started with, less title and cap.

        The name is that of who set the standing words that its prompt has.
        """
        if started is None or started.channel != channel:
            return (), ""
        options, _ = parse_options(escape(started.chosen))
        by = started.standing_by
        name = await self.workspace.people.name(by) if by else ""
        return options.model_copy(update={"title": "", "max_acu": None}).each(), name

    async def _show(
        self,
        begun: Begun,
        thread: ThreadRef,
        words: SlackMessage,
        seen: Watched,
        *,
        is_linked: bool,
    ) -> tuple[str, str]:
        """Post or edit the card, if that is to be done; return its `ts`, and a digest of it.

        A card that can't be edited any more is followed by another one, but not while Devin works,
        since a card changes all the time then.
        """
        ts, key = begun.record["ts"], str(begun.owed)
        shows = sha256(json.dumps(words.params()).encode()).hexdigest()[:16]
        shown = begun.record["shows"]
        if not ts and begun.again:
            ts = await self.workspace.threads.find(thread, key) or ""
        if ts and shows == shown and not begun.again:
            return ts, shown
        refusal = await self._edit(begun, thread, ts, words, is_linked=is_linked) if ts else ""
        may_be_there = refusal in UNEDITABLE and begun.again
        # A try whose answer was lost may have posted the card that follows, with other words.
        if may_be_there and (found := await self.workspace.threads.find(thread, key, ts)):
            refusal = await self._edit(begun, thread, found, words, is_linked=is_linked)
            return found, "" if refusal else shows
        is_busy = is_linked and seen.state is SessionState.WORKING
        if refusal and (refusal not in UNEDITABLE or is_busy):
            return ts, shown
        if is_linked and (refusal or not ts):
            ts = await self.workspace.threads.post(thread, words, key)
        return ts, shows

    async def _edit(
        self, begun: Begun, thread: ThreadRef, ts: str, words: SlackMessage, *, is_linked: bool
    ) -> str:
        """Edit a card, and return Slack's reason if it refuses."""
        try:
            await self.workspace.threads.update(thread, ts, words, follows=not is_linked)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise
            log.warning("card not edited", extra=begun.owed.log_fields | {"reason": str(error)})
            return error.reason
        return ""
