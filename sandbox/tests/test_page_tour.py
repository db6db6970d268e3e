"""The tour on the page plays the product, with the real bot and a Devin that acts."""

import re

from playwright.async_api import Page, expect

from bot.app import Bot
from bot.wording.lifecycle import ending
from sandbox import Sandbox
from sandbox.devin.acting import Actor
from sandbox.devin.answers import Api
from sandbox.devin.scripts import CHOICES
from sandbox.tests.support.browser import Screens, choose, posts
from tests.support.desk import Desk, on_both

QUICK = 0.05
AWAKE = 1e6
OVER = re.compile("done|failed")


async def start(page: Page) -> None:
    await page.get_by_role("button", name="Tour").click()


WATCH = """() => {
  window.shown = [];
  const tour = document.querySelector("#tour");
  new MutationObserver(() => {
    if (tour.dataset.status === "failed") return;
    const caption = tour.querySelector("#tour-caption").dataset.said;
    window.shown.push([caption, document.querySelector("#grid").getBoundingClientRect().top]);
  }).observe(tour, { childList: true, subtree: true });
}"""
"""Records each caption that the tour shows, with the place of what is below the strip."""


async def places(page: Page) -> list[dict[str, float]]:
    """Return where the tour's strip and the panes below it are."""
    script = """() => ["#tour", "#grid"].map((it) => {
      const { top, left, width, bottom } = document.querySelector(it).getBoundingClientRect();
      return { top, left, width, bottom };
    })"""
    found: list[dict[str, float]] = await page.evaluate(script)
    return found


@on_both
async def test_the_tour_plays_the_conversation_to_its_end(
    bot: Bot, desk: Desk, screens: Screens, api: Api
) -> None:
    """Each step waits until the page shows what it promises, in the generation that is spoken.

    The app is an agent, as in the demo, so Stop is a step as well.
    """
    desk.slack.agent = True
    page = await screens.open(query="?pace=0")
    async with Actor(desk.devin, QUICK, rest=AWAKE).running():
        await start(page)
        tour = page.locator("#tour")
        await expect(tour).to_have_attribute("data-status", OVER, timeout=50_000)
    await expect(tour).to_have_attribute("data-status", "done")
    (session,) = [one for one in desk.devin.sessions.values() if one.title == "Release 2.4"]
    (pull_request,) = session.pull_requests
    _, answer, stop, *rest = session.received()
    assert answer.endswith(CHOICES[0])
    assert stop.endswith(ending.STOP)
    assert len(rest) == (api == "v3")
    assert pull_request.state == ("merged" if api == "v3" else "open")
    assert desk.slack.ephemerals("general", "gus")
    card = posts(page, "card")
    if api == "v3":  # it ends in the thread of another session, which has a cap
        (cap,) = [one.cap for one in desk.devin.sessions.values() if one.cap]
        await expect(card).to_contain_text(f"of {cap} ACUs")
    else:
        await expect(card.locator(f'a[href="{pull_request.url}"]')).to_be_visible()
    await expect(page.locator("#replies .message.lit").get_by_role("link").first).to_be_visible()


async def test_on_a_phone_nothing_moves_while_the_tour_plays(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """The strip has room for the longest caption from the beginning."""
    page = await screens.open(width=390, height=844, query="?pace=0")
    tour = page.locator("#tour")
    await page.evaluate(WATCH)
    async with Actor(desk.devin, QUICK, rest=AWAKE).running():
        await start(page)
        await expect(tour).to_have_attribute("data-status", OVER, timeout=50_000)
    await expect(tour).to_have_attribute("data-status", "done")
    shown = await page.evaluate("window.shown")
    captions, tops = ({one[place] for one in shown} for place in (0, 1))
    assert len(captions) > 10
    assert len(tops) == 1, shown


async def test_the_tour_is_paused_continued_and_stopped(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """A paused tour stays put; *Next* continues it; a stopped one leaves nothing to wait for."""
    page = await screens.open()
    tour = page.locator("#tour")
    await start(page)
    await tour.get_by_role("button", name="Pause").click()
    await expect(tour.get_by_role("button", name="Resume")).to_be_focused()
    await tour.get_by_role("button", name="Next").click()
    await expect(tour).to_have_attribute("data-status", "shown")
    await tour.get_by_role("button", name="Next").click()
    await expect(tour).to_have_attribute("data-step", "working")
    await tour.get_by_role("button", name="Stop").click()
    await expect(tour).to_be_hidden()


async def test_a_press_counts_that_began_before_the_caption_changed(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """The buttons under a pointer stay while the tour goes on."""
    page = await screens.open(query="?pace=0.5")
    tour = page.locator("#tour")
    await start(page)
    await tour.get_by_role("button", name="Pause").hover()
    await page.mouse.down()
    await expect(tour).to_have_attribute("data-step", "working")
    await page.mouse.up()
    await expect(tour.get_by_role("button", name="Resume")).to_be_focused()


async def test_the_tour_is_controlled_over_a_modal(bot: Bot, desk: Desk, screens: Screens) -> None:
    """Someone opens a form while it plays: the strip is in front of it, and nothing moves."""
    await desk.slack.say("Look here", user="ada")
    page = await screens.open()
    tour = page.locator("#tour")
    await start(page)
    await tour.get_by_role("button", name="Pause").click()
    before = await places(page)
    await choose(page, "Look here", "Link to a Devin session")
    form = page.get_by_role("dialog")
    await expect(
        form.get_by_role("textbox").or_(form.get_by_role("combobox")).first
    ).to_be_visible()
    assert await places(page) == before
    top = await form.evaluate("it => it.getBoundingClientRect().top")
    assert top >= before[0]["bottom"]
    await tour.get_by_role("button", name="Resume").click()
    await expect(tour.get_by_role("button", name="Pause")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(form).to_be_hidden()
    await tour.get_by_role("button", name="Stop").click()
    await expect(tour).to_be_hidden()
    await expect(page.get_by_role("button", name="Tour")).to_be_focused()


async def test_a_tour_that_ended_stays_in_the_page_under_a_modal(
    box: Sandbox, screens: Screens
) -> None:
    """Nothing of it has to be reached then, so it is dimmed like the rest."""
    page = await screens.open()
    await start(page)
    await expect(page.locator("#tour")).to_have_attribute("data-status", "failed")
    before = await places(page)
    await page.get_by_role("button", name="Workflow steps").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await places(page) == before
    await expect(page.locator("dialog #tour")).to_have_count(0)


async def test_the_tour_says_when_no_bot_is_there(screens: Screens) -> None:
    """It explains how to start one; on a phone, messages begin within a fifth of the height."""
    page = await screens.open(width=400, height=820)
    await start(page)
    await expect(page.locator("#tour")).to_contain_text("No bot is connected")
    await expect(page.locator("#tour")).to_contain_text("make demo")
    messages = await page.locator("#messages").bounding_box()
    assert messages is not None
    assert messages["y"] <= 820 / 5
