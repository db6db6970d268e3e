"""What the bot posts of Devin's words and states is drawn on the page as Slack draws it."""

import re
from collections.abc import Sequence

import pytest
from playwright.async_api import expect

from bot.wording.delivery_reports import MARKS, WAITING_MARK
from sandbox import Sandbox
from sandbox.tests.support.browser import CONTRASTS, OVERFLOWING, Screens, message
from tests.support.desk import SESSION, Desk
from tests.support.slack_apps import JSON, bolt_app, socket_mode, web_client
from tests.support.waiting import wait_until

CARD_EMOJI = (
    *("large_green_circle", "large_yellow_circle", "white_circle", "black_circle"),
    *("grey_question", "no_entry", "zzz", "x"),
)
LONG_LINE = "x = " + "1 + " * 60 + "1"
REPORT = f"""# Report

It **works** *now*, ~~not~~ like `v1`. See [the changes](https://example.invalid/c) \
and https://example.invalid/bare.

1. First
   - nested
2. Second

- [x] Tests
- [ ] Release

```python
{LONG_LINE}
```

| Measure | After |
|---|--:|
| Replies | 4,100 |

> Shall I go on?

---

![A chart](https://example.invalid/chart.png)
"""


GROUND = "it => getComputedStyle(it).backgroundColor"


def markdown(text: str) -> list[JSON]:
    return [{"type": "markdown", "text": text}]


def card(state: str, *labels: str) -> list[JSON]:
    """Return a card whose buttons have the same ids in every message, and no block ids."""
    buttons = [
        {"type": "button", "action_id": label, "text": {"type": "plain_text", "text": label}}
        for label in labels
    ]
    words = {"type": "mrkdwn", "text": f"It is *{state}*."}
    row = [{"type": "actions", "elements": buttons}] if buttons else []
    return [{"type": "section", "text": words}, *row]


async def post(box: Sandbox, blocks: Sequence[JSON], *, text: str = "Said.") -> str:
    """Post blocks in #general as the app; return the message's ts."""
    channel = box.slack.workspace.channel("general").id
    answer = await web_client(box.slack).chat_postMessage(channel=channel, text=text, blocks=blocks)
    return str(answer["ts"])


async def edit(box: Sandbox, ts: str, blocks: Sequence[JSON]) -> None:
    channel = box.slack.workspace.channel("general").id
    await web_client(box.slack).chat_update(channel=channel, ts=ts, text="Said.", blocks=blocks)


async def test_a_markdown_block_is_drawn_as_slack_draws_it(box: Sandbox, screens: Screens) -> None:
    """It has headings, lists, tasks, code, tables and quotes; an image becomes a link."""
    await post(box, markdown(REPORT))
    page = await screens.open()
    drawn = message(page, "Report").locator(".markdown")
    await expect(drawn.get_by_role("heading", name="Report")).to_be_visible()
    await expect(drawn.locator("p").first).to_have_text(
        "It works now, not like v1. See the changes and https://example.invalid/bare."
    )
    for tag, words in {"strong": "works", "em": "now", "s": "not", "p code": "v1"}.items():
        await expect(drawn.locator(tag)).to_have_text(words)
    await expect(drawn.locator("ol > li > ul > li")).to_have_text("nested")
    tasks = drawn.locator("li.task")
    await expect(tasks.nth(0).get_by_label("Done:")).to_be_visible()
    await expect(tasks.nth(1).get_by_label("To do:")).to_be_visible()
    await expect(tasks).to_have_text(["Tests", "Release"])
    await expect(drawn.get_by_label("Code in python")).to_have_text(LONG_LINE)
    await expect(drawn.get_by_role("columnheader")).to_have_text(["Measure", "After"])
    await expect(drawn.get_by_role("cell")).to_have_text(["Replies", "4,100"])
    await expect(drawn.locator("blockquote")).to_have_text("Shall I go on?")
    links = drawn.get_by_role("link")
    await expect(links).to_have_text(["the changes", "https://example.invalid/bare", "A chart"])
    assert await drawn.locator("img").count() == 0


async def test_markdown_is_never_markup_of_the_page_and_links_lead_to_the_web_only(
    box: Sandbox, screens: Screens
) -> None:
    """HTML is text, and so is the label of any other link."""
    hostile = (
        "<img src=x onerror=document.title='owned'> [run](javascript:document.title='owned') "
        "[read](file:///etc/passwd) [mail](mailto:a@example.invalid) `<script>` ![x](data:,x)"
    )
    await post(box, markdown(hostile))
    page = await screens.open()
    drawn = message(page, "<img src=x").locator(".markdown")
    await expect(drawn).to_contain_text("<img src=x onerror=document.title='owned'>")
    await expect(drawn).to_contain_text("mail")
    assert await drawn.locator("a, img, script").count() == 0
    assert await page.title() == "Devin Relay sandbox"


