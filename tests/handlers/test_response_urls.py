"""A person who presses or runs something gets an answer even if its `response_url` fails.

Slack allows each five uses within 30 minutes, and a proxy or a form may provide none at all.
"""

from collections.abc import Awaitable, Callable

import pytest

from bot.app import Bot
from handlers import answering
from sandbox.devin.answers import Api
from sandbox.slack.transport.deliveries import Delivery
from tests.people import test_buttons
from tests.relay import test_say
from tests.support.desk import Desk, Told, tells
from tests.support.told import NONE_ACTIVE
from tests.support.waiting import wait_until

Act = Callable[[Desk], Awaitable[tuple[str | None, Told]]]
"""An action, the thread where it happens, if any, and the expected answer."""


@pytest.fixture
def api() -> Api:
    """Version 1, in which a suspended session gives a report with *Send again*."""
    return "v1"


async def send_again(desk: Desk) -> tuple[str | None, Told]:
    report = await test_buttons.suspended(desk)
    await test_buttons.press(desk, report, value="nothing")
    return report.thread_ts, test_buttons.GONE


async def say_without_a_session(desk: Desk) -> tuple[str | None, Told]:
    await test_say.say(desk, "Please rebase")
    return None, NONE_ACTIVE


ACTS: list[Act] = [send_again, say_without_a_session]


@pytest.mark.parametrize("act", ACTS)
async def test_an_answer_that_slack_does_not_take_is_whispered(
    bot: Bot, desk: Desk, act: Act
) -> None:
    """It appears in the thread or the channel where it was requested, for that person alone."""
    desk.slack.response_url_seconds = -1
    thread, words = await act(desk)
    await desk.until_whispered(words, "ada")
    (told,) = [one for one in desk.slack.ephemerals("general") if tells(one.text, words)]
    assert (told.ephemeral_to, told.thread_ts) == ("U0ADA00000", thread)


async def test_a_press_without_a_response_url_is_answered(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The failed address stays out of the log."""
    report = await test_buttons.suspended(desk)
    pressed = await desk.slack.press(
        "send_again", channel="general", message_ts=report.ts, value="nothing"
    )
    await wait_until(lambda: len(desk.whispers("ada")) == 1, "the real one is answered")
    bare = {name: one for name, one in pressed.payload.items() if name != "response_url"}
    nobodys = "http://127.0.0.1:1/response/key-4711"
    without = [bare, *(bare | {"response_url": one} for one in (None, 4711, "", nobodys, "none"))]
    for number, payload in enumerate(without, start=2):
        caplog.clear()
        again = await desk.slack.redeliver(Delivery("interactive", payload))
        assert (await again.settled()).acked
        await wait_until(
            lambda number=number: len(desk.whispers("ada")) == number,  # type: ignore[misc]
            "this one is answered, too",
        )
        assert desk.slack.ephemerals("general", "ada")[-1].thread_ts == report.thread_ts
        (logged,) = [one for one in caplog.records if one.name == answering.__name__]
        assert (logged.levelname, logged.getMessage()) == ("WARNING", "answered by a whisper")
        assert vars(logged)["by"] == desk.slack.workspace.user("ada").id
        assert str(vars(logged)["reason"]) in {"no usable address", "connection refused"}
        assert "key-4711" not in str([vars(one) for one in caplog.records])


async def test_an_answer_that_slack_takes_nowhere_is_for_the_log(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The press is acknowledged all the same."""
    report = await test_buttons.suspended(desk)
    desk.slack.response_url_seconds = -1
    desk.slack.fail_next("chat.postEphemeral", error="channel_not_found")
    await test_buttons.press(desk, report, value="nothing")
    await wait_until(lambda: "report refused" in caplog.text, "it is in the log")
    assert desk.whispers("ada") == []
