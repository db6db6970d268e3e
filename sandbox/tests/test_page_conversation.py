"""A person reads and steers Devin from a thread, in a real browser, with the real bot."""

from playwright.async_api import expect

from bot.app import Bot
from sandbox.devin.acting import Actor
from sandbox.devin.answers import Api
from sandbox.devin.scripts import CHOICES
from sandbox.tests.support.browser import Screens, posts, write
from tests.support.desk import SESSION, Desk, on_both

QUICK = 0.05
AWAKE = 1e6


@on_both
async def test_a_reply_a_press_and_the_finished_work_are_one_thread(
    bot: Bot, desk: Desk, screens: Screens, api: Api
) -> None:
    """Devin plans and asks, Ada presses an answer, and the card ends with the pull request.

    In version 1, a session whose work is done waits like any other.
    """
    async with Actor(desk.devin, QUICK, rest=AWAKE).running():
        await desk.linked_thread()
        page = await screens.open()
        replies = page.locator("#replies")
        await write(page, "Reply in the thread", "Please write the release notes.")
        await expect(replies.get_by_role("heading", name="Plan")).to_be_visible()
        for label in CHOICES:
            await expect(replies.get_by_role("button", name=label)).to_be_visible()
        await replies.get_by_role("button", name=CHOICES[1]).click()
        await desk.until_received(CHOICES[1])
        await expect(replies.get_by_role("columnheader", name="Breaking")).to_be_visible()
        card = posts(page, "card")
        await expect(card).to_contain_text({"v1": "🟡", "v3": "⚪"}[api])
        await expect(card.get_by_role("link", name="acme/relay#7")).to_be_visible()
    assert len(desk.received()) == 2
    assert desk.devin.session(SESSION).state == "idle"