async def test_emoji_are_drawn_wherever_a_text_has_them(box: Sandbox, screens: Screens) -> None:
    """A machine without an emoji font shows them too, by name or as characters."""
    names = [f":{it}:" for it in {*MARKS.values(), WAITING_MARK, *CARD_EMOJI}]
    text = f"Look for ✅ ⏳ 💤 ❌ ✏️ 🗑️ ⚪ ❔ {' '.join(names)}"
    words = {"type": "mrkdwn", "text": text}
    await post(box, [{"type": "section", "text": words}, *markdown(text)])
    await box.slack.say("My ✅", user="ada")
    page = await screens.open()
    drawn = 2 * (8 + len(names))
    await expect(message(page, "Look for").locator(".emoji svg")).to_have_count(drawn)
    await expect(message(page, "My").locator(".emoji svg")).to_have_count(1)


async def test_a_mention_in_markdown_is_live_outside_of_code(
    box: Sandbox, screens: Screens
) -> None:
    """Slack notifies people of it, so the page has to show that it does."""
    ada = box.slack.workspace.user("ada").id
    await post(box, markdown(f"Hello <@{ada}> and <!here>, not `<!channel>` or <\u2060!channel>."))
    page = await screens.open()
    live = message(page, "Hello").locator(".mention")
    await expect(live).to_have_text(["@ada", "@here"])


async def test_wide_code_and_tables_scroll_within_themselves_by_keyboard(
    box: Sandbox, screens: Screens
) -> None:
    """At 400 px, nothing around them becomes wider; one Tab reaches what is to be scrolled."""
    row = "| " + " | ".join(f"column{number}" for number in range(12)) + " |"
    await post(box, markdown(f"```\n{LONG_LINE}\n```\n\n{row}\n{'|---' * 12}|\n{row}"))
    page = await screens.open(width=400, height=700)
    code = message(page, "column0").get_by_label("Code")
    table = message(page, "column0").get_by_label("Table")
    assert await page.evaluate(OVERFLOWING) == []
    await message(page, "column0").focus()
    for box_in_message in (code, table):
        await page.keyboard.press("Tab")
        await expect(box_in_message).to_be_focused()
        await page.keyboard.press("End")
        await page.keyboard.press("ArrowRight")
        handle = await box_in_message.element_handle()
        await page.wait_for_function("(node) => node.scrollLeft > 0", arg=handle)


async def test_an_edited_card_keeps_its_place_and_the_focus(box: Sandbox, screens: Screens) -> None:
    """Another message has a button of the same name, and Slack gives new ids to the blocks."""
    first = await post(box, card("working", "Unfollow", "Unlink"))
    ts = await post(box, card("working", "Unfollow", "Unlink"))
    await post(box, card("asleep", "Unfollow"))
    page = await screens.open()
    ours = page.locator(f'.message[data-ts="{ts}"]')
    await ours.get_by_role("button", name="Unlink").focus()
    await edit(box, ts, card("finished", "Follow", "Unlink"))
    await expect(ours).to_contain_text("It is finished.")
    await expect(ours.get_by_role("button", name="Unlink")).to_be_focused()
    await expect(ours).not_to_contain_text("(edited)")
    order = await page.locator(".message").evaluate_all("all => all.map(it => it.dataset.ts)")
    assert order[:2] == [first, ts]
    await edit(box, ts, card("over"))
    await expect(ours).to_be_focused()


async def test_a_message_that_was_answered_with_the_mouse_is_not_highlighted(
    box: Sandbox, screens: Screens
) -> None:
    """It keeps the focus when its button goes; who answers by the keyboard sees where it is."""
    app = bolt_app(box.slack)

    @app.action("Answer")
    async def on_press(ack: object) -> None:
        await ack()  # type: ignore[operator]

    ts = await post(box, card("waiting", "Answer"))
    page = await screens.open()
    ours = page.locator(f'.message[data-ts="{ts}"]')
    answer = ours.get_by_role("button", name="Answer")
    async with socket_mode(box.slack, app), page.expect_response("**/control/press"):
        await answer.click()
    await page.mouse.move(0, 0)
    await edit(box, ts, card("running"))
    await expect(ours).to_be_focused()
    assert await ours.evaluate(GROUND) == "rgba(0, 0, 0, 0)"
    await edit(box, ts, card("waiting", "Answer"))
    await page.keyboard.press("Tab")
    await answer.focus()
    await edit(box, ts, card("running"))
    await expect(ours).to_be_focused()
    assert await ours.evaluate(GROUND) != "rgba(0, 0, 0, 0)"


