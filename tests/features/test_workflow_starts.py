"""A workflow step starts a session by its prompt and options, and its workflow learns which."""

from typing import Any

import pytest

from bot.app import Bot
from bot.features.workflow_steps import words
from bot.features.workflow_steps.steps import BadStep, Flaw
from bot.model.errors import NotAllowed, PersonError
from bot.model.options import OptionFlaw
from bot.model.people import Standing
from bot.model.replies import Refusal
from bot.redis.connection import Store
from sandbox.devin.answers import STATES
from tests.people.test_start_options import PLAYBOOK, asked, bad
from tests.people.test_starting import channel_of, opening, prompt, refused, sessions, until_linked
from tests.support.desk import Desk, on_both
from tests.support.waiting import until_settled, wait_until


async def step(desk: Desk, **inputs: str) -> tuple[str, Any]:
    given = {"prompt": "Fix it", "channel": channel_of(desk)} | inputs
    execution = await desk.slack.run_step("start_session", given)
    await wait_until(lambda: execution in desk.slack.step_results, "the step ends")
    return desk.slack.step_results[execution]


@on_both
async def test_a_step_starts_a_session_in_a_new_thread(bot: Bot, desk: Desk) -> None:
    """Later steps can use the session, its address and its thread."""
    how, outputs = await step(desk, user=desk.slack.workspace.user("ada").id)
    (session,) = sessions(desk)
    post = opening(desk)
    assert how == "success"
    assert outputs == {
        "outcome": "started",
        "session": session.session_id,
        "url": session.url,
        "thread": post.ts,
    }
    assert prompt(desk) == "ada, U0ADA00000 (in Slack, through a workflow):\n\nFix it"
    await until_linked(desk, post.ts)


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ({"prompt": ""}, BadStep(Flaw.PROMPT)),
        ({"channel": ""}, BadStep(Flaw.CHANNEL)),
        ({"user": "U0GUS00000"}, NotAllowed(Standing.GUEST)),
    ],
)
async def test_a_step_that_is_filled_in_wrongly_fails(
    bot: Bot, desk: Desk, inputs: dict[str, str], error: PersonError
) -> None:
    """Its author reads why."""
    assert await step(desk, **inputs) == ("error", words.step_failed(error))
    assert sessions(desk) == []


async def test_a_step_fails_with_what_devin_says(bot: Bot, desk: Desk) -> None:
    """The thread of the prompt is told as well."""
    desk.devin.creations.append(STATES["teapot"])
    how, why = await step(desk)
    assert how == "error"
    assert "I'm a teapot" in why
    post = opening(desk)
    await desk.until_said(refused(Refusal.OTHER, 418), post.ts)
    assert sessions(desk) == []


async def test_a_step_that_failed_stays_failed_while_slack_does_not_take_it(
    bot: Bot, desk: Desk
) -> None:
    """The thread has been told that no session was started, so none is started after that."""
    desk.devin.creations.append(STATES["teapot"])
    desk.slack.fail_next("functions.completeError", retry_after=0, times=4)
    how, why = await step(desk)
    assert how == "error"
    assert "I'm a teapot" in why
    assert len(desk.said(opening(desk).ts)) == 2
    assert sessions(desk) == []


async def test_after_a_step_whose_end_slack_refuses_its_thread_can_start_a_session(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The step is over, so its start is no longer in progress."""
    desk.devin.creations.append(STATES["teapot"])
    desk.slack.fail_next("functions.completeError", error="access_denied")
    before = len(desk.slack.calls)
    await desk.slack.run_step("start_session", {"prompt": "Fix it", "channel": channel_of(desk)})
    await wait_until(
        lambda: "functions.completeError" in [one.method for one in desk.slack.calls[before:]],
        "the step is failed",
    )
    await until_settled(store)
    root = opening(desk).ts
    await desk.mention("start Fix it", thread=root)
    await until_linked(desk, root)


async def test_a_workflow_step_chooses_in_its_inputs(bot: Bot, desk: Desk) -> None:
    """They stand before the prompt, for everybody to see."""
    inputs = {
        "channel": channel_of(desk),
        "prompt": "Fix it",
        "repository": "acme/api, acme/web",
        "mode": "Fast",
        "playbook": PLAYBOOK,
        "max_acus": "5",
        "tags": "on call,login",
    }
    await desk.slack.run_step("start_session", inputs)
    await wait_until(lambda: sessions(desk), "the session starts")
    body = sessions(desk)[0].body
    assert body.pop("prompt").endswith("\n\nFix it")
    assert body.pop("tags")[1:] == ["on call", "login"]
    assert body == {
        "repos": ["acme/api", "acme/web"],
        "devin_mode": "fast",
        "playbook_id": PLAYBOOK,
        "max_acu_limit": 5,
    }
    post = desk.slack.channel_messages("general")[0]
    assert "repo:acme/api repo:acme/web mode:fast" in post.text


@pytest.mark.parametrize(
    "prompt", ["max:500 mode:ultra repo:acme/web Fix it", "mode: dark is broken", "!deploy it"]
)
async def test_a_workflow_step_s_prompt_chooses_nothing(bot: Bot, desk: Desk, prompt: str) -> None:
    """It may be a form's answer or somebody's message, so all of it is for Devin to read."""
    inputs = {"channel": channel_of(desk), "prompt": prompt, "max_acus": 5}
    await desk.slack.run_step("start_session", inputs)
    await wait_until(lambda: sessions(desk), "the session starts")
    assert asked(sessions(desk)[0]) == {"prompt": prompt, "tags": [], "max_acu_limit": 5}


async def test_a_workflow_step_with_a_wrong_option_fails(bot: Bot, desk: Desk) -> None:
    """And says which."""
    wrong = bad((OptionFlaw.WRONG, "max", "many"))
    assert await step(desk, max_acus="many") == ("error", words.step_failed(wrong))
