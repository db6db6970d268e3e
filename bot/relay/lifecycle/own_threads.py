"""Gives a session a thread of its own in a channel: posts its first message, and links it.

The outbox's entry lets one try do it at a time, and the link says that it is done: a session that
has a thread in the channel gets no other one. By a rule, the thread has all that the session said.
"""

import secrets
import time
from dataclasses import dataclass
from datetime import timedelta

from bot.mirror.audience import Audience
from bot.model.errors import OPERATOR_MUST_ACT, NotLinked, SlackRefused
from bot.model.people import Act, Standing, UserId
from bot.model.record import Record
from bot.model.replies import Reply
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef, ts_micros
from bot.relay.accept import Accepting
from bot.relay.saying.speaking import Speaking
from bot.reporting.reporter import Notices, having_posted
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.outbox import KEEP, Begun, Owed, OwedKind, Schedule
from bot.store.state import State
from bot.text.to_slack import escape
from bot.wording.lifecycle import adopting as words
from bot.wording.message import SlackMessage

ADOPTED_KEPT = timedelta(days=30)
"""How long a session stays adopted, far longer than it counts as new (`adopting.WITHIN`), and how
long a channel's rules outlive the last process."""


class OwnThread(Record):
    """A thread that `session` is to get in `channel`, by the rule that is written so.

    Or it is a child of `parent`, and was asked for in the thread `told_in`, which is told. `by`
    asked for it. `number` tells its post from that of another request, and it is posted after the
    `ts` `since`.
    """

    channel: str
    session: SessionId
    by: UserId
    number: str
    since: str
    rule: str = ""
    parent: SessionId | None = None
    told_in: ThreadRef | None = None


def thread_owed(team: str, channel: str, session: SessionId) -> Owed:
    """Return the entry of a session's thread in a channel."""
    return Owed(f"{team}:thread:{channel}:{session}", 1, OwedKind.THREAD)


def adopted(session: SessionId) -> str:
    """Return the claim that a channel gives the session a thread by its rules."""
    return f"adopted:{session}"


@dataclass(frozen=True, slots=True)
class OwnThreads:
    """Owes such threads, and is their teller."""

    workspace: Workspace
    state: State
    accepting: Accepting
    audience: Audience
    speaking: Speaking
    notices: Notices
    schedule: Schedule

    async def follow(self, thread: ThreadRef, child: SessionId, by: UserId) -> ThreadRef | None:
        """Have a child of the session of `thread` get a thread in the channel.

        Return the one that it has there, if it has one. Raises `NotLinked` if people see no such
        child.
        """
        await self.accepting.check(by, thread.channel, Act.START)
        heard = await self.audience.of(thread, Need.ACT)
        if heard.link is None or heard.is_barred:
            raise NotLinked
        (seen,) = await self.state.watches.seen([heard.link.session])
        found = next((one for one in seen.children if one.session == child), None)
        if found is None:
            raise NotLinked
        for there in await self.state.watches.followers(child):
            if there.channel == thread.channel:
                return there
        await self.state.names.keep([NamedSession(child, found.title, found.url)])
        await self.ask(thread.channel, child, by, parent=heard.link.session, told_in=thread)
        return None

    async def ask(self, channel: str, session: SessionId, by: UserId, **why: object) -> None:
        """Have the session get a thread, owed once; `why` are the other fields of `OwnThread`."""
        number, since = secrets.token_hex(4), self.speaking.since()
        fields = {"channel": channel, "session": session, "by": by, "number": number}
        wanted = OwnThread.model_validate({**fields, "since": since, **why})
        owed = thread_owed(self.workspace.team, channel, session)
        owing = await self.state.outbox.owe(owed, wanted.to_json(), KEEP)
        if wanted.rule:
            await self.state.claims.note(adopted(session), f"{channel} done", ADOPTED_KEPT)
        if owing:
            await self.schedule.tell(owed)

    async def tell(self, begun: Begun) -> bool:
        """Post the first message and link its thread, unless an earlier try has done either."""
        raw = begun.record["content"]
        if not raw:
            return False
        wanted = OwnThread.model_validate_json(raw)
        place = ThreadRef(team=self.workspace.team, channel=wanted.channel, thread_ts="")
        key = f"{begun.owed.subject}:{wanted.number}|1|thread"
        threads, ts = self.workspace.threads, None
        if begun.again:
            ts = await threads.find(place, key, since=wanted.since)
        named = await self._named(wanted, wanted.session)
        if ts is None:
            if not await self._is_wanted(wanted):
                return False
            try:
                ts = await threads.post(place, await self._words(wanted, named), key)
            except SlackRefused as error:
                if error.reason not in OPERATOR_MUST_ACT:
                    await self._refused(wanted, named, error.reason)
                raise
        thread = place.model_copy(update={"thread_ts": ts})
        with having_posted():
            root = Reply(thread=thread, ts=ts, author=wanted.by, text=escape(named.title))
            at, begins = ts_micros(ts), bool(wanted.rule)
            await self.accepting.link(
                thread, wanted.by, wanted.session, at, begins=begins, root=root
            )
            if wanted.told_in is not None:
                by, address = await self._by(wanted), self.workspace.address(thread)
                told = words.followed(named, by, address)
                await self.notices.say(wanted.told_in, told, once=f"followed:{wanted.number}")
        return True

    async def _refused(self, wanted: OwnThread, named: NamedSession, why: str) -> None:
        """Tell who asked for it, of a rule once a day."""
        place = ThreadRef(team=self.workspace.team, channel=wanted.channel, thread_ts="")
        once = f"no own thread:{wanted.number}"
        if wanted.rule:
            once = f"no own threads:{int(time.time() / 86_400)}"
        told = words.refused(named, why)
        await self.notices.whisper(wanted.told_in or place, wanted.by, told, once=once)

    async def end(self, begun: Begun, *, told: bool) -> None:  # noqa: ARG002  (as `Teller` has it)
        """End the entry; the thread may be asked for again once its link has ended."""
        await self.state.outbox.take_back(begun)

    async def _is_wanted(self, wanted: OwnThread) -> bool:
        """Return True unless the rule has ended, or the session has a thread that is in its way."""
        found = await self.state.watches.followers(wanted.session)
        if wanted.rule:
            rules = (await self.state.profiles.get(wanted.channel)).rules
            is_ruled = any(one.words == wanted.rule for one in rules)
            is_barred = await self.audience.is_barred(wanted.channel, wanted.by)
            may = self.workspace.permissions.may(Act.START, wanted.by, wanted.channel)
            is_allowed = await may is Standing.ALLOWED
            return is_ruled and is_allowed and not is_barred and not found
        return all(one.channel != wanted.channel for one in found)

    async def _named(self, wanted: OwnThread, session: SessionId) -> NamedSession:
        """Return a session as the channel may see it."""
        named = await self.state.names.one(session)
        is_barred = await self.audience.is_barred(wanted.channel, wanted.by, Need.WORDS)
        return NamedSession(named.session, "", named.url) if is_barred else named

    async def _words(self, wanted: OwnThread, named: NamedSession) -> SlackMessage:
        by = await self._by(wanted)
        if wanted.parent is None:
            return words.adopted(named, wanted.rule, by)
        return words.child(named, await self._named(wanted, wanted.parent), by)

    async def _by(self, wanted: OwnThread) -> str:
        return await self.workspace.people.name(wanted.by)
