"""An app that is declared as an agent: its sessions as people see them, and what they do there."""

from sandbox.slack.api.agent_methods import STOPPED
from sandbox.slack.transport.deliveries import Delivery
from sandbox.slack.world.agent_sessions import AgentSession, AgentStatus, Prompts
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import Channel, User

SCOPE = "assistant:write"
TITLE_CHANGED = "agent_session_title_changed"


class Agents:
    """Slack's own state of a thread, its Stop button, and suggested prompts."""

    _state: SlackState

    @property
    def agent(self) -> bool:
        """Whether the app is declared as an agent, as by its manifest; at first it is not."""
        return self._state.agents.is_declared

    @agent.setter
    def agent(self, is_declared: bool) -> None:
        """Declare it, which adds `assistant:write` and the event of Stop, or take that back."""
        state = self._state
        state.agents.is_declared = is_declared
        state.scopes = [scope for scope in state.scopes if scope != SCOPE]
        state.bot_events = [event for event in state.bot_events if event != STOPPED]
        if is_declared:
            state.scopes.append(SCOPE)
            state.bot_events.append(STOPPED)

    @property
    def tells_agent_title(self) -> bool:
        """Whether an answer to a status has the session's title, as the documentation shows."""
        return self._state.agents.tells_title

    @tells_agent_title.setter
    def tells_agent_title(self, tells: bool) -> None:
        self._state.agents.tells_title = tells

    @property
    def agent_statuses(self) -> list[AgentStatus]:
        """Every status that the app has set, and every rename, oldest first."""
        return self._state.agents.history

    def agent_session(self, channel: str, thread: str) -> AgentSession | None:
        """Return the session of a thread, if the app has made one."""
        return self._state.agents.find(self._state.workspace.message(channel, thread).ts)

    def agent_status(self, channel: str, thread: str) -> str:
        """Return the state that a thread shows now, or an empty text."""
        session = self.agent_session(channel, thread)
        return session.status if session is not None and session.is_shown else ""

    def can_stop(self, channel: str, thread: str) -> bool:
        """Return True if Slack shows its Stop button in the thread."""
        is_processing = self.agent_status(channel, thread) == "processing"
        return is_processing and STOPPED in self._state.bot_events

    def prompts(self, user: str = "ada") -> Prompts | None:
        """Return the suggested prompts in somebody's direct message with the app."""
        place = self._state.workspace.direct_message(user, self._state.bot.id)
        return self.prompts_in(place.id)

    def prompts_in(self, channel: str) -> Prompts | None:
        """Return the suggested prompts in that direct message."""
        return self._state.agents.suggested(self._state.workspace.channel(channel).id)

    @property
    def prompt_history(self) -> list[Prompts]:
        """Every call that suggested prompts, oldest first."""
        return self._state.agents.prompt_history

    async def stop(
        self, channel: str, thread: str, *, user: str = "ada", deliver: bool = True
    ) -> Delivery | None:
        """Press Slack's Stop button; the session's state stays until the app changes it.

        With `deliver=False` the app is not told. Raises ValueError without the button, and for
        somebody who is not in the channel.
        """
        who, place = self._member(user, channel)
        if not self.can_stop(channel, thread):
            raise ValueError("This thread has no Stop button.")
        stopped = {
            "type": STOPPED,
            "channel": place.id,
            "thread_ts": thread,
            "user": who.id,
            "event_ts": self._state.workspace.clock.next_ts(),
            "streaming_message_ts": [],
        }
        return self._state.send_event(stopped) if deliver else None

    async def rename_session(
        self, channel: str, thread: str, title: str, *, user: str = "ada"
    ) -> None:
        """Change a session's title as a person; the app is told if it is subscribed."""
        who, place = self._member(user, channel)
        session = self.agent_session(channel, thread)
        if session is None:
            raise ValueError("This thread has no session.")
        before, session.title = session.title, title
        changed = {
            "type": TITLE_CHANGED,
            "channel": place.id,
            "thread_ts": thread,
            "user": who.id,
            "team_id": who.team_id,
            "title": title,
            "event_ts": self._state.workspace.clock.next_ts(),
        }
        wide = self._state.workspace.wide
        if wide is not None:  # "enterprise_id is included for org-level installs"
            changed["enterprise_id"] = wide.id
        self._state.notify("status", channel=place.id, thread=thread, status=session.status)
        self._state.emit(changed | ({"previous_title": before} if before else {}), place)

    def _member(self, user: str, channel: str) -> tuple[User, Channel]:
        who, place = self._state.workspace.user(user), self._state.workspace.channel(channel)
        if who.id not in place.members:
            raise ValueError(f"{who.real_name} isn't in #{place.name}.")
        return who, place
