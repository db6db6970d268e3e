"""Sessions are shown by the title and the web address that Devin gives them.

A name is asked for once and then read from Redis, unless the session had no title yet: Devin writes
it in the session's first minutes. Nobody fails for want of a name: the id stands in for it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.devin.api import Devin, Unread
from bot.model.errors import LinkChanged, NotLinked, StoreAway
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import Link
from bot.slack.people import People
from bot.store.watches import SessionNames
from bot.timing import TIMING

log = logging.getLogger(__name__)

MOST = 30
"""Most sessions that Devin is asked about at once: one call each, by version 1 of its API."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Names sessions, from Redis or by asking Devin, which may take `seconds`.

    Its `states` ends sooner, unless Devin must first be asked for more.
    """

    devin: Devin
    names: SessionNames
    people: People
    seconds: float = TIMING.session_name_seconds

    async def of(
        self, sessions: Sequence[SessionId], *, fresh: bool = False, most: int = MOST
    ) -> Mapping[SessionId, NamedSession]:
        """Return each of `sessions`, in their order, within a second if Redis answers at once.

        Devin is asked about those that have no title yet, or with `fresh` about all of them, but
        only about the first `most`.
        """
        try:
            named = await self.names.of(sessions)
        except StoreAway as error:
            log.warning("names not read", extra={"reason": str(error)})
            return {session: NamedSession(session) for session in sessions}
        unknown = [one.session for one in named.values() if fresh or not one.title]
        found = await self._ask(unknown[:most])
        return {**named, **found}

    async def one(self, session: SessionId, *, most: int = MOST) -> NamedSession:
        """Return `session`, as `of` does."""
        return (await self.of([session], most=most))[session]

    async def linked(self, link: Link) -> tuple[NamedSession, str]:
        """Return the session of `link`, and the name of the person who made it."""
        return await self.one(link.session), await self.people.name(link.by)

    async def check(self, link: Link | None, session: SessionId | None) -> Link:
        """Return the `link` of a thread that is to lead to `session`.

        Raises:
            NotLinked, LinkChanged: it does not; the latter tells where it leads.
        """
        if link is None:
            raise NotLinked
        if link.session != session:
            raise LinkChanged(*await self.linked(link))
        return link

    async def _ask(self, sessions: Sequence[SessionId]) -> Mapping[SessionId, NamedSession]:
        if not sessions:
            return {}
        try:
            async with asyncio.timeout(self.seconds):
                answer = await self.devin.survey(sessions)
        except TimeoutError:
            return {}
        if isinstance(answer, Unread):
            return {}
        found = [NamedSession(one.session, one.title, one.url) for one in answer.found.values()]
        try:
            await self.names.keep(found)
        except StoreAway as error:
            log.warning("names not kept", extra={"reason": str(error)})
        return {one.session: one for one in found}
