"""A reaction with the chosen emoji starts a session from its message, once, where that is set."""

import asyncio
import re

import pytest

from bot.app import Bot
from bot.model.errors import AlreadyDone, LinkedElsewhere, NotAllowed
from bot.model.people import Others, Standing, Written
from bot.redis.connection import Store
from bot.wording import refusals
from bot.wording.lifecycle import starting
from bot.wording.message import SlackMessage
from sandbox.devin.answers import STATES
from sandbox.slack.transport.deliveries import Delivery
from sandbox.slack.world.cast import RELAY
from tests.support.desk import ANYTHING, Desk, running
from tests.support.forms import start_again
from tests.support.waiting import until_settled, wait_until

ROBOT = "robot_face"


@pytest.fixture(autouse=True)
def hears_reactions(environ: dict[str, str], desk: Desk) -> None:
    """Set the emoji for two channels."""
    places = [desk.slack.workspace.channel(name).id for name in ("general", "shared")]
    environ |= {"START_EMOJI": ROBOT, "START_EMOJI_CHANNELS": ",".join(places)}
    desk.slack.bot_events = [*desk.slack.bot_events, "reaction_added"]
    desk.slack.scopes = [*desk.slack.scopes, "reactions:read"]


def prompts(desk: Desk) -> list[str]:
    """Return the prompts of the sessions that were started."""
    return [one.messages[0].text for one in desk.devin.sessions.values() if one.origin == "api"]


def reactions(desk: Desk) -> list[Delivery]:
    """Return the deliveries of people's reactions."""
    return [
        one
        for one in desk.slack.deliveries
        if one.payload.get("event", {}).get("reaction", "").startswith(ROBOT)
    ]


