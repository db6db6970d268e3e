"""The page shows as whom people write in Devin, reviews, and sessions that others start."""

import pytest
from playwright.async_api import Page, expect

from bot.app import Bot
from sandbox import Sandbox
from sandbox.demo import know_members
from sandbox.devin.acting import Actor
from sandbox.tests.support.browser import CONTRASTS, Screens, message
from tests.support.desk import SESSION, Desk

PULL_REQUEST = "https://github.com/acme/relay/pull/7"


@pytest.fixture
def as_in_the_demo(environ: dict[str, str], box: Sandbox) -> None:
    """People are members of Devin, and an emoji starts sessions."""
    know_members(box.slack, box.devin)
    box.slack.bot_events = [*box.slack.bot_events, "reaction_added"]
    general = box.slack.workspace.channel("general").id
    environ |= {
        "ACT_AS": "known",
        "START_EMOJI": "robot_face",
        "START_EMOJI_CHANNELS": general,
    }


async def more(page: Page, words: str) -> None:
    """Choose what Devin does from its menu, by keyboard."""
    await page.get_by_role("button", name="More…").press("Enter")
    await page.get_by_role("menuitem", name=words).press("Enter")
    await expect(page.get_by_role("button", name="More…")).to_be_focused()


async def test_a_reaction_starts_a_session_and_members_reply_as_themselves(
    as_in_the_demo: None, bot: Bot, desk: Desk, screens: Screens
) -> None:
    """Another app may have reacted with the person's token, so nobody starts it as themselves."""
    await desk.slack.say("The build is red", user="ben")
    page = await screens.open()
    await message(page, "The build is red").hover()
    await message(page, "The build is red").get_by_label("Add a reaction").click()
    await page.get_by_role("menuitem", name="robot face").click()
    session = page.locator(".session", has_text="The build is red")
    await expect(session.locator("li").first).to_contain_text("(in Slack)")
    await expect(session.locator("li").first.locator(".as")).to_have_count(0)
    (root,) = [one.ts for one in desk.slack.channel_messages("general") if not one.is_reply]
    await desk.until_linked(root)
    await desk.reply("It is the upload test", root, user="ben")
    reply = session.locator("li", has_text="It is the upload test")
    await expect(reply.locator(".as")).to_have_text("as Ben Franklin")
    await expect(reply.locator(".words")).to_have_text("It is the upload test")
    assert await page.evaluate(CONTRASTS) == []


async def test_a_pull_request_is_reviewed_and_closed(box: Sandbox, screens: Screens) -> None:
    """A review comes to its end by itself."""
    box.devin.open_pull_request(SESSION, PULL_REQUEST)
    page = await screens.open()
    shown = page.get_by_role("list", name="Pull requests").get_by_role("listitem")
    box.devin.reviews.ask(PULL_REQUEST, box.devin.clock.now())
    await expect(shown).to_contain_text("Devin Review: pending")
    async with Actor(box.devin, 0.01).running():
        box.devin.reviews.push(PULL_REQUEST)
        box.devin.reviews.ask(PULL_REQUEST, box.devin.clock.now())
        await expect(shown).to_contain_text("Devin Review: completed")
    await more(page, "Open another pull request")
    await expect(shown).to_have_count(2)
    await more(page, "Close #7")
    await expect(shown.first).to_contain_text("closed")
    await more(page, "Close #8")
    await expect(shown.last).to_contain_text("closed")
    await page.get_by_role("button", name="More…").click()
    await expect(page.get_by_role("menuitem", name="Close")).to_have_count(0)


async def test_sessions_are_started_elsewhere_and_by_another(
    box: Sandbox, screens: Screens
) -> None:
    """They say where they come from."""
    box.devin.rename(SESSION, "Release notes")
    page = await screens.open()
    await more(page, "Spawn a child session")
    child = page.get_by_role("article", name="Part 1 of Release notes")
    await expect(child).to_contain_text("child of Release notes")
    await more(page, "Start a session elsewhere")
    other = page.get_by_role("article", name="Alert 1: acme/api")
    await expect(other).to_contain_text("automation · oncall · acme/api")
    _, spawned, alert = box.devin.sessions.values()
    assert (spawned.parent, box.devin.session(SESSION).children) == (SESSION, [spawned.session_id])
    assert (alert.origin, alert.tags, alert.repos) == ("automation", ("oncall",), ("acme/api",))
