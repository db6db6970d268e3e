"""All that Redis knows of one message, its thread and its session, by reads that change nothing."""

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.model.replies import Outcome, Reply, ReplyId
from bot.model.sessions import SessionId, Watched
from bot.model.threads import Link, ThreadRef
from bot.redis import keys
from bot.redis import lua as commands
from bot.redis.connection import Store, millis
from bot.store.outbox import Owed, parse_owed, words_owed, words_subject

MOST = 10_000
"""Most members of a sorted set that are listed."""

CLOCK = re.compile(r"^server_time_usec:([0-9]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ReplyTrace:
    """The record of a reply, `at` Redis's time, and its reports by when they are due.

    Here and below, times are Unix ms, and 0 or None without one. `thread` is kept with the text.
    """

    at: int
    state: str
    session: SessionId
    round: int
    accepted: int
    sending_since: int
    outcome: Outcome | None
    thread: ThreadRef | None
    reports: Mapping[Owed, int]


@dataclass(frozen=True, slots=True)
class SessionTrace:
    """A session's mail, oldest first, its delivery, its polls, and its words for one thread."""

    id: SessionId
    mail: Sequence[ReplyId] = ()
    due: int | None = None
    behind: int | None = None
    polled: int | None = None
    words_due: int | None = None
    is_leased: bool = False
    failing: int = 0
    attempts: int = 0
    seen: Watched = field(default_factory=Watched)
    is_followed: bool = False
    words_since: int = 0
    posting: int = 0


async def trace_reply(store: Store, reply: ReplyId) -> ReplyTrace:
    """Read the record of a reply, in one round trip."""
    names = "state", "session", "round", "accepted", "sending_since", "outcome", "reply"
    told, (found,), reports = await asyncio.gather(
        commands.info(store),
        store.fields([keys.subject_key(reply)], *names),
        _scores(store, keys.OUTBOX_KEY, f"{reply}|"),
    )
    clock = next(filter(None, map(CLOCK.search, told)), None)
    state, session, number, accepted, since, outcome, raw = (one or "" for one in found)
    kept = Reply.parse(raw)
    thread = None if kept is None else kept.thread
    return ReplyTrace(
        int(clock[1]) // 1000 if clock else int(time.time() * 1000),
        *(state, SessionId(session), int(number or 1), int(accepted or 0), int(since or 0)),
        *(Outcome.parse(outcome), thread),
        {parse_owed(name): due for name, due in reports.items()},
    )


async def trace_thread(store: Store, thread: ThreadRef) -> tuple[Link | None, bool]:
    """Return the link of a thread, and whether messages in it are still to be read."""
    link, unread = await asyncio.gather(
        store.get(keys.link_key(thread)), _scores(store, keys.UNREAD_KEY, thread.name)
    )
    return Link.parse(link), thread.name in unread


async def trace_session(store: Store, session: SessionId, thread: ThreadRef) -> SessionTrace:
    """Read what is known of a session, and what it still has to say in `thread`, in one go."""
    words, joined = str(words_owed(thread)), f"joined:{thread.name}"
    at = keys.DUE_KEY, keys.BEHIND_KEY, keys.WATCH_KEY
    mail, dues, outbox, lease, (known,), ((since, posting),) = await asyncio.gather(
        _scores(store, keys.mail_key(session), ""),
        asyncio.gather(*(_scores(store, key, session) for key in at)),
        _scores(store, keys.OUTBOX_KEY, words),
        store.get(keys.lease_key(session)),
        store.fields([keys.watched_key(session)], "failing", "attempts", "seen", joined),
        store.fields([keys.subject_key(words_subject(thread))], "waits", "posting"),
    )
    failing, attempts, seen, follows = known
    due, behind, polled = (one.get(session) for one in dues)
    return SessionTrace(
        *(session, [ReplyId(one) for one in sorted(mail, key=mail.__getitem__)]),
        *(due, behind, polled, outbox.get(words)),
        is_leased=lease is not None,
        failing=int(failing or 0),
        attempts=int(attempts or 0),
        seen=Watched.parse(seen) or Watched(),
        is_followed=follows is not None,
        words_since=int(since or 0),
        posting=len(json.loads(posting or "[]")),
    )


async def _scores(store: Store, key: keys.Key, prefix: str) -> Mapping[str, int]:
    # Redis looks through the whole set, which takes it 0.1 s for 100,000 members.
    ever = millis(timedelta.max)
    found = await commands.members(store, key=key, prefix=prefix, within_ms=ever, limit=MOST)
    return {name: int(float(at)) for name, at in zip(found[::2], found[1::2], strict=True)}
