"""Slack's *Stop*: Devin is asked to stop and wait, in the name of the person who pressed it.

That is said like any words of theirs (`relay/saying/speaking.py`), so it follows the replies that
wait. A muted thread sends it as well, since people press *Stop* to prevent harm.
"""

from dataclasses import dataclass

from bot.mirror.agents import AgentSessions, stopping
from bot.model.errors import NotLinked, StoreAway
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionState
from bot.model.threads import Link, ThreadRef
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.relay.saying.speaking import Speaking, Spoken
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.links import card_owed
from bot.store.outbox import Owing
from bot.store.state import State
from bot.wording.lifecycle import ending
from bot.wording.message import SlackMessage

_MAY_WORK = frozenset({SessionState.WORKING, SessionState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Stopping:
    """Owes what Devin is told when *Stop* is pressed."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    speaking: Speaking
    agents: AgentSessions

    async def stop(self, thread: ThreadRef, by: UserId, ts: str) -> SlackMessage | None:
        """Have Devin asked to stop, once for the press at `ts`; None once that is owed.

        Otherwise return what `by` is told instead: the session has ended, or isn't working and
        would be woken, somebody has just pressed *Stop*, or the press comes so late that Devin may
        be doing something else. Raises `NotLinked`.
        """
        await self.accepting.check(by, thread.channel)
        link = await self.state.links.get(thread)
        if link is None:
            raise NotLinked
        (seen,) = await self.state.watches.seen([link.session])
        if seen.state is SessionState.ENDED:
            return ending.ended_already(await self.naming.one(link.session, most=0))
        key = f"stop:{thread.channel}:{thread.thread_ts}:{ts}"
        if self.accepting.is_old(ts):
            return ending.STOPPED_LATE if await self.speaking.refuse(key) else None
        if seen.trouble is not None or seen.state not in _MAY_WORK:
            return ending.STOPPED_IDLE
        first = stopping(thread, link.session)
        if not await self.state.claims.claim(first, self.workspace.timing.stopped_wait, ts):
            return ending.STOPPED_ALREADY
        try:
            await self._say(thread, link, by, key)
        except StoreAway:
            await self.state.claims.disclaim(first)
            raise
        return None

    async def show(self, thread: ThreadRef) -> None:
        """Have Slack's own state of `thread` set, since a press leaves it as it was.

        A session that was asked to stop isn't shown as working for a while; then, if it still
        works, *Stop* can be pressed again.
        """
        link = await self.state.links.get(thread)
        if link is None:
            await self.agents.close(thread)
            return
        after = await self.state.cards.want(thread, link, doubts=True)
        if after is not None:
            await self.accepting.schedule.tell(card_owed(thread, link), after)

    async def told_at(self, thread: ThreadRef) -> str:
        """Return where Slack shows an answer to the one person who pressed *Stop*, for `whisper`.

        That is the channel if Slack says in time that the thread has no replies.
        """
        root = await self.workspace.root(thread)
        return thread.thread_ts if root and not root.get("reply_count") else ""

    async def _say(self, thread: ThreadRef, link: Link, by: UserId, key: str) -> None:
        words = ending.stopped(await self.workspace.people.name(by), thread, link.session)
        reply = Reply(thread=thread, ts=self.speaking.since(), author=by, text=ending.STOP)
        spoken = Spoken(key=key, reply=reply, words=words, session=link.session, stops=True)
        if await self.speaking.say(spoken) is Owing.NEW:
            audit(Event.STOPPED, by, **thread.log_fields, session_id=link.session)
