"""Tells people what sessions have used: of a thread, of a channel, or one's own.

A channel's numbers are of its own sessions, which its members read anyway; one's own are of all
channels that the person can read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.devin.api import Devin
from bot.mirror.audience import Audience
from bot.model.ledger import Use
from bot.model.people import WORKFLOW, UserId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, is_direct
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.state import State
from bot.wording import usage as words
from bot.wording.message import SlackMessage
from bot.wording.usage import MOST_LINES, MonthUse, SessionUse


@dataclass(frozen=True, slots=True)
class Usage:
    """Reads the ledger for people."""

    workspace: Workspace
    state: State
    devin: Devin
    accepting: Accepting
    naming: Naming
    audience: Audience

    async def here(self, thread: ThreadRef, by: UserId) -> SlackMessage:
        """Return what a linked thread's session has used, or else what the channel's have.

        Elsewhere in a direct message, it is what the person's own have.
        """
        await self.accepting.check(by, thread.channel)
        if not self.devin.tells_cost:
            return words.UNTOLD
        heard = await self.audience.at_once(thread, Need.ACT)
        if heard.is_barred:
            return words.ELSEWHERE
        if heard.link is not None:
            return await self._of_session(heard.link.session)
        if thread.is_direct:
            return await self._own(by)
        return await self._of_channel(thread.channel)

    async def own(self, channel: str, by: UserId) -> SlackMessage:
        """Return what the sessions that `by` started have used, in all places that they can read.

        Raises:
            SlackAway: Slack does not say what they can read.
        """
        await self.accepting.check(by, channel)
        return await self._own(by) if self.devin.tells_cost else words.UNTOLD

    async def _of_session(self, session: SessionId) -> SlackMessage:
        now = datetime.now(UTC)
        (seen,) = await self.state.watches.seen([session])
        started = await self.state.watches.started(session)
        uses = [one for one in await self.state.ledger.month(now) if one.session == session]
        used = SessionUse(
            session=await self.naming.one(session),
            acus=seen.acus or 0.0,
            today=sum(one.on(now.day) for one in uses),
            cap=None if started is None else started.cap,
            by=None if started is None else await self._name(started.by),
            children=[one.acus for one in seen.children],
        )
        return words.of_session(used)

    async def _of_channel(self, channel: str) -> SlackMessage:
        now = datetime.now(UTC)
        uses = [one for one in await self.state.ledger.month(now) if one.account.channel == channel]
        people = {one.account.by for one in uses if one.account.by}
        names = {who: await self._name(who) for who in people}
        return words.of_channel(await self._month(now, uses, names))

    async def _own(self, by: UserId) -> SlackMessage:
        now, person = datetime.now(UTC), await self.workspace.people.person(by)
        own = [one for one in await self.state.ledger.month(now) if one.account.by == by]
        seen = {
            one: is_direct(one) or await self.workspace.channels.includes(person, one, Need.ACT)
            for one in dict.fromkeys(one.account.channel for one in own)
        }
        uses = [one for one in own if seen[one.account.channel]]
        return words.of_person(await self._month(now, uses, {}, places=True))

    async def _month(
        self, now: datetime, uses: Sequence[Use], names: dict[UserId, str], *, places: bool = False
    ) -> MonthUse:
        ranked = sorted(uses, key=lambda one: -one.in_month)
        listed = [one.session for one in ranked[:MOST_LINES]]
        seen = await self.state.watches.seen(listed)
        children = {
            session: [child.acus for child in one.children]
            for session, one in zip(listed, seen, strict=True)
        }
        sessions = await self.naming.of(listed)
        return MonthUse(now.strftime("%B"), ranked, sessions, names, places, children)

    async def _name(self, who: UserId) -> str:
        """Return a person's name; a workflow has none."""
        return "" if who == WORKFLOW else await self.workspace.people.name(who)
