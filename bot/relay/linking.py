"""Links of threads, as commands and buttons make, end, mute, follow and show them.

Slack changes the id of a private channel when another organization joins it, so people whom nobody
had in mind can read along (docs.slack.dev/reference/events/channel_id_changed): its links end, and
their threads are told. Accepted replies are delivered, and reported under the new id. A channel
that is shared and keeps its id goes quiet instead.
"""

import asyncio
import logging
from dataclasses import dataclass

from bot.delivery.acting import Acting
from bot.mirror.audience import Audience, Heard
from bot.model.errors import LinkedElsewhere
from bot.model.people import NOBODY, Act, UserId
from bot.model.replies import Reply
from bot.model.sessions import Follow, SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.reporting.notices import Notices
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.state import State
from bot.wording import commands, thread_links
from bot.wording.commands import AS_SELF
from bot.wording.lifecycle.starting import UNDER_WAY
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import Card, reads_replies

log = logging.getLogger(__name__)

PAGE = 100

MOST_CARDS = 1_000
"""Most cards that are edited because their channel is shared; others follow with their state."""


@dataclass(frozen=True, slots=True)
class Linking:
    """Changes, ends and describes the links of threads."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    audience: Audience
    acting: Acting
    notices: Notices

    async def link(self, thread: ThreadRef, by: UserId, text: str, at: Micros) -> tuple[Link, bool]:
        """Link `thread` to the session that `text` names; return the link, and True if it existed.

        `at`: as in `Accepting.link`. Raises `BadSession` and `LinkedElsewhere`.
        """
        await self.accepting.check(by, thread.channel, Act.START)
        session = await self.naming.named(text, thread.channel, by)
        link, is_new = await self.accepting.link(thread, by, session, at)
        return await self.naming.check(link, session, thread.channel), not is_new

    async def unlink(self, thread: ThreadRef, by: UserId, session: SessionId | None = None) -> Link:
        """End the link of `thread`; mail that was accepted is still delivered.

        Raises `NotLinked`, and `LinkedElsewhere` unless the link leads to a given `session`.
        """
        await self.accepting.check(by, thread.channel)
        return await self._shown(await self.accepting.unlink(thread, by, session), thread)

    async def mute(
        self,
        thread: ThreadRef,
        by: UserId,
        at: Micros,
        session: SessionId | None = None,
        *,
        muted: bool,
    ) -> Link:
        """Stop or resume sending the replies of `thread` to Devin; raises as `unlink` does."""
        await self.accepting.check(by, thread.channel)
        changed = await self.state.links.mute(thread, at, session, muted=muted)
        event = Event.MUTED if muted else Event.UNMUTED
        link = await self._changed(changed, thread, by, event)
        if not muted:
            await self.accepting.read_since(thread, at)
        return link

    async def follow(
        self, thread: ThreadRef, by: UserId, how: Follow, session: SessionId | None = None
    ) -> Heard:
        """Choose how much of its session `thread` is shown from now on; raises as `unlink` does.

        It raises `SlackAway` if the choice is made, but Slack does not say who shares the channel.
        """
        await self.accepting.check(by, thread.channel)
        changed = await self.state.links.follow(thread, how, session, self.audience.default)
        link = await self._changed(changed, thread, by, Event.FOLLOWED, follow=how.value)
        return Heard(link, how, await self.audience.is_barred(thread.channel, link.by))

    async def status(self, thread: ThreadRef, by: UserId) -> SlackMessage:
        """Describe `thread`, and its session as last read; raises as `linked` does."""
        await self.accepting.check(by, thread.channel)
        link = await self.accepting.linked(thread)
        heard = await self.audience.of(thread, Need.ACT, link.session)
        named, name = await self.naming.linked(link, thread.channel)
        shown = Card(thread, link, name, named, heard.seen, heard.follow, heard.is_barred)
        notes = []
        account = await self.acting.as_whom(Reply(thread=thread, ts="", author=by))
        if isinstance(account, str) and account and reads_replies(heard.seen):
            notes.append(AS_SELF)
        is_starting = await self.accepting.is_starting(thread)
        if is_starting and await self.accepting.gives_way(thread, link):
            notes.append(UNDER_WAY)
        mail = await self.state.mailbox.length(link.session)
        last = await self.state.watches.last_outcome(link.session, thread)
        return commands.status(shown, mail, last, notes)

    async def _changed(
        self, link: Link | None, thread: ThreadRef, by: UserId, event: Event, **ids: str
    ) -> Link:
        """Put a change on record, and have the card say it; raise if it found no such `link`."""
        if link is not None:
            audit(event, by, **thread.log_fields, session_id=link.session, **ids)
        return await self._shown(link, thread)

    async def _shown(self, link: Link | None, thread: ThreadRef) -> Link:
        if link is None:
            found = await self.accepting.linked(thread)
            raise LinkedElsewhere(*await self.naming.linked(found, thread.channel))
        await self.accepting.show(thread, link)
        return link

    async def move(self, channel: str, to: str) -> None:
        """End every link of `channel`, whose id is `to` from now on. Idempotent."""
        await self.workspace.channels.note_moved(channel, to)
        while threads := await self.state.links.of_channel(self.workspace.team, channel, PAGE):
            links = await self.state.links.of(threads)
            for thread, link in zip(threads, links, strict=True):
                if link is not None:
                    now = thread.model_copy(update={"channel": to})
                    named = await self.audience.named(link.session, to, link.by)
                    words = thread_links.channel_moved(named)
                    # Owed before the link is gone, and once: a process may die in between.
                    await self.notices.say(now, words, once="moved")
                await self.accepting.unlink(thread, NOBODY, why="moved")
        await self.state.profiles.move(channel, to)
        log.warning("channel has another id", extra={"channel": channel, "to": to})

    async def shared(self, channel: str) -> None:
        """Note that another organization shares `channel`, and have its threads' cards say so."""
        if not await self.workspace.channels.note_shared(channel):
            return
        links = self.state.links
        linked = await links.active(self.workspace.team, channel, links.ttl, MOST_CARDS)
        await asyncio.gather(*(self.accepting.show(*one) for one in linked))
        await self.workspace.channels.note_shared(channel, is_told=True)
        log.warning("channel is shared", extra={"channel": channel, "threads": len(linked)})
