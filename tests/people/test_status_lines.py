"""A thread shows that Devin is at work: by Slack's own state, or else by a status line."""

import logging

import pytest

from bot.app import Bot
from bot.model.sessions import SessionState
from bot.slack.threads import SET_STATUS
from tests.support.desk import SESSION, Desk, on_both, running
from tests.support.devin_posts import until_card, until_devin_said, until_state
from tests.support.waiting import wait_until

OFTEN = {"agent_pause": 0.1}


async def at_work(desk: Desk) -> None:
    """Link a thread, and let its session speak, work and ask, as a status line shows it."""
    thread = await desk.linked_thread()
    await wait_until(lambda: desk.slack.status("general", thread), "the line is below the card")
    desk.devin.say(SESSION, "It is half done.")
    await wait_until(lambda: desk.words(thread), "Devin's words are there")
    await wait_until(lambda: desk.slack.status("general", thread), "the line is below the words")
    desk.devin.behave(SESSION, "blocked")
    await wait_until(lambda: not desk.slack.status("general", thread), "Devin waits")
    assert desk.slack.agent_statuses == []


@on_both
async def test_a_thread_of_an_app_that_is_no_agent_has_a_status_line(bot: Bot, desk: Desk) -> None:
    """From the link on, although Slack clears the line with each post of the bot's."""
    await at_work(desk)


async def test_a_setting_turns_agent_sessions_off(environ: dict[str, str], desk: Desk) -> None:
    """Also for an app that is declared as an agent."""
    desk.slack.agent = True
    async with running(desk, environ, AGENT="off"):
        await at_work(desk)
    assert not any(one.method.startswith("agents.") for one in desk.slack.calls)


async def test_an_agent_s_thread_has_slack_s_own_state(
    environ: dict[str, str], desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """While Devin works it is set again, by whichever process runs; no line takes its place.

    A poll finds that to be done, and the log takes it for no failure.
    """
    caplog.set_level(logging.INFO)
    desk.slack.agent = True

    def shows(status: str) -> bool:
        return desk.slack.agent_status("general", thread) == status

    async with running(desk, environ, OFTEN):
        thread = await desk.linked_thread()
        await wait_until(lambda: shows("processing"), "Devin works")
    async with running(desk, environ, OFTEN):
        seen = len(desk.slack.agent_statuses)
        await wait_until(lambda: len(desk.slack.agent_statuses) > seen, "by another process")
        assert desk.slack.can_stop("general", thread)
        desk.devin.say(SESSION, "Which branch?")
        desk.devin.behave(SESSION, "blocked")
        await wait_until(lambda: shows("suspended"), "Devin waits")
        await desk.mention("unlink", thread=thread)
        await wait_until(lambda: shows("closed"), "the link has ended")
    assert not any(one.method == SET_STATUS for one in desk.slack.calls)
    assert "reports were not being told" not in caplog.messages


@on_both
async def test_a_link_to_a_session_that_does_not_exist_shows_that(bot: Bot, desk: Desk) -> None:
    """A mistyped ID is linked at once, since Devin isn't asked; the card tells soon."""
    thread = await desk.slack.say("Which one was it?")
    await desk.mention(f"link devin-{'0' * 32}", thread=thread)
    await until_card(desk, "*find* this session", thread)
    await desk.answer("status", thread, "*find* this session")


@on_both
async def test_a_session_that_devin_no_longer_knows_is_not_shown_as_working(
    environ: dict[str, str], desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Its card says so, and the log; what it says until Devin knows it again isn't lost."""
    caplog.set_level(logging.INFO)
    desk.slack.agent = True
    async with running(desk, environ, OFTEN):
        thread = await desk.linked_thread()
        await wait_until(
            lambda: desk.slack.agent_status("general", thread) == "processing", "Devin works"
        )
        gone = desk.devin.sessions.pop(SESSION)
        await until_card(desk, "*find* this session", thread)
        await wait_until(
            lambda: desk.slack.agent_status("general", thread) == "active", "nothing works"
        )
        logged = [vars(one) for one in caplog.records if one.getMessage() == "sessions not read"]
        assert (SESSION, "HTTP 404") in [(one["session_id"], one["reason"]) for one in logged]
        desk.devin.sessions[SESSION] = gone
        desk.devin.say(SESSION, "It is done.")
        await until_devin_said(desk, "It is done.", thread)
        await until_state(desk, SessionState.WORKING, thread)
        await wait_until(
            lambda: desk.slack.agent_status("general", thread) == "processing", "Devin works"
        )
    assert [one for one in desk.words(thread) if "It is done." in one] == ["It is done."]


async def test_an_app_that_becomes_an_agent_is_asked_as_soon_as_a_process_starts(
    environ: dict[str, str], desk: Desk
) -> None:
    """Else whoever sets it up would wait for a day to see that it works."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await wait_until(lambda: desk.slack.status("general", thread), "a line serves")
    desk.slack.agent = True
    async with running(desk, environ):
        await wait_until(
            lambda: desk.slack.agent_status("general", thread) == "processing", "Slack shows it"
        )
