"""The reactions of Devin Relay to Slack: one behavior a file, first match first.

| file             | what people do                                              |
|------------------|-------------------------------------------------------------|
| `events`         | write: which of the next two it is, or nothing for us; edit |
|                  | or delete a message; share a channel; grant an org-wide app |
|                  | access to a workspace, or revoke it                         |
| `mentions`       | `@Devin Relay link`, `start`, `status`, `follow`, `end` …;  |
|                  | speak to it without a command; press what it offers         |
| `replies`        | write in a linked thread; press *Link this thread* or       |
|                  | *Send correction*; run *Send to Devin* or *Link to a Devin  |
|                  | session*                                                    |
| `say`            | `/devin-say` in a channel; answer what it asks back         |
| `starting`       | press *Start a new session* or *Continue in a new session*  |
| `buttons`        | press *Send again*, *Unlink*, *Follow*, *End session* …,    |
|                  | or Slack's *Stop* in a thread whose session is at work      |
| `defaults`       | `@Devin Relay defaults …`, `/devin-say defaults`; press     |
|                  | *Change* below them (`FEATURES`)                            |
| `adoption`       | `@Devin Relay adopt …`; press *Follow* beside a child       |
|                  | session (`FEATURES`)                                        |
| `usage`          | `@Devin Relay usage`, `/devin-say usage` (`FEATURES`)       |
| `digest`         | `@Devin Relay digest …` (`FEATURES`)                        |
| `reviews`        | `@Devin Relay review …`; press *Devin Review* (`FEATURES`)  |
| `home`           | open a tab of the app; press in Home; `@Devin Relay         |
|                  | sessions` (`FEATURES`)                                      |
| `workflow_steps` | run a workflow with a step of ours (`FEATURES`)             |
| `start_forms`    | run *Start a Devin session*; press *Start a session* or     |
|                  | *Start again* (`FEATURES`)                                  |
| `reactions`      | react with START_EMOJI (`FEATURES`)                         |
| `answering`      | (all else, acknowledged; what any raises, told to a person) |
"""

from collections.abc import Sequence

from slack_bolt.async_app import AsyncApp

from bot.relay import UseCases
from handlers import (
    answering,
    buttons,
    events,
    mentions,
    replies,
    say,
    starting,
)
from handlers.adoption import ADOPTION
from handlers.defaults import DEFAULTS
from handlers.digest import DIGEST
from handlers.feature import Features, Running
from handlers.home import HOME
from handlers.reactions import REACTIONS
from handlers.reviews import REVIEWS
from handlers.start_forms import START_FORMS
from handlers.usage import USAGE
from handlers.workflow_steps import WORKFLOW_STEPS

HANDLERS = (events, mentions, replies, say, starting, buttons)

FEATURES: Features = (
    *(DEFAULTS, ADOPTION, USAGE, DIGEST, REVIEWS, HOME, WORKFLOW_STEPS, START_FORMS),
    REACTIONS,
)
"""All features; the core works without any of them."""


def register(app: AsyncApp, cases: UseCases, features: Sequence[Running] = ()) -> None:
    """Register all of them; the order is the order of matching."""
    for handler in HANDLERS:
        handler.register(app, cases)
    for feature in features:
        feature.listens(app, cases)
    answering.register(app, cases)
