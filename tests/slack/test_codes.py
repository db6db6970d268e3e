"""What Slack's error codes mean, by the page that an operator reads."""

import re
from pathlib import Path

import pytest
from aiohttp import web

from bot.catch_up.reading import CHANNEL_GONE
from bot.features.workflow_steps.use import STEP_OVER
from bot.mirror.agents import NOT_AUTHORIZED
from bot.mirror.card import UNEDITABLE
from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.slack.api import MISSING_SCOPE, PASSING, SlackClient, call
from bot.slack.threads import MARK_IS_RIGHT, NO_SUCH_CHANNEL, NO_SUCH_THREAD
from tests.project.test_security import called
from tests.support.slack_apps import serving

PAGE = Path(__file__).parents[2] / "docs" / "architecture" / "slack-errors.md"
ROWS = [line.split("|")[1:-1] for line in PAGE.read_text("utf-8").splitlines() if line[:2] == "| "]
COMMON = {row[0].split("**")[1]: codes for row in ROWS if "**" in row[0] for codes in [row[2]]}
METHODS = {row[0].strip(): row[1:] for row in ROWS if "." in row[0] and "**" not in row[0]}


def codes(*cells: str) -> set[str]:
    """Return the codes in cells of the page's tables."""
    return {code for cell in cells for code in re.findall(r"\w+", cell)}


PASSES = codes(COMMON["passing"], *(row[0] for row in METHODS.values()))
SOMEBODY = codes(COMMON["somebody in Slack"], *(row[1] for row in METHODS.values()))
OVER = codes(*(row[2] for row in METHODS.values()))


def test_each_method_that_the_code_calls_has_its_codes_in_the_page() -> None:
    """A new one has errors that somebody must have read."""
    assert set(METHODS) == called()


def test_a_code_means_one_thing() -> None:
    """Whatever the method; a workspace that moves into an organization passes by itself."""
    operator = codes(COMMON["operator"])
    assert operator == OPERATOR_MUST_ACT
    assert PASSES | {"HTTP 429"} == PASSING
    assert not SOMEBODY & OVER
    assert (PASSES | operator) & (SOMEBODY | OVER) == set()
    assert PASSES & operator == {"team_added_to_org"}


def test_the_page_has_each_code_that_the_code_acts_on() -> None:
    """What is done about one is a decision, which the page tells."""
    assert {*MARK_IS_RIGHT, *NO_SUCH_THREAD, *STEP_OVER, *UNEDITABLE} <= OVER
    assert {NO_SUCH_CHANNEL, MISSING_SCOPE, NOT_AUTHORIZED} <= SOMEBODY
    assert CHANNEL_GONE <= SOMEBODY | OPERATOR_MUST_ACT


async def test_a_call_is_repeated_after_what_passes_and_nothing_else() -> None:
    """Slack answers each code of the page over the wire."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"ok": False, "error": request.query["user"]})

    app = web.Application()
    app.router.add_route("*", "/api/users.info", answer)
    async with serving(app) as url:
        client = SlackClient(token="xoxb-0", base_url=f"{url}/api/")
        for code in sorted(PASSES | SOMEBODY | OVER | OPERATOR_MUST_ACT | {"invalid_arguments"}):
            with pytest.raises(SlackAway if code in PASSES else SlackRefused) as error:
                await call(client, "users.info", user=code)
            assert isinstance(error.value, SlackAway | SlackRefused)
            assert error.value.reason == code
