"""Sessions that a session starts: the card lists them."""

from typing import Any

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from sandbox.devin.sessions import NewSession
from tests.features.test_usage import until_spent
from tests.support.desk import SESSION, Desk
from tests.support.waiting import wait_until


def rows(desk: Desk, thread: str) -> list[str]:
    """Return what the thread's card says of children."""
    return [one["text"]["text"] for one in blocks(desk, thread) if is_row(one)]


def blocks(desk: Desk, thread: str) -> list[dict[str, Any]]:
    """Return the blocks of the thread's card."""
    card = desk.card(thread)
    return [] if card is None else card.blocks


def is_row(block: dict[str, Any]) -> bool:
    """Return True if a child is in it: with its button, or with its thread."""
    return bool(block.get("accessory")) or "followed in" in str(block)


async def until_listed(desk: Desk, thread: str, *words: str) -> None:
    """Wait until the card has one row for each of `words`, which are in it."""

    def listed() -> bool:
        found = rows(desk, thread)
        return len(found) == len(words) and all(map(str.__contains__, found, words))

    await wait_until(listed, f"the card lists {words}")


def spawn(desk: Desk, title: str, parent: str = SESSION) -> str:
    """Let a session start another one; return its id."""
    return desk.devin.appear(NewSession("", title, ()), parent=parent).session_id


async def test_the_card_lists_children_and_their_states(bot: Bot, desk: Desk, raw: Redis) -> None:
    """Of many, ten; what they cost is a line of the parent's `usage`, and their words stay away."""
    thread = await desk.linked_thread()
    one = spawn(desk, "Backend")
    await until_listed(desk, thread, "Backend> ")
    two = spawn(desk, "Frontend")
    desk.devin.say(two, "Only for its own thread")
    desk.devin.session(one).acus, desk.devin.session(two).acus = 1.5, 2.0
    await until_listed(desk, thread, "is *working*", "is *working*")
    desk.devin.behave(two, "idle")
    await until_listed(desk, thread, "is *working*", "has *finished*")
    said = await desk.answer("usage", thread, "has used")
    assert "Its 2 child sessions have used *3.5 ACUs*." in said
    desk.devin.spend(SESSION, 1.0)
    elsewhere = await desk.slack.say("What did we spend?")
    told = "1 ACU; its 2 child sessions have used *3.5 ACUs*"
    await until_spent(raw, SESSION, "1.0")
    await desk.answer("usage", elsewhere, "and their children have used *4.5 ACUs*")
    await desk.answer("usage", elsewhere, told)
    for number in range(9):
        spawn(desk, f"More {number}")
    await wait_until(lambda: "(10 of 11)" in str(desk.card(thread)), "the card counts the rest")
    assert len(rows(desk, thread)) == 10
    assert desk.words(thread) == []


@pytest.mark.times(features=())
async def test_the_core_lists_children_without_a_button(bot: Bot, desk: Desk) -> None:
    """A feature may add one; a thread to which a child was linked by hand is told all the same."""
    thread = await desk.linked_thread()
    child = spawn(desk, "Backend")
    await wait_until(lambda: "Backend> " in str(desk.card(thread)), "the card lists the child")
    assert "Follow" not in str([one for one in blocks(desk, thread) if one.get("accessory")])
    await desk.linked_thread(child)
    await until_listed(desk, thread, "followed in")
