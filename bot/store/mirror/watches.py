"""The watch: which sessions are looked at when, by whom, and what was found.

A session is taken for a look under a token. Only the look that took it last may record what it
found, in one script that moves the cursor, remembers the messages' ids, and owes what is to be
posted; so a message that is read twice is posted once. The look of a process that died is taken
over when its lease has run out.
"""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import TypedDict

from bot.model.mirror import Gist, Said, Watched
from bot.model.owed import parse_owed
from bot.model.people import UserId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import (
    FOLLOWERS_PREFIX,
    GISTS_KEY,
    LINK_PREFIX,
    OUTBOX_KEY,
    REPLY_PREFIX,
    SHOWN_PREFIX,
    THREADS_KEY,
    WATCH_KEY,
    WATCHED_PREFIX,
    WORDS_PREFIX,
    Key,
    KeyPrefix,
    followers_key,
    shown_key,
    watched_key,
)
from bot.store.lua import mirror as lua
from bot.store.mirror.cards import card_owed, card_subject
from bot.store.mirror.looks import Found, Look, Recorded, Taken, parse_look, parse_short_look
from bot.store.mirror.words import words_owed, words_subject

LEASE = timedelta(seconds=10)
"""The time after which another process looks at a session whose look did not end."""

MOST_SHOWN = 400
"""Most ids of messages that are remembered of a session; a page repeats at most 200."""

KEEP_OWED = timedelta(days=30)


class _Taking(TypedDict):
    """The arguments of the scripts that take sessions."""

    watch: Key
    gists: Key
    lease_ms: int
    token: str
    keep: int
    watched_prefix: KeyPrefix
    followers_prefix: KeyPrefix
    link_prefix: KeyPrefix
    shown_prefix: KeyPrefix


