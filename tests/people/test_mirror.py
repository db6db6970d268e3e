"""What Devin says is read in the thread."""

import pytest

from bot.app import Bot
from bot.model.sessions import Follow, Said, SaidKind, SessionState, Trouble
from bot.model.threads import ThreadRef
from bot.wording.commands import following
from bot.wording.mirror.card import ended_card
from bot.wording.mirror.posts import Framing, compose
from tests.support.desk import SESSION, Desk, actions, on_both, running
from tests.support.devin_posts import buttons_of, until_card, until_devin_said, until_state
from tests.support.waiting import wait_until


@on_both
async def test_what_devin_says_is_read_in_the_thread(bot: Bot, desk: Desk) -> None:
    """Each message is posted once, in Devin's order; none from before the link."""
    desk.devin.say(SESSION, "Said before anybody listened.")
    thread = await desk.linked_thread()
    reply = await desk.reply("Please begin.", thread)
    await desk.until_delivered(reply)
    for number in range(3):
        desk.devin.say(SESSION, f"Step **{number}** is done.")
    await until_devin_said(desk, "Step **2**", thread)
    assert desk.words(thread) == [f"Step **{number}** is done." for number in range(3)]


async def test_what_people_write_is_no_echo(bot: Bot, desk: Desk) -> None:
    """Neither a reply that went to Devin nor what somebody wrote in Devin's web app comes back."""
    thread = await desk.linked_thread()
    reply = await desk.reply("Please begin.", thread)
    await desk.until_delivered(reply)
    session = desk.devin.session(SESSION)
    session.take("Typed in the web app.", kind="user_message", at=desk.devin.clock.now())
    desk.devin.say(SESSION, "Begun.")
    await until_devin_said(desk, "Begun.", thread)
    assert desk.words(thread) == ["Begun."]


async def test_each_thread_of_a_session_is_shown_what_comes_after_its_link(
    bot: Bot, desk: Desk
) -> None:
    """A second thread begins where it was linked; both go on alike."""
    first = await desk.linked_thread()
    desk.devin.say(SESSION, "For the first.")
    await until_devin_said(desk, "For the first.", first)
    second = await desk.linked_thread()
    desk.devin.say(SESSION, "For both.")
    await until_devin_said(desk, "For both.", second)
    await until_devin_said(desk, "For both.", first)
    assert desk.words(first) == ["For the first.", "For both."]
    assert desk.words(second) == ["For both."]


async def test_a_card_shows_the_state_and_is_edited_in_place(bot: Bot, desk: Desk) -> None:
    """The card follows the session: one message, which is right in the end."""
    thread = await desk.linked_thread()
    for state, shown in [
        ("blocked", SessionState.WAITING),
        ("running", SessionState.WORKING),
        ("idle", SessionState.FINISHED),
    ]:
        desk.devin.behave(SESSION, state)
        await until_state(desk, shown, thread)
    desk.devin.open_pull_request(SESSION, "https://github.com/acme/relay/pull/7")
    await until_card(desk, "acme/relay#7", thread)
    await desk.mention("unlink", thread=thread)
    await until_card(desk, ended_card(desk.named()).text, thread)
    assert len(desk.cards(thread)) == 1


async def mentions_in_question(desk: Desk) -> int:
    """Return how often a question mentions the person who wrote last."""
    thread = await desk.linked_thread()
    reply = await desk.reply("Please begin.", thread, user="ben")
    await desk.until_delivered(reply)
    desk.devin.say(SESSION, "Which database?\n\n1. Postgres\n2. SQLite")
    desk.devin.behave(SESSION, "blocked")
    await wait_until(lambda: buttons_of(desk, thread) == ["Postgres", "SQLite"], "two buttons")
    ben = desk.slack.workspace.user("ben").id
    said = "\n".join(str(post.blocks) for post in desk.posts(thread))
    return said.count(f"<@{ben}>")


async def test_a_person_is_mentioned_where_devin_needs_one(bot: Bot, desk: Desk) -> None:
    """Who wrote last is mentioned, once, for a question; its options are buttons."""
    assert await mentions_in_question(desk) == 1


async def test_nobody_is_mentioned_if_the_operator_wants_that(
    environ: dict[str, str], desk: Desk
) -> None:
    """With `NOTIFY=false`, Devin's question is posted all the same."""
    async with running(desk, environ, NOTIFY="false"):
        assert await mentions_in_question(desk) == 0


