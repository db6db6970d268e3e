"""The use cases behind a person's request: everything that people can ask for.

Each takes values that a handler parsed, checks permissions, changes the state in Redis, and raises
an error from `model/errors.py` when the person must know something. Each raises `NotAllowed` if the
person may not, and `StoreAway` or `NotIdentified` if Redis or Slack is away: then it may not be
done, and Slack must not be acknowledged. Methods name only what else they raise.
"""

from dataclasses import dataclass

from bot.relay.accept import Accepting, Replies
from bot.relay.asking import FirstWords, LinkForm
from bot.relay.edits import Edits
from bot.relay.home import Home
from bot.relay.lifecycle.adopting import Adopting
from bot.relay.lifecycle.ending import Ending
from bot.relay.lifecycle.forms import Defaults, StartForms
from bot.relay.lifecycle.own_threads import OwnThreads
from bot.relay.lifecycle.starting import Starting
from bot.relay.linking import ChannelMoves, Linking
from bot.relay.naming import Naming
from bot.relay.reviews import Reviews
from bot.relay.saying.say import Answers, Say
from bot.relay.stopping import Stopping
from bot.relay.usage import Digests, Usage
from bot.relay.workflow_steps import WorkflowSteps
from bot.reporting.reporter import Notices
from bot.runtime.in_flight import Background
from bot.slack.app.workspace import Workspace
from bot.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """Everything a person in Slack can ask for, and what it is built on.

    - `replies`, `edits`: what people write, edit and delete in linked threads
    - `linking`: the links of threads, and their states
    - `say`: `/devin-say`, and the form or menu that asks for its missing arguments
    - `link_form`: message shortcuts, and an offered link when a message names a session
    - `first_words`: offers to people who spoke to the bot, but gave no command
    - `home`: App Home; `workflow_steps`: steps of Workflow Builder
    - `channel_moves`: channels that get a new id
    - `starting`, `ending`: sessions that people start, end or archive from Slack
    - `usage`: what sessions have used; `digests`: the digests of channels
    - `reviews`: Devin Reviews of pull requests
    - `adopting`, `own_threads`: sessions that get threads in a channel, by rules and by a button
    - `start_forms`: the form for a new session, and the one that starts a failed one again
    - `defaults`: what a channel's sessions start with
    - `answers`, `stopping`: the buttons under what Devin asks, and Slack's *Stop*
    - `accepting`, `naming`: who may steer Devin, and the names by which sessions are shown
    - `notices`, `background`: messages to people, and work that continues after an acknowledgement
    """

    workspace: Workspace
    state: State
    background: Background
    accepting: Accepting
    naming: Naming
    notices: Notices
    replies: Replies
    edits: Edits
    linking: Linking
    say: Say
    link_form: LinkForm
    first_words: FirstWords
    home: Home
    workflow_steps: WorkflowSteps
    channel_moves: ChannelMoves
    starting: Starting
    start_forms: StartForms
    ending: Ending
    usage: Usage
    digests: Digests
    reviews: Reviews
    adopting: Adopting
    own_threads: OwnThreads
    answers: Answers
    stopping: Stopping
    defaults: Defaults
