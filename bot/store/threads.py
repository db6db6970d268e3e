"""What a step wants to know of a thread, read at once; and the names of sessions.

A step reads a thread when it begins, and again after whatever it has waited for.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.model.record import Record
from bot.model.sessions import NamedSession, Seen, SessionId, Started, Watched
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import Key, watched_key
from bot.store.lua import scripts

NONE = SessionId("")


@dataclass(frozen=True, slots=True)
class ThreadRead:
    """A thread's link, and what is known of its session, or of the one that was asked for.

    `beside` are the strings at the keys that were given, in their order.
    """

    link: Link | None
    seen: Watched
    named: NamedSession
    started: Started | None
    beside: Sequence[str | None]


async def read_thread(
    store: Store, thread: ThreadRef, session: SessionId = NONE, beside: Sequence[Key] = ()
) -> ThreadRead:
    """Read a thread, the session of its link unless one is given, and the strings at `beside`."""
    raw, known, found = await scripts.read_thread(
        store, thread=thread.name, session=session, keys=beside
    )
    link = Link.parse(raw)
    seen, name, started = known or (None, None, None)
    of = session or (NONE if link is None else link.session)
    watched = Watched.parse(seen)
    named = _named(of, [watched, SessionName.parse(name)])
    return ThreadRead(link, watched or Watched(), named, Started.parse(started), found)


class SessionName(Record):
    """A session's title and web address."""

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
        found = await self._store.fields([watched_key(one) for one in sessions], "seen", "name")
        return {
            session: _named(session, [Watched.parse(seen), SessionName.parse(told)])
            for session, (seen, told) in zip(sessions, found, strict=True)
        }

    async def one(self, session: SessionId) -> NamedSession:
        """Return `session`, as `of` does."""
        return (await self.of([session]))[session]

    async def keep(self, named: Sequence[NamedSession]) -> None:
        """Keep these names, in place of earlier ones that Devin told."""
        # One round trip: the store sends concurrent writes together.
        await asyncio.gather(*map(self._put, named))

    async def _put(self, named: NamedSession) -> None:
        name = SessionName(title=named.title, url=named.url).to_json()
        await self._store.put_field(watched_key(named.session), "name", name, self._ttl)


def _named(session: SessionId, known: Sequence[Seen | SessionName | None]) -> NamedSession:
    names = [one for one in known if one is not None]
    title = next((one.title for one in names if one.title), "")
    return NamedSession(session, title, next((one.url for one in names if one.url), ""))
