"""What Slack shows beside a thread: its own state of the agent's session, or else a status line.

Slack lets only an app that is declared as an agent have sessions, and drops `processing` an hour
after it was last set (docs.slack.dev/ai/agent-sessions). Where it has none, a status line stands
below the thread's last message while the session is at work, and a day later Slack is asked again.
Slack clears the line two minutes after it was set, and with each post of the app
(docs.slack.dev/reference/methods/assistant.threads.setStatus). Nobody misses one. A thread has one
place for both, so no thread has both.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from cachetools import TTLCache

from bot.mirror.audience import Audience, Heard, no_agents
from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.model.record import string
from bot.model.sessions import Follow, NamedSession, SessionId, SessionState, Watched
from bot.model.threads import ThreadRef
from bot.redis.keep import NO_AGENTS
from bot.runtime.in_flight import Background
from bot.slack.api import MISSING_SCOPE, RateLimits, call
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.state import State
from bot.wording.mirror import posts
from bot.wording.mirror.card import agent_title

log = logging.getLogger(__name__)


SET_AGAIN = timedelta(seconds=75)
"""The time after which a line is set again: before Slack clears it."""

THREADS = 10_000
"""Lines that this process remembers it has set; another one may set the same line again."""


class StatusLines:
    """The status lines of the threads that follow sessions, where Slack has no state of its own."""

    def __init__(
        self, workspace: Workspace, state: State, audience: Audience, background: Background
    ) -> None:
        self._threads = workspace.threads
        self.agents = AgentSessions(workspace, state)
        self._cards = state.cards
        self._audience = audience
        self._background = background
        self._just_set: TTLCache[ThreadRef, None] = TTLCache(THREADS, SET_AGAIN.total_seconds())

    def keep(self, threads: Sequence[ThreadRef], *, is_new: bool = False) -> None:
        """Show in `threads` that their session is at work, if that is new or was not set lately."""
        for thread in threads:
            if is_new or thread not in self._just_set:
                self._spawn(thread)

    def again(self, thread: ThreadRef, seen: Watched) -> None:
        """Show again, after a post cleared it, that a session is at work, as it was just `seen`."""
        if seen.state is SessionState.WORKING:
            self._spawn(thread)

    def clear(self, threads: Sequence[ThreadRef]) -> None:
        """Clear the lines of `threads`, whose session has just stopped working."""
        for thread in threads:
            self._just_set.pop(thread, None)
            self._background.spawn(self._clear(thread))

    def _spawn(self, thread: ThreadRef) -> None:
        self._just_set[thread] = None
        self._background.spawn(self._show(thread))

    async def _clear(self, thread: ThreadRef) -> None:
        if await self.agents.are_refused(thread.channel):
            await self._threads.show_status(thread, "")

    async def _show(self, thread: ThreadRef) -> None:
        heard = await self._audience.of(thread, Need.DECORATION)
        if heard.link is None or heard.follow is Follow.OFF or heard.is_barred:
            return
        if heard.seen.state is not SessionState.WORKING:
            return
        if self.agents.is_off or heard.has_no_agents:
            await self._threads.show_status(thread, posts.WORKING)
        elif await self._cards.was_refused(thread, heard.link):
            await self._cards.want(thread, heard.link)


SET_STATUS = "agents.sessions.setStatus"
RENAME = "agents.sessions.rename"
NOT_AUTHORIZED = "not_authorized"
"""The app is no agent, or the bot is not in the channel: Slack doesn't say which."""

UNAVAILABLE = frozenset(
    {
        *(MISSING_SCOPE, "not_allowed_token_type", "paid_teams_only"),
        *("unknown_method", "feature_disabled", "method_deprecated", "deprecated_endpoint"),
    }
)
"""Slack's codes for a workspace, or an app, that has no agent sessions."""

FIX = "Paste the output of `devin-relay manifest --agent` and reinstall the app, or set AGENT=off"


class AgentStatus(StrEnum):
    """The states of an agent session; the values are Slack's."""

    PROCESSING = "processing"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Slot:
    """What Slack shows of an agent session; empty if that is not certain."""

    status: str = ""
    title: str = ""

    def __str__(self) -> str:
        return f"{self.status} {self.title}"


def parse_slot(text: str) -> Slot | None:
    """Parse a slot that `str` wrote; None for a thread in which Slack shows nothing of ours."""
    status, _, title = text.partition(" ")
    return Slot(status, title) if text else None


def wanted_slot(
    was: Slot | None, heard: Heard, seen: Watched, named: NamedSession, *, is_linked: bool
) -> Slot | None:
    """Return what Slack should show of a card's session; None for nothing, or what it does.

    Where the thread is not shown what Devin does, or Devin doesn't find the session, none is made,
    and one that exists is active. The thread of a link that has ended may have another one by now,
    with its own card.
    """
    status: str | None
    if not is_linked:
        status = AgentStatus.CLOSED if was is not None and heard.link is None else None
    elif heard.is_barred or heard.follow is Follow.OFF or seen.is_missing:
        status = AgentStatus.ACTIVE if was is not None else None
    elif seen.waits or (seen.trouble is not None and seen.state is not SessionState.ENDED):
        status = AgentStatus.SUSPENDED
    else:
        status = _STATUSES.get(seen.state, was.status if was is not None else None)
    return Slot(status, agent_title(named)) if status else None


