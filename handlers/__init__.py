"""What Devin Relay reacts to in Slack: one behaviour a file, first match first.

| file        | what people do                                              |
|-------------|-------------------------------------------------------------|
| `mentions`  | `@Devin Relay link`, `unlink`, `status`, `mute`, `help` …    |
| `replies`   | write in a linked thread                                    |
| `commands`  | `/devin-say` in a channel                                   |
| `actions`   | press *Send again* or *Unlink*                              |
| `errors`    | (what any of these raise, told to whom it concerns)         |
| `unhandled` | (everything else, acknowledged)                             |
| `late`      | (what was written while nobody listened: no listener)       |
"""

from slack_bolt.async_app import AsyncApp

from bot.relay import Relay
from handlers import actions, commands, errors, mentions, replies, unhandled

HANDLERS = (errors, mentions, replies, commands, actions, unhandled)


def register(app: AsyncApp, relay: Relay) -> None:
    """Register all of them; the order is the order of matching."""
    for handler in HANDLERS:
        handler.register(app, relay)
