"""Decides whether a thread may be shown what a session says, at the moment when it would be."""

import asyncio
from dataclasses import dataclass

from bot.mirror.news import follow_in
from bot.model.mirror import Follow
from bot.model.people import is_id
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.slack.sharing import Sharing
from bot.store.links import Links
from bot.store.places import Places


@dataclass(frozen=True, slots=True)
class Heard:
    """A thread's link, how much it follows, and whether other organizations bar Devin's words."""

    link: Link | None
    follow: Follow
    is_barred: bool

    def follows(self, session: SessionId) -> bool:
        """Return True if the thread is to be shown what `session` says."""
        is_linked = self.link is not None and self.link.session == session
        return is_linked and self.follow is not Follow.OFF and not self.is_barred


class Audience:
    """The threads that may be shown what Devin says."""

    def __init__(
        self,
        *,
        links: Links,
        places: Places,
        sharing: Sharing,
        default: Follow,
        allows_external: bool,
    ) -> None:
        self._links = links
        self._places = places
        self._sharing = sharing
        self.default = default
        self._allows_external = allows_external

    async def of(self, thread: ThreadRef) -> Heard:
        """Return who would hear it in `thread`.

        Raises:
            SlackAway: Slack does not say whether other organizations share the channel.
        """
        link, was_shared = await asyncio.gather(
            self._links.get(thread), self._places.was_shared(thread.channel)
        )
        is_barred = not self._allows_external and (
            was_shared or await self._is_external(thread.channel, link)
        )
        return Heard(link, self.follow_of(link), is_barred)

    def follow_of(self, link: Link | None) -> Follow:
        """Return how much a thread with that link follows."""
        return follow_in("" if link is None else link.follow, self.default)

    async def is_barred(self, channel: str, link: Link | None) -> bool:
        """Return True if Devin's words may not go to `channel`, which the link's maker reads.

        Raises:
            SlackAway: as for `of`.
        """
        if self._allows_external:
            return False
        # Slack tells one process that a channel is shared; the others may still go by its answer.
        if await self._places.was_shared(channel):
            return True
        return await self._is_external(channel, link)

    async def _is_external(self, channel: str, link: Link | None) -> bool:
        reader = link.by if link is not None and is_id(link.by) else None
        return await self._sharing.is_external(channel, reader)
