"""An operator leaves starts and links to some people, and approvals and ends; all are told why.

A person also starts only so many sessions within an hour.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, get_args, get_type_hints

import pytest
import redis.asyncio

from bot.devin.api import Devin
from bot.features.workflow_steps import words as workflows
from bot.model.errors import NotAllowed, TooManyStarts
from bot.model.people import Standing
from bot.model.replies import Outcome, Wait
from bot.model.sessions import Closing
from bot.redis.connection import Store
from bot.settings import load_settings
from bot.wording import actions, forms, refusals
from bot.wording.lifecycle import ending
from bot.wording.message import SlackMessage
from bot.wording.mirror import posts
from bot.wording.phrases import plain
from sandbox.devin.answers import STATES
from tests.support.bots import open_bot
from tests.support.desk import ANYTHING, OTHER_SESSION, SESSION, Desk, quote, running
from tests.support.known import later
from tests.support.waiting import until_settled, wait_until

ADA = "U0ADA00000"
ASK = {"ADMIN_CONTACT": "#help-devin"}
STARTERS = {"ALLOW_STARTERS": ADA, **ASK}
APPROVERS = {"ALLOW_APPROVERS": ADA, **ASK}
NOT_STARTER = refusals.sorry(NotAllowed(Standing.NOT_STARTER), "#help-devin")
NOT_APPROVER = refusals.sorry(NotAllowed(Standing.NOT_APPROVER), "#help-devin")
ENOUGH = SlackMessage(
    refusals.sorry(TooManyStarts(1, timedelta(hours=1))).text.replace("1 hour", ANYTHING)
)


def started(desk: Desk) -> list[str]:
    """Return the sessions that were started through the API."""
    return [one.session_id for one in desk.devin.sessions.values() if one.origin == "api"]


async def until_told(desk: Desk, before: int, what: str, words: SlackMessage = NOT_STARTER) -> None:
    """Wait until Ben is told something more, which is `words`."""
    await wait_until(lambda: len(desk.whispers("ben")) > before, f"Ben is told after {what}")
    (told,) = desk.whispers("ben")[before:]
    assert told.partition("\n> ")[0] == words.text, what


def modals(desk: Desk) -> list[str]:
    """Return what the modals say that Ben has open."""
    views = desk.slack.open_views("ben")
    return [block["text"]["text"] for view in views for block in view["blocks"] if "text" in block]


async def test_who_may_not_start_is_told_wherever_they_ask(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """By a command, a message's menu, words to the bot, and buttons that anybody can press."""
    desk.devin.add_session(OTHER_SESSION)
    async with running(desk, environ, **STARTERS):
        desk.devin.creations.append(STATES["teapot"])
        refused = await desk.mention("start Fix it")
        loose = await desk.slack.say("The build is red", user="ben")
        report = (await desk.offering(actions.START_AGAIN, refused)).ts

        async def press() -> None:
            where = {"channel": "general", "message_ts": report}
            await desk.slack.press(actions.START_AGAIN, **where, user="ben")

        async def choose(name: str) -> None:
            where = {"channel": "general", "message_ts": loose}
            await desk.slack.shortcut(name, **where, user="ben")

        asks: dict[str, Callable[[], Awaitable[Any]]] = {
            "start": lambda: desk.mention("start Fix it", user="ben"),
            "link": lambda: desk.mention(f"link {OTHER_SESSION}", thread=loose, user="ben"),
            "default": lambda: desk.mention(f"default {OTHER_SESSION}", user="ben"),
            "words": lambda: desk.mention("can you look?", thread=loose, user="ben"),
            "new": lambda: desk.slack.slash("/devin-say", "new Fix it", user="ben"),
            "form": lambda: desk.slack.slash("/devin-say", "new", user="ben"),
            "say": lambda: desk.slack.slash("/devin-say", f"{OTHER_SESSION} Hi", user="ben"),
            "send": lambda: choose("send_to_devin"),
            "menu": lambda: choose("link_session"),
            "again": press,
        }
        for what, ask in asks.items():
            before = len(desk.whispers("ben"))
            await ask()
            await until_told(desk, before, what)
        await until_settled(store)
    assert started(desk) == []
    assert desk.received(OTHER_SESSION) == []
    assert desk.said(loose, with_cards=True) == []


