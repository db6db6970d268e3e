"""The sandbox's page works in a real browser, with the real bot behind it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from playwright.async_api import expect
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import Bot
from bot.wording import actions
from sandbox import Sandbox
from sandbox.devin.answers import ENDED, STATES, Api
from sandbox.slack.acts.declared import COMMANDS
from sandbox.tests.support.browser import (
    CONTRASTS,
    OVERFLOWING,
    Screens,
    choose,
    control,
    message,
    posts,
    write,
)
from tests.support.desk import SESSION, Desk, on_both
from tests.support.slack_apps import JSON, bolt_app, socket_mode
from tests.support.waiting import wait_until

SHIP = "Yes, ship them."
AT_HOME = f"#home a[href$='{SESSION.removeprefix('devin-')}']"
"""Finds the session of the linked thread on App Home."""


async def test_a_reply_typed_on_the_page_reaches_devin_and_gets_its_mark(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """The product in one test: people's view is on the left, Devin's on the right."""
    await desk.linked_thread()
    page = await screens.open()
    await write(page, "Reply in the thread", SHIP)
    mark = message(page, SHIP).get_by_label(":white_check_mark: by Devin Relay")
    await expect(mark).to_be_visible()
    arrived = page.locator(".session li", has_text=SHIP)
    await expect(arrived).to_contain_text("Received · 200")
    assert any(SHIP in text for text in desk.received())


async def test_everything_on_the_way_to_devin_works_by_keyboard(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """A person writes, opens the thread, links it, replies, and closes it with Esc."""
    page = await screens.open()
    keys = page.keyboard
    await keys.press("Tab")
    await keys.press("Enter")
    await keys.type("Shall we ship it?")
    await keys.press("Enter")
    await expect(message(page, "Shall we ship it?")).to_be_visible()
    for _ in ("More actions", "Add a reaction", "Reply in thread", "the message"):
        await keys.press("Shift+Tab")
    await expect(message(page, "Shall we ship it?")).to_be_focused()
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(page.get_by_label("Reply in the thread", exact=True)).to_be_focused()
    await keys.type(f"@Devin Relay link {SESSION}")
    await keys.press("Enter")
    await expect(posts(page, "card")).to_be_visible()
    await keys.type(SHIP)
    await keys.press("Enter")
    await desk.until_received(SHIP)
    await keys.press("Escape")
    await expect(page.locator("#thread")).to_be_hidden()
    await expect(page.get_by_role("button", name=re.compile("replies"))).to_be_focused()


async def test_a_note_is_shown_to_its_reader_only(bot: Bot, desk: Desk, screens: Screens) -> None:
    """A guest is turned away privately; Ada sees nothing of it."""
    thread = await desk.linked_thread()
    page = await screens.open()
    await page.get_by_role("combobox", name="Write as", exact=True).select_option("gus")
    await write(page, "Reply in the thread", "Let me in.")
    await expect(page.locator("#replies .ephemeral")).to_contain_text("Only visible to you")
    await page.get_by_role("combobox", name="Write as", exact=True).select_option("ada")
    await expect(message(page, "Let me in.")).to_be_visible()
    await expect(page.get_by_text("Only visible to you")).to_have_count(0)
    assert desk.posts(thread) == []


async def test_a_button_of_a_report_is_pressed(bot: Bot, desk: Desk, screens: Screens) -> None:
    """The reply is sent again, once the session answers."""
    await desk.linked_thread()
    page = await screens.open()
    switch = page.locator(".session select").first
    await switch.select_option("server_error")
    await wait_until(lambda: desk.devin.session(SESSION).state == "server_error", "it is switched")
    await write(page, "Reply in the thread", SHIP)
    await expect(message(page, SHIP).first).to_be_visible()
    again = control(page, actions.SEND_AGAIN)
    await expect(again).to_be_visible()
    await switch.select_option("running")
    await wait_until(lambda: desk.devin.session(SESSION).state == "running", "it is switched")
    await again.click()
    await desk.until_received(SHIP)
    await expect(again).to_have_count(0)


async def test_open_session_under_a_report_points_at_the_session(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """Its address is in Devin's web app, but the page has the session and opens it there."""
    await desk.linked_thread()
    desk.devin.behave(SESSION, "archived")
    page = await screens.open()
    await write(page, "Reply in the thread", SHIP)
    report = posts(page, "outcome")
    await expect(control(report, actions.UNLINK)).to_be_visible()
    await control(report, actions.OPEN_SESSION).click()
    await expect(page.locator(".session.lit")).to_contain_text(SESSION)
    assert len(page.context.pages) == 1


