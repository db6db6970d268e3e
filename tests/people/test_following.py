"""People choose how much of a session a thread shows; what others share shows nothing."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import LinkedElsewhere, NotAllowed, NotLinked
from bot.model.people import Standing
from bot.model.sessions import Follow, SessionState
from bot.redis.connection import Store
from bot.wording import refusals, thread_links
from bot.wording.commands import following
from bot.wording.mirror.card import BARRED, FOLLOWS, ended_card
from bot.wording.mirror.posts import QUIET
from bot.wording.phrases import session_address
from sandbox.slack.server import Message
from tests.people.test_questions import unread
from tests.support.desk import OTHER_SESSION, SESSION, Desk, actions, on_both, running
from tests.support.devin_posts import (
    linked,
    says_state,
    until_card,
    until_devin_said,
    until_state,
)
from tests.support.devin_reads import rest, until_caught_up
from tests.support.known import channels_of
from tests.support.slack_apps import web_client
from tests.support.waiting import until_settled, wait_until

ALL, TURNS, OFF = (FOLLOWS[how] for how in Follow)
GUEST = refusals.sorry(NotAllowed(Standing.GUEST))


async def until_read(desk: Desk, words: str, thread: str) -> None:
    """Let Devin say something, and wait for another thread, which follows all, to show it."""
    desk.devin.say(SESSION, words)
    await until_devin_said(desk, words, thread)


async def press(desk: Desk, post: Message, action: str, *, user: str = "ada") -> None:
    delivery = await desk.slack.press(action, channel=post.channel, message_ts=post.ts, user=user)
    assert delivery.acked


@on_both
async def test_a_thread_follows_as_much_as_it_wants(bot: Bot, desk: Desk, store: Store) -> None:
    """What is said while it follows nothing stays out of it, also later; other threads have it."""
    thread, other = await desk.linked_thread(), await desk.linked_thread()
    await desk.answer("unfollow", thread, following(Follow.OFF, is_barred=False))
    await until_card(desk, OFF, thread)
    assert "follow" in actions(desk.cards(thread)[-1])
    await until_read(desk, "Not for the first.", other)
    await desk.answer("follow", thread, following(Follow.ALL, is_barred=False))
    await until_card(desk, ALL, thread)
    await until_read(desk, "For both.", other)
    await until_devin_said(desk, "For both.", thread)
    await until_settled(store)
    assert desk.words(thread) == ["For both."]
    assert desk.words(other) == ["Not for the first.", "For both."]
    assert len(desk.cards(thread)) == 1


@on_both
async def test_following_turns_shows_the_last_message_of_each(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Whatever comes before it is on the way, and is not shown."""
    thread, other = await desk.linked_thread(), await desk.linked_thread()
    await desk.answer("follow TURNS", thread, following(Follow.TURNS, is_barred=False))
    await until_card(desk, TURNS, thread)
    for turn in ("first", "second"):
        desk.devin.behave(SESSION, "running")
        await until_state(desk, SessionState.WORKING, other)
        await until_read(desk, f"I begin the {turn} turn.", other)
        await until_read(desk, f"The {turn} turn is over.", other)
        desk.devin.behave(SESSION, "blocked")
        await until_devin_said(desk, f"The {turn} turn is over.", thread)
    await until_settled(store)
    assert desk.words(thread) == ["The first turn is over.", "The second turn is over."]
    assert len(desk.words(other)) == 4


@pytest.mark.parametrize(
    "words", ["follow the white rabbit", "follow all", "follow turns please", "unfollow him"]
)
async def test_what_has_more_words_is_talk(bot: Bot, desk: Desk, words: str) -> None:
    """It goes to Devin, like any mention."""
    thread = await desk.linked_thread()
    await desk.mention(words, thread=thread)
    await desk.until_received(words)
    assert desk.said(thread) == []


@pytest.mark.parametrize("words", ["follow", "follow turns", "unfollow"])
async def test_an_unlinked_thread_follows_nothing(bot: Bot, desk: Desk, words: str) -> None:
    """The answer explains how to link it."""
    thread = await desk.slack.say("Shall we?")
    told = await desk.answer(words, thread, refusals.sorry(NotLinked()))
    assert "`link " in told


