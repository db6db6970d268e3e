"""What sessions have used: `@Devin Relay usage`, and `/devin-say usage`."""

from bot.features.usage import words
from bot.features.usage.use import Usage
from bot.model.verbs import Command, Verb
from bot.wording.message import SlackMessage
from handlers.feature import Feature


async def on_command(usage: Usage, command: Command) -> SlackMessage:
    """Tell what the thread's session has used, or else the channel's, or the person's own."""
    return await usage.here(command.thread, command.by)


USAGE = Feature(
    builds=Usage.of,
    verbs={"usage": Verb(may_be_talk=False)},
    obeys={"usage": on_command},
    help=words.HELP,
    says={"usage": Usage.own},
    say_help=words.SAY_HELP,
)
