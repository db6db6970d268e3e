"""`@Devin Relay link …` and its kin: what somebody asks the bot in a thread.

Slack sends a mention twice, as `message` and as `app_mention` (in a direct message only the first);
whichever comes first is answered.
"""

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext

from bot import messages
from bot.errors import LinkedElsewhere, PersonError, RelayError
from bot.models import ThreadRef
from bot.relay import Relay
from bot.words import Words
from handlers.payloads import Command, Payload, parse_command


def register(app: AsyncApp, relay: Relay) -> None:
    """Listen to mentions that are a command."""

    async def is_command(event: Payload, context: AsyncBoltContext) -> bool:
        return parse_command(event, relay.team, context.bot_user_id or "") is not None

    @app.event("message", matchers=[is_command])
    async def on_command_message(event: Payload, context: AsyncBoltContext) -> None:
        await answer(event, context)

    @app.event("app_mention", matchers=[is_command])
    async def on_command_mention(event: Payload, context: AsyncBoltContext) -> None:
        await answer(event, context)

    async def answer(event: Payload, context: AsyncBoltContext) -> None:
        command = parse_command(event, relay.team, context.bot_user_id or "")
        if command is None:
            return
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
            try:
                link, already = await relay.link(thread, by, command.argument)
            except LinkedElsewhere as error:
                return messages.sorry(error, await relay.name(error.link.by))
            return messages.linked(link, already=already)
        case "unlink":
            return messages.unlinked(await relay.unlink(thread, by))
        case "mute" | "unmute":
            return messages.muted(await relay.mute(thread, by, muted=command.verb == "mute"))
        case "status":
            status = await relay.status(thread, by)
            return messages.status(status.link, status.by, status.mail, status.last)
        case _:
            await relay.check(by, thread.channel)
            return messages.HELP
