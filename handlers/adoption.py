"""Threads of sessions' own: `@Devin Relay adopt …`, and *Follow* beside a child session."""

from slack_bolt.async_app import AsyncApp

from bot.features.adoption import words
from bot.features.adoption.rules import parse_rules
from bot.features.adoption.use import CHANGED, Adopting
from bot.model.verbs import Command, Verb
from bot.relay import UseCases
from bot.wording.message import SlackMessage
from handlers.answering import on_press
from handlers.feature import Feature
from handlers.mentions import claim_of, told_in
from handlers.parse.interactions import Press, session_of


async def on_command(adopting: Adopting, command: Command) -> SlackMessage | None:
    """Show the channel's rules, or change them, which the channel is told."""
    thread, by, argument = command.thread, command.by, command.argument
    rules = () if argument.lower() == "none" else parse_rules(argument)
    if rules is None:
        return await adopting.show(thread.channel, by)
    return await adopting.change(told_in(command), by, rules, claim_of(thread, command.ts))


def listen(app: AsyncApp, cases: UseCases, adopting: Adopting) -> None:
    """Listen to the button."""

    @on_press(app, cases, words.FOLLOW)
    async def on_follow_child(press: Press) -> None:
        await adopting.threads.follow(press.thread, session_of(press), press.by)


ADOPTION = Feature(
    builds=Adopting.of,
    listens=listen,
    verbs={"adopt": Verb(words=("none",), ends="none", parse=parse_rules, may_be_talk=True)},
    obeys={"adopt": on_command},
    help=words.HELP,
    tellers=lambda adopting: [adopting, adopting.threads],
    offers_child=words.OFFER,
    events=[CHANGED],
)
