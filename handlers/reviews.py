"""Devin Reviews: `@Devin Relay review …`, and *Devin Review* on a session's card."""

from slack_bolt.async_app import AsyncApp

from bot.features.reviews import words
from bot.features.reviews.use import ASKED, Reviews
from bot.model.people import Act
from bot.model.verbs import Command, Takes, Verb
from bot.relay import UseCases
from bot.wording.message import SlackMessage
from handlers.answering import on_press
from handlers.feature import Feature
from handlers.mentions import claim_of
from handlers.parse.interactions import Press


async def on_command(reviews: Reviews, command: Command) -> SlackMessage | None:
    """Ask for a review of the pull request in the argument, or of the session's."""
    key = claim_of(command.thread, command.ts)
    return await reviews.ask(command.thread, command.by, key, named=command.argument)


def listen(app: AsyncApp, cases: UseCases, reviews: Reviews) -> None:
    """Listen to the button and the menu."""

    @on_press(app, cases, words.ASK)
    async def on_review(press: Press) -> None:
        key = f"press:{press.channel}:{press.by}:{press.ts or press.trigger}"
        said = await reviews.ask(press.thread, press.by, key, short=press.value)
        if said is not None:
            await reviews.notices.say(press.thread, said, once=key)


REVIEWS = Feature(
    builds=Reviews.of,
    listens=listen,
    verbs={"review": Verb(takes=Takes.ADDRESS, act=Act.START, may_be_talk=True)},
    obeys={"review": on_command},
    help=words.HELP,
    tellers=lambda reviews: [reviews],
    offers=words.offer,
    events=[ASKED],
)
