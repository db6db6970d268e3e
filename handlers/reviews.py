"""Devin Reviews: `@Devin Relay review …`, and *Devin Review* on a session's card."""

from bot.features.reviews import words
from bot.features.reviews.use import ASKED, Reviews
from bot.model.people import Act
from bot.model.verbs import Command, Takes, Verb
from bot.wording.message import SlackMessage
from handlers.feature import Feature
from handlers.mentions import claim_of
from handlers.parse.interactions import Press


async def on_command(reviews: Reviews, command: Command) -> SlackMessage | None:
    """Ask for a review of the pull request in the argument, or of the session's."""
    key = claim_of(command.thread, command.ts)
    return await reviews.ask(command.thread, command.by, key, named=command.argument)


async def on_press(reviews: Reviews, press: Press) -> None:
    """Ask for a review of the pull request that the button, or the choice, stands for."""
    key = f"press:{press.channel}:{press.by}:{press.ts or press.trigger}"
    said = await reviews.ask(press.thread, press.by, key, short=press.value)
    if said is not None:
        await reviews.notices.say(press.thread, said, once=key)


REVIEWS = Feature(
    builds=Reviews.of,
    verbs={"review": Verb(takes=Takes.ADDRESS, act=Act.START, may_be_talk=True)},
    obeys={"review": on_command},
    help=words.HELP,
    presses={words.ASK: on_press},
    tellers=lambda reviews: [reviews],
    offers=words.offer,
    events=[ASKED],
)
