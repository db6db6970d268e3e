"""The reactions of Devin Relay to Slack: one behavior a file, first match first.

| file             | what people do                                              |
|------------------|-------------------------------------------------------------|
| `events`         | write: which of the next four it is, or nothing for us;     |
|                  | share a channel; grant an org-wide app access to a          |
|                  | workspace, or revoke it                                     |
| `mentions`       | `@Devin Relay link`, `start`, `status`, `follow`, `end` …   |
| `replies`        | write in a linked thread; press *Link this thread*          |
| `first_words`    | speak to the bot without a command; press what it offers    |
| `edits`          | edit or delete a message; press *Send correction*           |
| `say`            | `/devin-say` in a channel; answer what it asks back         |
| `home`           | open a tab of the app; press in Home                        |
| `starting`       | run *Start a Devin session*; press *Start again* or *… new* |
| `reactions`      | react with the emoji that starts a session (START_EMOJI)    |
| `defaults`       | press *Change* below a channel's defaults; submit its form  |
| `shortcuts`      | run *Send to Devin* or *Link to a Devin session*            |
| `buttons`        | press *Send again*, *Unlink*, *Follow*, *Devin Review* …    |
| `stopping`       | press Slack's *Stop* in a thread whose session is at work   |
| `workflow_steps` | run a workflow with a step of ours                          |
| `answering`      | (all else, acknowledged; what any raises, told to a person) |
"""

from slack_bolt.async_app import AsyncApp

from bot.relay import UseCases
from handlers import (
    answering,
    buttons,
    defaults,
    edits,
    events,
    first_words,
    home,
    reactions,
    replies,
    say,
    shortcuts,
    starting,
    stopping,
    workflow_steps,
)

HANDLERS = (
    events,
    first_words,
    edits,
    say,
    home,
    starting,
    reactions,
    defaults,
    shortcuts,
    buttons,
    stopping,
    workflow_steps,
    replies,
    answering,
)


def register(app: AsyncApp, cases: UseCases) -> None:
    """Register all of them; the order is the order of matching."""
    for handler in HANDLERS:
        handler.register(app, cases)
