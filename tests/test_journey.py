"""Read this first: the product from its users' point of view.

It is the same over Socket Mode and HTTP, in one workspace and in an organization of two.
"""

import pytest

from bot.app import Bot
from bot.features.home.words import HOME_UNLINK
from bot.features.reviews.words import ASK
from bot.model.sessions import SessionState
from bot.wording import thread_links
from bot.wording.commands import helped
from bot.wording.delivery_reports import correction_offered
from tests.support.desk import OTHER_SESSION, SESSION, Desk, in_org_too, labels, on_v1
from tests.support.desk import actions as shown_actions
from tests.support.devin_posts import buttons_of, until_devin_said, until_state
from tests.support.told import NOT_LINKED, suspended
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.parametrize("transport", ["socket", "http"]),
    in_org_too,
]


@on_v1
async def test_a_team_steers_a_session_from_a_thread(bot: Bot, desk: Desk) -> None:
    """A link, a reply and its mark; a suspended session is reported, woken, and gets the reply."""
    thread = await desk.slack.say("The release notes are still missing.")
    await desk.mention(f"link https://app.devin.ai/sessions/{SESSION[6:]}", thread=thread)
    await desk.until_linked(thread)

    first = await desk.reply("Please write them, *in short*. Ask <@ben> if unsure.", thread)
    message = await desk.until_received("write them")
    assert message.startswith("ada, U0ADA00000 (in Slack):\n\n")
    assert "**in short**" in message
    await desk.until_delivered(first)

    desk.devin.behave(SESSION, "suspended", detail="Asleep since Friday", times=1)
    second = await desk.reply("And tag the release.", thread, user="ben")
    assert "> Asleep since Friday" in await desk.until_said(
        suspended("And tag the release."), thread
    )
    await desk.until_marked("zzz", second)

    await desk.press("send_again", thread, user="ben")
    await desk.until_received("tag the release")
    await desk.until_delivered(second)
    await wait_until(lambda: "zzz" not in desk.marks(second), "the old mark is gone")
    assert len(desk.received()) == 2

    await desk.mention("unlink", thread=thread)
    await desk.until_said(thread_links.unlinked(desk.named()), thread)
    await desk.reply("Thanks all!", thread)
    await desk.mention("status", thread=thread)
    await desk.until_said(NOT_LINKED, thread)
    assert len(desk.received()) == 2


async def test_a_thread_and_a_session_are_one_conversation(bot: Bot, desk: Desk) -> None:
    """Start, listen, answer by a press, see the pull request and the end, each in the thread."""
    thread = await desk.slack.say("The release notes are still missing.")
    await desk.mention("start Please write them.", thread=thread)
    await desk.until_linked(thread)
    (session,) = [one for one in desk.devin.sessions.values() if one.origin == "api"]
    devin = session.session_id
    assert "The release notes are still missing." in session.messages[0].text

    desk.devin.say(devin, "## Plan\n\n1. Read the commits\n2. Write")
    await until_devin_said(desk, "## Plan", thread)
    desk.devin.say(devin, "How long shall they be?\n\n- Short\n- In full")
    desk.devin.behave(devin, "blocked")
    await wait_until(lambda: "In full" in buttons_of(desk, thread), "the answers are buttons")
    ada = desk.slack.workspace.user("ada").id
    (asked,) = [one for one in desk.posts(thread) if "In full" in labels(one)]
    assert f"<@{ada}>" in str(asked.blocks)
    await desk.slack.press("answer_0", channel="general", message_ts=asked.ts, user="ben")
    await desk.until_received("Short", devin)

    desk.devin.behave(devin, "running")
    desk.devin.open_pull_request(devin, "https://github.com/acme/relay/pull/7")
    await desk.until_said("acme/relay#7", thread)
    desk.devin.say(devin, "Written: **12 lines**.")
    desk.devin.behave(devin, "idle")
    await until_state(desk, SessionState.FINISHED, thread)
    await until_devin_said(desk, "12 lines", thread)
    assert len(desk.cards(thread)) == 1

    await desk.mention("end", thread=thread)
    await desk.press("end_session", thread)
    await until_state(desk, SessionState.ENDED, thread)
    assert [one.partition("\n")[0] for one in desk.words(thread)] == [
        *("## Plan", "How long shall they be?", "Written: **12 lines**."),
    ]


async def test_a_team_reaches_devin_from_wherever_it_is(bot: Bot, desk: Desk) -> None:
    """There are a message's menu, a file, `/devin-say`, a workflow step, and the links in Home."""
    desk.devin.add_session(OTHER_SESSION)
    root = await desk.slack.say("The nightly build is red.", user="gus")
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=root)
    await wait_until(lambda: desk.slack.open_views("ada"), "a form asks for the session")
    (form,) = desk.slack.open_views("ada")
    await desk.slack.submit_view(form["id"], {"session": SESSION})
    await desk.until_delivered(root)
    assert "ada, U0ADA00000 sends what gus, U0GUS00000 wrote" in desk.received()[0]

    reply = await desk.slack.say("Here is the log.", thread=root, files=["build.log"])
    await desk.until_delivered(reply)
    assert [file.name for file in desk.devin.attachments] == ["build.log"]
    await desk.slack.edit("general", reply, "Here is the whole log.")
    await desk.until_whispered(correction_offered(""), "ada")

    await desk.slack.slash("/devin-say", f"{OTHER_SESSION} Please rebase", channel="general")
    await desk.until_received("Please rebase", OTHER_SESSION)

    message = {"session": OTHER_SESSION, "message": "It is morning"}
    step = await desk.slack.run_step("send_message", message)
    await wait_until(lambda: step in desk.slack.step_results, "the workflow goes on")
    assert desk.slack.step_results[step][1]["outcome"] == "delivered"

    await desk.slack.open_home("ada")
    await wait_until(
        lambda: str(desk.slack.home_view("ada")).count(HOME_UNLINK) == 2, "Home lists both"
    )


@pytest.mark.times(features=())
async def test_the_core_works_whole_without_any_feature(bot: Bot, desk: Desk) -> None:
    """A bot without them lives the same conversation, and tells of none in its help."""
    await test_a_thread_and_a_session_are_one_conversation(bot, desk)
    posts = desk.slack.workspace.channel("general").messages.values()
    assert ASK not in {action for one in posts for action in shown_actions(one)}
    direct = await desk.slack.say("status", channel="dm")
    await desk.until_said(NOT_LINKED, direct, channel="dm")
    help_asked = await desk.mention("help")
    await desk.until_said(helped((), has_form=False), help_asked)
