"""Read this first: the product, as the people who use it live it."""

from bot.app import Bot
from tests.people import SESSION, Desk
from tests.waiting import wait_until


async def test_a_team_steers_a_session_from_a_thread(bot: Bot, desk: Desk) -> None:
    """Link, reply, see the mark; a suspended session is said, woken, and gets the reply again."""
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
