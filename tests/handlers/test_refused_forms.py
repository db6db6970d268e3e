"""A form that can't be opened, or not in time, is told in words, whatever the reason is."""

import asyncio
from typing import Any

import pytest

from bot.app import Bot
from bot.model.errors import NotIdentified, SlackAway
from bot.wording import forms, refusals
from bot.wording.message import SlackMessage
from sandbox.slack.server import Message
from tests.support.desk import Desk, tells
from tests.support.forms import opened
from tests.support.waiting import wait_until

AWAY = ("fatal_error", "accesslimited", "ratelimited", "team_added_to_org")
LATE = ("exchanged_trigger_id", "expired_trigger_id", "invalid_trigger_id")
REFUSED = ("access_denied", "invalid_auth", "missing_scope", "view_too_large")
"""Some codes of docs.slack.dev/reference/methods/views.open and of all methods."""


def told(desk: Desk) -> list[Message]:
    """Return what Ada alone was told, in order."""
    return desk.slack.ephemerals("general", "ada")


async def asked(desk: Desk, **fault: Any) -> str:
    """Ask for the form while Slack does not open it; return what Ada is told."""
    before = len(told(desk))
    desk.slack.fail_next("views.open", **fault)
    await desk.slack.slash("/devin-say", "", user="ada", channel="general")
    await wait_until(lambda: len(told(desk)) > before, f"Ada is told ({fault})")
    return told(desk)[-1].text


async def test_each_code_of_slack_s_is_told_in_words(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a refusal or an outage, never a failure of the relay that nobody foresaw."""
    for code in AWAY:
        away = refusals.passing(SlackAway("views.open", code, maybe_done=True))
        assert tells(await asked(desk, error=code), away), code
    for code in LATE:
        assert tells(await asked(desk, error=code), forms.TOO_LATE), code
    for code in REFUSED:
        assert tells(await asked(desk, error=code), refusals.refused_by_slack(code)), code
    refused = [one for one in caplog.records if "was refused" in one.getMessage()]
    assert len(refused) == len(REFUSED)
    assert "unforeseen" not in caplog.text


async def test_a_page_in_the_place_of_slack_is_an_outage(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy between the relay and Slack answers for a moment."""
    away = refusals.passing(SlackAway("views.open", "HTTP", maybe_done=True))
    assert tells(await asked(desk, status=403, page=True), away)
    assert "unforeseen" not in caplog.text


async def until_modal(desk: Desk, words: SlackMessage) -> None:
    """Wait until Ada's modal says `words`."""

    def shown() -> list[str]:
        views = desk.slack.open_views("ada")
        blocks = [block for view in views for block in view["blocks"]]
        return [block["text"]["text"] for block in blocks if "text" in block]

    await wait_until(lambda: words.text in shown(), f"{words.text!r} is in a modal")


@pytest.mark.times(soon_seconds=0.2, modal_seconds=0.5)
@pytest.mark.parametrize("status", [200, 503])
async def test_the_form_of_the_global_shortcut_waits_in_a_modal(
    bot: Bot, desk: Desk, status: int
) -> None:
    """Its trigger lives for 3 s, and Slack may take longer to say who asks for the form."""
    answers = asyncio.Event()
    desk.slack.fail_next("users.info", until=answers, status=status, times=2)
    await desk.slack.global_shortcut("start_session")
    await until_modal(desk, forms.ONE_MOMENT)
    answers.set()
    if status == 200:
        await opened(desk)
    else:
        await until_modal(desk, refusals.passing(NotIdentified(f"HTTP {status}")))


async def test_the_global_shortcut_has_only_a_modal_for_words(bot: Bot, desk: Desk) -> None:
    """Slack tells no place with it, so nothing can be whispered."""
    desk.slack.fail_next("views.open", error="fatal_error")
    await desk.slack.global_shortcut("start_session")
    away = SlackAway("views.open", "fatal_error", maybe_done=True)
    await until_modal(desk, refusals.passing(away))
