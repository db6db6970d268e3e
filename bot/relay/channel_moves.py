"""When a channel gets a new id, its links end, and their threads are told; its defaults stay.

When it is shared with another organization and keeps its id, its threads go quiet instead.

Slack changes the id when a private channel is shared with another organization, so people whom
nobody had in mind can read along (docs.slack.dev/reference/events/channel_id_changed). Anyone who
still wants a link makes it again. Accepted replies are delivered, and reported under the new id.
"""

import asyncio
import logging
from dataclasses import dataclass

from bot.model.threads import Link, ThreadRef
from bot.reporting.reporter import Notices
from bot.slack.app.workspace import Workspace
from bot.slack.channels import MOVED, SHARED
from bot.store.links import card_owed
from bot.store.outbox import Schedule
from bot.store.state import State
from bot.wording import thread_links

log = logging.getLogger(__name__)

AT_ONCE = 100

MOST_CARDS = 1_000
"""Most cards that are edited because their channel is shared; others follow with their state."""


@dataclass(frozen=True, slots=True)
class ChannelMoves:
    """Ends the links of channels that get a new id."""

    workspace: Workspace
    state: State
    notices: Notices
    schedule: Schedule

    async def move(self, channel: str, to: str) -> None:
        """End every link of `channel`, whose id is `to` from now on. Idempotent."""
        await self.workspace.channels.note(channel, MOVED, now=to)
        while threads := await self.state.links.of_channel(self.workspace.team, channel, AT_ONCE):
            links = await self.state.links.of(threads)
            named = await self.state.names.of([link.session for link in links if link is not None])
            for thread, link in zip(threads, links, strict=True):
                if link is not None:
                    now = thread.model_copy(update={"channel": to})
                    words = thread_links.channel_moved(named[link.session])
                    # Owed before the link is gone, and once: a process may die in between.
                    await self.notices.say(now, words, once="moved")
                await self.state.links.remove(thread)
        await self.state.profiles.move(channel, to)
        log.warning("channel has another id", extra={"channel": channel, "to": to})

    async def shared(self, channel: str) -> None:
        """Note that another organization shares `channel`, and have its threads' cards say so.

        What Devin says stays out of it from now on; that is told when Devin next says something.
        """
        if not await self.workspace.channels.told_shared(channel):
            return
        threads = await self.state.links.of_channel(self.workspace.team, channel, MOST_CARDS)
        links = await self.state.links.of(threads)
        linked = [(one, link) for one, link in zip(threads, links, strict=True) if link is not None]
        await asyncio.gather(*(self._show(thread, link) for thread, link in linked))
        # Only now: if this process dies before, Slack's next try asks for the cards again.
        await self.workspace.channels.note(channel, SHARED, is_shown=True)
        log.warning("channel is shared", extra={"channel": channel, "threads": len(linked)})

    async def _show(self, thread: ThreadRef, link: Link) -> None:
        if (after := await self.state.cards.want(thread, link)) is not None:
            await self.schedule.tell(card_owed(thread, link), after)
