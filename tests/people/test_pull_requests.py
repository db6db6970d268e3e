"""A session's pull requests: each line once and in order where a thread follows, and the card."""

import pytest

from bot.app import Bot
from bot.model.sessions import SessionState
from bot.wording.phrases import pull_request_link
from tests.support.desk import SESSION, Desk, on_v1, running
from tests.support.devin_posts import until_card, until_state
from tests.support.waiting import wait_until

ONE, TWO = (f"https://github.com/acme/relay/pull/{number}" for number in (7, 8))


def opened(url: str = ONE) -> str:
    return f"Devin opened a pull request: {pull_request_link(url)}"


def over(how: str, url: str = ONE) -> str:
    return f"{pull_request_link(url)} was *{how}*."


def lines(desk: Desk, thread: str) -> list[str]:
    """Return the lines about pull requests in a thread, in order."""
    said = "\n".join(desk.said(thread)).splitlines()
    return [one for one in said if "/pull/" in one]


async def until_line(desk: Desk, line: str, thread: str) -> None:
    """Wait until a thread has a line, and nothing else in it."""
    await wait_until(lambda: line in lines(desk, thread), f"{line!r} is in {lines(desk, thread)}")


async def test_opened_merged_and_closed_are_told_where_a_thread_follows(
    bot: Bot, desk: Desk
) -> None:
    """Several at once are a line each; another state is on the card alone; nobody is mentioned."""
    all_, turns, nothing = [await desk.linked_thread() for _ in range(3)]
    await desk.answer("follow turns", turns, "")
    await desk.answer("unfollow", nothing, "")
    for url in (ONE, TWO):
        desk.devin.open_pull_request(SESSION, url)
    for thread in (all_, turns):
        await until_line(desk, opened(TWO), thread)
    desk.devin.open_pull_request(SESSION, TWO, "Changes requested")
    await until_card(desk, "(changes requested)", nothing)
    desk.devin.open_pull_request(SESSION, ONE, "merged")
    desk.devin.open_pull_request(SESSION, TWO, "closed")
    for thread in (all_, turns):
        await until_line(desk, over("closed", TWO), thread)
    desk.devin.open_pull_request(SESSION, TWO, "open")
    desk.devin.open_pull_request(SESSION, ONE, "Merged")
    for thread in (all_, turns, nothing):
        await until_card(desk, "(open)", thread)
        await until_card(desk, "(merged)", thread)
    told = [opened(ONE), opened(TWO), over("merged", ONE), over("closed", TWO)]
    assert [lines(desk, one) for one in (all_, turns, nothing)] == [told, told, []]
    assert "<@" not in "".join(told)


async def test_one_that_is_opened_after_many_others_is_told(bot: Bot, desk: Desk) -> None:
    """Devin lists the oldest first, and a long session goes on opening them."""
    thread = await desk.linked_thread()
    urls = [f"https://github.com/acme/relay/pull/{number}" for number in range(22)]
    for url in urls[:-1]:
        desk.devin.open_pull_request(SESSION, url)
    await until_card(desk, "16 more", thread)
    desk.devin.open_pull_request(SESSION, urls[-1])
    await until_line(desk, opened(urls[-1]), thread)
    desk.devin.open_pull_request(SESSION, urls[-1], "merged")
    await until_line(desk, over("merged", urls[-1]), thread)
    assert lines(desk, thread) == [*map(opened, urls), over("merged", urls[-1])]


async def test_two_processes_tell_each_once_and_so_does_one_that_starts_again(
    desk: Desk, environ: dict[str, str]
) -> None:
    """What happens while none runs is told by the next, and what was told is not told again."""
    async with running(desk, environ), running(desk, environ):
        thread = await desk.linked_thread()
        desk.devin.open_pull_request(SESSION, ONE)
        await until_line(desk, opened(), thread)
    desk.devin.open_pull_request(SESSION, TWO)
    desk.devin.open_pull_request(SESSION, ONE, "merged")
    desk.devin.open_pull_request(SESSION, TWO, "merged")
    for _ in range(2):
        async with running(desk, environ), running(desk, environ):
            await until_line(desk, over("merged", TWO), thread)
            await desk.fence(thread)
    assert lines(desk, thread) == [
        *(opened(), over("merged")),
        *(opened(TWO), over("merged", TWO)),
    ]


@pytest.mark.parametrize("state", ["idle", "finished"])
async def test_what_is_open_when_the_session_rests_or_has_ended_is_still_told(
    bot: Bot, desk: Desk, state: str
) -> None:
    """A pull request is mostly merged after that."""
    thread = await desk.linked_thread()
    desk.devin.open_pull_request(SESSION, ONE)
    desk.devin.behave(SESSION, state)
    shown = SessionState.ENDED if state == "finished" else SessionState.FINISHED
    await until_state(desk, shown, thread)
    desk.devin.open_pull_request(SESSION, ONE, "merged")
    await until_line(desk, over("merged"), thread)
    await until_card(desk, "(merged)", thread)


@on_v1
async def test_version_1_tells_only_that_one_was_opened(bot: Bot, desk: Desk) -> None:
    """It gives no states."""
    thread = await desk.linked_thread()
    desk.devin.open_pull_request(SESSION, ONE)
    await until_line(desk, opened(), thread)
    desk.devin.open_pull_request(SESSION, ONE, "merged")
    await desk.fence(thread)
    assert lines(desk, thread) == [opened()]
