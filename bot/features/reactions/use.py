"""The start that a reaction asks for: the whole message is its prompt."""

from dataclasses import dataclass

from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.times import Ts
from bot.relay import UseCases
from bot.relay.lifecycle.starting import Start


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reaction `by` somebody to the message `ts`, `at` Slack's time, that asks for a session."""

    by: UserId
    emoji: str
    channel: str
    ts: str
    at: Ts


@dataclass(frozen=True, slots=True)
class Reactions:
    """Starts sessions by reactions."""

    core: UseCases

    async def start(self, reaction: Reaction, message: Reply) -> None:
        """Start a session from `message`; raises what `Starting.start` does."""
        by, emoji = reaction.by, reaction.emoji
        sent = message if by == message.author else message.model_copy(update={"sent_by": by})
        await self.core.starting.start(
            Start(message=sent, reads_thread=True, is_talk=True, pressed=reaction.at, emoji=emoji)
        )
