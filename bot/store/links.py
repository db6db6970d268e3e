"""Links tie threads to sessions.

A thread has at most one session, set by the first request; several threads may share a session. A
link is forgotten `LINK_TTL` after its last traffic. One script sets a link, if it still is what it
was, and all that depends on it; else it is read again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from bot.model.sessions import Follow, SessionId
from bot.model.threads import Link, ThreadRef, parse_thread
from bot.model.times import Micros, Millis
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import THREADS_KEY, link_key
from bot.redis.lua import commands
from bot.store.cards import card_subject
from bot.store.lua import scripts

GONE = Micros(10**16)
"""Later than any edit: a deleted message does not come back."""

ACTIVE_LIMIT = 1_000
"""Most threads of one channel that are looked up; each `/devin-say` with a session makes one."""


class Links:
    """The links, in Redis."""

    def __init__(self, store: Store, ttl: timedelta) -> None:
        self._store = store
        self.ttl = ttl

    async def get(self, thread: ThreadRef) -> Link | None:
        """Return the link of `thread`; None without one, or if this version cannot read it."""
        return Link.parse(await self._store.get(link_key(thread)))

    async def create(self, thread: ThreadRef, link: Link, *, begins: bool = False) -> Link | None:
        """Link `thread`, with `begins` from the first word; return a link that is there instead."""
        raw, follows_from = "", "beginning" if begins else "now"
        while not await self._set(thread, raw, link, link.to_json(), follows_from):
            raw = await self._raw(thread)
            if (there := Link.parse(raw or None)) is not None:
                return there
        return None

    async def remove(self, thread: ThreadRef, session: SessionId | None = None) -> Link | None:
        """Remove the link of `thread`, and return it; the index no longer has the thread.

        Here and below, a link to another session than `session`, if that is given, stays, and None
        is returned.
        """
        link = None
        while True:
            # If it is gone, it may be this call that removed it, whose answer was lost; a link that
            # was made since then stays.
            if raw := await self._raw(thread):
                found = Link.parse(raw)
                if link is not None and (found is None or found.card != link.card):
                    return link
                link = found
                if not _means(session, link):
                    return None
            if await self._set(thread, raw, link, ""):
                return link

    async def mute(
        self,
        thread: ThreadRef,
        since: Micros = Micros(0),
        session: SessionId | None = None,
        *,
        muted: bool,
    ) -> Link | None:
        """Mute or unmute a link: replies later than `since` then count again."""

        def change(link: Link) -> Mapping[str, object]:
            unmutes = link.muted and not muted
            return {"muted": muted, "since": max(since, link.since) if unmutes else link.since}

        return await self._change(thread, change, session, shows=True)

    async def follow(
        self,
        thread: ThreadRef,
        how: Follow,
        session: SessionId | None = None,
        default: Follow = Follow.ALL,
    ) -> Link | None:
        """Choose how much of its session `thread` follows: before any choice, the `default`."""

        def follows_from(link: Link) -> str:
            # What was said while the thread did not follow, but is not read yet, is left out.
            was_silent = (link.follow or default) == Follow.OFF
            return "now" if was_silent and how is not Follow.OFF else ""

        return await self._change(
            thread, lambda _: {"follow": how}, session, follows_from, shows=True
        )

    async def take_replies_from(self, thread: ThreadRef, since: Micros) -> None:
        """Note that messages of `thread` until `since` are not for Devin."""
        await self._change(thread, lambda link: {"since": since} if since > link.since else None)

    async def describe(self, thread: ThreadRef, topic: str, at: Micros) -> None:
        """Keep the first words of `thread` with its link, if it has one.

        `at` is the time of the edit that made them, 0 without one, `GONE` for a deletion. If later
        ones are kept, nothing changes.
        """
        known = {"topic": topic, "topic_at": at}
        await self._change(thread, lambda link: None if link.topic_at > at else known)

    async def _change(
        self,
        thread: ThreadRef,
        change: Callable[[Link], Mapping[str, object] | None],
        session: SessionId | None = None,
        follows_from: Callable[[Link], str] = lambda _: "",
        *,
        shows: bool = False,
    ) -> Link | None:
        """Change the fields that `change` returns, if the link is meant; return the new link."""
        while True:
            raw = await self._raw(thread)
            was = Link.parse(raw or None)
            if was is None or not _means(session, was):
                return None
            fields = change(was)
            if fields is None:
                return was
            link = was.model_copy(update=fields)
            # Fields that only a later version knows stay.
            new = json.dumps(json.loads(raw) | link.model_dump(mode="json"))
            if await self._set(thread, raw, link, new, follows_from(was), shows=shows):
                return link

    async def _raw(self, thread: ThreadRef) -> str:
        return await self._store.get(link_key(thread)) or ""

    async def _set(
        self,
        thread: ThreadRef,
        was: str,
        link: Link | None,
        new: str,
        follows_from: str = "",
        *,
        shows: bool = True,
    ) -> bool:
        done = await scripts.set_link(
            self._store,
            thread=thread.name,
            was=was,
            new=new,
            session="" if link is None else link.session,
            card_name="" if link is None or not shows else card_subject(thread, link),
            follows_from=follows_from,
            link_ttl=seconds(self.ttl),
            card_pause_ms=int(self._store.timing.card_pause * 1000),
        )
        return bool(done)

    async def active(
        self, team: str, channel: str, within: timedelta, limit: int = ACTIVE_LIMIT
    ) -> Sequence[tuple[ThreadRef, Link]]:
        """List the channel's links with traffic `within` that time, latest first."""
        threads = [thread for thread, _ in await self._list(f"{team}:{channel}:", within, limit)]
        pairs = zip(threads, await self.of(threads), strict=True)
        return [(thread, link) for thread, link in pairs if link is not None]

    async def of_channel(self, team: str, channel: str, limit: int) -> Sequence[ThreadRef]:
        """List threads of the channel that are or were linked; none once all links are removed."""
        return [thread for thread, _ in await self._list(f"{team}:{channel}:", self.ttl, limit)]

    async def latest(self, limit: int) -> Sequence[tuple[ThreadRef, Millis]]:
        """List threads, some perhaps of forgotten links, by latest traffic, and when that was."""
        return await self._list("", self.ttl, limit)

    async def _list(
        self, prefix: str, within: timedelta, limit: int
    ) -> Sequence[tuple[ThreadRef, Millis]]:
        found = await commands.members(
            self._store, key=THREADS_KEY, prefix=prefix, within_ms=millis(within), limit=limit
        )
        pairs = zip(found[::2], found[1::2], strict=True)
        return [(parse_thread(name), Millis(float(at))) for name, at in pairs]

    async def of(self, threads: Sequence[ThreadRef]) -> Sequence[Link | None]:
        """Return the link of each of `threads`, in their order."""
        if not threads:
            return []
        found = await self._store.get_all([link_key(one) for one in threads])
        return [Link.parse(raw) for raw in found]


def _means(session: SessionId | None, link: Link | None) -> bool:
    return session is None or (link is not None and link.session == session)
