"""What people can make the relay do: the only place that decides.

Each use-case takes values that a handler parsed, asks who may do it, changes what Redis keeps, and
raises an error of `errors.py` for what the person must know. What happens to a reply afterwards is
told by `deliveries.py` (to Devin) and `telling.py` (back into the thread).
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from cachetools import LRUCache

from bot import messages, metrics
from bot.answers import Answers
from bot.errors import (
    BadSession,
    CannotPost,
    ChooseSession,
    LinkedElsewhere,
    NoSuchReply,
    NotAllowed,
    NothingToSay,
    NotLinked,
    SlackRefused,
)
from bot.intake import Intake
from bot.links import Links
from bot.mailbox import Mailbox
from bot.models import (
    Change,
    Link,
    Outcome,
    Reply,
    ReplyId,
    SessionId,
    Standing,
    ThreadRef,
    UserId,
    parse_session,
    ts_micros,
)
from bot.people import People
from bot.permissions import Permissions
from bot.schedule import Schedule
from bot.threads import Threads

log = logging.getLogger(__name__)

ACTIVE = timedelta(days=7)
"""A session without traffic for longer is not what `/devin-say` without a session means."""

FRESH = timedelta(seconds=2)
"""An event that is older than this came by a retry or a backlog, perhaps out of order."""

SETTLE = timedelta(seconds=1)
"""How long such a reply waits for earlier ones, before an idle session takes it."""


KNOWN = 10_000
"""Linked threads whose session is remembered here, to ask Redis once instead of twice a reply."""


@dataclass(frozen=True, slots=True)
class Status:
    """How a linked thread stands: the link, who made it, mail waiting, the last outcome."""

    link: Link
    by: str
    mail: int
    last: Outcome | None


class Relay:
    """Everything a person in Slack can ask for."""

    def __init__(  # noqa: PLR0913  (the nine things it is made of)
        self,
        *,
        links: Links,
        mailbox: Mailbox,
        people: People,
        permissions: Permissions,
        threads: Threads,
        answers: Answers,
        schedule: Schedule,
        intake: Intake,
        team: str,
    ) -> None:
        self.team = team
        self._known: LRUCache[ThreadRef, SessionId] = LRUCache(KNOWN)
        self.answers = answers
        self._links = links
        self._mailbox = mailbox
        self._people = people
        self._permissions = permissions
        self._threads = threads
        self._schedule = schedule
        self._intake = intake

    async def accept(self, reply: Reply) -> Change:
        """Take a reply for the session its thread is linked to; it is kept when this returns.

        Changes nothing for a thread without a link, a muted one, or a reply that was taken before.

        Raises:
            NotAllowed: its author may not steer Devin here.
            StoreAway: it is not known to be kept: Slack must not be acknowledged.
        """
        session = self._known.get(reply.thread) or await self._look_up(reply.thread)
        if session is None:
            return Change.UNLINKED
        standing = await self._permissions.of(reply.author, reply.thread.channel, reply.bots)
        if standing is not Standing.ALLOWED:
            return await self._turn_away(reply.thread, standing)
        change = await self._take(reply, session)
        if change is Change.UNLINKED:
            # The link was changed since it was remembered, perhaps by another process.
            self._known.pop(reply.thread, None)
            return await self.accept(reply)
        return change

    async def link(self, thread: ThreadRef, by: UserId, text: str) -> tuple[Link, bool]:
        """Link `thread` to the session that `text` names; True when it already was.

        Raises:
            BadSession: `text` names none.
            LinkedElsewhere: the thread has another session.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        session = parse_session(text)
        if session is None:
            raise BadSession(text)
        link = _new_link(session, by)
        existing = await self._links.create(thread, link)
        if existing is not None and existing.session != session:
            raise LinkedElsewhere(existing)
        log.info("linked", extra=_where(thread, session_id=session))
        return existing or link, existing is not None

    async def unlink(self, thread: ThreadRef, by: UserId, session: SessionId | None = None) -> Link:
        """End the link of `thread`; mail that was accepted is still delivered.

        Raises:
            NotLinked: it has none.
            LinkedElsewhere: it is not the one to `session`, where that is asked for.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        existing = None if session is None else await self._links.get(thread)
        if existing is not None and existing.session != session:
            raise LinkedElsewhere(existing)
        link = await self._links.remove(thread)
        if link is None:
            raise NotLinked
        log.info("unlinked", extra=_where(thread, session_id=link.session))
        return link

    async def mute(self, thread: ThreadRef, by: UserId, *, muted: bool) -> Link:
        """Stop bringing replies of `thread` to Devin, or go on; the link stays.

        Raises:
            NotLinked: it has none.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        link = await self._links.mute(thread, muted=muted)
        if link is None:
            raise NotLinked
        return link

    async def status(self, thread: ThreadRef, by: UserId) -> Status:
        """How `thread` stands.

        Raises:
            NotLinked: it has no link.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        link = await self._links.get(thread)
        if link is None:
            raise NotLinked
        return Status(
            link=link,
            by=await self.name(link.by),
            mail=await self._mailbox.waiting(link.session),
            last=await self._links.last_outcome(thread),
        )

    async def say(self, channel: str, by: UserId, session: SessionId | None, text: str) -> None:
        """Post `text` in the person's name, in a thread that is linked to `session`, and send it.

        Without a session it goes into the thread of the channel's one session that was active in
        the last seven days. `text` is Slack markup.

        Raises:
            NothingToSay: it is empty.
            ChooseSession: no session was named, and not exactly one is active.
            CannotPost: Slack does not let us post there.
            NotAllowed: `by` may not.
        """
        await self.check(by, channel)
        if not text.strip():
            raise NothingToSay
        words = messages.said(await self.name(by), messages.harmless(text))
        try:
            if session is None:
                thread, link = self._only(await self._links.active(self.team, channel, ACTIVE))
                session, ts = link.session, await self._threads.post(thread, words)
            else:
                ts = await self._threads.open(channel, words)
                thread = ThreadRef(team=self.team, channel=channel, thread_ts=ts)
                await self._links.create(thread, _new_link(session, by))
        except SlackRefused as error:
            raise CannotPost(error.reason) from error
        await self._take(Reply(thread=thread, ts=ts, author=by, text=text), session)

    async def send_again(self, reply: ReplyId, number: int, thread: ThreadRef, by: UserId) -> None:
        """Put a reply of `thread` back into its mailbox, in its old place, once for each `number`.

        Raises:
            NoSuchReply: it is gone, or was sent again already.
            NotAllowed: `by` may not.
        """
        await self.check(by, thread.channel)
        kept = await self._mailbox.kept(reply)
        if kept is None or kept.thread != thread:
            raise NoSuchReply(already_sent=False)
        session = await self._mailbox.send_again(kept, number)
        if session is None:
            raise NoSuchReply(already_sent=True)
        log.info("sent again", extra={"reply_id": reply, "session_id": session})
        await self._schedule.wake(session)

    async def check(self, who: UserId, channel: str) -> None:
        """Raise `NotAllowed` unless `who` may steer Devin in `channel`."""
        standing = await self._permissions.of(who, channel)
        if standing is not Standing.ALLOWED:
            metrics.TURNED_AWAY.labels(standing).inc()
            raise NotAllowed(standing)

    async def name(self, who: UserId) -> str:
        """What `who` is called."""
        return (await self._people.person(who)).name

    def _only(self, active: Sequence[tuple[ThreadRef, Link]]) -> tuple[ThreadRef, Link]:
        heard = [(thread, link) for thread, link in active if not link.muted]
        if len({link.session for _, link in heard}) != 1:
            raise ChooseSession(heard)
        return heard[0]

    async def _look_up(self, thread: ThreadRef) -> SessionId | None:
        link = await self._links.get(thread)
        if link is None:
            return None
        self._known[thread] = link.session
        return link.session

    async def _turn_away(self, thread: ThreadRef, standing: Standing) -> Change:
        """Raise, where a reply would have gone to Devin; elsewhere people just talk."""
        link = await self._links.get(thread)
        if link is None or link.muted:
            return Change.UNLINKED if link is None else Change.MUTED
        metrics.TURNED_AWAY.labels(standing).inc()
        raise NotAllowed(standing)

    async def _take(self, reply: Reply, session: SessionId) -> Change:
        self._intake.replied()
        accepted = await self._mailbox.accept(reply, session, _settle(reply.ts))
        metrics.ACCEPTED.labels(accepted.change).inc()
        ids = _where(reply.thread, session_id=session, reply_id=reply.id)
        log.info(accepted.change.value, extra=ids | {"length": len(reply.text)})
        if accepted.wake_after is not None:
            await self._schedule.wake(session, accepted.wake_after)
        return accepted.change


def _new_link(session: SessionId, by: UserId) -> Link:
    return Link(session=session, by=by, at=int(time.time()), since=_now())


def _now() -> int:
    return time.time_ns() // 1_000_000 + 1


def _settle(ts: str) -> timedelta:
    age = time.time() - ts_micros(ts) / 1e6
    return timedelta(0) if abs(age) < FRESH.total_seconds() else SETTLE


def _where(thread: ThreadRef, **more: str) -> dict[str, object]:
    where: dict[str, object] = {
        "team": thread.team,
        "channel": thread.channel,
        "thread_ts": thread.thread_ts,
    }
    return where | more
