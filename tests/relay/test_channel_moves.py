"""When a private channel is shared with another organization, Slack gives it a new id."""

import asyncio

from bot.app import Bot
from bot.redis.connection import Store
from bot.wording import thread_links
from sandbox.slack.api.faults import ApiCall
from tests.support.desk import OTHER_SESSION, SESSION, Desk, on_both, on_v1
from tests.support.told import NOT_LINKED, suspended
from tests.support.waiting import until_settled, wait_until


async def test_each_linked_thread_is_told_under_its_new_id_that_its_link_ended(
    bot: Bot, desk: Desk
) -> None:
    """It is told once, even if Slack retries the event; new messages do not go to Devin."""
    desk.devin.add_session(OTHER_SESSION)
    one = await desk.linked_thread(channel="secrets")
    two = await desk.linked_thread(OTHER_SESSION, channel="secrets")
    before = len(desk.slack.deliveries)
    await desk.slack.share("secrets")
    shared = desk.slack.deliveries[before]
    for thread, session in ((one, SESSION), (two, OTHER_SESSION)):
        told = thread_links.channel_moved(desk.named(session))
        await desk.until_said(told, thread, channel="secrets")
    await (await desk.slack.redeliver(shared)).settled()
    await desk.reply("Hello, outsiders", one, channel="secrets")
    await desk.mention("status", thread=one, channel="secrets")
    await desk.until_said(NOT_LINKED, one, channel="secrets")
    assert desk.received() == []
    said = desk.said(one, channel="secrets")
    assert said.count(thread_links.channel_moved(desk.named()).text) == 1


@on_v1
async def test_what_was_accepted_before_ends_under_the_new_id(bot: Bot, desk: Desk) -> None:
    """A reply under way gets its mark, and its report is told, under the thread's new id."""
    thread = await desk.linked_thread(channel="secrets")
    over = asyncio.Event()
    desk.devin.behave(SESSION, "running", until=over, times=1)
    first = await desk.reply("one", thread, channel="secrets")
    second = await desk.reply("two", thread, channel="secrets")
    await wait_until(lambda: desk.devin.requests, "Devin is asked")
    await desk.until_heard()
    await desk.slack.share("secrets")
    await desk.until_said(thread_links.channel_moved(desk.named()), thread, channel="secrets")
    desk.devin.behave(SESSION, "suspended", times=1)
    over.set()
    await desk.until_delivered(first, channel="secrets")
    await desk.until_said(suspended("two"), thread, channel="secrets")
    await desk.until_marked("zzz", second, channel="secrets")


@on_both
async def test_words_that_are_being_posted_do_not_follow_the_channel(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Slack took the channel for one without outsiders when it was asked, and then gave it an id.

    Nor is the thread told that they aren't shown.
    """
    thread, moved = await desk.linked_thread(channel="secrets"), asyncio.Event()
    await desk.until_linked(thread, channel="secrets")
    await until_settled(store)
    before = len(posted(desk))
    desk.slack.fail_next("chat.postMessage", until=moved)
    desk.devin.say(SESSION, "The password is hunter2")
    await wait_until(lambda: len(posted(desk)) > before, "it is being posted")
    await desk.slack.share("secrets")
    told = thread_links.channel_moved(desk.named())
    await desk.until_said(told, thread, channel="secrets")
    moved.set()
    await until_settled(store)
    assert desk.said(thread, channel="secrets") == [told.text]


def posted(desk: Desk) -> list[ApiCall]:
    """Return the calls that post something."""
    return [one for one in desk.slack.calls if one.method == "chat.postMessage"]


async def test_a_channel_without_links_is_no_matter(bot: Bot, desk: Desk) -> None:
    """The event is acknowledged, and nothing is said."""
    await desk.slack.share("secrets")
    await desk.until_heard()
    assert not posted(desk)
