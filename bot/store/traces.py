"""What Redis keeps of one message, its thread and its session, by reads that change nothing.

A diagnosis must not end at a broken record: what can't be read of it counts as missing.
"""

from collections.abc import Mapping
from typing import Any

from bot.model.record import Record
from bot.model.replies import QUEUED, Outcome, Reply, ReplyId
from bot.model.sessions import SessionId, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import Millis
from bot.redis import keys
from bot.redis.connection import Store
from bot.redis.lua import commands
from bot.store.outbox import Owed, OwedKind
from bot.store.words import files_owed, words_owed, words_subject

Facts = Mapping[str, Any]
"""Values by their names in docs/architecture/redis.md; none of them is anybody's words."""

REPLY = "state", "session", "round", "accepted", "not_before", "sending_since", "put_off_at"
OUTCOME = "kind", "refusal", "status"
LINK_FIELDS = "session", "by", "linked_at", "since", "muted", "follow"
PARTLY = "has_more", "reread_since", "is_too_long", "unread_since"
"""What a session has while Devin's words in it are not all read."""
SEEN = "state", "since", "trouble", "is_missing", "read_at", "spoke_at", *PARTLY
SESSION = "read_wanted_at", "failing", "attempts", "ended_by"


async def trace(
    store: Store, id_: ReplyId, thread: ThreadRef
) -> tuple[Millis, Mapping[str, Facts]]:
    """Return Redis's time, and the facts in the order in which they are read.

    The `thread` is that of the message, as far as the caller knows. `due` has the times of the
    session's next `poll`, and of the `words`, `files`, `outcome` and `delay` that are owed.
    `said_at` is when Devin wrote its last message.
    """
    subject = keys.subject_key(id_), *REPLY, "reply", "outcome"
    kept = await _fields(store, *subject)
    message, outcome = Reply.parse(kept.get("reply")), Outcome.parse(kept.get("outcome"))
    reply = {name: kept[name] for name in REPLY if name in kept} | _of(outcome, *OUTCOME)
    thread = thread if message is None else message.thread
    link = _of(Link.parse(await store.get(keys.link_key(thread))), *LINK_FIELDS)
    is_of_link = bool(link) and reply.get("state") not in QUEUED
    session = SessionId((link if is_of_link else reply).get("session", ""))
    linked_field, number = f"linked:{thread.name}", reply.get("round", "")
    watched = await _fields(store, keys.watched_key(session), "seen", linked_field, *SESSION)
    linked, seen = watched.pop(linked_field, None), Watched.parse(watched.pop("seen", None))
    kinds = (OwedKind.OUTCOME, OwedKind.DELAY) if number.isdecimal() else ()
    owed = words_owed(thread), files_owed(thread), *(Owed(id_, int(number), kind) for kind in kinds)
    of_sessions = keys.DUE_KEY, keys.READ_FIRST_KEY, keys.WATCH_KEY
    sets = keys.mail_key(session), keys.UNREAD_KEY, *of_sessions
    members = id_, thread.name, session, session, session, *map(str, owed)
    places = [*sets, *[keys.OUTBOX_KEY] * len(owed)]
    waits = await store.field(keys.subject_key(words_subject(thread)), "waiting_since")
    is_leased = await store.get(keys.lease_key(session)) is not None
    at, found = await commands.places(store, keys=places, members=members)
    if await _fields(store, *subject) != kept:  # its delivery has gone on meanwhile
        return await trace(store, id_, thread)
    (queued, first, _, place), *others = found
    unread, due, until, *rest = (score for _, _, score, _ in others)
    owes = dict(zip(("poll", *(str(one.kind) for one in owed)), rest, strict=True))
    # The record of words stays when the last are told.
    more = {"linked": linked, "unread": unread, "words_wait": owes["words"] and waits}
    mailbox = {"queued": queued, "place": place, "first": first, "due": due, "read_first": until}
    said = {} if seen is None else {"said_at": seen.last and seen.last.at}
    return at, {
        "reply": reply,
        "thread": {"thread_ts": thread.thread_ts, **link, **more},
        "session": {"session": session, **_of(seen, *SEEN), **said, **watched},
        "mailbox": {**mailbox, "leased": is_leased},
        "due": owes,
    }


async def _fields(store: Store, key: keys.Key, *names: str) -> dict[str, Any]:
    (found,) = await store.fields([key], *names)
    return {name: value for name, value in zip(names, found, strict=True) if value is not None}


def _of(record: Record | None, *names: str) -> dict[str, Any]:
    return {} if record is None else record.model_dump(mode="json", include={*names})
