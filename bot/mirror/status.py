"""What Slack shows beside a thread: its own state (`agents.py`), or else a status line.

A line stands below the thread's last message while the session is at work. Slack clears it two
minutes after it was set, and with each post of the app
(docs.slack.dev/reference/methods/assistant.threads.setStatus). Nobody misses one.
"""

from collections.abc import Sequence
from datetime import timedelta

from cachetools import TTLCache

from bot.mirror.agents import AgentSessions
from bot.mirror.audience import Audience
from bot.model.mirror import Follow
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.runtime.in_flight import Background
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.slack.status_line import StatusLine
from bot.store.state import State
from bot.wording.mirror import notices

FRESH = timedelta(seconds=75)
"""The time after which a line is set again: before Slack clears it."""

THREADS = 10_000
"""Lines that this process remembers to be fresh; another one may set the same line again."""


class StatusLines:
    """The status lines of the threads that follow sessions, where Slack has no state of its own."""

    def __init__(
        self, workspace: Workspace, state: State, audience: Audience, background: Background
    ) -> None:
        self._line = StatusLine(workspace.client)
        self.agents = AgentSessions(workspace, state)
        self._watches = state.watches
        self._audience = audience
        self._background = background
        self._fresh: TTLCache[ThreadRef, None] = TTLCache(THREADS, FRESH.total_seconds())

    def keep(self, threads: Sequence[ThreadRef], *, is_new: bool = False) -> None:
        """Show in `threads` that their session is at work, if that is new or not fresh."""
        for thread in threads:
            if is_new or thread not in self._fresh:
                self._spawn(thread)

    async def again(self, thread: ThreadRef, session: SessionId) -> None:
        """Show again, after a post cleared it, that `session` is at work, if it still is."""
        (seen,) = await self._watches.seen([session])
        if seen.state is SessionState.WORKING:
            self._spawn(thread)

    def clear(self, threads: Sequence[ThreadRef]) -> None:
        """Clear the lines of `threads`, whose session has just stopped working."""
        for thread in threads:
            self._fresh.pop(thread, None)
            self._background.spawn(self._clear(thread))

    def close(self, thread: ThreadRef) -> None:
        """Have Slack's own state of `thread`, which has no link, say that nothing works there."""
        self._background.spawn(self.agents.close(thread))

    def _spawn(self, thread: ThreadRef) -> None:
        self._fresh[thread] = None
        self._background.spawn(self._show(thread))

    async def _clear(self, thread: ThreadRef) -> None:
        if await self.agents.are_refused(thread.channel):
            await self._line.clear(thread)

    async def _show(self, thread: ThreadRef) -> None:
        if not await self.agents.are_refused(thread.channel):
            return
        heard = await self._audience.at_once(thread, Need.DECORATION)
        if heard.link is not None and heard.follow is not Follow.OFF and not heard.is_barred:
            await self._line.show(thread, notices.WORKING)
