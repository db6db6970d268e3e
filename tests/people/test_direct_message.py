"""The bot's direct message: a command line without mentions, where every message begins a thread.

With an agent's manifest, Slack shows each of them as a conversation of its own, and what is not
posted in its thread is seen nowhere near it.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from bot.app import Bot
from bot.features.adoption import words as adoption
from bot.features.digest import words as digest
from bot.features.home import words as home
from bot.features.home.use import SUGGEST
from bot.features.reviews import words as reviews
from bot.model.errors import NotLinked
from bot.wording import commands, refusals, thread_links
from bot.wording.lifecycle import starting
from bot.wording.phrases import session_address
from tests.support.builders import command_of
from tests.support.desk import OTHER_SESSION, SESSION, Desk, Told, actions, labels
from tests.support.features import HELP, VERBS
from tests.support.waiting import wait_until

PEOPLE = ("ada", "ben")

HOW = "To set some, press *Change*, or write `defaults"

ANSWERS: dict[str, tuple[Told, list[str]]] = {
    "hi": (thread_links.not_linked(""), ["start_spoken", "link_spoken"]),
    "what can you do?": (
        thread_links.not_linked(""),
        ["start_spoken", "link_spoken"],
    ),
    "Help": (HELP, ["open_start_form"]),
    "start": (starting.NOTHING, ["open_start_form"]),
    "link": (refusals.no_session(""), ["link_spoken"]),
    SESSION: (thread_links.did_you_mean("link", SESSION, "", is_linked=False), ["run_spoken"]),
    "sessions": (home.EMPTY, ["open_start_form"]),
    "status": (home.EMPTY, ["open_start_form"]),
    "unlink": (refusals.sorry(NotLinked()), []),
    "mute": (refusals.sorry(NotLinked()), []),
    "unmute": (refusals.sorry(NotLinked()), []),
    "follow": (refusals.sorry(NotLinked()), []),
    "unfollow": (refusals.sorry(NotLinked()), []),
    "end": (refusals.sorry(NotLinked()), []),
    "archive": (refusals.sorry(NotLinked()), []),
    "review": (reviews.WHICH, []),
    "digest": (digest.NONE, []),
    "adopt": (adoption.NONE, []),
    "adopt tag:oncall": ("new sessions that match `tag:oncall` get a thread here", []),
    "usage": ("Sessions that you started haven't used any ACUs", []),
    "default": (commands.NO_DEFAULT, []),
    "defaults": (HOW, ["change_defaults"]),
    "defaults max:10": ("*ada* changed the defaults for new sessions here", []),
    "staus": (thread_links.did_you_mean("status", "", "", is_linked=False), ["run_spoken"]),
    " /help": (thread_links.did_you_mean("help", "", "", is_linked=False), ["run_spoken"]),
}
"""Words outside of any linked thread, the answer, and its buttons."""


async def test_every_message_is_answered_in_its_own_thread(bot: Bot, desk: Desk) -> None:
    """No answer asks for a mention, and none is posted beside the threads."""
    verbs = {words.strip(" /").split()[0].lower() for words in ANSWERS}
    assert VERBS.keys() <= verbs, "`ANSWERS` has each command, as it is answered without a link"
    said = {words: await desk.slack.say(words, channel="dm") for words in ANSWERS}
    for words, (told, buttons) in ANSWERS.items():
        assert "ention me with `" not in await desk.until_said(told, said[words], channel="dm")
        (post,) = desk.posts(said[words], channel="dm")
        assert actions(post) == buttons, words
    shown = desk.slack.channel_messages("dm")
    assert {one.thread_ts or one.ts for one in shown} == set(said.values())
    assert desk.slack.ephemerals("dm") == []


async def test_two_conversations_at_once_have_a_session_each(bot: Bot, desk: Desk) -> None:
    """Replies go where they were written, and commands there are about that session."""
    desk.devin.add_session(OTHER_SESSION)
    one = await desk.slack.say(f"link {SESSION}", channel="dm")
    two = await desk.slack.say(f"link {OTHER_SESSION}", channel="dm")
    for thread, session in ((one, SESSION), (two, OTHER_SESSION)):
        await desk.until_linked(thread, channel="dm")
        await desk.reply(f"for {session}", thread, channel="dm")
    for thread, session in ((one, SESSION), (two, OTHER_SESSION)):
        assert (await desk.until_received("for devin", session)).endswith(f"for {session}")
        await desk.reply("status", thread, channel="dm")
        await desk.until_said(session_address(desk.named(session)), thread, channel="dm")
    await desk.reply("mute", one, channel="dm")
    await desk.until_said("until you write `unmute`", one, channel="dm")
    await desk.reply("still here", two, channel="dm")
    await desk.until_received("still here", OTHER_SESSION)


async def test_sessions_lists_what_the_person_can_see(bot: Bot, desk: Desk) -> None:
    """Those of the direct message and of their channels; in a channel, only they are told."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    own = await desk.linked_thread(OTHER_SESSION, channel="dm")
    asked = await desk.slack.say("sessions", channel="dm")
    listed = await desk.until_said(home.TITLE, asked, channel="dm")
    for root, session in ((thread, SESSION), (own, OTHER_SESSION)):
        assert session_address(desk.named(session)) in listed
        assert f"p{root.replace('.', '')}?" in listed
    before = desk.said(thread)
    await desk.mention("sessions", thread=thread, user="ben")
    told = await desk.until_whispered(home.TITLE, "ben")
    assert session_address(desk.named()) in told
    assert session_address(desk.named(OTHER_SESSION)) not in told
    assert desk.said(thread) == before


