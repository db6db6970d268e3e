"""Whoever tries the demo without its tour is led as well as in it."""

from itertools import pairwise

from playwright.async_api import Route, expect

from bot.app import Bot
from sandbox import Sandbox
from sandbox.tests.support.browser import Screens, message, write
from tests.support.desk import SESSION, Desk

OTHER = "devin-0008"
IN_VIEW = """it => {
  const [inner, outer] = [it, it.parentElement].map((one) => one.getBoundingClientRect());
  return inner.top >= outer.top && inner.top < outer.bottom;
}"""


LEVELS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((it) => it.checkVisibility()).map((it) => Number(it.tagName[1]))"""
LANDMARKS = """() => [...document.querySelectorAll("section, [role=region]")]
  .filter((it) => it.checkVisibility())
  .map((it) => it.ariaLabel ?? $(it.getAttribute("aria-labelledby")).innerText)
""".replace("$", "document.getElementById")


async def test_the_bot_is_invited_as_its_messages_say(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """A mention where the bot is not says so, `@` suggests names, and Slack notes who was added."""
    page = await screens.open()
    await page.get_by_role("button", name="random").click()
    await write(page, "Message to the channel", "@Devin Relay start Fix the login test")
    await expect(page.get_by_role("alert")).to_contain_text("/invite @Devin Relay")
    box = page.get_by_label("Message to the channel", exact=True)
    await box.press_sequentially("/invite @de")
    await expect(page.get_by_role("option", name="Devin Relay")).to_be_visible()
    await box.press("Enter")
    await expect(box).to_have_value("/invite @Devin Relay ")
    await box.press("Enter")
    await expect(message(page, "was added to")).to_contain_text("by @ada")
    joined = desk.slack.channel_messages("random")[-1]
    assert (joined.subtype, joined.user) == ("channel_join", desk.slack.bot_user_id)
    await write(page, "Message to the channel", "@Devin Relay start Fix the login test")
    mark = message(page, "Fix the login test").get_by_label(":white_check_mark: by Devin Relay")
    await expect(mark).to_be_visible()


async def test_names_are_chosen_by_the_arrow_keys_and_esc_closes_the_list_only(
    box: Sandbox, screens: Screens
) -> None:
    """A name that is complete needs no list, so Enter sends the message."""
    await box.slack.say("Shall we?", user="ben")
    page = await screens.open()
    await message(page, "Shall we?").hover()
    await message(page, "Shall we?").get_by_label("Reply in thread").click()
    reply = page.get_by_label("Reply in the thread", exact=True)
    names = page.get_by_role("listbox", name="People")
    await reply.press_sequentially("@")
    await expect(names.get_by_role("option").first).to_have_text("Devin Relay")
    await reply.press("Escape")
    await expect(names).to_have_count(0)
    await expect(reply).to_be_focused()
    await reply.press_sequentially("b")
    await expect(names.get_by_role("option", selected=True)).to_have_text("Ben Franklin")
    await reply.press("ArrowDown")
    await expect(names.get_by_role("option", selected=True)).to_have_text("Bolt CI")
    await reply.press("ArrowUp")
    await reply.press("Tab")
    await expect(reply).to_have_value("@Ben Franklin ")
    await reply.press_sequentially("ask @ada")
    await expect(names).to_have_count(0)
    await reply.press("Enter")
    await expect(message(page, "ask")).to_contain_text("@Ben Franklin ask @ada")


async def test_devins_pane_follows_the_thread_that_is_open(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """Its session is lit, in view, and the one to write in, though another spoke last."""
    for number in range(1, 9):
        desk.devin.add_session(f"devin-000{number}", title=f"Number {number}")
    threads = {session: await desk.linked_thread(session) for session in (SESSION, OTHER)}
    desk.devin.say(SESSION, "The newest words.")
    page = await screens.open()
    for session in (SESSION, OTHER):
        await page.locator(f"[data-focus='replies-{threads[session]}']").click()
        lit = page.locator(".session.lit")
        await expect(lit).to_contain_text(session)
        await page.wait_for_function(IN_VIEW, arg=await lit.element_handle())
        await expect(page.locator("#speak-in")).to_have_value(session)


async def test_tab_begins_at_the_top_of_a_page_with_a_linked_thread(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """Bringing the thread's session into view doesn't take the keyboard along."""
    await desk.linked_thread()
    page = await screens.open()
    lit = page.locator(".session.lit")
    await page.wait_for_function(IN_VIEW, arg=await lit.element_handle())
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the message box")).to_be_focused()


PLACE = "it => [it.getBoundingClientRect().right, it.getBoundingClientRect().width]"


async def test_a_header_with_little_room_shortens_its_note(screens: Screens) -> None:
    """The channel's name keeps its width, whatever the font, and nothing overlaps it."""
    page = await screens.open()
    await page.get_by_role("button", name="shared").click()
    await write(page, "Message to the channel", "Look here")
    await message(page, "Look here").hover()
    await message(page, "Look here").get_by_label("Reply in thread").click()
    name, note = page.locator("#channel-name"), page.locator("#channel-note")
    await expect(note).to_contain_text("shared with another organization")
    right, width = await name.evaluate(PLACE)
    assert await note.evaluate("it => it.scrollWidth > it.clientWidth")
    assert await note.evaluate("it => it.getBoundingClientRect().left") >= right
    await note.evaluate("it => { it.hidden = true; }")
    assert await name.evaluate(PLACE) == [right, width]


