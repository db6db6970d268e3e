"""The local Devin may act by itself: it answers a message as a session at work would."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from sandbox.__main__ import parse_arguments
from sandbox.devin import scripts
from sandbox.devin.acting import Actor
from sandbox.devin.answers import Api
from sandbox.devin.server import DevinSandbox
from sandbox.devin.sessions import DEMO_SESSIONS
from sandbox.launch import running_sandbox
from tests.support.desk import on_both
from tests.support.tables import each
from tests.support.waiting import wait_until

SESSION, CAREFUL = DEMO_SESSIONS[0][0], DEMO_SESSIONS[1][0]
OTHER = "devin-0002"
QUICK, SLOW = 0.01, 1_000.0


@pytest.fixture
async def devin(api: Api) -> AsyncIterator[DevinSandbox]:
    async with DevinSandbox(api=api) as running:
        running.demo_sessions()
        yield running


@pytest.fixture
async def acting(devin: DevinSandbox) -> AsyncIterator[None]:
    """Devin acts, a hundred times as fast."""
    async with Actor(devin, QUICK).running():
        yield


async def send(devin: DevinSandbox, text: str, session: str = SESSION) -> None:
    """Send a message in the generation that is spoken."""
    path = f"/v1/sessions/{session}/message"
    if devin.api == "v3":
        path = f"/v3/organizations/{devin.org_id}/sessions/{session}/messages"
    await post(devin, path, {"message": text})


def turns() -> list[asyncio.Task[Any]]:
    """Return the turns that Devin is in."""
    return [one for one in asyncio.all_tasks() if "Actor._turn" in repr(one.get_coro())]


async def post(devin: DevinSandbox, path: str, body: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {devin.api_key}"}
    async with httpx.AsyncClient(base_url=devin.url, headers=headers, trust_env=False) as client:
        await client.post(path, json=body)


def said(devin: DevinSandbox, session: str = SESSION) -> list[str]:
    """What Devin has said in a session, in order."""
    messages = devin.session(session).messages
    return [one.text for one in messages if one.kind == "devin_message"]


def in_state(devin: DevinSandbox, state: str, session: str = SESSION) -> Callable[[], bool]:
    """A condition to wait for: the session is in that state, which only a message ends."""
    return lambda: devin.session(session).state == state


@on_both
@pytest.mark.usefixtures("acting")
async def test_a_message_makes_devin_plan_and_ask(devin: DevinSandbox) -> None:
    """The plan is Markdown of several kinds, and the question ends in a list of options."""
    await send(devin, "Ship them")
    await wait_until(in_state(devin, "blocked"), "Devin asks")
    plan, question = said(devin)
    assert plan.startswith("## ")
    assert "```" in plan
    assert [line[:2] for line in question.strip().splitlines()[-3:]] == ["1.", "2.", "3."]


@on_both
@pytest.mark.parametrize(("session", "turns"), [(SESSION, 2), (CAREFUL, 1)])
@pytest.mark.usefixtures("acting")
async def test_devin_speaks_of_the_task_that_it_was_given(
    devin: DevinSandbox, session: str, turns: int
) -> None:
    """The plan, the question and the result quote it, and so does a wish."""
    task = "Find out why `test_upload` is flaky"
    await send(devin, f"ada, U0ADA00000 (in Slack):\n\n{task}", session)
    await wait_until(lambda: devin.session(session).state in {"blocked", "approval"}, "it asks")
    if turns == 2:
        await send(devin, "ada, U0ADA00000 (in Slack):\n\nOnly a draft to look at", session)
        await wait_until(in_state(devin, "suspended", session), "Devin sleeps")
    assert said(devin, session)
    assert [text for text in said(devin, session) if f"“{task}”" not in text] == []


@pytest.mark.usefixtures("acting")
@pytest.mark.parametrize("api", ["v3"])
async def test_a_no_to_a_wish_that_nobody_heard_ends_the_turn(devin: DevinSandbox) -> None:
    """Someone chose the state on the page: nothing is said of a builder, and nothing is asked."""
    devin.behave(SESSION, "approval")
    await send(devin, "ada, U0ADA00000 (in Slack):\n\nNo, thank you")
    await wait_until(in_state(devin, "suspended"), "Devin sleeps")
    (answer,) = said(devin)
    assert "builder" not in answer
    assert "?" not in answer


@on_both
@pytest.mark.parametrize("lasting", ["blocked", "running"])
async def test_a_failure_for_one_message_ends_with_that_message(
    devin: DevinSandbox, lasting: str
) -> None:
    """Before a turn, and in one, which goes on beneath it; then the session is as before."""
    async with Actor(devin, 0.1).running():
        if lasting == "running":
            await send(devin, "Ship them")
        devin.behave(SESSION, "rejects", times=1)
        await send(devin, "Never mind")
        assert devin.session(SESSION).state == lasting
        devin.behave(SESSION, "rejects", times=1)
        if lasting == "running":
            await wait_until(lambda: devin.session(SESSION).lasting == "blocked", "Devin asks")
            assert devin.session(SESSION).state == "rejects"
    assert len(said(devin)) == (2 if lasting == "running" else 0)


@pytest.mark.parametrize("api", ["v3"])
@pytest.mark.usefixtures("acting")
async def test_an_answer_makes_devin_work_finish_and_fall_asleep(devin: DevinSandbox) -> None:
    """The pull request comes before the result, which has a table; a message wakes it again."""
    await send(devin, "Ship them")
    await wait_until(in_state(devin, "blocked"), "Devin asks")
    await send(devin, "In each group")
    await wait_until(in_state(devin, "suspended"), "Devin sleeps")
    session = devin.session(SESSION)
    assert [one.url for one in session.pull_requests] == ["https://github.com/acme/relay/pull/7"]
    assert session.pull_requests[0].url in said(devin)[-1]
    assert "|---|" in said(devin)[-1]
    assert session.acus > 0
    await send(devin, "And the upgrade guide?")
    await wait_until(in_state(devin, "blocked"), "Devin asks again")
    assert len(said(devin)) == 5


@on_both
@pytest.mark.parametrize(
    ("answer", "pull_requests"),
    [
        ("ada, U0ADA00000 (in Slack):\n\nApproved, please proceed.", 1),
        ("ada, U0ADA00000 (in Slack):\n\nYes, go ahead", 1),
        ("Rather not", 0),
    ],
)
@pytest.mark.usefixtures("acting")
async def test_a_careful_session_waits_for_an_approval(
    devin: DevinSandbox, answer: str, pull_requests: int
) -> None:
    """Nothing else makes it go on."""
    await send(devin, "Fix it", CAREFUL)
    await wait_until(in_state(devin, "approval", CAREFUL), "Devin wants to be allowed")
    await send(devin, answer, CAREFUL)
    await wait_until(in_state(devin, "suspended", CAREFUL), "Devin has done its work and sleeps")
    assert len(devin.session(CAREFUL).pull_requests) == pull_requests


@pytest.mark.parametrize("api", ["v3"])
@pytest.mark.usefixtures("acting")
@pytest.mark.parametrize(
    "prompt",
    [
        "Write the notes\nfor v2.4",
        "ada, U0ADA00000 (in Slack):\n\nWrite the notes",
        "ada asked in a thread:\n\n> ben (in Slack):\n>\n> Write the notes\n\n> ada:\n> Soon",
        "> Who does it?\n\nWrite the notes",
    ],
)
async def test_a_new_session_gets_a_title_and_begins(devin: DevinSandbox, prompt: str) -> None:
    """It is the beginning of the prompt, without a line that says who wrote it, or of its quote."""
    path = f"/v3/organizations/{devin.org_id}/sessions"
    await post(devin, path, {"prompt": prompt})
    new = list(devin.sessions)[-1]
    await wait_until(in_state(devin, "blocked", new), "Devin asks")
    assert devin.session(new).title == "Write the notes"


@on_both
async def test_messages_during_a_turn_begin_no_other(devin: DevinSandbox) -> None:
    """Devin reads them as it works, however slowly."""
    async with Actor(devin, SLOW).running():
        await send(devin, "Ship them")
        await wait_until(turns, "Devin works")
        first = turns()
        for text in ("today", "please"):
            await send(devin, text)
        await send(devin, "Fix it", CAREFUL)
        await wait_until(lambda: len(turns()) > 1, "what came before is heard as well")
        assert set(first) < set(turns())
        assert len(turns()) == 2


@pytest.mark.parametrize("api", ["v3"])
@pytest.mark.parametrize("state", ["rate_limited", "finished", "drops"])
async def test_a_state_that_somebody_chose_is_left_alone(devin: DevinSandbox, state: str) -> None:
    """Before a message and in the middle of a turn."""
    devin.add_session(OTHER)
    changes = devin.subscribe()
    async with Actor(devin, QUICK).running():
        devin.behave(CAREFUL, state)
        with suppress(httpx.TransportError):
            await send(devin, "Fix it", CAREFUL)
        await send(devin, "Ship them")
        while (await changes.get())["type"] != "devin.said":
            pass
        devin.behave(SESSION, state)
        await send(devin, "Go on", OTHER)
        await wait_until(in_state(devin, "blocked", OTHER), "another session's turn is over")
    assert (devin.session(SESSION).state, len(said(devin))) == (state, 1)
    assert (devin.session(CAREFUL).state, said(devin, CAREFUL)) == (state, [])


@on_both
async def test_a_session_without_a_message_waits_for_one(devin: DevinSandbox) -> None:
    """The states that fail on purpose stay."""
    async with Actor(devin, QUICK).running():
        states = [devin.session(id_).state for id_, _, _ in DEMO_SESSIONS]
    assert states == ["blocked", "blocked", "suspended", "rejects", "rate_limited", "archived"]


@on_both
async def test_a_session_that_waits_for_its_first_message_begins_with_it(
    devin: DevinSandbox,
) -> None:
    """It is no answer to anything."""
    async with Actor(devin, QUICK).running():
        await send(devin, "Ship them")
        await wait_until(lambda: len(said(devin)) == 2, "Devin plans, and asks")
        await wait_until(in_state(devin, "blocked"), "Devin waits")


@on_both
async def test_without_an_actor_devin_says_nothing(devin: DevinSandbox) -> None:
    """Tests say what happens; also once an actor has left."""
    async with Actor(devin, QUICK).running():
        pass
    await send(devin, "Ship them")
    assert said(devin) == []
    assert [one for one in asyncio.all_tasks() if "_listen" in repr(one)] == []


async def test_devin_stops_at_once_when_it_is_asked_to(devin: DevinSandbox) -> None:
    """Its turn ends where it is, and it waits."""
    async with Actor(devin, SLOW).running():
        await send(devin, "Stop the server before each test")
        await wait_until(turns, "Devin works")
        await send(devin, "ada, U0ADA00000 (in Slack):\n\nPlease stop now and wait.")
        await wait_until(in_state(devin, "blocked"), "Devin waits")
        assert said(devin) == [scripts.STOPPED]
        await wait_until(lambda: not turns(), "no turn goes on")


@each(
    ("arguments", "acting"),
    [([], False), (["--acting"], True), (["demo"], True), (["demo", "--no-acting"], False)],
)
def test_devin_acts_in_the_demo_unless_told_otherwise(
    arguments: list[str], *, acting: bool
) -> None:
    """Alone, the sandbox is for tests and for other bots."""
    assert parse_arguments(arguments).acting is acting


@pytest.mark.parametrize("api", ["v3"])
async def test_the_sandbox_of_the_demo_acts(api: Api) -> None:
    """With the pace that it is given."""
    async with running_sandbox("127.0.0.1", 0, api=api, pace=QUICK) as running:
        await send(running.devin, "Ship them")
        await wait_until(in_state(running.devin, "blocked"), "Devin asks")
