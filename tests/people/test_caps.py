"""A session that uses up its cap: its threads are told, and someone goes on in a new one."""

from redis.asyncio import Redis

from bot.app import Bot
from bot.redis.connection import Store
from bot.store.claims import Claims
from bot.store.outbox import KEEP
from bot.wording import actions
from bot.wording.addresses import session_address
from bot.wording.lifecycle.starting import CONTINUED_ALREADY, continued
from bot.wording.phrases import acus_of, cap_of
from tests.people.test_home import ref_of
from tests.people.test_questions import ASKED, press, unread, with_button
from tests.people.test_usage import started
from tests.support.desk import SESSION, Desk
from tests.support.waiting import wait_until

NEAR, REACHED = acus_of(8.0, 10), f"used up its cap* of {cap_of(10)}"


async def used_up(desk: Desk, raw: Redis) -> str:
    """Let a session with a cap of 10 ACUs use them up; return its thread."""
    thread = await started(desk, raw, SESSION, user="ada", channel="general")
    desk.devin.session(SESSION).cap = 10
    await desk.answer("unfollow", thread, "")
    desk.devin.spend(SESSION, 8.0)
    await desk.until_said(NEAR, thread)
    desk.devin.spend(SESSION, 2.0)
    await desk.until_said(REACHED, thread)
    return thread


def post_with(desk: Desk, action: str, thread: str, *, is_card: bool) -> str:
    """Return the ts of the card, or of the other post, with a button."""
    cards = {one.ts for one in desk.cards(thread)}
    return next(
        one.ts
        for one in desk.posts(thread, with_cards=True)
        if action in str(one.blocks) and (one.ts in cards) is is_card
    )


async def test_a_cap_is_told_in_a_thread_that_follows_nothing_and_on_its_card(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """At four fifths and at the end, once each, and without another word of trouble."""
    thread = await used_up(desk, raw)
    await wait_until(lambda: REACHED in str(desk.cards(thread)[-1].text), "the card says so")
    said = " ".join(desk.said(thread))
    assert (said.count(NEAR), said.count(REACHED), said.count("usage limit")) == (1, 1, 0)


async def test_a_question_keeps_its_buttons_beside_a_cap(bot: Bot, desk: Desk, raw: Redis) -> None:
    """Both are found by one poll, and in one post."""
    thread = await started(desk, raw, SESSION, user="ada", channel="general")
    with unread(desk):
        desk.devin.say(SESSION, ASKED)
        desk.devin.behave(SESSION, "blocked")
        desk.devin.session(SESSION).cap = 10
        desk.devin.spend(SESSION, 8.0)
    post = await with_button(desk, thread, "SQLite")
    assert NEAR in post.text
    await press(desk, post, "answer_1")
    await desk.until_received("SQLite")


async def test_a_session_at_its_cap_is_continued_once(bot: Bot, desk: Desk, raw: Redis) -> None:
    """In the same thread, whose link gives way; a second press, elsewhere, starts nothing more."""
    thread = await used_up(desk, raw)
    await wait_until(
        lambda: actions.CONTINUE_SESSION in str(desk.cards(thread)[-1].blocks), "the card offers it"
    )
    before = set(desk.devin.sessions)
    post = post_with(desk, actions.CONTINUE_SESSION, thread, is_card=False)
    card = post_with(desk, actions.CONTINUE_SESSION, thread, is_card=True)
    for ts in (card, post):
        await desk.slack.press(actions.CONTINUE_SESSION, channel="general", message_ts=ts)
    await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")
    notes = (CONTINUED_ALREADY, continued("ada"))
    await wait_until(
        lambda: any(note in str(desk.posts(thread)) for note in notes), "the buttons give way"
    )
    (new,) = set(desk.devin.sessions) - before
    prompt = desk.devin.session(new).messages[0].text
    assert session_address(desk.named()) in prompt
    assert await desk.is_linked(thread, new)


async def test_a_session_goes_on_with_the_cap_that_applies_now(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """The channel has raised it meanwhile; what its session was started with stays."""
    root = await desk.mention("start repo:acme/api max:10 Fix it")
    await desk.until_linked(root)
    (first,) = [one for one in desk.devin.sessions.values() if one.origin == "api"]
    desk.devin.spend(first.session_id, 10.0)
    await desk.until_said(REACHED, root)
    await desk.mention("defaults max:30")
    await wait_until(
        lambda: "max:30" in str(desk.slack.workspace.channel("general").messages), "set"
    )
    post = post_with(desk, actions.CONTINUE_SESSION, root, is_card=False)
    await desk.slack.press(actions.CONTINUE_SESSION, channel="general", message_ts=post)
    await wait_until(lambda: len(desk.cards(root)) == 2, "the new session has a card")
    new = [one for one in desk.devin.sessions.values() if one.origin == "api"][-1]
    assert (first.cap, new.cap) == (10, 30)


async def test_a_press_whose_process_died_does_not_keep_others_from_going_on(
    bot: Bot, desk: Desk, raw: Redis, store: Store
) -> None:
    """It had claimed to continue, and had asked for nothing yet."""
    thread = await used_up(desk, raw)
    claim = f"continued:{ref_of(desk, thread).name}:{SESSION}"
    await Claims(store).claim(claim, KEEP, "1764000000.000001")
    post = post_with(desk, actions.CONTINUE_SESSION, thread, is_card=False)
    await desk.slack.press(actions.CONTINUE_SESSION, channel="general", message_ts=post)
    await wait_until(lambda: len(desk.cards(thread)) == 2, "the new session has a card")