async def test_the_form_starts_in_the_direct_message(bot: Bot, desk: Desk) -> None:
    """It is opened there, and no channel is chosen in it."""
    ts = await desk.slack.say("start", channel="dm")
    await desk.press("open_start_form", ts, channel="dm")
    await wait_until(lambda: desk.slack.open_views("ada"), "the form opens")
    (form,) = desk.slack.open_views("ada")
    await desk.slack.submit_view(form["id"], {"prompt": "Write a poem", "cap": "5"})

    def roots() -> list[str]:
        own = [one for one in desk.slack.channel_messages("dm") if "Write a poem" in one.text]
        return [one.ts for one in own]

    await wait_until(roots, "the prompt is posted")
    assert "0 of 5 ACUs" in await desk.until_linked(roots()[0], channel="dm")


async def test_a_session_that_has_ended_asks_for_no_mention(bot: Bot, desk: Desk) -> None:
    """That is said among Devin's words, which are no message like the others."""
    thread = await desk.linked_thread(channel="dm")
    await desk.reply("end", thread, channel="dm")
    await desk.press("end_session", thread, channel="dm")
    advice = "To continue, press *Start a new session*, or write `start"
    await desk.until_said(f"can't receive messages anymore. {advice}", thread, channel="dm")


@pytest.mark.parametrize("user", ["gus", "eve"])
async def test_a_guest_and_an_outsider_are_turned_away(bot: Bot, desk: Desk, user: str) -> None:
    """Nothing is offered, listed or started."""
    place = desk.slack.workspace.direct_message(user, desk.slack.bot_user_id).id
    said = [
        await desk.slack.say(words, user=user, channel=place)
        for words in ("hi", "help", "sessions", "start Write a poem", "link", SESSION)
    ]
    for ts in said:
        await desk.until_said("can't message Devin here", ts, channel=place)
        (post,) = desk.posts(ts, channel=place)
        assert labels(post) == []


# Suggested prompts.


async def test_who_opens_the_direct_message_is_offered_prompts_once_a_day(
    bot: Bot, desk: Desk
) -> None:
    """Each is a command. A guest gets none, and Home beside it stays as it was."""
    desk.slack.agent = True
    desk.slack.workspace.direct_message("gus", desk.slack.bot_user_id)
    for user in ("gus", "ada", "ada"):
        await desk.slack.open_home(user, "messages")
        await desk.until_heard()
    await desk.slack.open_home("ben", "messages")
    await wait_until(lambda: len(calls(desk)) >= 2, "both are offered prompts")
    ada, ben = (desk.slack.workspace.direct_message(one, desk.slack.bot_user_id) for one in PEOPLE)
    assert sorted(one["channel_id"] for one in calls(desk)) == sorted([ada.id, ben.id])
    for _, command in home.PROMPTS:
        event = {"type": "message", "text": command, "user": "U0ADA00000", "channel": ada.id}
        assert command_of({**event, "ts": "1.000000"})
    assert desk.slack.home_view("ada") is None


def calls(desk: Desk) -> list[Mapping[str, Any]]:
    """Return the arguments of all requests for prompts."""
    return [one.params for one in desk.slack.calls if one.method == SUGGEST]
