"""Sessions are ended or archived for good from their thread, after a person has said so twice.

Both may be asked of Devin another time without harm, so an answer that was lost is asked for again.
"""

import secrets
from dataclasses import dataclass

from bot.devin.api import Devin, Failure, Unread
from bot.model.errors import AlreadyClosed, NotLinked
from bot.model.people import Act, UserId
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import Closing, SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.state import State
from bot.wording.lifecycle import ending
from bot.wording.message import SlackMessage


@dataclass(frozen=True, slots=True)
class Ending:
    """Ends and archives sessions."""

    workspace: Workspace
    state: State
    devin: Devin
    accepting: Accepting
    naming: Naming

    async def ask(self, how: Closing, thread: ThreadRef, by: UserId) -> SlackMessage:
        """Return the question whether to end the session of `thread`; raises `NotLinked`."""
        await self.accepting.check(by, thread.channel, Act.APPROVE)
        link = await self.state.links.get(thread)
        if link is None:
            raise NotLinked
        if how is Closing.ARCHIVE and not self.devin.archives:
            return ending.NO_ARCHIVE
        named = await self.naming.one(link.session, most=0)
        (seen,) = await self.state.watches.seen([link.session])
        if how is Closing.END and seen.state is SessionState.ENDED:
            return ending.ended_already(named)
        return ending.ask(how, thread, named)

    async def close(
        self, how: Closing, thread: ThreadRef, session: SessionId, by: UserId, asked: str
    ) -> SlackMessage | None:
        """End or archive `session`, as the message `asked` offers; return None once it is done.

        If it is not done, or nobody knows, return the words that say so. Raises `NotLinked`,
        `LinkChanged`, `AlreadyClosed`, and `UnderWay` also if another press failed within the last
        30 s.
        """
        await self.accepting.check(by, thread.channel, Act.APPROVE)
        await self.naming.check(await self.state.links.get(thread), session)
        done = f"closed:{thread.channel}:{asked}"
        if not await self.state.claims.begin(done, secrets.token_hex(8)):
            raise AlreadyClosed
        failure = await self._close(how, session)
        if failure is not None:
            named = await self.naming.one(session, most=0)
            return ending.failed(how, named, failure, self.workspace.admin)
        event = Event.ENDED if how is Closing.END else Event.ARCHIVED
        audit(event, by, **thread.log_fields, session_id=session)
        await self.state.claims.claim(done)
        await self.state.watches.hurry(session, by)
        return None

    async def _close(self, how: Closing, session: SessionId) -> Failure | None:
        """Ask Devin, a second time if the answer is lost; a session that is over is no failure."""
        ask = self.devin.end if how is Closing.END else self.devin.archive
        (seen,) = await self.state.watches.seen([session])
        answer = await ask(session)
        is_lost = isinstance(answer, Outcome) and answer.kind is OutcomeKind.UNCERTAIN
        if is_lost:
            again = await ask(session)
            answer = again if again is None or isinstance(again, Outcome) else answer
        # One that was over before may still not be archived.
        tells = how is Closing.END or (is_lost and seen.state is not SessionState.ENDED)
        if not (isinstance(answer, Outcome) and tells):
            return answer
        found = await self.devin.survey([session])
        now = () if isinstance(found, Unread) else found.found.values()
        return None if any(one.state is SessionState.ENDED for one in now) else answer
