"""The use cases behind a person's request: everything that people can ask for.

Each takes values that a handler parsed, checks permissions, changes the state in Redis, and raises
an error from `model/errors.py` when the person must know something. Each raises `NotAllowed` if the
person may not, and `StoreAway` or `NotIdentified` if Redis or Slack is away: then it may not be
done, and Slack must not be acknowledged. Methods name only what else they raise.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from bot.delivery.acting import Acting
from bot.devin.api import Devin
from bot.mirror.agents import StatusLines
from bot.mirror.audience import Audience
from bot.mirror.far_caps import FarCaps
from bot.mirror.poll import Polling, SessionPoll
from bot.model.people import UserId
from bot.model.verbs import Command
from bot.relay.accept import Accepting, Replies
from bot.relay.asking import Asking
from bot.relay.edits import Edits
from bot.relay.lifecycle.ending import Ending
from bot.relay.lifecycle.prompts import Prompts
from bot.relay.lifecycle.starting import Starting
from bot.relay.linking import Linking
from bot.relay.naming import Naming
from bot.relay.saying import Say
from bot.relay.speaking import Speaking
from bot.reporting.notices import Notices
from bot.runtime.in_flight import Background, InFlight
from bot.slack.app.workspace import Workspace
from bot.store.checkpoints import Listening
from bot.store.outbox import Schedule
from bot.store.state import State
from bot.wording.message import SlackMessage, View

Obey = Callable[[Command], Awaitable[SlackMessage | None]]
Tell = Callable[[str, UserId], Awaitable[SlackMessage]]
"""Tells a person something about a channel, or about themselves."""

Open = Callable[[UserId, str], Coroutine[Any, Any, View]]
"""Returns a form for a person, who opens it in a channel."""


class UseCases:
    """Everything a person in Slack can ask for, and what that is built on; each class says what."""

    helps: Sequence[str] = ()
    """The lines in the help that features add."""
    say_helps: Sequence[str] = ()
    """Those in that of `/devin-say`."""
    new_form: Open | None = None
    """Opens the form for a new session, if a feature has one."""

    def __init__(
        self,
        workspace: Workspace,
        state: State,
        devin: Devin,
        prompts: Prompts,
        schedule: Schedule,
        background: Background,
        in_flight: InFlight,
    ) -> None:
        self.workspace, self.state, self.devin = workspace, state, devin
        self.prompts, self.background = prompts, background
        self.obeys: Mapping[str, Obey] = {}
        """What carries out the verbs that features add."""
        self.says: Mapping[str, Tell] = {}
        """What tells the answer to the words behind `/devin-say` that features add."""
        self.notices = notices = Notices(state.outbox, schedule, workspace.threads, background)
        self.acting = acting = Acting(workspace, state, devin)
        if acting.is_required:
            workspace.permissions.account = acting.account
        self.listening = Listening(state.checkpoints, workspace.clock, workspace.settings.catch_up)
        self.audience = audience = Audience(workspace, state)
        self.status_lines = lines = StatusLines(workspace, state, audience, background)
        far_caps = FarCaps(workspace, state, audience, notices.say)
        polls = SessionPoll(workspace, state, devin, lines, schedule, far_caps)
        self.polling = Polling(polls, state.watches, background, workspace.timing)
        work = schedule, in_flight, self.listening, self.polling
        self.accepting = accepting = Accepting(workspace, state, *work)
        self.naming = naming = Naming(workspace, state, devin, accepting, audience)
        self.speaking = speaking = Speaking(workspace, state, accepting, naming)
        self.replies = Replies(accepting, notices)
        self.edits = Edits(state, accepting, notices, speaking)
        self.linking = Linking(workspace, state, accepting, naming, audience, acting, notices)
        self.say = Say(workspace, state, accepting, naming, speaking)
        self.ending = Ending(workspace, state, devin, accepting, naming, speaking, lines.agents)
        choosing = prompts.choosing
        self.starting = starting = Starting(workspace, state, accepting, choosing, naming, speaking)
        self.asking = Asking(workspace, state, accepting, naming, starting, notices)
