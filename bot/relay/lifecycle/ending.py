"""Sessions are stopped from their thread, and ended or archived once a person has said so twice.

Devin may be asked to end or archive twice without harm, so after a lost answer, people may press
again. Slack's *Stop* asks Devin to stop and wait: that is said like any words of the person who
pressed, so it follows the replies that wait, and in a muted thread as well, to prevent harm.
"""

from dataclasses import dataclass

from bot.devin.api import Devin, Failure, Unread
from bot.mirror.agents import AgentSessions, stopping
from bot.model.errors import AlreadyDone, NotStopped, StoreAway
from bot.model.people import Act, UserId
from bot.model.replies import Outcome, Reply
from bot.model.sessions import Closing, NamedSession, SessionId, SessionState
from bot.model.threads import Link, ThreadRef
from bot.model.times import Ts
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.relay.speaking import Speaking, Spoken
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.claims import new_number
from bot.store.outbox import Owing
from bot.store.state import State
from bot.wording.lifecycle import ending
from bot.wording.message import LEGACY, SlackMessage


@dataclass(frozen=True, slots=True)
class Ending:
    """Stops, ends and archives sessions."""

    workspace: Workspace
    state: State
    devin: Devin
    accepting: Accepting
    naming: Naming
    speaking: Speaking
    agents: AgentSessions

    async def ask(self, how: Closing, thread: ThreadRef, by: UserId) -> SlackMessage:
        """Return the question whether to end the session of `thread`; raises if there is none."""
        await self.accepting.check(by, thread.channel, Act.APPROVE)
        link = await self.accepting.linked(thread)
        if how is Closing.ARCHIVE and self.devin.is_legacy:
            return LEGACY
        named = await self._named(link.session, thread, by)
        (seen,) = await self.state.watches.seen([link.session])
        if how is Closing.END and seen.state is SessionState.ENDED:
            return ending.ended_already(named)
        return ending.ask(how, thread, named)

    async def close(
        self, how: Closing, thread: ThreadRef, session: SessionId, by: UserId, asked: Ts
    ) -> SlackMessage | None:
        """End or archive `session`, as the message `asked` offers; return None, or why not.

        Raises `NotLinked`, `LinkedElsewhere`, `AlreadyDone`, and `UnderWay` during another press.
        """
        await self.accepting.check(by, thread.channel, Act.APPROVE)
        await self.naming.check(await self.state.links.get(thread), session, thread.channel)
        done = f"closed:{thread.channel}:{asked}"
        if not await self.state.claims.begin(done, new_number()):
            raise AlreadyDone
        # A poll may see the end before Devin answers; it may also be over already.
        _, before = await self.state.watches.last_people(session, thread)
        await self.state.watches.note_end(session, by)
        if (failure := await self._close(how, session)) is not None:
            await self.state.watches.note_end(session, UserId(before))
            await self.state.claims.leave(done)
            named = await self._named(session, thread, by)
            return ending.failed(how, thread, named, failure, self.workspace.admin)
        event = Event.ENDED if how is Closing.END else Event.ARCHIVED
        audit(event, by, **thread.log_fields, session_id=session)
        await self.state.claims.claim(done)
        await self.state.watches.hurry(session)
        return None

    async def _named(self, session: SessionId, thread: ThreadRef, by: UserId) -> NamedSession:
        return await self.naming.audience.named(session, thread.channel, by)

    async def _close(self, how: Closing, session: SessionId) -> Failure | None:
        """Ask Devin, which refuses to end a session that is over; that is no failure."""
        if how is Closing.ARCHIVE:
            return await self.devin.archive(session)
        answer = await self.devin.end(session)
        if not isinstance(answer, Outcome):
            return answer
        found = await self.devin.survey([session])
        now = () if isinstance(found, Unread) else found.found.values()
        return None if any(one.state is SessionState.ENDED for one in now) else answer

    async def stop(self, thread: ThreadRef, by: UserId, ts: str) -> SlackMessage | None:
        """Have Devin asked to stop, once for the press at `ts`; return None, or what to tell `by`.

        Raises `NotLinked`, and `NotStopped` if Devin isn't working and would be woken, or the press
        comes so late that it may be doing something else.
        """
        await self.accepting.check(by, thread.channel)
        link = await self.accepting.linked(thread)
        (seen,) = await self.state.watches.seen([link.session])
        if seen.state is SessionState.ENDED:
            return ending.ended_already(await self._named(link.session, thread, by))
        key = f"stop:{thread.channel}:{thread.thread_ts}:{ts}"
        if self.accepting.is_old(ts):
            if await self.speaking.refuse(key):
                raise NotStopped
            return None
        await self.speaking.check_stop(link.session, ts)
        first = stopping(thread, link.session)
        if not await self.state.claims.claim(first, self.workspace.timing.stopped_wait, ts):
            return ending.STOPPED_ALREADY
        try:
            await self._say(thread, link, by, key, ts)
        except StoreAway:
            await self.state.claims.disclaim(first)
            raise
        return None

    async def show(self, thread: ThreadRef) -> None:
        """Have Slack's own state of `thread` set, since a press leaves it as it was."""
        link = await self.state.links.get(thread)
        if link is None:
            await self.agents.close(thread)
        else:
            await self.accepting.show(thread, link, doubts=True)

    async def _say(self, thread: ThreadRef, link: Link, by: UserId, key: str, ts: str) -> None:
        words = ending.stopped(await self.workspace.people.name(by), thread, link.session)
        since, text = self.workspace.clock.before_now(), ending.STOP
        reply = Reply(thread=thread, ts=since, author=by, text=text, is_stop=True)
        spoken = Spoken(key=key, reply=reply, words=words, session=link.session, pressed=ts)
        if await self.speaking.say(spoken) is Owing.NEW:
            audit(Event.STOPPED, by, **thread.log_fields, session_id=link.session)