async def test_who_may_not_start_is_told_instead_of_a_form(
    environ: dict[str, str], desk: Desk
) -> None:
    """Where no channel is at hand: by the global shortcut, and by the button in App Home."""
    async with running(desk, environ, **STARTERS):
        await desk.slack.global_shortcut("start_session", user="ben")
        await wait_until(lambda: NOT_STARTER.text in modals(desk), "a modal says so")
        await desk.slack.close_view(desk.slack.open_views("ben")[0]["id"], user="ben")
        await desk.slack.open_home("ben")
        await wait_until(lambda: desk.slack.home_view("ben") is not None, "the tab is there")
        view = desk.slack.home_view("ben")
        assert view is not None
        await desk.slack.press_view(actions.OPEN_START_FORM, view_id=view["id"], user="ben")
        await wait_until(lambda: NOT_STARTER.text in modals(desk), "a modal says so")


@pytest.mark.parametrize("user", ["", "U0BEN00000"])
async def test_a_step_starts_and_links_for_those_who_may(
    environ: dict[str, str], desk: Desk, user: str
) -> None:
    """Nor does it message a session that isn't linked in its channel, which would be the same."""
    general = {"channel": "C0GENERAL0"}
    message = {"session": SESSION, "message": "Hi"}
    async with running(desk, environ, **STARTERS):
        root = await desk.slack.say("The build is red")
        steps: list[tuple[str, dict[str, str]]] = [
            ("start_session", {**general, "prompt": "Fix it"}),
            ("link_thread", {**general, "session": SESSION, "thread_ts": root}),
            ("send_message", {**general, **message}),
            ("send_message", message),
        ]
        ends = [await desk.slack.run_step(one, {**given, "user": user}) for one, given in steps]
        await wait_until(lambda: {*ends} <= desk.slack.step_results.keys(), "the steps end")
    why = workflows.step_failed(NotAllowed(Standing.NOT_STARTER))
    assert [desk.slack.step_results[one] for one in ends] == [("error", why)] * len(steps)
    assert started(desk) == desk.received() == []


async def test_who_may_not_link_messages_the_sessions_of_the_channel_and_sees_no_others(
    environ: dict[str, str], desk: Desk
) -> None:
    """By replies, and by `/devin-say` in threads of their own; titles from elsewhere stay there."""
    desk.devin.add_session(OTHER_SESSION, title="Buy a competitor")
    async with running(desk, environ, **STARTERS):
        thread = await desk.linked_thread()
        await desk.reply("From a reply", thread, user="ben")
        await desk.until_received("From a reply")
        await desk.slack.slash("/devin-say", f"{SESSION} From a command", user="ben")
        await desk.until_received("From a command")
        await desk.slack.slash("/devin-say", "", user="ben")
        await wait_until(lambda: desk.slack.open_views("ben"), "the form opens")
        (view,) = desk.slack.open_views("ben")
        assert forms.HERE in str(view)
        assert forms.ELSEWHERE not in str(view)
        assert "Buy a competitor" not in str(view)
        filled = {"session": None, "typed": OTHER_SESSION, "message": "From a form"}
        await desk.slack.submit_view(view["id"], filled, user="ben")
        (view,) = desk.slack.open_views("ben")
        assert view["errors"] == {"message": plain(NOT_STARTER.text)}
        filled = {"session": SESSION, "typed": None, "message": "From a form"}
        await desk.slack.submit_view(view["id"], filled, user="ben")
        await desk.until_received("From a form")
        before = len(desk.whispers("ben"))
        await desk.slack.slash("/devin-say", f"{OTHER_SESSION[:14]} Hi", user="ben")
        await wait_until(lambda: len(desk.whispers("ben")) > before, "a short ID isn't known")
    assert desk.received(OTHER_SESSION) == []