async def test_a_slash_command_is_typed_in_the_channel_and_not_in_a_thread(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """Slack offers none inside threads, either."""
    await desk.linked_thread()
    page = await screens.open()
    await page.get_by_label("Message to the channel", exact=True).fill("/dev")
    await expect(page.locator("#composer .hint")).to_contain_text(COMMANDS[0].usage_hint)
    await write(page, "Reply in the thread", "/devin-say hello")
    await expect(page.get_by_role("alert")).to_contain_text("work in threads")
    await write(page, "Message to the channel", "/deploy now")
    await expect(page.get_by_role("alert")).to_contain_text("/deploy ")
    await write(page, "Message to the channel", f"/devin-say {SESSION} Ask @Ben Franklin.")
    post = message(page, "Ask @Ben Franklin.")
    await expect(post.get_by_label(":white_check_mark: by Devin Relay")).to_be_visible()
    (command,) = [one.payload for one in desk.slack.deliveries if one.kind == "slash_commands"]
    assert command["text"].endswith(f"Ask <@{desk.slack.workspace.user('ben').id}>.")


async def test_a_file_goes_with_a_message(desk: Desk, screens: Screens) -> None:
    """It is chosen, shown before it is sent, and in the message afterwards."""
    page = await screens.open()
    upload: Any = {"name": "plan.md", "mimeType": "text/markdown", "buffer": b"# The plan\n"}
    await page.locator("#channel-text-files").set_input_files(upload)
    await expect(page.get_by_label("Remove plan.md")).to_be_visible()
    await write(page, "Message to the channel", "Here it is.")
    await expect(message(page, "Here it is.")).to_contain_text("plan.md")
    (sent,) = desk.slack.channel_messages("general")
    assert [(file.name, file.content) for file in sent.files] == [("plan.md", b"# The plan\n")]


async def test_people_edit_and_delete_their_own_messages_only(desk: Desk, screens: Screens) -> None:
    """The menu of someone else's message has only the shortcuts."""
    await desk.slack.say("frist", user="ada")
    await desk.slack.say("second", user="ben")
    page = await screens.open()
    await choose(page, "frist", "Edit message")
    await write(page, "Message to the channel", "first")
    await expect(message(page, "first")).to_contain_text("(edited)")
    await message(page, "second").hover()
    await message(page, "second").get_by_label("More actions").click()
    offered = await page.get_by_role("menuitem").all_inner_texts()
    assert offered == ["Send to Devin", "Link to a Devin session", "Forward…"]
    await page.keyboard.press("Escape")
    await choose(page, "first", "Delete message…")
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_text("first")).to_have_count(0)


async def test_a_message_is_forwarded_into_a_thread_and_devin_reads_it(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """It is done from its menu, by keyboard; the thread shows a card like Slack's, with a link."""
    root = await desk.linked_thread()
    await desk.slack.say("Production is *down*.", user="ben", channel="random", files=["log.txt"])
    page = await screens.open()
    await page.get_by_role("button", name="random").click()
    await message(page, "Production is").focus()
    await message(page, "Production is").get_by_label("More actions").press("Enter")
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="Forward this message")
    await expect(form.get_by_label("To")).to_be_focused()
    await expect(form.get_by_role("group")).to_contain_text("Production is down.")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Look at @ben's")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(form.get_by_role("button", name="Forward")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(form).to_be_hidden()
    card = message(page, "Look at").get_by_role("group", name="Forwarded message by Ben Franklin")
    await expect(card).to_contain_text("Production is down.")
    await expect(card).to_contain_text("log.txt")
    await expect(card).to_contain_text("Posted in #random")
    await expect(page.get_by_label("Reply in the thread", exact=True)).to_be_focused()
    received = await desk.until_received("Production is **down**.")
    assert "Look at @Ben Franklin (U0BEN00000)'s\n\n[" in received
    assert desk.slack.thread("general", root)[-1].attachments
    await card.get_by_role("link", name="View message").click()
    await expect(page.locator("#channel-name")).to_have_text("random")


