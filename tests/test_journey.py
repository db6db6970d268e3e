"""Read this first: the product from its users' point of view."""

from bot.app import Bot
from tests.support.desk import OTHER_SESSION, SESSION, Desk, on_v1
from tests.support.waiting import wait_until


@on_v1
async def test_a_team_steers_a_session_from_a_thread(bot: Bot, desk: Desk) -> None:
    """A link, a reply and its mark; a suspended session is reported, woken, and gets the reply."""
    thread = await desk.slack.say("The release notes are still missing.")
    await desk.mention(f"link https://app.devin.ai/sessions/{SESSION[6:]}", thread=thread)
    await desk.until_said("now linked", thread)

    first = await desk.reply("Please write them, *in short*. Ask <@ben> if unsure.", thread)
    message = await desk.until_received("write them")
    assert message.startswith("ada (in Slack):\n\n")
    assert "**in short**" in message
    await desk.until_marked("white_check_mark", first)

    desk.devin.behave(SESSION, "suspended", detail="Asleep since Friday", times=1)
    second = await desk.reply("And tag the release.", thread, user="ben")
    assert "> Asleep since Friday" in await desk.until_said("suspended", thread)
    await desk.until_marked("zzz", second)

    report = desk.slack.thread("general", thread)[-1]
    await desk.slack.press("send_again", channel="general", message_ts=report.ts, user="ben")
    await desk.until_received("tag the release")
    await desk.until_marked("white_check_mark", second)
    await wait_until(lambda: "zzz" not in desk.marks(second), "the old mark is gone")
    assert len(desk.received()) == 2

    await desk.mention("unlink", thread=thread)
    await desk.until_said("no longer linked", thread)
    await desk.reply("Thanks all!", thread)
    await desk.mention("status", thread=thread)
    await desk.until_said("not linked", thread)
    assert len(desk.received()) == 2


async def test_a_team_reaches_devin_from_wherever_it_is(bot: Bot, desk: Desk) -> None:
    """There are a message's menu, a file, `/devin-say`, a workflow step, and the links in Home."""
    desk.devin.add_session(OTHER_SESSION)
    root = await desk.slack.say("The nightly build is red.", user="gus")
    await desk.slack.shortcut("send_to_devin", channel="general", message_ts=root)
    await wait_until(lambda: desk.slack.open_views("ada"), "a form asks for the session")
    (form,) = desk.slack.open_views("ada")
    await desk.slack.submit_view(form["id"], {"session": SESSION})
    await desk.until_marked("white_check_mark", root)
    assert "ada sends what gus wrote" in desk.received()[0]

    reply = await desk.slack.say("Here is the log.", thread=root, files=["build.log"])
    await desk.until_marked("white_check_mark", reply)
    assert [file.name for file in desk.devin.attachments] == ["build.log"]
    await desk.slack.edit("general", reply, "Here is the whole log.")
    await desk.until_whispered("before you edited it", "ada")

    await desk.slack.slash("/devin-say", f"{OTHER_SESSION} Please rebase", channel="general")
    await desk.until_received("Please rebase", OTHER_SESSION)

    message = {"session": OTHER_SESSION, "message": "It is morning"}
    step = await desk.slack.run_step("send_message", message)
    await wait_until(lambda: step in desk.slack.step_results, "the workflow goes on")
    assert desk.slack.step_results[step][1]["outcome"] == "delivered"

    await desk.slack.open_home("ada")
    await wait_until(lambda: "2 threads" in str(desk.slack.home_view("ada")), "Home lists both")
