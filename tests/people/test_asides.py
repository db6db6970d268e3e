"""What people mark as an aside stays among them, and they hear of it where they may not mean it."""

import pytest

from bot.app import Bot
from bot.redis.connection import Store
from bot.wording import refusals
from tests.people.test_edits import back, edit, until_put_off
from tests.people.test_starting import prompt
from tests.support.builders import rich_text
from tests.support.desk import SESSION, Desk
from tests.support.told import GUEST

DRESSED = "&gt; _(aside)_ psst"


async def test_an_aside_behind_marks_stays_and_its_author_is_told(bot: Bot, desk: Desk) -> None:
    """A quote may have been meant for Devin, and can be sent with *Send to Devin*."""
    thread = await desk.linked_thread()
    ts = await desk.reply(DRESSED, thread)
    await desk.until_whispered(refusals.KEPT_ASIDE, "ada")
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=ts)
    assert "psst" in await desk.until_received("psst")
    assert len(desk.received()) == 1


@pytest.mark.usefixtures("hurried")
async def test_no_mail_waits_for_an_aside_whose_author_slack_does_not_tell(
    bot: Bot, desk: Desk
) -> None:
    """Nothing of it goes to Devin, whoever wrote it, so its thread isn't read for it."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("users.info", status=500, times=1_000)
    await desk.reply(DRESSED, thread, user="ben")
    delivery = await desk.slack.deliveries[-1].settled()
    assert (delivery.acked, delivery.attempts) == (True, 1)
    assert not desk.is_unread(thread)
    assert desk.whispers("ben") == []


async def test_a_guest_is_not_advised_to_send_an_aside(bot: Bot, desk: Desk) -> None:
    """They can't send anything to Devin, and are told that."""
    thread = await desk.linked_thread()
    await desk.reply(DRESSED, thread, user="gus")
    await desk.until_whispered(GUEST, "gus")
    assert await desk.fence(thread) == []
    assert len(desk.whispers("gus")) == 1


@pytest.mark.parametrize("text", ["(aside) psst", "!Aside psst"])
async def test_a_bare_aside_is_kept_without_a_word(bot: Bot, desk: Desk, text: str) -> None:
    """Its author knows what it does; a mention of the bot before it changes nothing."""
    thread = await desk.linked_thread()
    await desk.reply(text, thread)
    await desk.mention(text, thread=thread)
    assert await desk.fence(thread) == []
    assert desk.whispers("ada") == []


async def test_a_mention_before_an_aside_is_told_once(bot: Bot, desk: Desk) -> None:
    """Slack brings such a message twice."""
    thread = await desk.linked_thread()
    await desk.mention("_(aside)_ psst", thread=thread)
    await desk.until_whispered(refusals.KEPT_ASIDE, "ada")
    assert await desk.fence(thread) == []
    assert len(desk.whispers("ada")) == 1


async def test_an_aside_in_an_unlinked_thread_is_nobody_s_business(bot: Bot, desk: Desk) -> None:
    """People just talk there."""
    root = await desk.slack.say("Lunch?")
    await desk.reply("_(aside)_ psst", root)
    await desk.until_heard()
    assert desk.whispers("ada") == []


async def test_an_edit_into_such_an_aside_cancels_the_reply(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Edits go by the same rule."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited")
    ts = await desk.reply("Please rebase", thread)
    await until_put_off(store)
    await edit(desk, ts, DRESSED, blocks=rich_text(DRESSED))
    await desk.until_marked("wastebasket", ts)
    assert await back(desk, store) == []


async def test_such_an_aside_is_no_context_of_a_session(bot: Bot, desk: Desk) -> None:
    """A session that starts in the thread reads the rest of it."""
    root = await desk.slack.say("The build is red")
    await desk.reply(DRESSED, root)
    await desk.mention("start Fix it", thread=root)
    await desk.until_linked(root)
    assert "The build is red" in prompt(desk)
    assert "psst" not in prompt(desk)
