"""The page shows an agent's sessions, its Stop button and its direct message as Slack does."""

import pytest
from playwright.async_api import expect

from sandbox import Sandbox
from sandbox.tests.support.browser import CONTRASTS, OVERFLOWING, Screens, message, write
from tests.support.slack_apps import web_client
from tests.support.waiting import wait_until


def events(box: Sandbox, kind: str) -> list[dict[str, object]]:
    """Return the events of that type that the app was sent."""
    sent = [one.payload["event"] for one in box.slack.deliveries if one.kind == "events_api"]
    return [event for event in sent if event["type"] == kind]


async def test_a_thread_shows_the_state_of_its_session_and_a_person_stops_it(
    box: Sandbox, screens: Screens
) -> None:
    """Stop is there while it works, and goes to the app as the one who writes now."""
    box.slack.agent = True
    root = await box.slack.say("Shall we ship it?", user="ada")
    await box.slack.say("Yes.", user="ben", thread=root)
    client, channel = web_client(box.slack), box.slack.workspace.channel("general").id
    set_status, where = client.agents_sessions_setStatus, {"channel_id": channel, "thread_ts": root}
    await set_status(status="processing", title="Release notes", **where)
    page = await screens.open()
    state, working = page.locator("#thread-state"), page.locator("#replies > .working")
    await expect(state).to_have_text("Working")
    await expect(page.locator("#thread-note")).to_have_text("Release notes · #general")
    await expect(working).to_contain_text("Devin Relay is working…")
    await page.locator("#writer").select_option("ben")
    await working.get_by_role("button", name="Stop").click()
    await wait_until(lambda: events(box, "agent_session_stopped"), "the app is told")
    (stopped,) = events(box, "agent_session_stopped")
    assert stopped["user"] == box.slack.workspace.user("ben").id
    await expect(state).to_have_text("Working")
    await set_status(status="suspended", **where)
    await expect(state).to_have_text("Needs attention")
    await expect(working).to_have_count(0)
    await expect(page.locator("#messages .replies")).to_contain_text("Needs attention")
    await set_status(status="closed", **where)
    await expect(state).to_have_text("Closed")


async def test_in_an_agents_direct_message_each_message_begins_a_thread(
    box: Sandbox, screens: Screens
) -> None:
    """Prompts stand above, and one that is pressed is sent; the app hears that the tab was open."""
    box.slack.agent = True
    place = box.slack.workspace.channel("dm").id
    prompts = [{"title": "See what I can do", "message": "help"}]
    suggest = web_client(box.slack).assistant_threads_setSuggestedPrompts
    await suggest(channel_id=place, prompts=prompts, title="Try one of these")
    page = await screens.open()
    await page.locator("#directs").get_by_role("button", name="Devin Relay", exact=True).click()
    opened = {"tab": "messages", "channel": place}
    await wait_until(lambda: events(box, "app_home_opened"), "the app is told")
    assert opened.items() <= events(box, "app_home_opened")[0].items()
    await expect(page.locator("#prompts")).to_contain_text("Try one of these")
    await page.get_by_role("button", name="See what I can do").click()
    await expect(page.locator("#replies .message")).to_contain_text(["help"])
    await expect(page.get_by_label("Also send as direct message")).to_be_visible()
    await page.get_by_label("Close the thread").click()
    await write(page, "Message to the channel", "Fix the flaky test")
    await expect(page.locator("#replies .message")).to_contain_text(["Fix the flaky test"])
    said = box.slack.channel_messages("dm")
    assert [(one.text, one.thread_ts) for one in said] == [
        ("help", None),
        ("Fix the flaky test", None),
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_an_agents_states_stand_out_and_fit_on_a_phone(
    box: Sandbox, screens: Screens, *, dark: bool
) -> None:
    """WCAG AA requires 4.5 to 1."""
    box.slack.agent = True
    root = await box.slack.say("Shall we ship it?", user="ada")
    await box.slack.say("Yes.", user="ben", thread=root)
    channel = box.slack.workspace.channel("general").id
    await web_client(box.slack).agents_sessions_setStatus(
        channel_id=channel, thread_ts=root, status="processing", title="Release notes " * 9
    )
    page = await screens.open(dark=dark, width=390, height=700)
    await expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert await page.evaluate(CONTRASTS) == []
    assert await page.evaluate(OVERFLOWING) == []
    await page.get_by_role("button", name="Back to the channel").click()
    await expect(message(page, "Shall we ship it?")).to_contain_text("Working")
    assert await page.evaluate(CONTRASTS) == []