async def test_a_form_to_forward_is_left_by_esc_and_says_what_is_missing(
    desk: Desk, screens: Screens
) -> None:
    """The focus returns; a person who cannot see a place sees no link to it."""
    ts = await desk.slack.say("Hush", user="ben", channel="secrets")
    page = await screens.open()
    await page.get_by_role("button", name="secrets").click()
    await choose(page, "Hush", "Forward…")
    form = page.get_by_role("dialog", name="Forward this message")
    await form.get_by_label("To").select_option("")
    await form.get_by_role("button", name="Forward").click()
    await expect(form.get_by_role("alert")).to_have_text("Choose where to forward it.")
    await page.keyboard.press("Escape")
    await expect(form).to_be_hidden()
    await expect(message(page, "Hush").get_by_label("More actions")).to_be_focused()
    await choose(page, "Hush", "Forward…")
    await form.get_by_label("To").select_option("#shared")
    await form.get_by_role("button", name="Forward").click()
    card = message(page, "Hush").get_by_role("group")
    await expect(card.get_by_role("link", name="View message")).to_be_visible()
    await page.get_by_role("combobox", name="Write as", exact=True).select_option("eve")
    await expect(card).to_contain_text("Posted in a private conversation")
    await expect(card.get_by_role("link")).to_have_count(0)
    (sent,) = desk.slack.channel_messages("shared")
    assert (sent.text, sent.attachments[0]["ts"]) == ("", ts)


async def test_people_add_reactions_and_take_back_their_own(desk: Desk, screens: Screens) -> None:
    """They are chosen from a menu, or joined with a press; the focus stays with the message."""
    ts = await desk.slack.say("Ship it?", user="ben")
    page = await screens.open()
    await message(page, "Ship it?").hover()
    await message(page, "Ship it?").get_by_label("Add a reaction").click()
    await page.get_by_role("menuitem", name="thumbsup").press("ArrowDown")
    await page.get_by_role("menuitem", name="heart").press("Enter")
    heart = message(page, "Ship it?").get_by_role("button", name=":heart:")
    await expect(heart).to_have_accessible_name("1 :heart: by ada")
    await page.get_by_role("combobox", name="Write as", exact=True).select_option("ben")
    await expect(heart).to_have_attribute("aria-pressed", "false")
    await heart.press("Enter")
    await expect(heart).to_have_accessible_name("2 :heart: by ada, Ben Franklin")
    await page.get_by_role("combobox", name="Write as", exact=True).select_option("ada")
    await heart.press("Enter")
    await expect(heart).to_have_accessible_name("1 :heart: by Ben Franklin")
    await page.get_by_role("combobox", name="Write as", exact=True).select_option("ben")
    await heart.press("Enter")
    await expect(heart).to_have_count(0)
    await expect(message(page, "Ship it?")).to_be_focused()
    assert desk.slack.reactions("general", ts) == []


