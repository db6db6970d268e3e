"""Posts the thread that a session is to get in a channel, and links it to the session.

By a rule, the thread has all that the session said.
"""

import secrets
from dataclasses import dataclass
from typing import ClassVar, Self

from bot.features.adoption import words
from bot.features.adoption.rules import rules_of
from bot.mirror.audience import Audience
from bot.model.errors import OPERATOR_MUST_ACT, NotLinked, SlackRefused
from bot.model.people import Act, Standing, UserId
from bot.model.record import Record
from bot.model.replies import Reply
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.model.times import Ts, ts_micros
from bot.redis import keep
from bot.relay import UseCases
from bot.relay.accept import Accepting
from bot.reporting.notices import Notices
from bot.reporting.reporter import having_posted
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.outbox import MOOT, Begun, Ended, Fate, Leaves, Owed, Teller
from bot.store.state import State
from bot.text.to_slack import escape
from bot.wording.message import SlackMessage


class OwnThread(Record):
    """A thread that `session` is to get in `channel`, by a `rule` or as the child of `parent`.

    `by` asked for it, in the thread `told_in`, which is told. `number` tells its post from that of
    another request, and it is posted after the `ts` `since`.
    """

    channel: str
    session: SessionId
    by: UserId
    number: str
    since: Ts
    rule: str = ""
    parent: SessionId | None = None
    told_in: ThreadRef | None = None


def thread_owed(team: str, channel: str, session: SessionId) -> Owed:
    """Return the entry of a session's thread in a channel."""
    return Owed(f"{team}:thread:{channel}:{session}", 1, OwnThreads.kind)


def adopted(session: SessionId) -> str:
    """Return the claim that a channel gives the session a thread by its rules."""
    return f"adopted:{session}"


@dataclass(frozen=True, slots=True)
class OwnThreads(Teller):
    """Owes threads of sessions' own, and is their teller."""

    workspace: Workspace
    state: State
    accepting: Accepting
    audience: Audience
    notices: Notices
    kind = "thread"
    refused: ClassVar[Fate] = Ended(Leaves.NOTHING)

    @classmethod
    def of(cls, core: UseCases) -> Self:
        """Build it on the core."""
        return cls(core.workspace, core.state, core.accepting, core.audience, core.notices)

    async def follow(self, thread: ThreadRef, child: SessionId, by: UserId) -> None:
        """Have a child of the session of `thread` get a thread in the channel, or tell its own.

        Raises `NotLinked` if people see no such child.
        """
        await self.accepting.check(by, thread.channel, Act.START)
        heard = await self.audience.of(thread, Need.ACT)
        found = next((one for one in heard.seen.children if one.session == child), None)
        if heard.link is None or heard.is_barred or found is None:
            raise NotLinked
        named = NamedSession(child, found.title, found.url)
        for there in await self.state.watches.threads_of(child):
            if there.channel == thread.channel:
                told = words.has_thread(named, self.workspace.address(there))
                await self.notices.whisper(thread, by, told)
                return
        await self.state.names.keep([named])
        await self.ask(thread.channel, child, by, parent=heard.link.session, told_in=thread)

    async def ask(self, channel: str, session: SessionId, by: UserId, **why: object) -> None:
        """Have the session get a thread, owed once; `why` are the other fields of `OwnThread`."""
        fields = {"channel": channel, "session": session, "by": by, "number": secrets.token_hex(4)}
        since = self.workspace.clock.before_now()
        wanted = OwnThread.model_validate({**fields, "since": since, **why})
        owed = thread_owed(self.workspace.team, channel, session)
        await self.accepting.owe(owed, wanted.to_json())
        if wanted.rule:
            await self.state.claims.note(adopted(session), f"{channel} done", keep.ADOPTED)

    async def tell(self, begun: Begun) -> Fate:
        """Post the first message and link its thread, unless an earlier try has done either."""
        if not (raw := begun.record["content"]):
            return MOOT
        wanted = OwnThread.model_validate_json(raw)
        place = self.workspace.place(wanted.channel)
        key = f"{begun.owed.subject}:{wanted.number}|1|thread"
        threads = self.workspace.threads
        ts = await threads.find(place, key, since=wanted.since) if begun.again else None
        named = await self._named(wanted, wanted.session)
        if ts is None:
            if not await self._is_wanted(wanted):
                return Ended(Leaves.NOTHING, told=False)
            try:
                ts = await threads.post(place, await self._words(wanted, named), key)
            except SlackRefused as error:
                if error.reason not in OPERATOR_MUST_ACT:
                    await self._refused(wanted, named, error.reason)
                raise
        thread = place.model_copy(update={"thread_ts": ts})
        with having_posted():
            by, at, begins = wanted.by, ts_micros(ts), bool(wanted.rule)
            first = Reply(thread=thread, ts=ts, author=by, text=escape(named.title))
            await self.accepting.link(thread, by, wanted.session, at, begins=begins, near=first)
            if wanted.told_in is not None:
                name, address = await self.workspace.people.name(by), self.workspace.address(thread)
                told = words.followed(named, name, address)
                await self.notices.say(wanted.told_in, told, once=f"followed:{wanted.number}")
        return Ended(Leaves.NOTHING)

    async def _refused(self, wanted: OwnThread, named: NamedSession, why: str) -> None:
        """Tell who asked for it, of a rule once a day."""
        place = wanted.told_in or self.workspace.place(wanted.channel)
        day = self.workspace.clock.seconds // 86_400
        once = f"no own threads:{day}" if wanted.rule else f"no own thread:{wanted.number}"
        await self.notices.whisper(place, wanted.by, words.refused(named, why), once=once)

    async def _is_wanted(self, wanted: OwnThread) -> bool:
        """Return True unless the rule has ended, or the session has a thread that is in its way."""
        found = await self.state.watches.threads_of(wanted.session)
        if wanted.rule:
            ruled = {one.written for one in rules_of(await self.state.profiles.get(wanted.channel))}
            is_barred = await self.audience.is_barred(wanted.channel, wanted.by)
            may = self.workspace.permissions.may(Act.START, wanted.by, wanted.channel)
            is_allowed = await may is Standing.ALLOWED
            return wanted.rule in ruled and is_allowed and not is_barred and not found
        return all(one.channel != wanted.channel for one in found)

    async def _named(self, wanted: OwnThread, session: SessionId) -> NamedSession:
        """Return a session as the channel may see it."""
        named = await self.state.names.one(session)
        is_barred = await self.audience.is_barred(wanted.channel, wanted.by, Need.WORDS)
        return NamedSession(named.session, "", named.url) if is_barred else named

    async def _words(self, wanted: OwnThread, named: NamedSession) -> SlackMessage:
        by = await self.workspace.people.name(wanted.by)
        if wanted.parent is None:
            return words.adopted(named, wanted.rule, by)
        return words.child(named, await self._named(wanted, wanted.parent), by)
