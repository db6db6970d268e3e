"""The line below a thread's last message says that Devin is at work."""

from bot.app import Bot
from tests.support.desk import SESSION, Desk, on_both
from tests.support.waiting import wait_until


@on_both
async def test_a_thread_shows_that_devin_is_at_work(bot: Bot, desk: Desk) -> None:
    """From the link on, although Slack clears the line with each post of the bot's."""
    thread = await desk.linked_thread()
    await wait_until(lambda: desk.slack.status("general", thread), "the line is below the card")
    desk.devin.say(SESSION, "It is half done.")
    await wait_until(lambda: desk.words(thread), "Devin's words are there")
    await wait_until(lambda: desk.slack.status("general", thread), "the line is below the words")
    desk.devin.behave(SESSION, "blocked")
    await wait_until(lambda: not desk.slack.status("general", thread), "Devin waits")
