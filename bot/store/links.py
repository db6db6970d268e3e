"""Links tie threads to sessions.

A thread has at most one session, set by the first request (one script checks and sets it); several
threads may share a session. A link is forgotten `LINK_TTL` after its last traffic.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from bot.model.errors import Outdated
from bot.model.mirror import Follow
from bot.model.outcomes import Outcome
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef, parse_thread
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import (
    FOLLOWERS_PREFIX,
    OUTBOX_KEY,
    REPLY_PREFIX,
    THREADS_KEY,
    WATCH_KEY,
    WATCHED_PREFIX,
    changed_key,
    followers_key,
    last_key,
    link_key,
    subject_key,
    watched_key,
)
from bot.store.lua import links as lua
from bot.store.mirror.cards import card_prefix, card_subject

KEEP_CHANGED = timedelta(days=2)
"""Longer than Slack's Delayed Events retry (24 h)."""

GONE = 10**16
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

    async def create(
        self, thread: ThreadRef, link: Link, at: int | None = None, *, begins: bool = False
    ) -> Link | None:
        """Link `thread`; if it is linked already, keep that link and return it.

        A link to the same session then counts as changed by this request.

        From then on the thread follows the session; with `begins`, from the session's first word.

        Here and below, `at` is the `ts` of the message that makes the request, in microseconds;
        None for a request that Slack never delivers late.

        Raises:
            Outdated: a later request has unlinked the thread.
        """
        raw = await lua.create_link(
            self._store,
            link=link_key(thread),
            threads=THREADS_KEY,
            changed=changed_key(thread),
            watch=WATCH_KEY,
            watched=watched_key(link.session),
            followers=followers_key(link.session),
            card=subject_key(card_subject(thread, link)),
            outbox=OUTBOX_KEY,
            new=link.to_json(),
            link_ttl=seconds(self.ttl),
            since=str(link.since),
            thread=thread.name,
            at=_or_nothing(at),
            keep=seconds(KEEP_CHANGED),
            session=link.session,
            begins=begins,
            subject_prefix=REPLY_PREFIX,
            card_name=card_subject(thread, link),
        )
        return _changed(raw)

    async def remove(
        self,
        thread: ThreadRef,
        at: int | None = None,
        since: int = 0,
        session: SessionId | None = None,
    ) -> Link | None:
        """Remove the link of `thread` and return it, also to a repeated request with the same `at`.

        Here and below, a request without `at` counts as made at `since`, which is a `ts` as well. A
        link to another session than `session`, if that is given, stays, and None is returned.

        Raises:
            Outdated: a later request has changed the link.
        """
        raw = await lua.remove_link(
            self._store,
            link=link_key(thread),
            threads=THREADS_KEY,
            changed=changed_key(thread),
            watch=WATCH_KEY,
            outbox=OUTBOX_KEY,
            thread=thread.name,
            at=_or_nothing(at),
            since=str(since),
            keep=seconds(KEEP_CHANGED),
            followers_prefix=FOLLOWERS_PREFIX,
            subject_prefix=REPLY_PREFIX,
            card_prefix=card_prefix(thread),
            pace_ms=self._store.timing.card_pause_ms,
            session=session or "",
        )
        return _changed(raw)

    async def mute(
        self,
        thread: ThreadRef,
        at: int | None = None,
        since: int = 0,
        session: SessionId | None = None,
        *,
        muted: bool,
    ) -> Link | None:
        """Mute or unmute the link of `thread`, keeping its TTL; return None if there is no link.

        Once it is unmuted, later replies are for Devin again.

        Raises:
            Outdated: as for `remove`.
        """
        raw = await lua.mute_link(
            self._store,
            link=link_key(thread),
            changed=changed_key(thread),
            outbox=OUTBOX_KEY,
            mutes=muted,
            at=_or_nothing(at),
            since=str(since if at is None else at),
            keep=seconds(KEEP_CHANGED),
            pace_ms=self._store.timing.card_pause_ms,
            keep_card=seconds(self.ttl),
            subject_prefix=REPLY_PREFIX,
            card_prefix=card_prefix(thread),
            session=session or "",
        )
        return _changed(raw)

    async def follow(
        self,
        thread: ThreadRef,
        how: Follow,
        at: int | None = None,
        since: int = 0,
        session: SessionId | None = None,
        default: Follow = Follow.ALL,
    ) -> Link | None:
        """Choose how much of its session `thread` follows; return None if there is no link.

        Without a choice before, it followed as much as the `default`.

        Raises:
            Outdated: as for `remove`.
        """
        raw = await lua.follow_link(
            self._store,
            link=link_key(thread),
            changed=changed_key(thread),
            outbox=OUTBOX_KEY,
            watch=WATCH_KEY,
            follow=how,
            at=_or_nothing(at),
            since=str(since if at is None else at),
            keep_changed=seconds(KEEP_CHANGED),
            pace_ms=self._store.timing.card_pause_ms,
            keep=seconds(self.ttl),
            subject_prefix=REPLY_PREFIX,
            card_prefix=card_prefix(thread),
            watched_prefix=WATCHED_PREFIX,
            followers_prefix=FOLLOWERS_PREFIX,
            follower=thread.name,
            default=default,
            session=session or "",
        )
        return _changed(raw)

    async def hear_from(self, thread: ThreadRef, since: int) -> None:
        """Note that messages of `thread` until the `ts` `since` (in us) are not for Devin."""
        await self._replace(thread, lambda link: {"since": since} if since > link.since else None)

    async def describe(self, thread: ThreadRef, topic: str, at: int) -> None:
        """Keep the first words of `thread` with its link, if it has one.

        `at` is the time of the edit that made them (us), 0 without one, `GONE` for a deletion. If
        later ones are kept, nothing changes.
        """
        words = {"topic": topic, "topic_at": str(at)}
        await self._replace(thread, lambda link: None if int(link.topic_at) > at else words)

    async def _replace(
        self, thread: ThreadRef, change: Callable[[Link], Mapping[str, object] | None]
    ) -> None:
        """Change the fields that `change` returns, if the thread is linked."""
        key = link_key(thread)
        while (raw := await self._store.get(key)) is not None:
            link = Link.parse(raw)
            fields = None if link is None else change(link)
            if link is None or fields is None:
                return
            new = link.model_copy(update=fields).to_json()
            if await lua.replace_link(self._store, link=key, was=raw, new=new):
                return

    async def active(
        self, team: str, channel: str, within: timedelta, limit: int = ACTIVE_LIMIT
    ) -> Sequence[tuple[ThreadRef, Link]]:
        """List the channel's links with traffic `within` that time, latest first."""
        listed = await self._list(f"{team}:{channel}:", within, limit)
        threads = [thread for thread, _ in listed]
        pairs = zip(threads, await self.of(threads), strict=True)
        return [(thread, link) for thread, link in pairs if link is not None]

    async def of_channel(self, team: str, channel: str, limit: int) -> Sequence[ThreadRef]:
        """List threads of the channel that are or were linked; none once all links are removed."""
        listed = await self._list(f"{team}:{channel}:", self.ttl, limit)
        return [thread for thread, _ in listed]

    async def latest(self, limit: int) -> Sequence[tuple[ThreadRef, int]]:
        """List the workspace's threads and their latest traffic (Unix ms), latest first.

        A thread whose link has been forgotten may be among them.
        """
        return await self._list("", self.ttl, limit)

    async def _list(
        self, prefix: str, within: timedelta, limit: int
    ) -> Sequence[tuple[ThreadRef, int]]:
        found = await lua.list_threads(
            self._store, threads=THREADS_KEY, prefix=prefix, within_ms=millis(within), limit=limit
        )
        pairs = zip(found[::2], found[1::2], strict=True)
        return [(parse_thread(name), int(float(at))) for name, at in pairs]

    async def of(self, threads: Sequence[ThreadRef]) -> Sequence[Link | None]:
        """Return the link of each of `threads`, in their order."""
        if not threads:
            return []
        found = await self._store.get_all([link_key(one) for one in threads])
        return [Link.parse(raw) for raw in found]

    async def last_outcome(self, thread: ThreadRef) -> Outcome | None:
        """Return the outcome of the thread's latest finished reply; None in the cases of `get`."""
        return (await self.last_outcomes([thread]))[0]

    async def last_outcomes(self, threads: Sequence[ThreadRef]) -> Sequence[Outcome | None]:
        """Return the last outcome of each of `threads`, in their order."""
        if not threads:
            return []
        found = await self._store.get_all([last_key(one) for one in threads])
        return [Outcome.parse(raw) for raw in found]


def _or_nothing(at: int | None) -> str:
    return "" if at is None else str(at)


def _changed(raw: str | None) -> Link | None:
    if raw == "outdated":
        raise Outdated
    return Link.parse(raw)