async def test_approvals_and_ends_are_left_to_those_who_may(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Others press the same buttons, are told so, and may still reply."""
    async with running(desk, environ, **APPROVERS):
        thread = await desk.linked_thread()
        for verb in ("end", "archive"):
            before = len(desk.whispers("ben"))
            await desk.mention(verb, thread=thread, user="ben")
            await until_told(desk, before, verb, NOT_APPROVER)
        await desk.mention("end", thread=thread)
        desk.devin.behave(SESSION, "approval")
        for action in (actions.END_SESSION, actions.APPROVE):
            before = len(desk.whispers("ben"))
            await desk.press(action, thread, user="ben")
            await until_told(desk, before, action, NOT_APPROVER)
        await until_settled(store)
        assert desk.received() == []
        assert desk.devin.session(SESSION).state == "approval"
        await desk.press(actions.APPROVE, thread)
        await desk.until_received(posts.APPROVED)
        await desk.reply("Well done", thread, user="ben")
        await desk.until_received("Well done")
        asked = await desk.offering(actions.END_SESSION, thread)
        await desk.press(actions.END_SESSION, thread)
        done = ending.closed_by(Closing.END, "ada")
        await wait_until(lambda: done in asked.text, "it ends")


async def test_a_person_starts_so_many_sessions_within_an_hour(
    environ: dict[str, str],
    desk: Desk,
    raw: redis.asyncio.Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However they ask; a start that Slack brings again counts once, and others have their own.

    Each refusal is on record, with the step of a workflow that asked.
    """
    caplog.set_level(logging.INFO)
    async with running(desk, environ, STARTS_PER_HOUR="1"):
        root = await desk.mention("start Fix it")
        await desk.until_linked(root)
        for delivery in desk.slack.deliveries[-2:]:
            await desk.slack.redeliver(delivery)
        await desk.until_heard()
        assert desk.whispers("ada") == []
        for count, ask in enumerate(
            (desk.mention("start Another"), desk.slack.slash("/devin-say", "new Another")), 1
        ):
            await ask
            await wait_until(lambda count=count: len(desk.whispers("ada")) == count, "told")  # type: ignore[misc]
            await desk.until_whispered(ENOUGH, "ada")
        await desk.slack.global_shortcut("start_session")
        await wait_until(lambda: desk.slack.open_views("ada"), "the form opens")
        filled = {"channel": "C0GENERAL0", "prompt": "Another"}
        await desk.slack.submit_view(desk.slack.open_views("ada")[0]["id"], filled)
        assert "within an hour" in desk.slack.open_views("ada")[0]["errors"]["prompt"]
        execution = await desk.slack.run_step("start_session", {**filled, "user": ADA})
        await wait_until(lambda: execution in desk.slack.step_results, "the step ends")
        assert desk.slack.step_results[execution][0] == "error"
        assert len(started(desk)) == 1
        whys = [(vars(one).get("why"), vars(one).get("step")) for one in caplog.records]
        assert [step for why, step in whys if why == "too_many_starts"] == [None] * 3 + [execution]
        await desk.mention("start Mine", user="ben")
        await wait_until(lambda: len(started(desk)) == 2, "Ben starts one")
        await later(raw, timedelta(hours=1))
        await desk.slack.submit_view(desk.slack.open_views("ada")[0]["id"], filled)
        await wait_until(lambda: len(started(desk)) == 3, "the form starts it, an hour later")


PULL_REQUEST = "https://github.com/acme/relay/pull/7"

COSTLY = {"create": "start Fix it", "ask_review": f"review {PULL_REQUEST}"}
"""The calls by which somebody has Devin work, each with a way to cause it."""

OTHERWISE = {"post_message", "upload", "end", "archive"}
"""Other writes: what a session does about a message is limited in Devin, and by its cap."""


def test_each_call_that_changes_something_in_devin_is_known() -> None:
    """A new one either costs, and is in the table, or somebody has decided that it doesn't."""
    found = {
        name
        for name, call in vars(Devin).items()
        if inspect.iscoroutinefunction(call) and {Outcome, Wait} <= set(get_args(_answer(call)))
    }
    assert found == COSTLY.keys() | OTHERWISE


def _answer(call: object) -> object:
    return get_type_hints(call)["return"]


@pytest.mark.parametrize("call", COSTLY)
async def test_everything_that_costs_needs_the_right_to_start_and_counts(
    environ: dict[str, str], desk: Desk, call: str
) -> None:
    """For the person, and for everybody together: each is told which limit it was."""
    again = COSTLY[call].replace("/7", "/8")

    def made() -> int:
        return len(started(desk)) + len(desk.devin.reviews.all)

    async with running(desk, environ, STARTS_PER_HOUR="1"):
        await desk.mention(COSTLY[call])
        await wait_until(lambda: made() == 1, "it is made")
        await desk.mention(again)
        await desk.until_whispered(ENOUGH, "ada")
    async with running(desk, environ, STARTS_PER_HOUR_ALL="1"):
        await desk.mention(again, user="ben")
        told = refusals.sorry(TooManyStarts(1, timedelta(hours=1), is_overall=True)).text
        await desk.until_whispered(SlackMessage(told.replace("1 hour", ANYTHING)), "ben")
    async with running(desk, environ, **STARTERS):
        await desk.mention(again, user="ben")
        await desk.until_whispered(NOT_STARTER, "ben")
    assert made() == 1


async def test_steps_count_for_all_workflows_together(environ: dict[str, str], desk: Desk) -> None:
    """The builder chooses whom a step names, and could name somebody else each time."""
    async with running(desk, environ, STARTS_PER_HOUR="1"):
        asked = {"channel": "C0GENERAL0", "prompt": "Fix it"}
        ends = [
            await desk.slack.run_step("start_session", {**asked, "user": user})
            for user in (ADA, "U0BEN00000")
        ]
        await wait_until(lambda: set(ends) <= desk.slack.step_results.keys(), "both end")
        assert sorted(desk.slack.step_results[one][0] for one in ends) == ["error", "success"]
        await desk.until_linked(await desk.mention("start Mine", user="ben"))
    assert len(started(desk)) == 2


@pytest.mark.parametrize(
    ("settings", "typed", "error"),
    [
        (STARTERS, "new Fix it & <now>", NotAllowed(Standing.NOT_STARTER)),
        ({"ALLOW_USERS": ADA}, "Fix it & <now>", NotAllowed(Standing.NOT_LISTED)),
        ({"STARTS_PER_HOUR": "1"}, "new Fix it & <now>", None),
        ({}, "new max:0 Fix it & <now>", None),
        ({}, "devin-ffffffff Fix it & <now>", None),
        ({}, "Fix it & <now>", None),
    ],
)
async def test_whatever_refuses_a_devin_say_gives_the_words_back(
    environ: dict[str, str],
    desk: Desk,
    settings: dict[str, str],
    typed: str,
    error: NotAllowed | None,
) -> None:
    """Slack has cleared the field, so they are nowhere else."""
    async with running(desk, environ, **settings):
        if "STARTS_PER_HOUR" in settings:
            await desk.slack.slash("/devin-say", "new One", user="ben")
            await wait_until(lambda: started(desk), "one is started")
        await desk.slack.slash("/devin-say", typed, user="ben")
        await wait_until(lambda: desk.whispers("ben"), "he is answered")
        (told,) = desk.slack.ephemerals("general", user="ben")
        assert "Fix it & <now>" in quote(told)
        assert error is None or refusals.sorry(error).text.partition(". ")[0] in told.text


async def test_another_process_knows_what_was_started(environ: dict[str, str], desk: Desk) -> None:
    """A restart forgets nothing."""
    for number in (1, 2):
        settings = load_settings({**environ, "STARTS_PER_HOUR": "1"}, None)
        async with open_bot(settings):
            await desk.slack.wait_connected()
            root = await desk.mention(f"start {number}")
            if number == 1:
                await desk.until_linked(root)
            else:
                await desk.until_whispered(ENOUGH, "ada")
    assert len(started(desk)) == 1
