"""Devin's sessions are shown on the page as conversations, and people can speak there as Devin."""

from contextlib import suppress

import httpx
from playwright.async_api import Page, expect

from sandbox import Sandbox
from sandbox.devin.answers import Api
from sandbox.tests.support.browser import Screens
from tests.support.desk import SESSION, Desk, on_both
from tests.support.waiting import wait_until


async def say_as_devin(page: Page, words: str) -> None:
    box = page.get_by_label("Message as Devin")
    await box.fill(words)
    await box.press("Enter")


async def test_both_sides_of_a_session_are_shown_in_their_order(
    desk: Desk, screens: Screens
) -> None:
    """A reply has its answer beside it, and what Devin says is drawn as Markdown."""
    devin = desk.devin
    devin.session(SESSION).take("Plan it.", kind="initial_user_message", at=devin.clock.now())
    devin.say(SESSION, "## Plan\n\n- one")
    page = await screens.open()
    said = page.locator(".session > ol > li")
    await expect(said).to_have_count(2)
    await expect(said.nth(0)).to_have_text("Plan it.")
    await expect(said.nth(1).get_by_role("heading", name="Plan")).to_be_visible()
    await expect(said.nth(1)).to_contain_text("Devin")
    await say_as_devin(page, "Done, <!here>.")
    await expect(said.nth(2)).to_contain_text("Done, <!here>.")
    assert devin.session(SESSION).messages[-1].kind == "devin_message"
    await expect(page.get_by_label("Message as Devin")).to_have_value("")


async def test_the_chip_of_a_message_says_whether_devin_got_it(
    box: Sandbox, screens: Screens
) -> None:
    """Green is received, amber received with a lost answer, and red not received."""
    box.devin.api = "v1"
    headers = {"Authorization": f"Bearer {box.devin.api_key}"}
    async with httpx.AsyncClient(base_url=box.devin.url, headers=headers, trust_env=False) as devin:
        for state in ("running", "drops", "rejects", "suspended"):
            box.devin.behave(SESSION, state)
            with suppress(httpx.RemoteProtocolError):
                await devin.post(f"/v1/sessions/{SESSION}/message", json={"message": state})
    page = await screens.open()
    for state, tone, words in (
        ("running", "good", "Received · 200"),
        ("drops", "fair", "Received, answer lost"),
        ("rejects", "bad", "Not received · 422"),
        ("suspended", "bad", "Not received · 200"),
    ):
        entry = page.locator(f".session > ol > li.{tone}", has_text=state)
        await expect(entry.locator(".chip")).to_have_text(words)


async def test_devin_speaks_in_the_session_that_was_chosen(desk: Desk, screens: Screens) -> None:
    """Until someone chooses or types, it is the session where something was written last."""
    desk.devin.add_session("devin-0a", title="Another")
    desk.devin.say("devin-0a", "First.")
    page = await screens.open()
    chosen = page.get_by_label("Write as Devin in")
    await expect(chosen).to_have_value("devin-0a")
    desk.devin.say(SESSION, "Newer.")
    await expect(chosen).to_have_value(SESSION)
    await page.get_by_label("Message as Devin").press_sequentially("A")
    desk.devin.say("devin-0a", "Newest.")
    await expect(page.get_by_text("Newest.")).to_be_visible()
    await expect(chosen).to_have_value(SESSION)
    await chosen.select_option("devin-0a")
    await say_as_devin(page, "Here.")
    await wait_until(
        lambda: desk.devin.session("devin-0a").messages[-1].text == "Here.", "it is said there"
    )


async def test_a_pull_request_is_opened_and_merged_by_keyboard(
    desk: Desk, screens: Screens
) -> None:
    """The button to merge it is there as long as it is open, in the place of the other one.

    So all of them have room beside *Send*.
    """
    page = await screens.open()
    await page.set_viewport_size({"width": 1440, "height": 900})
    opens = page.get_by_role("button", name="Open a pull request")
    await opens.press("Enter")
    shown = page.get_by_role("list", name="Pull requests").get_by_role("listitem")
    await expect(shown).to_have_text("Pull request #7open")
    await expect(page.get_by_role("button", name="Merge #7")).to_be_visible()
    buttons = page.locator("#speak .buttons button:visible")
    bottoms = await buttons.evaluate_all("all => all.map(it => it.getBoundingClientRect().bottom)")
    assert max(bottoms) - min(bottoms) < 5.0
    await page.get_by_role("button", name="Merge #7").press("Enter")
    await expect(shown).to_have_text("Pull request #7merged")
    await expect(page.get_by_role("button", name="Merge #7")).to_have_count(0)
    await expect(opens).to_be_visible()
    await expect(page.get_by_label("Message as Devin")).to_be_focused()
    (one,) = desk.devin.session(SESSION).pull_requests
    assert one.state == "merged"


@on_both
async def test_a_session_s_state_is_shown_in_the_words_of_the_api(
    box: Sandbox, screens: Screens, api: Api
) -> None:
    """It is what the bot reads; the menu that drives it is below."""
    page = await screens.open()
    status = page.locator(".session .status")
    await expect(status.first).to_have_text("running, working")
    await page.locator(".session select").first.select_option("blocked")
    words = {"v1": "blocked", "v3": "running, waiting for user"}[api]
    await expect(status.first).to_have_text(words)
