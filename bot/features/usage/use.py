"""Tells people what sessions have used, when they ask."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from bot.devin.api import Devin
from bot.features.usage import words
from bot.mirror.audience import Audience, Heard
from bot.model.ledger import Use, with_children
from bot.model.people import WORKFLOW, UserId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, is_direct
from bot.model.times import as_datetime
from bot.relay import UseCases
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.state import State
from bot.wording.listing import MOST_LINES
from bot.wording.message import SlackMessage


@dataclass(frozen=True, slots=True)
class Usage:
    """Reads the ledger for people."""

    workspace: Workspace
    state: State
    devin: Devin
    accepting: Accepting
    naming: Naming
    audience: Audience

    @classmethod
    def of(cls, core: UseCases) -> Self:
        """Build it on the core."""
        return cls(
            core.workspace, core.state, core.devin, core.accepting, core.naming, core.audience
        )

    async def here(self, thread: ThreadRef, by: UserId) -> SlackMessage:
        """Return what a thread's session has used, or else the channel's, or the person's own."""
        await self.accepting.check(by, thread.channel)
        if self.devin.is_legacy:
            return words.UNTOLD
        heard = await self.audience.of(thread, Need.ACT)
        if heard.link is None and thread.is_direct:
            return await self._own(by)
        if heard.is_barred:
            return words.ELSEWHERE
        if heard.link is not None:
            return await self._of_session(heard.link.session, heard)
        return await self._of_channel(thread.channel)

    async def own(self, channel: str, by: UserId) -> SlackMessage:
        """Return what the sessions that `by` started have used in all places that they can read."""
        await self.accepting.check(by, channel)
        return words.UNTOLD if self.devin.is_legacy else await self._own(by)

    async def _of_session(self, session: SessionId, heard: Heard) -> SlackMessage:
        now, started = await self._now(), heard.started
        use = await self.state.watches.use_of(session, now)
        today = 0.0 if use is None else use.on(now.day)
        by = "" if started is None else await self._name(started.by)
        named = (await self.naming.of([session]))[session]  # the caller has looked who reads it
        return words.of_session(named, heard.seen, today, started, by)

    async def _of_channel(self, channel: str) -> SlackMessage:
        now = await self._now()
        found = await self.state.watches.used(now, channel)
        uses = [one for one in found if one.account.channel == channel]
        used = await self._month(now, uses)
        people = [one.who for one in words.by_person(used)[:MOST_LINES] if one.who]
        names = await asyncio.gather(*map(self._name, people))
        return words.of_channel(replace(used, names=dict(zip(people, names, strict=True))))

    async def _own(self, by: UserId) -> SlackMessage:
        now, person = await self._now(), await self.workspace.people.person(by)
        own = [one for one in await self.state.watches.used(now, by) if one.account.by == by]
        seen = {
            one: is_direct(one) or await self.workspace.channels.includes(person, one, Need.ACT)
            for one in dict.fromkeys(one.account.channel for one in own)
        }
        uses = [one for one in own if seen[one.account.channel]]
        used = await self._month(now, uses)
        sessions = await self.naming.shown_to(person, list(used.sessions))
        return words.of_person(replace(used, sessions=sessions, places=True))

    async def _month(self, now: datetime, uses: Sequence[Use]) -> words.MonthUse:
        ranked, children = with_children(uses)
        sessions = await self.naming.of([one.session for one in ranked[:MOST_LINES]])
        return words.MonthUse(now.strftime("%B"), ranked, sessions, children=children)

    async def _name(self, who: UserId) -> str:
        """Return a person's name; a workflow has none."""
        return "" if who == WORKFLOW else await self.workspace.people.name(who)

    async def _now(self) -> datetime:
        """Return the time by which the ledger has its days, and at which entries are due."""
        return as_datetime(await self.state.store.now())