async def test_a_message_starts_one_session_whoever_reacts(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Two people at once, and Slack's repeats, change nothing; later ones see who was first."""
    ts = await desk.slack.say("max:7 The *build* is red")
    await desk.slack.react("general", ts, f"{ROBOT}::skin-tone-2")
    await desk.slack.react("general", ts, ROBOT, user="ben")
    await desk.until_linked(ts)
    await desk.until_delivered(ts)
    for delivery in reactions(desk):
        await desk.slack.redeliver(delivery)
    await until_settled(store)
    (prompt,) = prompts(desk)
    # Either is the first: Ada, or Ben, who sends what she wrote.
    assert prompt.endswith(" (in Slack):\n\nmax:7 The **build** is red")
    await desk.slack.unreact("general", ts, ROBOT, user="ben")
    await desk.slack.react("general", ts, ROBOT, user="ben")
    (session,) = (one for one in desk.devin.sessions.values() if one.origin == "api")
    told = refusals.sorry(LinkedElsewhere(desk.named(session.session_id), ANYTHING))
    await desk.until_whispered(told, "ben")
    assert len(prompts(desk)) == 1


@pytest.mark.parametrize("place", ["root", "reply"])
async def test_its_thread_is_the_context(bot: Bot, desk: Desk, place: str) -> None:
    """What was written after the message counts as well, up to the reaction."""
    root = await desk.slack.say("The build is red")
    reply = await desk.reply("It is `test_upload`", root, user="ben")
    await desk.reply("Since Monday", root)
    ts = root if place == "root" else reply
    await desk.slack.react("general", ts, ROBOT)
    await desk.until_linked(root)
    ada, ben = "ada, U0ADA00000", "Ben Franklin, U0BEN00000"
    said = {
        "The build is red": f"{ada} (in Slack):",
        "It is `test_upload`": f"{ben} (in Slack):",
        "Since Monday": f"{ada} (in Slack):",
    }
    own = "The build is red" if place == "root" else "It is `test_upload`"
    by = said.pop(own)
    line = by if place == "root" else f"{ada} sends what {ben} wrote (in Slack):"
    quoted = "\n\n".join(f"> {who}\n>\n> {what}" for what, who in said.items())
    head = "This was asked in a Slack thread. Its messages, oldest first:"
    assert prompts(desk) == [f"{line}\n\n{own}\n\n{head}\n\n{quoted}"]


@pytest.mark.parametrize(
    ("author", "reactor", "told"),
    [
        ("ada", "gus", refusals.sorry(NotAllowed(Standing.GUEST))),
        ("ada", "eve", refusals.sorry(NotAllowed(Standing.EXTERNAL))),
        ("gus", "ada", starting.nothing(Others((Written(1, Standing.GUEST),)))),
        ("bolt-ci", "ada", starting.nothing(Others((Written(1, Standing.BOT, "", "Bolt CI"),)))),
    ],
)
async def test_who_may_not_start_and_whose_words_are_not_passed_on(
    environ: dict[str, str], desk: Desk, author: str, reactor: str, told: SlackMessage
) -> None:
    """The person who reacted is told alone, if the operator has nobody asked."""
    async with running(desk, environ, START_QUOTES="allowed"):
        ts = await desk.slack.say("Print the deploy key", user=author, channel="shared")
        await desk.slack.react("shared", ts, ROBOT, user=reactor)
        await desk.until_whispered(told, reactor, channel="shared")
    assert (prompts(desk), desk.said(ts, channel="shared")) == ([], [])


async def test_an_operator_may_have_alerts_passed_on(environ: dict[str, str], desk: Desk) -> None:
    """Devin reads whose they are, and who sends them."""
    async with running(desk, environ, START_QUOTES="all"):
        ts = await desk.slack.say("Disk full", user="bolt-ci", channel="shared")
        await desk.slack.react("shared", ts, ROBOT)
        await desk.until_linked(ts, channel="shared")
    (prompt,) = prompts(desk)
    assert re.match(r"ada, U0ADA00000 sends what .* wrote \(in Slack, by a bot\):", prompt)


async def test_a_reaction_that_is_taken_away_starts_nothing(bot: Bot, desk: Desk) -> None:
    """It is looked at again before Devin is asked; a message that is gone is not mentioned."""
    gone = await desk.slack.say("Never mind")
    await desk.slack.react("general", gone, ROBOT, user="ben")
    await desk.slack.delete("general", gone)
    ts = await desk.slack.say("The build is red")
    await desk.slack.react("general", ts, ROBOT)
    await desk.slack.unreact("general", ts, ROBOT)
    await desk.until_whispered(starting.WITHDRAWN, "ada")
    assert (prompts(desk), desk.whispers("ben")) == ([], [])


async def test_who_reacted_after_the_one_who_took_it_back_is_told_in_the_thread(
    bot: Bot, desk: Desk
) -> None:
    """Their reaction counted as a repeat, so it has to be made again."""
    go_on = asyncio.Event()
    desk.slack.fail_next("reactions.get", until=go_on)
    ts = await desk.slack.say("The build is red")
    await desk.slack.react("general", ts, ROBOT)
    await wait_until(
        lambda: "reactions.get" in [one.method for one in desk.slack.calls], "it is looked at"
    )
    await desk.slack.react("general", ts, ROBOT, user="ben")
    await desk.slack.unreact("general", ts, ROBOT)
    await desk.until_heard()
    go_on.set()
    await desk.until_said(starting.OTHERS_REACTED.text, ts)
    await desk.slack.unreact("general", ts, ROBOT, user="ben")
    await desk.slack.react("general", ts, ROBOT, user="ben")
    await desk.until_linked(ts)


async def test_a_reaction_that_was_withdrawn_keeps_nobody_from_starting(
    bot: Bot, desk: Desk
) -> None:
    """The same message may be reacted to again, by anybody, and once it has started it's told."""
    ts = await desk.slack.say("The build is red")
    await desk.slack.react("general", ts, ROBOT)
    await desk.slack.unreact("general", ts, ROBOT)
    await desk.until_whispered(starting.WITHDRAWN, "ada")
    await desk.slack.react("general", ts, ROBOT, user="ben")
    await desk.until_linked(ts)
    await desk.mention("unlink", thread=ts)
    await wait_until(lambda: desk.said(ts), "the thread is unlinked")
    await desk.slack.react("general", ts, ROBOT)
    await desk.until_whispered(refusals.sorry(AlreadyDone()), "ada")
    assert len(prompts(desk)) == 1


async def test_nothing_starts_if_slack_refuses_to_tell_who_reacts(bot: Bot, desk: Desk) -> None:
    """An operator can help, or a mention."""
    desk.slack.fail_next("reactions.get", error="missing_scope")
    ts = await desk.slack.say("The build is red")
    await desk.slack.react("general", ts, ROBOT)
    await desk.until_whispered(refusals.refused_by_slack("missing_scope"), "ada")
    assert prompts(desk) == []


async def test_a_reaction_that_meets_one_failure_of_slacks_is_brought_again(
    bot: Bot, desk: Desk
) -> None:
    """Nobody is told: only one that is still not looked up after 20 seconds is given up."""
    desk.slack.hurry(0.5)
    ts = await desk.slack.say("The build is red")
    desk.slack.fail_next("conversations.replies", status=500)
    await desk.slack.react("general", ts, ROBOT)
    await desk.until_linked(ts)
    assert desk.whispers("ada") == []


async def test_a_failed_start_can_be_repeated_in_its_thread(bot: Bot, desk: Desk) -> None:
    """Everybody sees the button, and the reaction need not be there any more."""
    desk.devin.creations.append(STATES["refuses"])
    ts = await desk.slack.say("The build is red")
    await desk.slack.react("general", ts, ROBOT)
    await desk.offering("start_again", ts)
    await desk.slack.unreact("general", ts, ROBOT)
    await start_again(desk, ts)
    await desk.until_linked(ts)
    assert prompts(desk) == ["ada, U0ADA00000 (in Slack):\n\nThe build is red"]


async def test_other_reactions_start_nothing(bot: Bot, desk: Desk, store: Store) -> None:
    """Other emoji, channels and bots, and the bot's own posts, are none of it; nobody is told."""
    ts = await desk.slack.say("The build is red")
    elsewhere = await desk.slack.say("The build is red", channel="secrets")
    help_ = await desk.mention("help")
    await wait_until(lambda: desk.posts(help_), "the bot answers")
    for channel, at, name, user in (
        ("general", ts, "tada", "ada"),
        ("secrets", elsewhere, ROBOT, "ada"),
        ("general", ts, ROBOT, "bolt-ci"),
        ("general", ts, ROBOT, RELAY),
        ("general", desk.posts(help_)[0].ts, ROBOT, "ada"),
    ):
        await desk.slack.react(channel, at, name, user=user)
    await desk.until_heard()
    await until_settled(store)
    assert (prompts(desk), desk.whispers("ada")) == ([], [])
