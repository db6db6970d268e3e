"""The titles and web addresses of sessions, as the watch has read them or Devin told them else."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.model.mirror import Watched
from bot.model.record import Record
from bot.model.sessions import NamedSession, SessionId
from bot.redis.connection import Store
from bot.redis.keys import watched_key

TITLE_LIMIT = 300
ADDRESS_LIMIT = 2_000
"""A longer title is cut, and a longer address is not kept."""


class SessionName(Record):
    """A session's title and web address, each of which may be empty."""

    title: str
    url: str


class SessionNames:
    """The names, in the records of the sessions in Redis; one is kept for at least `ttl`."""

    def __init__(self, store: Store, ttl: timedelta) -> None:
        self._store = store
        self._ttl = ttl

    async def of(self, sessions: Sequence[SessionId]) -> Mapping[SessionId, NamedSession]:
        """Return each of `sessions`; one that is not known has neither a title nor an address."""
        if not sessions:
            return {}
        keys = [watched_key(session) for session in sessions]
        read = (self._store.fields(keys, name) for name in ("seen", "name"))
        seen, told = await asyncio.gather(*read)
        known = zip(sessions, map(Watched.parse, seen), map(SessionName.parse, told), strict=True)
        return {session: _named(session, by) for session, *by in known}

    async def one(self, session: SessionId) -> NamedSession:
        """Return `session`, as `of` does."""
        return (await self.of([session]))[session]

    async def keep(self, named: Sequence[NamedSession]) -> None:
        """Keep these names, in place of earlier ones that Devin told."""
        # One round trip: the store sends concurrent writes together.
        await asyncio.gather(*map(self._put, named))

    async def _put(self, named: NamedSession) -> None:
        url = named.url if len(named.url) <= ADDRESS_LIMIT else ""
        name = SessionName(title=named.title[:TITLE_LIMIT], url=url).to_json()
        await self._store.put_field(watched_key(named.session), "name", name, self._ttl)


def _named(session: SessionId, known: Sequence[Watched | SessionName | None]) -> NamedSession:
    """Return the session by the first title and the first address that are known of it."""
    names = [one for one in known if one is not None]
    title = next((one.title for one in names if one.title), "")
    return NamedSession(session, title, next((one.url for one in names if one.url), ""))
