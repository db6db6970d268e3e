"""The sessions that a form offers in a channel: those linked there, and Devin's recent ones."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from bot.devin.api import Devin, Unread
from bot.model.people import UserId
from bot.model.sessions import NamedSession, SessionId, SessionState
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.relay.workspace import Workspace
from bot.store.channel_defaults import ChannelDefaults
from bot.store.links import Links
from bot.wording.asking.session_picker import Choices

log = logging.getLogger(__name__)

HERE = 50
ELSEWHERE = 20
"""Most sessions that are offered: of the channel, and of Devin's own list."""

TITLED = 10
"""Most sessions to choose from whose titles are asked for at once: a person waits for them."""

OVER = frozenset({SessionState.FINISHED, SessionState.ENDED})
"""The states in which a session is not offered."""


class SessionChoices:
    """Gathers the sessions that a person can choose from."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        accepting: Accepting,
        links: Links,
        defaults: ChannelDefaults,
        naming: Naming,
        devin: Devin,
        lists_sessions: bool,
    ) -> None:
        self._accepting = accepting
        self._links = links
        self._defaults = defaults
        self._naming = naming
        self._devin = devin
        self._lists_sessions = lists_sessions
        self._team = workspace.team

    async def of(self, channel: str, by: UserId) -> Choices:
        """Return the sessions that `by` can choose from in `channel`, within about a second.

        Sessions from elsewhere are shown to full members only, and to nobody if `LIST_SESSIONS` is
        off. The channel's default session, or else its only one, is the likeliest.

        Raises:
            NotAllowed: `by` may not.
        """
        await self._accepting.check(by, channel)
        default, active = await asyncio.gather(
            self._defaults.get(self._team, channel),
            self._links.active(self._team, channel, self._links.ttl),
        )
        meant = default.session if default is not None else None
        used = [link.session for _, link in active]
        here = _distinct([*([meant] if meant else []), *used])[:HERE]
        named, latest = await asyncio.gather(self._naming.of(here, most=TITLED), self._latest(by))
        return Choices(
            here=[named[session] for session in here],
            elsewhere=[one for one in latest if one.session not in named],
            meant=meant or (here[0] if len(here) == 1 else None),
        )

    async def _latest(self, by: UserId) -> Sequence[NamedSession]:
        """Return Devin's latest sessions, if `by` may see them."""
        if not (self._lists_sessions and await self._accepting.is_full_member(by)):
            return ()
        found = await self._devin.recent(ELSEWHERE)
        if isinstance(found, Unread):
            log.warning("sessions not listed", extra={"status": found.status})
            return ()
        open_ = (one for one in found if one.state not in OVER)
        return [NamedSession(one.session, one.title, one.url) for one in open_]


def _distinct(sessions: Iterable[SessionId]) -> list[SessionId]:
    return list(dict.fromkeys(sessions))