async def test_the_message_whose_thread_opens_stays_in_view(box: Sandbox, screens: Screens) -> None:
    """The channel becomes narrower, so that what stands above the message takes more room."""
    for number in range(12):
        await box.slack.say(f"Number {number}: " + "many words " * 20, user="ben")
    page = await screens.open()
    page_of_it = message(page, "Number 6:")
    await page_of_it.scroll_into_view_if_needed()
    await page_of_it.hover()
    await page_of_it.get_by_label("Reply in thread").click()
    root = page.locator("#messages .message.open")
    await expect(root).to_contain_text("Number 6:")
    await page.wait_for_function(IN_VIEW, arg=await root.element_handle())


async def test_a_page_says_that_the_demo_was_restarted(screens: Screens) -> None:
    """Nothing that was open is there any more, so it returns to #general."""
    page = await screens.open()
    await page.get_by_role("button", name="shared").click()
    await write(page, "Message to the channel", "Look here")
    await message(page, "Look here").hover()
    await message(page, "Look here").get_by_label("Reply in thread").click()

    async def another(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(json=await answer.json() | {"run": "another"})

    await page.route("**/control/state", another)
    await expect(page.get_by_role("alert")).to_have_text("The demo was restarted.")
    await expect(page.locator("#channel-name")).to_have_text("general")
    await expect(page.locator("#thread")).to_be_hidden()


async def test_headings_skip_no_level_and_landmarks_have_names_of_their_own(
    box: Sandbox, screens: Screens
) -> None:
    """Those who hear the page find their way by both."""
    box.devin.say(SESSION, "## Plan\n\n### Details")
    page = await screens.open()
    await expect(page.get_by_role("heading", name="Details")).to_be_visible()
    await page.get_by_role("button", name="App Home").click()
    await expect(page.get_by_role("heading", name="App Home")).to_be_visible()
    levels = await page.evaluate(LEVELS)
    assert [two for two in pairwise(levels) if two[1] > two[0] + 1] == []
    names = await page.evaluate(LANDMARKS)
    assert len(set(names)) == len(names)


async def test_every_menu_of_channels_has_those_that_the_writer_is_in(
    box: Sandbox, screens: Screens
) -> None:
    """A private one, too, but no direct messages."""
    page = await screens.open()
    await page.get_by_role("button", name="Workflow steps").click()
    await page.locator("#step-kind").select_option("start_session")
    offered = page.locator("#step-channel option[value^=C]")
    await expect(offered).to_have_text(["#general", "#random", "#secrets", "#shared"])


async def test_a_workflow_step_is_given_the_open_thread_only_with_its_channel(
    box: Sandbox, screens: Screens
) -> None:
    """A direct message is no place of a step, so neither is a thread in it."""
    page = await screens.open()
    dialog = page.get_by_role("dialog", name="Run a workflow step")
    for name in ("general", "dm"):
        root = await box.slack.say("Shall we?", user="ada", channel=name)
        place = box.slack.workspace.channel(name).id
        await page.locator(f"[data-focus={place}]").click()
        said = page.locator("#messages .message", has_text="Shall we?")
        await said.get_by_label("Reply in thread").dispatch_event("click")
        await page.get_by_role("button", name="Workflow steps").click()
        given = [await dialog.get_by_label(one).input_value() for one in ("Channel", "Thread")]
        assert given == ([place, root] if name == "general" else ["", ""])
        await page.keyboard.press("Escape")


async def test_a_hint_that_does_not_fit_into_a_message_box_is_cut_with_an_ellipsis(
    box: Sandbox, screens: Screens
) -> None:
    """Beside an open thread, the box of a channel is narrow."""
    await box.slack.say("Shall we?", user="ada")
    page = await screens.open(width=1100)
    await message(page, "Shall we?").get_by_label("Reply in thread").dispatch_event("click")
    style = await page.get_by_label("Message to the channel").evaluate(
        "it => { const its = getComputedStyle(it); return [its.textOverflow, its.overflowX]; }"
    )
    assert style == ["ellipsis", "hidden"]
