"""The reactions of Devin Relay to Slack: one behavior a file, first match first.

| file             | what people do                                              |
|------------------|-------------------------------------------------------------|
| `events`         | write: which of the next four it is                         |
| `mentions`       | `@Devin Relay link`, `start`, `status`, `follow`, `end` …   |
| `replies`        | write in a linked thread                                    |
| `first_words`    | speak to the bot without a command; press what it offers    |
| `edits`          | edit or delete a message; press *Send correction*           |
| `say`            | `/devin-say` in a channel                                   |
| `say_prompts`    | answer what `/devin-say` asks back                          |
| `home`           | open the Home tab of the app, and press there               |
| `starting`       | run *Start a Devin session*; press *Start again* or *… new* |
| `ending`         | press *End session*, *Archive session* or *Cancel*          |
| `shortcuts`      | run *Send to Devin* or *Link to a Devin session*            |
| `link_offers`    | press *Link this thread*, offered where a session is named  |
| `actions`        | press *Send again*, *Unlink*, *Follow* or *Unfollow*        |
| `answers`        | press an answer to what Devin asks, or *Approve*            |
| `workflow_steps` | run a workflow with a step of ours                          |
| `failures`       | (what any of these raise, told to the person it concerns)   |
| `channel_moves`  | share a channel with another organization                   |
| `unhandled`      | (everything else, acknowledged)                             |
| `foreign`        | (what none of these would act on: acknowledged before them) |
"""

from slack_bolt.async_app import AsyncApp

from bot.relay import UseCases
from handlers import (
    actions,
    answers,
    channel_moves,
    edits,
    ending,
    events,
    failures,
    first_words,
    home,
    link_offers,
    say,
    say_prompts,
    shortcuts,
    starting,
    unhandled,
    workflow_steps,
)

HANDLERS = (
    failures,
    events,
    first_words,
    edits,
    say,
    say_prompts,
    home,
    starting,
    ending,
    shortcuts,
    link_offers,
    actions,
    answers,
    workflow_steps,
    channel_moves,
    unhandled,
)


def register(app: AsyncApp, cases: UseCases) -> None:
    """Register all of them; the order is the order of matching."""
    for handler in HANDLERS:
        handler.register(app, cases)