async def test_a_card_has_fields_a_context_and_buttons_that_ask_first(
    box: Sandbox, screens: Screens
) -> None:
    """The app hears of a press once the person has agreed."""
    app, pressed = bolt_app(box.slack), list[str]()

    @app.action(re.compile("unlink|approve"))
    async def on_press(ack: object, payload: JSON) -> None:
        pressed.append(payload["action_id"])
        await ack()  # type: ignore[operator]

    def plain(words: str) -> JSON:
        return {"type": "plain_text", "text": words}

    question = {"title": plain("Unlink?"), "text": plain("It stays at Devin."), "style": "danger"}
    question |= {"confirm": plain("Yes, unlink"), "deny": plain("Keep it")}
    fields = [{"type": "mrkdwn", "text": words} for words in ("*State*\nworking", "*Cost*\n1 ACU")]
    approve = {"type": "button", "action_id": "approve", "text": plain("Approve")}
    unlink = {"type": "button", "action_id": "unlink", "text": plain("Unlink"), "confirm": question}
    await post(
        box,
        [
            {"type": "section", "fields": fields, "expand": True},
            {"type": "divider"},
            {"type": "context", "elements": [plain("Linked by Ada"), plain("Follows everything")]},
            {
                "type": "actions",
                "elements": [approve | {"style": "primary"}, unlink | {"style": "danger"}],
            },
        ],
    )
    page = await screens.open()
    shown = message(page, "State")
    await expect(shown.locator(".field")).to_have_text(["Stateworking", "Cost1 ACU"])
    await expect(shown.locator(".context > *")).to_have_text(
        ["Linked by Ada", "Follows everything"]
    )
    await expect(shown.locator(".press.primary")).to_have_text("Approve")
    async with socket_mode(box.slack, app):
        await shown.locator(".press.danger").click()
        await page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
        await shown.locator(".press.danger").click()
        await page.get_by_role("dialog").get_by_role("button", name="Yes, unlink").click()
        await wait_until(lambda: pressed, "the press arrives")
    assert pressed == ["unlink"]


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c636060f8cf500f00038601805a349e7b0000000049454e44ae426082"
)


async def test_a_picture_of_the_bot_s_is_shown_and_another_file_is_saved(
    box: Sandbox, desk: Desk, screens: Screens
) -> None:
    """The chip has its name and size; a press saves it under its name."""
    bot = box.slack.bot_user_id
    ts = await post(box, [], text="Two files")
    files = [("chart.png", PIXEL, "image/png"), ("report.csv", b"a,b\n" * 400, "text/csv")]
    message_of_the_bot = box.slack.workspace.message(box.slack.workspace.channel("general").id, ts)
    message_of_the_bot.files = [
        box.slack.workspace.add_file(name, user=bot, content=content, mimetype=kind)
        for name, content, kind in files
    ]
    page = await screens.open()
    picture = message(page, "Two files").get_by_role("img", name="chart.png")
    await expect(picture).to_have_js_property("naturalWidth", 1)
    chip = message(page, "Two files").get_by_role("link", name="report.csv")
    await expect(chip).to_contain_text("1.6 kB")
    async with page.expect_download() as saved:
        await chip.click()
    assert (await saved.value).suggested_filename == "report.csv"


async def test_the_status_of_a_thread_stands_below_its_last_message(
    box: Sandbox, screens: Screens
) -> None:
    """It moves softly unless someone prefers no motion, and goes when the app posts."""
    root = await box.slack.say("Shall we ship it?", user="ada")
    await box.slack.say("Yes.", user="ben", thread=root)
    client, channel = web_client(box.slack), box.slack.workspace.channel("general").id
    page = await screens.open()
    await client.assistant_threads_setStatus(
        channel_id=channel, thread_ts=root, status="is working…"
    )
    status = page.locator("#replies > .working:last-child")
    await expect(status).to_have_text("Devin Relay is working…")
    moving = "() => document.getAnimations().filter(it => it.animationName === 'working').length"
    assert await page.evaluate(moving) == 3
    await page.emulate_media(reduced_motion="reduce")
    assert await page.evaluate(moving) == 0
    await client.chat_postMessage(channel=channel, thread_ts=root, text="Done.")
    await expect(message(page, "Done.")).to_be_visible()
    await expect(status).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_what_devin_writes_stands_out_from_its_ground(
    box: Sandbox, screens: Screens, *, dark: bool
) -> None:
    """WCAG AA requires 4.5 to 1, for a message that is pointed at as well."""
    await post(box, markdown(REPORT + "\n<!here>"))
    for number, state in enumerate(("open", "merged")):
        box.devin.open_pull_request(SESSION, f"https://example.invalid/{number}", state)
    box.devin.say(SESSION, REPORT)
    page = await screens.open(dark=dark)
    await expect(page.locator(".devin-says")).to_be_visible()
    assert await page.evaluate(CONTRASTS) == []
    await message(page, "Report").hover()
    assert await page.evaluate(CONTRASTS) == []
