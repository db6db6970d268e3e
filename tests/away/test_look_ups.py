"""Slack limits look-ups: people are answered all the same, and nothing is asked for twice."""

from bot.app import Bot
from bot.redis.connection import Store
from bot.slack.channels import INFO
from bot.wording.mirror.card import BARRED
from tests.support.desk import SESSION, Desk
from tests.support.waiting import until_settled, wait_until


def asked(desk: Desk, method: str) -> int:
    """Return how often a method was called."""
    return sum(one.method == method for one in desk.slack.calls)


async def test_a_link_is_answered_at_once_and_its_card_tells_the_rest_later(
    bot: Bot, desk: Desk
) -> None:
    """Until Slack says who shares the channel, the card has no title, and no false sentence."""
    desk.devin.rename(SESSION, "Secret plans")
    desk.slack.fail_next(INFO, status=503, times=1_000)
    thread = await desk.mention(f"link {SESSION}")
    await wait_until(lambda: desk.said(thread, with_cards=True), "the link is answered")
    (told,) = desk.said(thread, with_cards=True)
    assert "Secret" not in told
    assert BARRED not in told
    desk.slack.fail_no_more()
    await wait_until(lambda: "Secret" in desk.said(thread, with_cards=True)[0], "it shows the rest")
    assert len(desk.said(thread, with_cards=True)) == 1


async def test_a_reply_that_waits_for_a_look_up_was_not_missed(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Its thread is read again only when Slack may be asked again, and nobody is told a lie."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("users.info", retry_after=4)
    before = asked(desk, "conversations.replies")
    ts = await desk.reply("For Devin", thread, user="ben")
    await desk.until_delivered(ts)
    await until_settled(store)
    assert desk.said(thread) == []
    assert desk.whispers("ben") == []
    assert asked(desk, "conversations.replies") - before <= 2
