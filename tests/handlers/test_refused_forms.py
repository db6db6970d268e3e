"""A form that Slack does not open is told in words, whatever Slack's reason is."""

from typing import Any

import pytest

from bot.app import Bot
from bot.model.errors import SlackAway
from bot.wording import forms, refusals
from sandbox.slack.server import Message
from tests.support.desk import Desk, tells
from tests.support.waiting import wait_until

PASSING = ("fatal_error", "internal_error", "request_timeout", "service_unavailable")
AWAY = ("accesslimited", "ratelimited", "rate_limited", "team_added_to_org")
LATE = ("exchanged_trigger_id", "expired_trigger_id", "invalid_trigger_id")
REFUSED = (
    *("access_denied", "account_inactive", "deprecated_endpoint", "duplicate_external_id"),
    *("ekm_access_denied", "enterprise_is_restricted", "invalid_arg_name", "invalid_arguments"),
    *("invalid_array_arg", "invalid_auth", "invalid_charset", "invalid_form_data"),
    *("invalid_post_type", "is_bot", "method_deprecated", "missing_post_type", "missing_scope"),
    *("no_permission", "not_allowed_token_type", "not_authed", "not_enabled"),
    *("org_login_required", "push_limit_reached", "team_access_not_granted", "token_expired"),
    *("token_revoked", "two_factor_setup_required", "view_too_large"),
)
"""The codes of docs.slack.dev/reference/methods/views.open and of all methods."""


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
    for code in (*PASSING, *AWAY):
        away = refusals.passing(SlackAway("views.open", code, maybe_done=True))
        assert tells(await asked(desk, error=code), away), code
    for code in LATE:
        assert tells(await asked(desk, error=code), forms.TOO_LATE), code
    for code in REFUSED:
        assert tells(await asked(desk, error=code), refusals.refused_by_slack(code)), code
    refused = [one for one in caplog.records if "was refused" in one.getMessage()]
    assert len(refused) == len(REFUSED)
    assert "unforeseen" not in caplog.text


@pytest.mark.parametrize("status", [200, 403, 404, 503])
async def test_a_page_in_the_place_of_slack_is_an_outage(
    bot: Bot, desk: Desk, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy between the relay and Slack answers for a moment."""
    away = refusals.passing(SlackAway("views.open", "HTTP", maybe_done=True))
    assert tells(await asked(desk, status=status, page=True), away)
    assert "unforeseen" not in caplog.text