async def test_devin_has_finished_once_although_its_last_words_come_later(
    bot: Bot, desk: Desk
) -> None:
    """Nobody is mentioned again for what it says then; after a reply, it may finish again."""
    thread = await desk.linked_thread()

    def times() -> int:
        return sum("Devin has *finished*" in str(one.blocks) for one in desk.posts(thread))

    desk.devin.behave(SESSION, "idle")
    await wait_until(lambda: times() == 1, "it has finished")
    for words in ("All done: the tests pass.", "I also cleaned up."):
        desk.devin.say(SESSION, words)
        await until_devin_said(desk, words, thread)
    assert times() == 1
    reply = await desk.reply("And the docs, please.", thread)
    await desk.until_delivered(reply)
    desk.devin.behave(SESSION, "idle")
    desk.devin.say(SESSION, "The docs are done.")
    await wait_until(lambda: times() == 2, "it has finished again")


async def test_a_state_that_the_relay_does_not_know_is_no_change(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The card stays, nobody is mentioned again, and the log has Devin's words for it, once."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "idle")
    await until_state(desk, SessionState.FINISHED, thread)
    session = desk.devin.session(SESSION)
    for status, words in (("hibernating", "I rest."), (None, "I still rest."), ("running", "Up.")):
        session.shown_as = {"status": status}
        desk.devin.say(SESSION, words)
        await until_devin_said(desk, words, thread)
        await until_state(desk, SessionState.FINISHED, thread)
    told = [one for one in desk.posts(thread) if "Devin has *finished*" in str(one.blocks)]
    assert len(told) == 1
    unclear = [vars(one) for one in caplog.records if one.getMessage() == "state unclear"]
    assert [one["reason"] for one in unclear] == ["hibernating finished", "finished"]


async def test_the_end_is_said_with_what_to_do(bot: Bot, desk: Desk) -> None:
    """A session that fails says so, and how to go on."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "failed")
    ended = Said(kind=SaidKind.ENDED, trouble=Trouble.ERROR)
    place = ThreadRef(team="", channel="", thread_ts=thread)
    (post,) = compose([ended], Framing(place, desk.named()))
    await desk.until_said(post.text, thread)
    assert "unlink" in actions(desk.posts(thread)[-1])
    await until_state(desk, SessionState.ENDED, thread, Trouble.ERROR)


async def test_an_end_that_a_reply_has_met_is_said_without_what_to_do(bot: Bot, desk: Desk) -> None:
    """The reply's report, right above, says that, with the buttons."""
    thread = await desk.linked_thread()
    desk.devin.read_failures["sessions"] += [503] * 1_000
    desk.devin.behave(SESSION, "archived")
    await desk.reply("Please rebase", thread)
    await wait_until(lambda: "start_new" in buttons_by_id(desk, thread), "the reply is reported")
    desk.devin.read_failures["sessions"].clear()
    ended = Said(kind=SaidKind.ENDED)
    place = ThreadRef(team="", channel="", thread_ts=thread)
    ada = desk.slack.workspace.user("ada").id
    (post,) = compose([ended], Framing(place, desk.named(), ada, knows_end=True))
    await desk.until_said(post.text, thread)
    assert buttons_by_id(desk, thread).count("start_new") == 1


def buttons_by_id(desk: Desk, thread: str) -> list[str]:
    """Return the action ids of all buttons in a thread."""
    return [action for post in desk.posts(thread) for action in actions(post)]


@on_both
@pytest.mark.parametrize(
    ("words", "follow"), [("follow", Follow.ALL), ("follow turns", Follow.TURNS)]
)
async def test_what_devin_lists_late_is_read_all_the_same(
    bot: Bot, desk: Desk, words: str, follow: Follow
) -> None:
    """The state and the time of the last change move first; the list has the message later."""
    desk.devin.listing_delay = 1.0
    thread = await desk.linked_thread()
    await desk.answer(words, thread, following(follow, is_barred=False))
    for number in range(3):
        desk.devin.behave(SESSION, "running")
        desk.devin.say(SESSION, f"Turn {number} is done.")
        desk.devin.behave(SESSION, "blocked")
        await until_devin_said(desk, f"Turn {number}", thread)
    assert desk.words(thread) == [f"Turn {number} is done." for number in range(3)]