async def test_who_may_not_steer_devin_does_not_choose(bot: Bot, desk: Desk, store: Store) -> None:
    """Neither by a mention nor by the card."""
    thread = await desk.linked_thread()
    await desk.mention("unfollow", thread=thread, user="gus")
    await desk.until_whispered(GUEST, "gus")
    card = desk.card(thread)
    assert card is not None
    await press(desk, card, "unfollow", user="una")
    await desk.until_whispered(GUEST, "una")
    await until_read(desk, "Still here.", thread)
    await until_settled(store)
    assert ALL in card.text


async def test_the_card_has_the_button_for_the_other_choice(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The card is the answer: it changes, and nothing is posted."""
    thread = await desk.linked_thread()
    card = desk.card(thread)
    assert card is not None
    assert actions(card) == ["open_session", "unfollow", "unlink"]
    await press(desk, card, "unfollow", user="ben")
    await until_card(desk, OFF, thread)
    assert actions(card) == ["open_session", "follow", "unlink"]
    await press(desk, card, "follow")
    await until_card(desk, ALL, thread)
    await until_settled(store)
    assert desk.posts(thread) == []
    assert desk.whispers("ada") == desk.whispers("ben") == []


async def test_a_card_of_an_earlier_link_chooses_nothing(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Its session is not the thread's any more, and the person who pressed is told."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    card = desk.card(thread)
    assert card is not None
    value = next(
        one["value"]
        for block in card.blocks
        if block["type"] == "actions"
        for one in block["elements"]
        if one["action_id"] == "unfollow"
    )
    await desk.cut_off("unlink", thread)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await wait_until(lambda: len(desk.cards(thread)) == 2, "the new link has a card")
    now = desk.card(thread)
    assert now is not None
    await desk.slack.press("unfollow", channel="general", message_ts=now.ts, value=value)
    elsewhere = LinkedElsewhere(desk.named(OTHER_SESSION), "ada")
    await desk.until_whispered(refusals.sorry(elsewhere), "ada")
    await until_settled(store)
    assert ALL in now.text


async def test_unlinked_by_its_card_a_thread_is_told_by_whom(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The card itself says that the link has ended."""
    thread = await desk.linked_thread()
    card = desk.card(thread)
    assert card is not None
    await press(desk, card, "unlink", user="ben")
    await desk.until_said(thread_links.unlinked(desk.named(), "Ben Franklin"), thread)
    await until_card(desk, ended_card(desk.named()).text, thread)
    await until_settled(store)
    assert actions(card) == []


async def test_a_card_follows_its_link(bot: Bot, desk: Desk) -> None:
    """Whatever changes the link changes the card, soon."""
    thread = await desk.linked_thread()
    await desk.mention("mute", thread=thread)
    await until_card(desk, linked(desk.named(), is_muted=True), thread)
    await desk.mention("unlink", thread=thread)
    await until_card(desk, ended_card(desk.named()).text, thread)


async def test_the_setting_counts_until_a_thread_chooses(
    environ: dict[str, str], desk: Desk, raw: Redis
) -> None:
    """`MIRROR=off` shows nothing; a thread that wants more asks for it."""
    async with running(desk, environ, MIRROR="off"):
        quiet, thread = await desk.linked_thread(), await desk.linked_thread()
        await until_card(desk, OFF, quiet)
        await desk.answer("follow", thread, following(Follow.ALL, is_barred=False))
        await until_caught_up(raw)
        await until_read(desk, "For one of them.", thread)
        assert desk.words(quiet) == []


async def test_where_nothing_is_followed_a_choice_shows_nothing_from_before(
    environ: dict[str, str], desk: Desk, raw: Redis
) -> None:
    """`MIRROR=off` is as good as `unfollow`: what Devin said until then stays out."""
    async with running(desk, environ, MIRROR="off"):
        thread = await desk.linked_thread()
        await until_card(desk, OFF, thread)
        await rest(raw)
        a_minute_ago = desk.devin.clock.now() - 60
        desk.devin.session(SESSION).take("Long ago.", kind="devin_message", at=a_minute_ago)
        await desk.answer("follow", thread, following(Follow.ALL, is_barred=False))
        await until_caught_up(raw)
        await until_read(desk, "From now on.", thread)
        assert desk.words(thread) == ["From now on."]


async def test_what_devin_asks_after_a_choice_is_asked_though_devin_was_away(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The first poll that succeeds after that has the words, and what they ask."""
    thread = await desk.linked_thread()
    await desk.answer("unfollow", thread, following(Follow.OFF, is_barred=False))
    await until_settled(store)
    with unread(desk):
        await desk.answer("follow", thread, following(Follow.ALL, is_barred=False))
        desk.devin.behave(SESSION, "approval")
        desk.devin.say(SESSION, "I want to drop the table.")
    await desk.offering("approve", thread)
    assert desk.words(thread) == ["I want to drop the table."]


async def test_a_choice_survives_a_restart(environ: dict[str, str], desk: Desk) -> None:
    """It is kept with the link."""
    async with running(desk, environ):
        quiet, thread = await desk.linked_thread(), await desk.linked_thread()
        await desk.answer("unfollow", quiet, following(Follow.OFF, is_barred=False))
    async with running(desk, environ):
        await until_read(desk, "For one of them.", thread)
        assert desk.words(quiet) == []


async def test_a_shared_channel_is_shown_nothing_and_told_why(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """`follow` there says so, and so do the card and `status`, which show no title either.

    Nor does a status line tell that Devin is at work, or the card of the link that has ended.
    """
    desk.devin.rename(SESSION, "Secret plans")
    thread = await desk.linked_thread(channel="shared")
    other = await desk.linked_thread()
    for words in ("follow", "status"):
        await desk.mention(words, thread=thread, channel="shared")
    await wait_until(lambda: len(desk.said(thread, channel="shared")) == 2, "both are answered")
    await until_read(desk, "Between us.", other)
    await until_settled(store)
    said = desk.said(thread, channel="shared", with_cards=True)
    assert all(BARRED in one for one in said)
    assert "Secret" not in "".join(said)
    assert desk.words(thread, channel="shared") == []
    await wait_until(lambda: desk.slack.status("general", other), "the other has a status line")
    assert {one.thread for one in desk.slack.statuses if one.text} == {other}
    await desk.mention("unlink", thread=thread, channel="shared")
    ended = ended_card(replace(desk.named(), title="")).text
    await until_card(desk, ended, thread, channel="shared")


async def test_where_slack_does_not_say_who_reads_along_status_tells_nothing(
    bot: Bot, desk: Desk
) -> None:
    """A look-up that fails counts as shared."""
    desk.devin.rename(SESSION, "Secret plans")
    desk.slack.fail_next("conversations.info", status=503, times=1_000)
    thread = await desk.mention(f"link {SESSION}")
    await desk.until_heard()
    assert "Secret" not in await desk.answer("status", thread, BARRED)


@pytest.mark.parametrize("how", ["the event", "the event, again", "a message"])
async def test_a_channel_that_becomes_shared_goes_quiet(
    bot: Bot, desk: Desk, store: Store, how: str
) -> None:
    """The card changes soon, by whatever Slack tells first; the thread is told once.

    A process that was told first may have died before it got to the cards.
    """
    if how == "a message":
        desk.slack.bot_events = [one for one in desk.slack.bot_events if one != "channel_shared"]
    thread = await desk.linked_thread()
    other = await desk.linked_thread(channel="secrets")
    await until_read(desk, "Before.", thread)
    if how == "the event, again":
        channel = desk.slack.workspace.channel("general").id
        await channels_of(web_client(desk.slack), store).note_shared(channel)
    await desk.slack.share("general")
    if how == "a message":
        await desk.slack.say("Welcome!")
    await until_card(desk, BARRED, thread)
    for words in ("After.", "And later."):
        desk.devin.say(SESSION, words)
        await until_devin_said(desk, words, other, channel="secrets")
    await until_settled(store)
    assert desk.words(thread) == ["Before."]
    assert sum(QUIET.text in one for one in desk.said(thread)) == 1


async def test_status_shows_what_devin_does(bot: Bot, desk: Desk) -> None:
    """It has the state and since when, the pull requests, and how much is followed."""
    thread = await desk.linked_thread()
    desk.devin.open_pull_request(SESSION, "https://github.com/acme/relay/pull/7")
    desk.devin.behave(SESSION, "idle")
    await until_state(desk, SessionState.FINISHED, thread)
    await until_card(desk, "acme/relay#7", thread)
    told = await desk.answer("status", thread, session_address(desk.named()))
    assert says_state(told, SessionState.FINISHED)
    assert told.count("<!date^") == 1
    assert "|acme/relay#7> (open)" in told
    assert ALL in told