_STATUSES: Mapping[SessionState, str] = {
    SessionState.WORKING: AgentStatus.PROCESSING,
    SessionState.FINISHED: AgentStatus.ACTIVE,
    SessionState.SUSPENDED: AgentStatus.ACTIVE,
    SessionState.ENDED: AgentStatus.CLOSED,
}


class AgentSessions:
    """The agent sessions of a workspace's threads."""

    def __init__(self, workspace: Workspace, state: State) -> None:
        self._workspace, self._client = workspace, workspace.client
        self._claims, self._links, self._cards = state.claims, state.links, state.cards
        self.is_off = workspace.settings.agent == "off"
        self._pause = workspace.timing.agent_pause
        self._stopped_seconds = workspace.timing.stopped_wait.total_seconds()
        self._retry_pause = workspace.timing.tell_pauses[-1]
        self._limits = RateLimits()

    async def are_refused(self, channel: str) -> bool:
        """Return True if `channel` is known to have none, so that status lines serve there."""
        claims = no_agents(self._workspace, channel)
        return self.is_off or await self._claims.is_claimed(*claims)

    async def show(
        self,
        thread: ThreadRef,
        session: SessionId,
        was: Slot | None,
        wanted: Slot | None,
        *,
        again: bool,
        is_current: bool,
        are_refused: bool,
    ) -> tuple[Slot | None, float | None]:
        """Have Slack show `wanted`, and return what it shows then.

        Also return the seconds after which it must be shown again, if that is so. It may not be as
        it `was`, if a try that was cut off may have changed it and is made `again`. A `session`
        that was just asked to stop is active for a while, whether or not it works. While what was
        shown `is_current`, Slack is not told it again.
        Where sessions `are_refused`, it is not asked.
        """
        if wanted is None or self.is_off:
            return None if self.is_off else was, None
        if again and was is not None:
            was = Slot()
        pause = self._pause if wanted.status == AgentStatus.PROCESSING else None
        if are_refused:
            return None, pause
        if pause is not None and await self._claims.is_claimed(stopping(thread, session)):
            wanted, pause = replace(wanted, status=AgentStatus.ACTIVE), self._stopped_seconds
        try:
            if not is_current or pause is None or was != wanted:
                await self._tell(thread, was or Slot(), wanted)
        except SlackAway as error:
            return Slot(), self._wait(thread, error)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                return Slot(), self._wait(thread, error)
            if await self._refused(thread, error):
                return None, pause
        return wanted, pause

    async def close(self, thread: ThreadRef) -> None:
        """Have Slack show no work in a thread without a link; a refusal is only logged."""
        if await self.are_refused(thread.channel):
            return
        try:
            await self._call(SET_STATUS, thread, status=AgentStatus.CLOSED)
        except SlackRefused as error:
            log.warning(
                "agent session not closed", extra=thread.log_fields | {"reason": str(error)}
            )
        await self.doubt(thread)

    async def doubt(self, thread: ThreadRef) -> None:
        """Have the state of `thread`, just closed, set again if the thread has a link by now."""
        if (link := await self._links.get(thread)) is not None:
            await self._cards.want(thread, link, doubts=True)

    async def _tell(self, thread: ThreadRef, was: Slot, wanted: Slot) -> None:
        title = was.title
        if was.status != wanted.status or wanted.status == AgentStatus.PROCESSING:
            # A title counts only for a new session, and is ignored for one that exists. If Slack
            # does not answer which there is, it is renamed.
            named = {} if title else {"title": wanted.title}
            answer = await self._call(SET_STATUS, thread, status=wanted.status, **named)
            title = title or string(answer, "title")
        if title != wanted.title:
            await self._call(RENAME, thread, title=wanted.title)

    async def _call(self, method: str, thread: ThreadRef, **what: str) -> Mapping[str, Any]:
        where = {"channel_id": thread.channel, "thread_ts": thread.thread_ts}
        with self._limits.respected(method, thread.channel):
            return await call(self._client, method, **where, **what)

    def _wait(self, thread: ThreadRef, error: SlackAway | SlackRefused) -> float:
        """Return the seconds until the next try, of which it is not certain what this one did."""
        log.warning("agent session not shown", extra=thread.log_fields | {"reason": str(error)})
        asked = error.retry_after if isinstance(error, SlackAway) else None
        return self._retry_pause if asked is None else asked

    async def _refused(self, thread: ThreadRef, error: SlackRefused) -> bool:
        """Return True if Slack has no sessions here; else it refused this one, until it changes."""
        ids = thread.log_fields | {"reason": str(error)}
        is_of_channel = error.reason == NOT_AUTHORIZED
        if error.method != SET_STATUS or not (is_of_channel or error.reason in UNAVAILABLE):
            log.warning("agent session not shown", extra=ids)
            return False
        of_all, of_channel = no_agents(self._workspace, thread.channel)
        if await self._claims.claim(of_channel if is_of_channel else of_all, NO_AGENTS):
            log.info("agent sessions refused", extra=ids | {"fix": FIX})
        return True


def stopping(thread: ThreadRef, session: SessionId) -> str:
    """Name the claim that `session` was just asked to stop in `thread`."""
    return f"stopping:{thread.name}:{session}"
