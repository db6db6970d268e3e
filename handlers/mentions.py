"""`@Devin Relay link …` and its kin: what somebody asks the bot in a thread.

Slack sends a mention twice, as `message` and as `app_mention` (in a direct message only the first);
whichever comes first is answered.
"""

from bot import messages
from bot.errors import LinkedElsewhere, PersonError, RelayError
from bot.models import ThreadRef
from bot.relay import Relay
from bot.words import Words
from handlers.payloads import Command


async def answer(relay: Relay, command: Command) -> None:
    """Do what a mention asks for, once for both of its events, and say so in the thread."""
    claim = claim_of(command.thread, command.ts)
    if not await relay.answers.claim(claim):
        return
    try:
        words = await _obey(relay, command)
    except PersonError:
        raise
    except RelayError:
        await relay.answers.disclaim(claim)
        raise
    relay.answers.say(command.thread, words)


def claim_of(thread: ThreadRef, ts: str) -> str:
    """What is claimed by who answers the mention at `ts`."""
    return f"command:{thread.channel}:{ts}"


async def _obey(relay: Relay, command: Command) -> Words:
    thread, by = command.thread, command.by
    match command.verb:
        case "link":
            return await _link(relay, command)
        case "unlink":
            return messages.unlinked(await relay.unlink(thread, by))
        case "mute" | "unmute":
            return messages.muted(await relay.mute(thread, by, muted=command.verb == "mute"))
        case "status":
            status = await relay.status(thread, by)
            return messages.status(status.link, status.by, status.mail, status.last)
        case "default":
            return await _default(relay, command)
        case _:
            await relay.check(by, thread.channel)
            return messages.HELP


async def _link(relay: Relay, command: Command) -> Words:
    try:
        link, already = await relay.link(command.thread, command.by, command.argument)
    except LinkedElsewhere as error:
        return messages.sorry(error, await relay.name(error.link.by))
    return messages.linked(link, already=already)


async def _default(relay: Relay, command: Command) -> Words:
    channel, by, argument = command.thread.channel, command.by, command.argument
    if argument.lower() == "none":
        await relay.saying.clear_default(channel, by)
        return messages.DEFAULT_CLEARED
    if argument:
        return messages.default_chosen(await relay.saying.set_default(channel, by, argument))
    default = await relay.saying.default(channel, by)
    if default is None:
        return messages.NO_DEFAULT
    return messages.default_is(default.session, await relay.name(default.by))
