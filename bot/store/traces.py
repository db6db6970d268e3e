"""All that Redis knows of one message, its thread and its session, by reads that change nothing.

A diagnosis must not end at a broken record: what can't be read of it counts as missing.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bot.model.replies import QUEUED, Outcome, Reply, ReplyId, place_of
from bot.model.sessions import SessionId, Watched
from bot.model.threads import Link, ThreadRef
from bot.redis import keys
from bot.redis.connection import Store
from bot.redis.lua import commands
from bot.store.outbox import Owed, OwedKind, words_owed, words_subject

REPORTS = OwedKind.OUTCOME, OwedKind.DELAY


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTrace:
    """The record of a reply; `state` is empty if it was never accepted.

    Here and below, times are Unix ms, and 0 or None without one.
    """

    state: str
    session: SessionId
    round: int
    accepted: int
    sending_since: int
    outcome: Outcome | None
    thread: ThreadRef | None


class Place(NamedTuple):
    """A sorted set, and the score and the rank of one member, None if it isn't there."""

    length: int
    first: str | None
    score: int | None
    rank: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """All of it, `at` Redis's time; the `thread` is None if only Slack could tell it.

    `mail` is the mailbox of the session; what is `due`, `polled` or owed is scored by its time.
    """

    at: int
    reply: ReplyTrace
    reports: Mapping[OwedKind, int]
    thread: ThreadRef | None
    link: Link | None
    is_unread: bool
    session: SessionId
    mail: Place
    due: int | None
    behind: int | None
    is_leased: bool
    polled: int | None
    failing: int
    attempts: int
    seen: Watched
    read_wanted_at: int
    is_followed: bool
    words: int | None
    words_since: int


async def trace(store: Store, id_: ReplyId, thread: ThreadRef | None) -> Trace:
    """Read it in three round trips; the `thread` may be unknown."""
    reply = await _reply(store, id_)
    known, (team, channel, ts) = reply.thread or thread, place_of(id_)
    # A message whose thread is unknown may begin one.
    where = known or ThreadRef(team=team, channel=channel, thread_ts=ts)
    link = Link.parse(await store.get(keys.link_key(where)))
    session = reply.session if link is None or reply.state in QUEUED else link.session
    owed = words_owed(where), *(Owed(id_, reply.round, kind) for kind in REPORTS)
    sets = keys.mail_key(session), keys.DUE_KEY, keys.BEHIND_KEY, keys.WATCH_KEY, keys.UNREAD_KEY
    members = id_, session, session, session, where.name, *map(str, owed)
    names = "failing", "attempts", "seen", "read_wanted_at", f"joined:{where.name}"
    (at, found), lease, (watched,), waits = await asyncio.gather(
        commands.places(store, keys=[*sets, *[keys.OUTBOX_KEY] * len(owed)], members=members),
        store.get(keys.lease_key(session)),
        store.fields([keys.watched_key(session)], *names),
        store.field(keys.subject_key(words_subject(where)), "waits"),
    )
    mail, due, behind, polled, unread, words, *reports = (Place(*one) for one in found)
    failing, attempts, seen, wanted, joined = watched
    dues = zip(REPORTS, reports, strict=True)
    return Trace(
        at=at,
        reply=reply,
        reports={kind: one.score for kind, one in dues if one.score is not None},
        thread=known if link is None else where,
        link=link,
        is_unread=unread.score is not None,
        session=session,
        mail=mail,
        due=due.score,
        behind=behind.score,
        is_leased=lease is not None,
        polled=polled.score,
        failing=_number(failing),
        attempts=_number(attempts),
        seen=Watched.parse(seen) or Watched(),
        read_wanted_at=_number(wanted),
        is_followed=joined is not None,
        words=words.score,
        words_since=_number(waits),
    )


async def _reply(store: Store, id_: ReplyId) -> ReplyTrace:
    names = "state", "session", "round", "accepted", "sending_since", "outcome", "reply"
    (found,) = await store.fields([keys.subject_key(id_)], *names)
    state, session, number, accepted, since, outcome, text = found
    kept = Reply.parse(text)
    return ReplyTrace(
        state=state or "",
        session=SessionId(session or ""),
        round=_number(number),
        accepted=_number(accepted),
        sending_since=_number(since),
        outcome=Outcome.parse(outcome),
        thread=None if kept is None else kept.thread,
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0