class Watches:
    """The watch, in Redis."""

    def __init__(self, store: Store, link_ttl: timedelta) -> None:
        self._store = store
        self._ttl = seconds(link_ttl)

    async def take(
        self, limit: int, ahead: timedelta, gists_ahead: timedelta = timedelta(0)
    ) -> Taken:
        """Take up to `limit` sessions that are due within `ahead`, if one is due now.

        Sessions at rest, of which a gist is enough, may also be due within `gists_ahead`.
        """
        token = secrets.token_hex(8)
        now, due, taken, short = await lua.take_watch(
            self._store,
            limit=limit,
            ahead_ms=millis(ahead),
            gists_ahead_ms=millis(max(ahead, gists_ahead)),
            **self._taking(token),
        )
        next_in = max(0.0, (float(due) - now) / 1000) if float(due) else None
        looks = [parse_look(one, token, now) for one in taken]
        looks += [parse_short_look(session, gist, now) for session, gist in short]
        return Taken(looks, now, None if looks else next_in)

    async def open(self, looks: Sequence[Look]) -> Sequence[Look]:
        """Return looks at the same sessions, taken together, that know all; not at those moved on.

        The leases end when they would have.
        """
        token, began = secrets.token_hex(8), looks[0].began
        sessions = [look.session for look in looks]
        taken = await lua.open_looks(
            self._store, sessions=sessions, began=began, **self._taking(token)
        )
        return [parse_look(one, token, began) for one in taken]

    def _taking(self, token: str) -> "_Taking":
        return {
            "watch": WATCH_KEY,
            "gists": GISTS_KEY,
            "lease_ms": millis(LEASE),
            "token": token,
            "keep": self._ttl,
            "watched_prefix": WATCHED_PREFIX,
            "followers_prefix": FOLLOWERS_PREFIX,
            "link_prefix": LINK_PREFIX,
            "shown_prefix": SHOWN_PREFIX,
        }

    async def shown(self, session: SessionId, ids: Sequence[str]) -> frozenset[str]:
        """Return those of `ids` that were read before."""
        if not ids:
            return frozenset()
        short = [_short(id_) for id_ in ids]
        found = await lua.which_shown(self._store, shown=shown_key(session), ids=short)
        return frozenset(id_ for id_, known in zip(ids, found, strict=True) if known)

    async def record(self, look: Look, found: Found) -> Recorded | None:
        """Record a look, once; return None if another look has taken the session meanwhile."""
        answer = await lua.record_look(
            self._store,
            watch=WATCH_KEY,
            watched=watched_key(look.session),
            followers=followers_key(look.session),
            shown=shown_key(look.session),
            outbox=OUTBOX_KEY,
            gists=GISTS_KEY,
            threads=THREADS_KEY,
            session=look.session,
            token=look.token,
            seen=found.seen.to_json(),
            began=look.began,
            after_ms=_after(found.after),
            step=found.step,
            ids=[_short(id_) for id_ in found.ids[-MOST_SHOWN:]],
            said=[_said(look.session, thread, said) for thread, said in found.said],
            joined=[{"name": one.thread.name, "at": one.joined} for one in found.joined],
            cards=[
                {"thread": one.name, "subject": card_subject(one), "owed": str(card_owed(one))}
                for one in found.cards
            ],
            most_ids=MOST_SHOWN,
            keep=self._ttl,
            keep_owed=seconds(KEEP_OWED),
            pace_ms=self._store.timing.card_pause_ms,
            words_prefix=WORDS_PREFIX,
            subject_prefix=REPLY_PREFIX,
            link_prefix=LINK_PREFIX,
            gist=_json(found.gist),
            lease_ms=millis(LEASE),
        )
        if answer[0] == "lost":
            return None
        _, words, cards = answer if answer[0] == "recorded" else ("", (), ())
        return Recorded(
            [parse_owed(one) for one in words],
            [(parse_owed(one), ms / 1000) for one, ms in cards],
        )

    async def go_by(
        self,
        looks: Sequence[tuple[Look, timedelta | None]],
        gists: Mapping[SessionId, Gist | None] | None = None,
    ) -> None:
        """End looks that were taken together, and found nothing new.

        Each session is due again after its time, if any; for those in `gists`, that is enough then.
        """
        known = gists or {}
        full = [
            [one.session, one.token, one.began, _after(after), _json(known.get(one.session))]
            for one, after in looks
            if one.gist is None
        ]
        short = [
            [one.session, _after(after), _json(known.get(one.session) or one.gist)]
            for one, after in looks
            if one.gist is not None
        ]
        if full:
            await lua.pass_looks(
                self._store,
                watch=WATCH_KEY,
                gists=GISTS_KEY,
                looks=full,
                watched_prefix=WATCHED_PREFIX,
                lease_ms=millis(LEASE),
                keep=self._ttl,
            )
        if short:
            await lua.pass_gists(
                self._store,
                watch=WATCH_KEY,
                gists=GISTS_KEY,
                passed=short,
                began=looks[0][0].began,
                lease_ms=millis(LEASE),
                keep=self._ttl,
            )

    async def beginning_with(self, short: str) -> Sequence[SessionId]:
        """Return the watched sessions whose ids begin with `short`."""
        found = await lua.watched_beginning_with(self._store, watch=WATCH_KEY, short=short)
        return [SessionId(one) for one in found]

    async def hurry(self, session: SessionId, by: UserId | None = None) -> None:
        """Have `session` looked at now; `by` has ended it, if that is why."""
        key = watched_key(session)
        await lua.hurry(self._store, watch=WATCH_KEY, watched=key, session=session, by=by or "")

    async def seen(self, sessions: Sequence[SessionId]) -> Sequence[Watched]:
        """Return what was last seen of each of `sessions`, in their order."""
        if not sessions:
            return []
        found = await self._store.fields([watched_key(one) for one in sessions], "seen")
        return [Watched.parse(raw) or Watched() for raw in found]

    async def asking(self, session: SessionId, asked: str) -> Watched | None:
        """Return what was last seen of `session` if what it `asked` is open, and not answered."""
        key = watched_key(session)
        raw, stirred = await asyncio.gather(
            self._store.field(key, "seen"), self._store.field(key, "stirred")
        )
        seen = Watched.parse(raw)
        is_open = seen is not None and seen.asked == asked and int(stirred or 0) <= seen.asked_at
        return seen if is_open else None

    async def last_people(self, session: SessionId, thread: ThreadRef) -> tuple[str, str]:
        """Return who wrote the last reply of `thread` that reached `session`, and who ended it."""
        names = (f"by:{thread.name}", "ended_by")
        key = watched_key(session)
        by, ended_by = await asyncio.gather(*(self._store.field(key, name) for name in names))
        return by or "", ended_by or ""


def _json(gist: Gist | None) -> str:
    return "" if gist is None else gist.to_json()


def _short(id_: str) -> str:
    """Return 64 bits of a message's id, to remember many of them."""
    return b64encode(sha256(id_.encode()).digest()[:8]).decode()[:11]


def _after(pause: timedelta | None) -> int:
    return -1 if pause is None else millis(pause)


def _said(session: SessionId, thread: ThreadRef, said: Said) -> Mapping[str, str]:
    return {
        "thread": thread.name,
        "item": said.model_copy(update={"session": session}).to_json(),
        "subject": words_subject(thread),
        "owed": str(words_owed(thread)),
    }