async def test_the_focus_stays_where_a_pressed_button_goes_away(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """A keyboard user continues from the report that they answered."""
    await desk.linked_thread()
    desk.devin.behave(SESSION, "server_error")
    page = await screens.open()
    await write(page, "Reply in the thread", SHIP)
    again = control(page, actions.SEND_AGAIN)
    await expect(again).to_be_visible()
    desk.devin.behave(SESSION, "running")
    await again.press("Enter")
    await expect(again).to_have_count(0)
    await expect(posts(page, "outcome")).to_be_focused()


async def test_each_person_sees_the_channels_they_are_in(screens: Screens) -> None:
    """A person of another organization sees only what is shared with it."""
    page = await screens.open()
    writers = await page.locator("#writer option").all_text_contents()
    assert len(set(writers)) == len(writers)
    assert "Slackbot" not in str(writers)
    await page.get_by_role("combobox", name="Write as", exact=True).select_option("eve")
    channels = page.get_by_role("navigation", name="Places").locator("#channels button")
    await expect(channels).to_have_text(["shared"])
    await expect(page.locator("#channel-name")).to_have_text("shared")


async def test_text_from_outside_is_never_markup_of_the_page(desk: Desk, screens: Screens) -> None:
    """Text that looks like HTML appears as it was written."""
    words = "<img src=x onerror=document.title='owned'> <script>document.title='owned'</script>"
    escaped = words.replace("<", "&lt;").replace(">", "&gt;")
    await desk.slack.say(escaped, user="ada")
    desk.devin.session(SESSION).title = words
    page = await screens.open()
    await expect(message(page, words)).to_be_visible()
    await expect(page.get_by_role("heading", name=words)).to_be_visible()
    assert await page.title() == "Devin Relay sandbox"
    assert await page.locator("main img, main script").count() == 0


def text(words: str) -> JSON:
    return {"type": "plain_text", "text": words}


def option(value: str) -> JSON:
    return {"text": text(value.title()), "value": value}


def field(name: str, element: JSON, **more: Any) -> JSON:
    """Return an input block whose ids are its name."""
    element = {"action_id": name, **element}
    return {"type": "input", "block_id": name, "label": text(name), "element": element} | more


FORM: JSON = {
    "type": "modal",
    "callback_id": "form",
    "title": text("Link a thread"),
    "submit": text("Link"),
    "notify_on_close": True,
    "blocks": [
        {"type": "header", "text": text("Which one?")},
        field("session", {"type": "plain_text_input", "focus_on_load": True}),
        field("note", {"type": "plain_text_input", "multiline": True}, optional=True),
        field("kind", {"type": "static_select", "options": [option("one"), option("two")]}),
        field("found", {"type": "external_select", "min_query_length": 1}, optional=True),
        {
            "type": "actions",
            "block_id": "more",
            "elements": [{"type": "button", "action_id": "deeper", "text": text("Deeper")}],
        },
    ],
}
DEEPER: JSON = {
    "type": "modal",
    "title": text("Deeper"),
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*In front*"}}],
}


@asynccontextmanager
async def app_with_a_form(box: Sandbox) -> AsyncIterator[list[JSON]]:
    """Run an app whose shortcut opens `FORM`; yield what it was told."""
    app, heard = bolt_app(box.slack), list[JSON]()

    @app.shortcut("link_session")
    async def on_shortcut(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.options("found")
    async def on_search(ack: Any, payload: JSON) -> None:
        await ack(options=[option(f"{payload['value']}-{number}") for number in (1, 2)])

    @app.action("deeper")
    async def on_deeper(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        heard.append(body["view"]["state"]["values"])
        await ack()
        await client.views_push(trigger_id=body["trigger_id"], view=DEEPER)

    @app.view("form")
    async def on_submit(ack: Any, view: JSON) -> None:
        values = view["state"]["values"]
        heard.append(values)
        if values["session"]["session"]["value"] == "wrong":
            await ack(response_action="errors", errors={"session": "That names no session."})
        else:
            await ack()

    @app.view_closed("form")
    async def on_closed(ack: Any, body: JSON) -> None:
        heard.append({"closed": body["view"]["callback_id"]})
        await ack()

    async with socket_mode(box.slack, app):
        yield heard


async def test_send_to_devin_asks_for_the_session_and_home_lists_the_thread(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """In the relay's own form, errors appear in place, and valid input is linked and sent."""
    await desk.slack.say(SHIP, user="ada")
    page = await screens.open()
    await choose(page, SHIP, "Send to Devin")
    form = page.locator("#modal")
    await form.get_by_role("textbox").fill("nonsense")
    await page.keyboard.press("Enter")
    await expect(form.get_by_role("alert")).to_be_visible()
    await form.get_by_role("textbox").fill(SESSION)
    await page.keyboard.press("Enter")
    await expect(form).to_be_hidden()
    await desk.until_received(SHIP)
    await expect(message(page, SHIP).get_by_label(":white_check_mark:")).to_be_visible()
    await page.locator("#apps button").first.click()
    await expect(page.locator(AT_HOME)).to_be_visible()


async def test_a_modal_shows_its_errors_in_place_and_then_works(
    box: Sandbox, desk: Desk, screens: Screens
) -> None:
    """The page reports missing input, the app invalid input, each at its field."""
    await desk.slack.say("Look here", user="ada")
    page = await screens.open()
    async with app_with_a_form(box) as heard:
        await choose(page, "Look here", "Link to a Devin session")
        modal = page.get_by_role("dialog", name="Link a thread")
        session = modal.get_by_label("session")
        await expect(session).to_be_focused()
        await session.fill("wrong")
        await session.press("Enter")
        await expect(modal.get_by_role("alert")).to_have_text(
            "Please complete this required field."
        )
        await modal.get_by_label("kind").select_option("two")
        await modal.get_by_role("button", name="Link").click()
        await expect(modal.get_by_role("alert")).to_have_text("That names no session.")
        await expect(session).to_be_focused()
        await expect(session).to_have_value("wrong")
        await session.fill("devin-1")
        await session.press("Enter")
        await expect(modal).to_be_hidden()
    assert heard[-1]["session"]["session"]["value"] == "devin-1"
    assert heard[-1]["kind"]["kind"]["selected_option"]["value"] == "two"


async def test_a_modal_is_shown_in_the_tab_that_asked_for_it(
    box: Sandbox, desk: Desk, screens: Screens
) -> None:
    """In another tab it would be in the way. It outlasts a reload."""
    await desk.slack.say("Look here", user="ada")
    other, page = await screens.open(), await screens.open()
    async with app_with_a_form(box):
        await choose(page, "Look here", "Link to a Devin session")
        await expect(page.get_by_role("dialog", name="Link a thread")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("dialog", name="Link a thread")).to_be_visible()
        await desk.slack.say("Drawn", user="ada")
        await expect(message(other, "Drawn")).to_be_visible()
        await expect(other.locator("#modal")).to_be_hidden()
        await page.keyboard.press("Escape")
        await expect(page.locator("#modal")).to_be_hidden()


async def test_a_modal_holds_the_focus_searches_and_lets_another_in_front(
    box: Sandbox, desk: Desk, screens: Screens
) -> None:
    """The input is still there once the one in front is closed; Esc closes one at a time."""
    await desk.slack.say("Look here", user="ada")
    page = await screens.open()
    async with app_with_a_form(box) as heard:
        await choose(page, "Look here", "Link to a Devin session")
        modal = page.get_by_role("dialog")
        await expect(modal.get_by_label("session")).to_be_focused()
        for _ in range(12):
            await page.keyboard.press("Tab")
            assert await page.evaluate("document.activeElement.closest('#modal')?.id") == "modal"
        await modal.get_by_label("session").fill("devin-1")
        await modal.get_by_label("found").press_sequentially("abc")
        await expect(modal.locator("[role=option]")).to_have_text(["Abc-1", "Abc-2"])
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await modal.get_by_role("button", name="Deeper").click()
        await expect(modal.get_by_text("In front")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(modal.get_by_label("session")).to_have_value("devin-1")
        await expect(modal.get_by_label("found")).to_have_value("Abc-1")
        await page.keyboard.press("Escape")
        await expect(modal).to_be_hidden()
        await expect(page.get_by_label("More actions")).to_be_focused()
        await wait_until(lambda: heard[-1] == {"closed": "form"}, "the app hears that it is closed")
    assert heard[0]["found"]["found"]["selected_option"]["value"] == "abc-1"


async def test_home_is_each_persons_own_and_its_menus_work(box: Sandbox, screens: Screens) -> None:
    """It is opened on the page, and published by the app for the person who writes now."""
    app, chosen = bolt_app(box.slack), list[tuple[str, str]]()

    def home(user: str) -> JSON:
        entries = [option("mute"), option("unlink")]
        more = {"type": "overflow", "action_id": "more", "options": entries}
        kinds = {"type": "static_select", "action_id": "pick", "options": entries}
        words = {"type": "mrkdwn", "text": f"Yours, <@{user}>"}
        row = {"type": "section", "text": words, "accessory": more}
        below = {"type": "actions", "block_id": "last", "elements": [kinds]}
        blocks = [row | {"block_id": name} for name in ("first", "second")]
        return {"type": "home", "blocks": [*blocks, below]}

    @app.event("app_home_opened")
    async def on_home(event: JSON, client: AsyncWebClient) -> None:
        await client.views_publish(user_id=event["user"], view=home(event["user"]))

    @app.action(re.compile("more|pick"))
    async def on_choice(ack: Any, payload: JSON) -> None:
        await ack()
        chosen.append((payload["block_id"], payload["selected_option"]["value"]))

    page = await screens.open()
    async with socket_mode(box.slack, app):
        await page.locator("#apps button").first.click()
        await expect(page.locator("#home")).to_contain_text("Yours, @ada")
        await page.get_by_role("combobox", name="Write as", exact=True).select_option("ben")
        await expect(page.locator("#home")).to_contain_text("Yours, @Ben Franklin")
        await page.locator("#home .overflow").last.press("Enter")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.locator("#home select").select_option("mute")
        await wait_until(lambda: len(chosen) == 2, "both choices")
    assert chosen == [("second", "unlink"), ("last", "mute")]


async def test_a_session_is_started_from_the_form_and_ended_by_a_button(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """The global shortcut is in the list on the left; the form begins with the open channel."""
    page = await screens.open()
    await page.get_by_role("button", name="Start a Devin session").click()
    form = page.locator("#modal")
    await expect(form.locator(f"[data-focus^={actions.CHANNEL_FIELD}]")).to_have_value(
        desk.slack.workspace.channel("general").id
    )
    submit = form.locator("[data-focus=submit]")
    await submit.click()
    await expect(form.get_by_role("alert")).to_be_visible()
    await form.locator(f"[data-focus^={actions.PROMPT_FIELD}]").fill("Write the release notes")
    await submit.click()
    await expect(form).to_be_hidden()
    post = message(page, "Write the release notes")
    await post.hover()
    await post.get_by_label("Reply in thread").click()
    await expect(posts(page, "card")).to_be_visible()
    await write(page, "Reply in the thread", "@Devin Relay end")
    end = control(page, actions.END_SESSION)
    await end.click()
    await expect(end).to_have_count(0)
    session = next(reversed(desk.devin.sessions.values()))
    await wait_until(lambda: session.state in ENDED, "it is ended")


async def test_a_workflow_step_is_run_and_its_end_is_shown(box: Sandbox, screens: Screens) -> None:
    """It runs as in Workflow Builder, with its inputs and outputs."""
    app = bolt_app(box.slack)

    @app.function("send_message")
    async def on_step(inputs: JSON, complete: Any) -> None:
        await complete(outputs={"outcome": f"delivered {inputs['message']}"})

    page = await screens.open()
    async with socket_mode(box.slack, app):
        await page.get_by_role("button", name="Workflow steps").click()
        dialog = page.get_by_role("dialog", name="Run a workflow step")
        await dialog.get_by_label("session").fill(SESSION)
        await dialog.get_by_role("button", name="Run the step").click()
        await expect(dialog.get_by_role("status")).to_have_text("The step needs a message.")
        await dialog.get_by_label("message").fill("hello")
        await dialog.get_by_role("button", name="Run the step").click()
        await expect(dialog.get_by_role("status")).to_contain_text("outcome: delivered hello")


async def test_the_generation_of_devin_s_api_and_the_files_of_a_message_are_shown(
    box: Sandbox, screens: Screens
) -> None:
    """In v3, files come as addresses beside the message; their names are listed under it."""
    box.devin.api = "v3"
    page = await screens.open()
    await expect(page.locator("#devin-api")).to_have_text("API v3")
    place = f"/v3/organizations/{box.devin.org_id}/sessions/{SESSION}/messages"
    files = ["https://files.invalid/1/plan%20b.md", "https://files.invalid/2/log.txt?x=1"]
    async with httpx.AsyncClient(base_url=box.devin.url, trust_env=False) as client:
        client.headers["Authorization"] = f"Bearer {box.devin.api_key}"
        await client.post(place, json={"message": SHIP, "attachment_urls": files})
    arrived = page.locator(".session > ol > li", has_text=SHIP)
    await expect(arrived.get_by_label("Attachments").locator("li")).to_have_text(
        ["plan b.md", "log.txt"]
    )


@on_both
async def test_every_state_of_a_session_can_be_chosen(
    box: Sandbox, screens: Screens, api: Api
) -> None:
    """With its meaning in the generation that the bot uses."""
    page = await screens.open()
    menu = page.locator(".session select").first
    await expect(menu.locator("option")).to_have_count(len(STATES))
    await menu.select_option("archived")
    await wait_until(lambda: box.devin.session(SESSION).state == "archived", "it is switched")
    words = {"v1": "Archived (200)", "v3": "Archived (409)"}[api]
    await expect(menu.locator("option:checked")).to_have_text(words)


async def test_a_button_with_an_address_opens_a_tab_and_is_a_press_as_well(
    box: Sandbox, screens: Screens
) -> None:
    """Slack sends the app a block action for it, which must be acknowledged."""
    app, pressed = bolt_app(box.slack), list[JSON]()

    @app.action("open")
    async def on_press(ack: Any, payload: JSON) -> None:
        await ack()
        pressed.append(payload)

    label = {"type": "plain_text", "text": "Open session"}
    button = {
        "type": "button",
        "action_id": "open",
        "text": label,
        "url": f"{screens.url}/page.css",
    }
    row = {"type": "actions", "block_id": "row", "elements": [button]}
    page = await screens.open()
    async with socket_mode(box.slack, app):
        await AsyncWebClient(box.slack.bot_token, base_url=box.slack.api_url).chat_postMessage(
            channel=box.slack.workspace.channel("general").id, text="Ended", blocks=[row]
        )
        link = page.get_by_role("link", name="Open session")
        async with page.context.expect_page() as opened:
            await link.click()
        await wait_until(lambda: pressed, "the press arrives")
    assert (await opened.value).url == button["url"]
    assert page.url.startswith(f"{screens.url}/")
    assert [(one["block_id"], one["url"]) for one in pressed] == [("row", button["url"])]


async def test_a_link_to_what_is_in_the_sandbox_opens_it_on_the_page(
    desk: Desk, screens: Screens
) -> None:
    """These are a permalink and a session's address; nothing contacts another machine."""
    root = await desk.slack.say("The thread", user="ada", channel="secrets")
    channel = desk.slack.workspace.channel("secrets").id
    permalink = f"https://sandbox.slack.invalid/archives/{channel}/p{root.replace('.', '')}"
    session = f"https://app.devin.ai/sessions/{SESSION.removeprefix('devin-')}"
    await desk.slack.say(f"<{permalink}|there> and <{session}|here>", user="ada")
    page = await screens.open()
    await page.get_by_role("link", name="here", exact=True).click()
    await expect(page.locator(".session.lit")).to_contain_text(SESSION)
    await page.get_by_role("link", name="there").click()
    await expect(page.locator("#thread")).to_contain_text("The thread")
    await expect(page.locator("#channel-name")).to_have_text("secrets")


async def test_at_400_px_nothing_overflows_and_every_pane_is_reached(
    desk: Desk, screens: Screens
) -> None:
    """Long words and ids wrap; back leads from the thread to the channel to the places."""
    root = await desk.slack.say("Long" * 60, user="ada")
    await desk.slack.say("https://example.com/" + "x" * 200, user="ben", thread=root)
    await desk.slack.forward("general", root, thread=root, comment="See " + "y" * 200)
    desk.devin.add_session("f" * 64, title="A" * 80)
    page = await screens.open(width=400, height=700)
    await expect(message(page, "https://example.com/")).to_be_visible()
    await choose(page, "See yyy", "Forward…")
    assert await page.evaluate(OVERFLOWING) == []
    await page.keyboard.press("Escape")
    assert await page.evaluate(OVERFLOWING) == []
    await page.get_by_label("Back to the channel").click()
    await expect(message(page, "LongLong")).to_be_visible()
    assert await page.evaluate(OVERFLOWING) == []
    await page.get_by_label("Back to places").click()
    await expect(page.get_by_role("navigation", name="Places")).to_be_visible()
    await page.get_by_role("button", name="random").click()
    await expect(page.locator("#messages").get_by_text("No messages yet.")).to_be_visible()
    await page.get_by_role("navigation", name="Panes").get_by_text("Devin").click()
    await expect(page.get_by_role("heading", name="A" * 80)).to_be_visible()
    assert await page.evaluate(OVERFLOWING) == []


async def test_a_phone_shows_the_latest_arrivals_and_keeps_home_when_loaded_again(
    bot: Bot, desk: Desk, screens: Screens
) -> None:
    """Messages that arrived while Devin was not in front are read from the end."""
    root = await desk.linked_thread()
    page = await screens.open(width=400, height=700)
    for number in range(8):
        await desk.slack.say(f"Reply {number}", user="ada", thread=root)
        await desk.until_received(f"Reply {number}")
    panes = page.get_by_role("navigation", name="Panes")
    await panes.get_by_text("Devin").click()
    await expect(page.locator(".session li", has_text="Reply 7")).to_be_in_viewport()
    await panes.get_by_text("Places").click()
    await page.locator("#apps button").first.click()
    await expect(page.locator(AT_HOME)).to_be_visible()
    await page.reload()
    await expect(page.locator(AT_HOME)).to_be_visible()


async def test_a_page_that_outlives_its_sandbox_opens_a_thread_of_the_new_one(
    desk: Desk, screens: Screens
) -> None:
    """The previously open thread no longer exists."""
    root = await desk.slack.say("Ship it?", user="ada")
    await desk.slack.say("Yes.", user="ben", thread=root)
    page = await screens.open()
    await page.evaluate("sessionStorage.setItem('thread', '1.000001')")
    await page.reload()
    await expect(page.locator("#replies")).to_contain_text("Yes.")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_all_text_stands_out_from_its_ground(
    desk: Desk, screens: Screens, *, dark: bool
) -> None:
    """WCAG AA requires 4.5 to 1, in both schemes; the toggle overrides the system's choice."""
    root = await desk.slack.say("Look at `this` <!here> <@U0BEN00000>, *now*.", user="ada")
    await desk.slack.say("Reply", user="gus", thread=root)
    await desk.slack.forward("general", root, thread=root)
    for state in ("rejects", "running", "suspended"):
        desk.devin.behave(SESSION, state)
    page = await screens.open(dark=dark)
    await message(page, "Look at").hover()
    assert await page.evaluate(CONTRASTS) == []
    await choose(page, "Look at", "Forward…")
    assert await page.evaluate(CONTRASTS) == []
    await page.keyboard.press("Escape")
    ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.get_by_label("Dark colors").click()
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != ground
    assert await page.evaluate(CONTRASTS) == []


async def test_whether_a_bot_is_connected_is_shown_as_it_changes(
    box: Sandbox, screens: Screens
) -> None:
    """The bar on top shows it live."""
    page = await screens.open()
    status = page.locator("#relay")
    await expect(status).to_have_text("Relay not connected")
    async with socket_mode(box.slack, bolt_app(box.slack)):
        await expect(status).to_have_text("Relay connected")
    await expect(status).to_have_text("Relay not connected")
