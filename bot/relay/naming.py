"""Sessions are shown by the title and the web address that Devin gives them, or else by their ID.

A name is asked for until it has a title, which Devin writes in a session's first minutes. A short
ID that someone types stands for one of the sessions that a form would offer them.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.devin.api import Devin, Unread
from bot.mirror.audience import NOBODY, Audience
from bot.model.errors import BadSession, LinkedElsewhere, NotLinked
from bot.model.people import Act, Person, Standing, UserId
from bot.model.sessions import WHOLE, NamedSession, SessionId, SessionState, parse_session
from bot.model.threads import Link
from bot.relay.accept import Accepting
from bot.slack.app.workspace import Workspace
from bot.store.state import State
from bot.wording.forms import Choices

log = logging.getLogger(__name__)

MOST_ASKED = 30
"""Most sessions that Devin is asked about at once: one call each, by version 1 of its API."""

MOST_HERE = 50
MOST_ELSEWHERE = 20
"""Most sessions that are offered: of the channel, and of Devin's own list."""

TITLED = 10
"""Most sessions to choose from whose titles are asked for at once: a person waits for them."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Names sessions, from Redis or by asking Devin, and finds those that a person can name."""

    workspace: Workspace
    state: State
    devin: Devin
    accepting: Accepting
    audience: Audience

    async def of(
        self, sessions: Sequence[SessionId], *, fresh: bool = False, most: int = MOST_ASKED
    ) -> Mapping[SessionId, NamedSession]:
        """Return each of `sessions`, in their order, within about a second.

        Devin is asked about the first `most` that have no title yet, or with `fresh` of all.
        """
        named = await self.state.names.of(sessions)
        unknown = [one.session for one in named.values() if fresh or not one.title]
        return {**named, **await self._ask(unknown[:most])}

    async def shown_to(
        self,
        person: Person,
        sessions: Sequence[SessionId],
        *,
        fresh: bool = False,
        most: int = MOST_ASKED,
    ) -> Mapping[SessionId, NamedSession]:
        """Return each of `sessions` as `of` does, and as `person` may see it alone."""
        named = await self.of(sessions, fresh=fresh, most=most)
        if not self.audience.bars(person):
            return named
        return {one: NamedSession(one, "", known.url) for one, known in named.items()}

    async def one(self, session: SessionId, channel: str, by: UserId = NOBODY) -> NamedSession:
        """Return `session` as `channel` may see it, as `of` does."""
        return await self.audience.shown((await self.of([session]))[session], channel, by)

    async def linked(self, link: Link, channel: str) -> tuple[NamedSession, str]:
        """Return the session of a `link` in `channel`, and the name of the person who made it."""
        named = await self.one(link.session, channel, link.by)
        return named, await self.workspace.people.name(link.by)

    async def check(self, link: Link | None, session: SessionId | None, channel: str) -> Link:
        """Return the `link` to `session`; raise `NotLinked` or `LinkedElsewhere` if it is none."""
        if link is None:
            raise NotLinked
        if link.session != session:
            raise LinkedElsewhere(*await self.linked(link, channel))
        return link

    async def _ask(self, sessions: Sequence[SessionId]) -> Mapping[SessionId, NamedSession]:
        if not sessions:
            return {}
        try:
            async with asyncio.timeout(self.workspace.timing.list_seconds):
                answer = await self.devin.survey(sessions)
        except TimeoutError:
            return {}
        if isinstance(answer, Unread):
            return {}
        found = [NamedSession(one.session, one.title, one.url) for one in answer.found.values()]
        await self.state.names.keep(found)
        return {one.session: one for one in found}

    async def offered(self, channel: str, by: UserId) -> Choices:
        """Return the open sessions that `by` can choose from in `channel`, in about a second."""
        await self.accepting.check(by, channel)
        default, known = await self._known_in(channel)
        here = await self.still_open(known[:MOST_HERE])
        sees_all = await self._sees_all(by, channel)
        person = await self.workspace.people.person(by)
        named, latest = await asyncio.gather(
            self.shown_to(person, here, most=TITLED),
            self._recent(MOST_ELSEWHERE if sees_all else 0),
        )
        return Choices(
            here=[named[session] for session in here],
            elsewhere=[one for one in latest or () if one.session not in named],
            meant=here[0] if here and (len(here) == 1 or here[0] == default) else None,
        )

    async def still_open(self, sessions: Sequence[SessionId]) -> Sequence[SessionId]:
        """Return those of `sessions` that haven't ended, as far as that is known."""
        seen = await self.state.watches.seen(sessions)
        pairs = zip(sessions, seen, strict=True)
        return [one for one, last in pairs if last.state is not SessionState.ENDED]

    async def named(self, text: str, channel: str, by: UserId) -> SessionId:
        """Return the session that `text` names, as `whole` does; raises `BadSession`."""
        session = parse_session(text)
        if session is None:
            raise BadSession(text)
        return await self.whole(session, channel, by)

    async def whole(self, session: SessionId, channel: str, by: UserId) -> SessionId:
        """Return the one session whose ID begins with `session`, or raise `BadSession`.

        It is looked for in `channel`, and then, for a person who `_sees_all`, where any thread
        follows it and in Devin's own list. The caller has checked that `by` may steer Devin.
        """
        if len(session) == WHOLE:
            return session
        _, here = await self._known_in(channel)
        found = _beginning_with(session, here)
        if not found and await self._sees_all(by, channel):
            found = await self.state.watches.beginning_with(session)
            if not found:
                latest = await self._recent() or ()
                found = _beginning_with(session, [one.session for one in latest])
        if len(found) != 1:
            raise BadSession(session, is_short=True)
        return found[0]

    async def act_for(self, session: SessionId, channel: str) -> Act:
        """Return what it is to message `session` from `channel`: to link it, if it is new there."""
        _, here = await self._known_in(channel)
        return Act.MESSAGE if session in here else Act.START

    async def _known_in(self, channel: str) -> tuple[SessionId | None, Sequence[SessionId]]:
        """Return the channel's default session, and all its sessions, that one first."""
        profile, active = await asyncio.gather(
            self.state.profiles.get(channel),
            self.state.links.active(self.workspace.team, channel, self.state.links.ttl),
        )
        meant = profile.session
        used = [link.session for _, link in active]
        return meant, list(dict.fromkeys([meant, *used] if meant else used))

    async def _sees_all(self, by: UserId, channel: str) -> bool:
        """Return True for a full member who may link sessions, unless `LIST_SESSIONS` is off."""
        ours = self.workspace
        if not (ours.settings.list_sessions and (await ours.people.person(by)).is_full_member):
            return False
        return await ours.permissions.may(Act.START, by, channel) is Standing.ALLOWED

    async def _recent(self, most: int = MOST_ELSEWHERE) -> Sequence[NamedSession] | None:
        """Return Devin's latest sessions that are not over; None if Devin does not list them."""
        found = await self.devin.recent(most) if most else ()
        if isinstance(found, Unread):
            log.warning("sessions not listed", extra={"status": found.status})
            return None
        open_ = (one for one in found if one.state not in self.devin.over)
        return [NamedSession(one.session, one.title, one.url) for one in open_]


def _beginning_with(short: str, sessions: Iterable[SessionId]) -> Sequence[SessionId]:
    """Return the sessions that `short` may stand for; an ID of that length stands for itself."""
    found = list(dict.fromkeys(one for one in sessions if one.startswith(short)))
    return [one for one in found if one == short] or found
