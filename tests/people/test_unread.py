"""A session whose messages can't be read hides neither its state nor what it needs people for."""

import logging

import pytest

from bot.app import Bot
from bot.model.sessions import SessionState
from sandbox.devin.sessions import Unread
from tests.support.bots import DEVIN_HANGS
from tests.support.desk import OTHER_SESSION, SESSION, Desk, labels
from tests.support.devin_posts import until_devin_said, until_state
from tests.support.waiting import wait_until

pytestmark = pytest.mark.times(**DEVIN_HANGS)


def approvals(desk: Desk, thread: str) -> int:
    """Return how often a thread was told that Devin needs an approval."""
    return sum("needs your *approval*" in str(one.blocks) for one in desk.posts(thread))


@pytest.mark.parametrize("how", [500, 403, 404, "garbage", "half", "hangs"])
async def test_a_session_whose_messages_cant_be_read_tells_its_state(
    bot: Bot, desk: Desk, how: Unread, caplog: pytest.LogCaptureFixture
) -> None:
    """Its approval is asked once, others go on, and its words come once they can be read."""
    caplog.set_level(logging.INFO)
    desk.devin.add_session(OTHER_SESSION)
    other = await desk.linked_thread(OTHER_SESSION)
    thread = await desk.linked_thread()
    desk.devin.say(SESSION, "First.")
    await until_devin_said(desk, "First.", thread)
    desk.devin.session(SESSION).unread = how
    desk.devin.say(SESSION, "I want to drop the table.")
    desk.devin.behave(SESSION, "approval")
    await until_state(desk, SessionState.APPROVAL, thread)
    await wait_until(lambda: approvals(desk, thread) == 1, "the approval is asked for")
    desk.devin.say(OTHER_SESSION, "I go on.")
    await until_devin_said(desk, "I go on.", other)
    noted = [vars(one) for one in caplog.records if one.getMessage() == "sessions not read"]
    assert {one.get("session_id") for one in noted} == {SESSION}
    desk.devin.session(SESSION).unread = None
    await until_devin_said(desk, "drop the table", thread)
    assert desk.words(thread) == ["First.", "I want to drop the table."]
    assert approvals(desk, thread) == 1


async def test_a_question_that_could_not_be_read_is_asked_once_it_can(bot: Bot, desk: Desk) -> None:
    """The card says that the session waits; the words before it ask nothing in its place."""
    thread = await desk.linked_thread()
    desk.devin.say(SESSION, "Shall I use Postgres or SQLite?")
    await until_devin_said(desk, "Postgres", thread)
    desk.devin.session(SESSION).unread = 500
    desk.devin.say(SESSION, "Which color?\n\n1. Red\n2. Blue")
    desk.devin.behave(SESSION, "blocked")
    await until_state(desk, SessionState.WAITING, thread)
    desk.devin.session(SESSION).unread = None
    await until_devin_said(desk, "Which color?", thread)
    await wait_until(lambda: "Blue" in labels(desk.posts(thread)[-1]), "it has buttons")


async def test_the_last_words_of_an_ended_session_come_once_they_can_be_read(
    bot: Bot, desk: Desk
) -> None:
    """The end is told at once, and the session is polled until they are read."""
    thread = await desk.linked_thread()
    desk.devin.session(SESSION).unread = 500
    desk.devin.say(SESSION, "Goodbye.")
    desk.devin.behave(SESSION, "finished")
    await until_state(desk, SessionState.ENDED, thread)
    desk.devin.session(SESSION).unread = None
    await until_devin_said(desk, "Goodbye.", thread)


async def test_a_session_that_is_slow_is_read_in_small_pages(bot: Bot, desk: Desk) -> None:
    """A page of 200 would never come in time; what it has is shown in order."""
    thread = await desk.linked_thread()
    desk.devin.session(SESSION).unread = "slow"
    said = [f"Step {number:02}." for number in range(30)]
    for one in said:
        desk.devin.say(SESSION, one)
    await until_devin_said(desk, said[-1], thread)
    assert desk.words(thread) == said
