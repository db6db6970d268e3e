"""The titles and web addresses of sessions, as Devin last told them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.model.record import Record
from bot.model.sessions import NamedSession, SessionId
from bot.redis.connection import Store
from bot.redis.keys import name_key

TITLE_LIMIT = 300
ADDRESS_LIMIT = 2_000
"""A longer title is cut, and a longer address is not kept."""


class SessionName(Record):
    """A session's title and web address, each of which may be empty."""

    title: str
    url: str


class SessionNames:
    """The names, in Redis; one that is not told again for `ttl` is forgotten."""

    def __init__(self, store: Store, ttl: timedelta) -> None:
        self._store = store
        self._ttl = ttl

    async def of(self, sessions: Sequence[SessionId]) -> Mapping[SessionId, NamedSession]:
        """Return each of `sessions`; one that is not kept has neither a title nor an address."""
        if not sessions:
            return {}
        found = await self._store.get_all([name_key(session) for session in sessions])
        return {session: _named(session, raw) for session, raw in zip(sessions, found, strict=True)}

    async def one(self, session: SessionId) -> NamedSession:
        """Return `session`, as `of` does."""
        return (await self.of([session]))[session]

    async def keep(self, named: Sequence[NamedSession]) -> None:
        """Keep these names, in place of earlier ones."""
        # One round trip: the store sends concurrent writes together.
        await asyncio.gather(*map(self._put, named))

    async def _put(self, named: NamedSession) -> None:
        url = named.url if len(named.url) <= ADDRESS_LIMIT else ""
        name = SessionName(title=named.title[:TITLE_LIMIT], url=url)
        await self._store.put(name_key(named.session), name.to_json(), self._ttl)


def _named(session: SessionId, raw: str | None) -> NamedSession:
    name = SessionName.parse(raw)
    return NamedSession(session) if name is None else NamedSession(session, name.title, name.url)
