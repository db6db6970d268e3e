"""A channel's digest: `@Devin Relay digest …`."""

from bot.features.digest import words
from bot.features.digest.digest import Often
from bot.features.digest.use import SET, Digests
from bot.model.verbs import Command, Verb
from bot.wording.message import SlackMessage
from handlers.feature import Feature
from handlers.mentions import announce


async def on_command(digests: Digests, command: Command) -> SlackMessage:
    """Set the channel's digest, which the channel is told, or tell what is set."""
    channel, by, argument = command.thread.channel, command.by, command.argument.lower()
    if argument:
        await digests.set(channel, by, None if argument == "off" else Often(argument))
    found, name = await digests.due_in(channel, by), digests.workspace.people.name
    if found is None:
        await announce(digests.notices, command, words.ended(await name(by)))
        return words.NONE
    digest, due = found
    said = words.shown(digest, await name(digest.by), due)
    await announce(digests.notices, command, said)
    return said


DIGEST = Feature(
    builds=Digests.of,
    verbs={"digest": Verb(words=("daily", "weekly", "off"), ends="off", may_be_talk=False)},
    obeys={"digest": on_command},
    help=words.HELP,
    tellers=lambda digests: [digests],
    events=[SET],
)
