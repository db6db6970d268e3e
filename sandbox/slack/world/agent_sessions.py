"""Agent sessions: the state that Slack itself shows for a thread in which an agent works.

A session is `processing` for an hour after that was last set, and posts do not clear it
(docs.slack.dev/ai/agent-sessions). A thread has one place for this and for the free words of
`assistant.threads.setStatus`: the last call has it.
"""

from dataclasses import dataclass
from typing import Any

from sandbox.ids import Clock

PROCESSING_SECONDS = 3600.0
STATUSES = ("processing", "active", "suspended", "closed")


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """One call that set a session's status, or `renamed` it; `at` is in Unix seconds."""

    channel: str
    thread: str
    status: str
    title: str
    at: float


@dataclass(slots=True)
class AgentSession:
    """A session as it is now. `is_shown` is False while free words have its place."""

    channel: str
    thread: str
    status: str
    title: str
    set_at: float
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class Prompts:
    """The suggested prompts at the top of a direct message: (title, message) of each."""

    channel: str
    title: str
    prompts: tuple[tuple[str, str], ...]


class AgentSessions:
    """The sessions of an app by their thread's `ts`, and what it suggests to people."""

    def __init__(self, clock: Clock) -> None:
        self.is_declared = False
        self.tells_title = True
        self.history: list[AgentStatus] = []
        self.prompt_history: list[Prompts] = []
        self._clock = clock
        self._sessions: dict[str, AgentSession] = {}

    def put(self, channel: str, thread: str, status: str, title: str) -> AgentSession:
        """Set a session's status; the title counts only for a session that this makes."""
        made = AgentSession(channel, thread, status, title, 0.0)
        session = self._sessions.setdefault(thread, made)
        session.status, session.set_at, session.is_shown = status, self._clock.now(), True
        self._note(session, status)
        return session

    def rename(self, session: AgentSession, title: str) -> None:
        """Give a session another title, on request of the app."""
        session.title = title
        self._note(session, "renamed")

    def find(self, thread: str) -> AgentSession | None:
        """Return a thread's session; `processing` that nobody has repeated is `active`."""
        session = self._sessions.get(thread)
        if session is not None and session.status == "processing":
            is_over = self._clock.now() - session.set_at >= PROCESSING_SECONDS
            session.status = "active" if is_over else "processing"
        return session

    def hide(self, thread: str) -> None:
        """Give a session's place in the thread to free words, until its status is set again."""
        if thread in self._sessions:
            self._sessions[thread].is_shown = False

    def suggest(self, prompts: Prompts) -> None:
        """Show these prompts in a direct message from now on."""
        self.prompt_history.append(prompts)

    def suggested(self, channel: str) -> Prompts | None:
        """Return the prompts that a direct message shows."""
        shown = [each for each in self.prompt_history if each.channel == channel]
        return shown[-1] if shown else None

    def keep(self) -> list[dict[str, Any]]:
        """Return the sessions as `recall` restores them."""
        return [
            {name: getattr(one, name) for name in AgentSession.__slots__}
            for one in self._sessions.values()
        ]

    def recall(self, kept: list[dict[str, Any]]) -> None:
        """Restore sessions that another one kept."""
        self._sessions |= {facts["thread"]: AgentSession(**facts) for facts in kept}

    def _note(self, session: AgentSession, status: str) -> None:
        at = self._clock.now()
        noted = AgentStatus(session.channel, session.thread, status, session.title, at)
        self.history.append(noted)
