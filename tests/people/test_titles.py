"""Where other organizations read along, nothing that the bot says has a title that Devin wrote."""

import pytest

from bot.app import Bot
from bot.wording import actions
from sandbox.slack.server import Message
from tests.support.desk import OTHER_SESSION, SESSION, Desk
from tests.support.waiting import wait_until

TITLES = {SESSION: "Fix CVE in Acme billing", OTHER_SESSION: "Fire somebody at Acme"}
COMMANDS = [
    *("status", f"link {OTHER_SESSION}", f"link {SESSION}", f"default {SESSION}", "default"),
    *("defaults", "defaults max:5", "end", "start Fix it", "usage", "follow", "unlink"),
]


def said(desk: Desk, channel: str) -> list[Message]:
    """Return all that the bot has said in a channel, to whomever."""
    posts = desk.slack.channel_messages(channel)
    own = [one for one in posts if one.user == desk.slack.bot_user_id]
    return [*own, *desk.slack.ephemerals(channel)]


@pytest.mark.parametrize("channel", ["shared", "general"])
async def test_no_answer_in_a_shared_channel_has_a_title(
    bot: Bot, desk: Desk, channel: str
) -> None:
    """Commands, buttons and reports are tried; elsewhere, people know a session by its title."""
    for session, title in TITLES.items():
        if session not in desk.devin.sessions:
            desk.devin.add_session(session)
        desk.devin.session(session).title = title
    thread = await desk.linked_thread(channel=channel)
    other = await desk.linked_thread(OTHER_SESSION, channel=channel)
    desk.devin.behave(SESSION, "rejects")
    await desk.reply("Please rebase", thread, channel=channel)

    async def then(before: int) -> None:
        await wait_until(lambda: len(said(desk, channel)) > before, "an answer")

    for words in COMMANDS:
        before = len(said(desk, channel))
        await desk.mention(words, thread=thread, channel=channel)
        await then(before)
    for words, action in (("status", actions.UNLINK),):
        await desk.mention(words, thread=other, channel=channel)
        before = len(said(desk, channel))
        await desk.press(action, other, channel=channel)
        await then(before)
    shown = repr(said(desk, channel))
    for title in TITLES.values():
        assert (title in shown) is (channel == "general"), title


async def test_what_a_channel_is_told_once_it_is_shared_has_no_title(bot: Bot, desk: Desk) -> None:
    """A private channel gets another id then, and its links end, before the eyes of outsiders."""
    desk.devin.session(SESSION).title = TITLES[SESSION]
    thread = await desk.linked_thread(channel="secrets")
    await wait_until(lambda: TITLES[SESSION] in repr(said(desk, "secrets")), "the title is known")
    await desk.slack.share("secrets")
    await desk.until_said("This channel was shared", thread, channel="secrets")
    assert not [one for one in desk.said(thread, channel="secrets") if TITLES[SESSION] in one]
