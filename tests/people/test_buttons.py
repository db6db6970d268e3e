"""*Send again* and *Unlink* work once, for permitted people, in place, and also after a restart."""

import asyncio

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.errors import (
    AlreadyDone,
    Expired,
    IsMuted,
    LinkedElsewhere,
    NotAllowed,
    NotIdentified,
    NotLinked,
    PersonError,
)
from bot.model.people import Standing
from bot.model.replies import Outcome, OutcomeKind, Refusal
from bot.model.sessions import NamedSession, SessionId
from bot.redis.connection import Store
from bot.redis.keys import subject_key
from bot.settings import Settings
from bot.text.to_slack import cut
from bot.wording import delivery_reports, refusals
from bot.wording.message import QUOTE_LIMIT, SlackMessage
from sandbox.devin.answers import Api
from sandbox.slack.server import Message
from sandbox.slack.transport.deliveries import Delivery
from tests.support.bots import open_bot
from tests.support.builders import ELSEWHERE
from tests.support.desk import OTHER_SESSION, SESSION, Desk, actions, quote
from tests.support.keys import at
from tests.support.waiting import until_settled, wait_until

LONG = "Please *rebase* <https://ex.am/ple?a=1&amp;b=2|this>, then " + "push and " * 300 + "tag."
GONE = refusals.sorry(Expired()).text
ALREADY = refusals.sorry(AlreadyDone()).text
AGAIN = ["send_again", "open_session"]


def no_session(text: str) -> SlackMessage:
    """Return the report of a 404 for a reply with `text`."""
    outcome = Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.NO_SESSION, status=404)
    return delivery_reports.words_of(outcome, f'"{text}"')


@pytest.fixture
def api() -> Api:
    """Version 1, in which a suspended session gives a report with *Send again*."""
    return "v1"


async def suspended(
    desk: Desk, text: str = "Please rebase", *, channel: str = "general"
) -> Message:
    """Write a reply in a new linked thread, answered once with “suspended”; return its report."""
    thread = await desk.linked_thread(channel=channel)
    desk.devin.behave(SESSION, "suspended", times=1)
    await desk.reply(text, thread, channel=channel)
    return await desk.offering("send_again", thread, channel=channel)


def value_of(report: Message) -> str:
    (row,) = [block for block in report.blocks if block["type"] == "actions"]
    return next(str(one["value"]) for one in row["elements"] if "value" in one)


async def press(
    desk: Desk, report: Message, *, user: str = "ada", value: str | None = None,
    action: str = "send_again",
) -> None:  # fmt: skip
    delivery = await desk.slack.press(
        action, channel=report.channel, message_ts=report.ts, user=user, value=value
    )
    assert delivery.acked


async def until_pressed(report: Message, note: str, said: str) -> None:
    """Wait until the message has lost its buttons and names the presser; Devin's words stay."""
    await wait_until(lambda: report.text.endswith(note), "the report is rewritten")
    assert actions(report) == ["open_session"]
    assert report.blocks[-1]["elements"][0]["text"] == note
    assert quote(report) == said


@pytest.mark.parametrize("runs", [1, 2], ids=["", "after a restart"])
async def test_send_again_sends_the_whole_reply_again(
    runs: int, settings: Settings, desk: Desk, store: Store
) -> None:
    """Devin gets the same message as before; the report names the presser and loses its button."""
    async with open_bot(settings):
        await desk.slack.wait_connected()
        report = await suspended(desk, LONG)
        await until_settled(store)
        if runs == 1:
            await _sends_again(desk, report)
    if runs == 2:
        async with open_bot(settings):
            await desk.slack.wait_connected()
            await _sends_again(desk, report)


async def _sends_again(desk: Desk, report: Message) -> None:
    said = quote(report)
    await press(desk, report, user="ben")
    await desk.until_received("rebase")
    first, second = desk.devin.requests
    assert first.body == second.body
    assert len(second.message) > 2_700
    await until_pressed(report, delivery_reports.sent_again("Ben Franklin"), said)


CHANGES: dict[str, PersonError] = {
    "mute": IsMuted(),
    "unlink": NotLinked(),
    f"link {OTHER_SESSION}": LinkedElsewhere(NamedSession(SessionId(OTHER_SESSION)), "ada"),
}


@pytest.mark.parametrize("verb", CHANGES)
async def test_a_reply_is_sent_again_only_to_the_session_of_a_thread_that_takes_replies(
    bot: Bot, desk: Desk, verb: str
) -> None:
    """Else the press says so, and sends nothing; the button stays."""
    desk.devin.add_session(OTHER_SESSION)
    report = await suspended(desk)
    thread = str(report.thread_ts)
    before = len(desk.posts(thread, with_cards=True))
    commands = ["unlink", verb] if verb.startswith("link") else [verb]
    for count, command in enumerate(commands, before + 1):
        await desk.mention(command, thread=thread)
        await wait_until(
            lambda count=count: len(desk.posts(thread, with_cards=True)) >= count,  # type: ignore[misc]
            "it is obeyed",
        )
    await press(desk, report)
    await desk.until_whispered(refusals.sorry(CHANGES[verb]), "ada")
    assert actions(report) == AGAIN
    assert len(desk.devin.requests) == 1


async def test_a_reply_that_was_edited_since_is_sent_again_as_it_is_now(
    bot: Bot, desk: Desk
) -> None:
    """As people see it, whoever presses."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "suspended", times=1)
    ts = await desk.reply("Please rebase", thread)
    report = await desk.offering("send_again", thread)
    await desk.slack.edit("general", ts, "Please merge")
    await desk.until_whispered(delivery_reports.correction_offered(""), "ada")
    await press(desk, report, user="ben")
    await desk.until_received("merge")
    assert "rebase" not in desk.devin.requests[-1].message
    assert len(desk.devin.requests) == 2


async def test_a_press_is_not_obeyed_while_slack_does_not_say_whose_it_is(
    bot: Bot, desk: Desk
) -> None:
    """Slack never retries a press, so the person is told to press again; the button stays."""
    report = await suspended(desk)
    desk.slack.fail_next("users.info", status=503, times=2)
    await press(desk, report, user="ben")
    await desk.until_whispered(refusals.passing(NotIdentified("HTTP 503")), "ben")
    assert actions(report) == AGAIN
    assert len(desk.devin.requests) == 1


async def test_a_report_with_a_long_quote_can_be_rewritten(bot: Bot, desk: Desk) -> None:
    """Slack takes 40,000 characters in a post, but only 4,000 in an update."""
    thread = await desk.linked_thread()
    detail = "<&>\n" * 2_000
    desk.devin.behave(SESSION, "suspended", detail=detail, times=1)
    await desk.reply("Please rebase", thread)
    report = await desk.offering("send_again", thread)
    said = quote(report)
    assert said == cut(detail, QUOTE_LIMIT)
    await press(desk, report)
    await until_pressed(report, delivery_reports.sent_again("ada"), said)


async def test_a_reply_can_be_sent_again_for_each_of_its_reports(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """If it is suspended again, it has a new report with a separate button."""
    report = await suspended(desk)
    thread = str(report.thread_ts)
    value = value_of(report)
    desk.devin.behave(SESSION, "drops", takes=False, times=1)
    await press(desk, report)
    lost = Outcome(kind=OutcomeKind.UNCERTAIN, detail="connection lost")
    await desk.until_said(delivery_reports.words_of(lost, '"Please rebase"'), thread)
    assert value_of(desk.posts(thread)[-1]) != value
    await press(desk, desk.posts(thread)[-1])
    await desk.until_received("rebase")
    await until_settled(store)
    assert len(desk.devin.requests) == 3
    assert len(desk.said(thread)) == 2


async def test_a_button_pressed_by_many_at_once_sends_once(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """One of them is named, and the others are told."""
    report = await suspended(desk)
    value = value_of(report)
    await asyncio.gather(
        *(press(desk, report, user=user, value=value) for user in ("ada", "ben") * 3)
    )
    await desk.until_received("rebase")
    await until_settled(store)
    assert len(desk.devin.requests) == 2
    await wait_until(lambda: len(_told(desk)) == 5, "the others are told")
    assert all(ALREADY in one for one in _told(desk))
    notes = tuple(map(delivery_reports.sent_again, ("ada", "Ben Franklin")))
    await wait_until(lambda: report.text.endswith(notes), "the report is rewritten")


async def test_who_presses_when_it_was_delivered_is_not_asked_to_write_it_again(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Its text is no longer kept then, but the fact that it was sent again is."""
    report = await suspended(desk)
    pressed = await desk.slack.press("send_again", channel="general", message_ts=report.ts)
    await desk.until_received("rebase")
    await until_settled(store)
    ben = {**pressed.payload["user"], "id": desk.slack.workspace.user("ben").id}
    late = Delivery("interactive", {**pressed.payload, "user": ben})
    assert (await (await desk.slack.redeliver(late)).settled()).acked
    await wait_until(
        lambda: any(ALREADY in one.text for one in desk.slack.ephemerals("general")), "it is said"
    )
    assert len(desk.devin.requests) == 2


def _told(desk: Desk) -> list[str]:
    return desk.whispers("ada") + desk.whispers("ben")


@pytest.mark.parametrize(
    ("user", "channel", "standing"),
    [
        ("gus", "general", Standing.GUEST),
        ("una", "general", Standing.GUEST),
        ("eve", "shared", Standing.EXTERNAL),
    ],
)
@pytest.mark.parametrize("action", ["send_again", "unlink"])
async def test_who_may_not_speak_may_not_press(
    action: str, user: str, channel: str, standing: Standing, bot: Bot, desk: Desk, store: Store
) -> None:
    """They are told, privately, next to the button, and nothing is done."""
    state = {"send_again": "suspended", "unlink": "missing"}[action]
    thread = await desk.linked_thread(channel=channel)
    desk.devin.behave(SESSION, state)
    await desk.reply("Please rebase", thread, channel=channel)
    await desk.until_said("Please rebase", thread, channel=channel)
    await until_settled(store)
    report = desk.posts(thread, channel=channel)[-1]
    await press(desk, report, user=user, action=action)
    await desk.until_whispered(refusals.sorry(NotAllowed(standing)), user, channel=channel)
    assert desk.slack.ephemerals(channel, user)[-1].thread_ts == thread

    await until_settled(store)
    assert len(desk.devin.requests) == 1
    assert set(actions(report)) == {action, "open_session"}
    assert await desk.is_linked(thread, channel=channel)


@pytest.mark.parametrize(("state", "action"), [("suspended", "send_again"), ("missing", "unlink")])
async def test_a_press_of_another_workspace_is_ignored(
    state: str, action: str, bot: Bot, desk: Desk, store: Store
) -> None:
    """The press is acknowledged, and nothing else happens."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, state)
    await desk.reply("Please rebase", thread)
    await desk.until_said("Please rebase", thread)
    await until_settled(store)
    report = desk.posts(thread)[-1]
    pressed = await desk.slack.press(
        action, channel="general", message_ts=report.ts, value="nothing"
    )
    await desk.until_whispered(GONE, "ada")
    payload = pressed.payload | ELSEWHERE
    payload["actions"] = [payload["actions"][0] | {"value": value_of(report)}]
    again = await desk.slack.redeliver(Delivery("interactive", payload))
    assert (await again.settled()).acked
    await until_settled(store)
    assert len(desk.devin.requests) == 1
    assert await desk.is_linked(thread)


async def test_a_failure_that_nobody_foresaw_has_a_reference(
    bot: Bot, desk: Desk, raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """The presser can tell the operator where to look in the log, which contains nobody's text."""
    report = await suspended(desk)
    await raw.hset(at(subject_key(value_of(report).partition("|")[0])), "reply", '{"xyzzy"')
    await press(desk, report)
    await wait_until(lambda: desk.whispers("ada"), "she is told")
    (logged,) = [one for one in caplog.records if one.getMessage().startswith("unforeseen")]
    assert desk.whispers("ada") == [refusals.unknown(vars(logged)["reference"]).text]
    assert logged.getMessage() == "unforeseen: ValidationError"


FORGED = {
    "another team": ("T0OTHER:{channel}:{ts}|1", GONE),
    "another channel": ("{team}:C0SECRETS0:{ts}|1", GONE),
    "another reply": ("{team}:{channel}:{elsewhere}|1", GONE),
    "an unknown reply": ("{team}:{channel}:1.000001|1", GONE),
    "a later round": ("{team}:{channel}:{ts}|2", ALREADY),
    "no round": ("{team}:{channel}:{ts}", GONE),
    "a round that is no number": ("{team}:{channel}:{ts}|x", GONE),
    "a round beyond counting": ("{team}:{channel}:{ts}|" + "9" * 1_900, GONE),
    "a key of Redis": ("{team}:{channel}:{ts}:due|1", GONE),
    "nothing": ("", GONE),
    "much": ("|:" * 900, GONE),
}


async def test_a_forged_send_again_sends_nothing(
    bot: Bot, desk: Desk, store: Store, subtests: pytest.Subtests
) -> None:
    """A value counts only for the team, channel, thread and round that it was made for."""
    elsewhere = await suspended(desk)
    report = await suspended(desk)
    await until_settled(store)
    ids = {"team": desk.slack.team_id, "channel": report.channel}
    ts, other = (value_of(one).split(":")[2].split("|")[0] for one in (report, elsewhere))
    for number, (name, (value, words)) in enumerate(FORGED.items()):
        with subtests.test(name):
            await press(desk, report, value=value.format(ts=ts, elsewhere=other, **ids))
            told = number + 1
            await wait_until(lambda told=told: len(desk.whispers("ada")) >= told, "she is told")  # type: ignore[misc]  # a lambda's default
            assert words in desk.whispers("ada")[-1]
            await until_settled(store)
            assert len(desk.devin.requests) == 2
            assert actions(report) == AGAIN


@pytest.mark.parametrize("runs", [1, 2], ids=["", "after a restart"])
async def test_unlink_ends_the_link_to_a_session_that_is_not_there(
    runs: int, settings: Settings, desk: Desk, store: Store
) -> None:
    """It is under the report of a 404; then replies stay in Slack, and a new link can be made."""
    async with open_bot(settings):
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        desk.devin.behave(SESSION, "missing")
        await desk.reply("Please rebase", thread)
        await desk.until_said(no_session("Please rebase"), thread)
        await until_settled(store)
        if runs == 1:
            await _unlinks(desk, thread)
    if runs == 2:
        async with open_bot(settings):
            await desk.slack.wait_connected()
            await _unlinks(desk, thread)


async def _unlinks(desk: Desk, thread: str) -> None:
    report = desk.posts(thread)[-1]
    assert actions(report) == ["open_session", "unlink"]
    value = value_of(report)
    await asyncio.gather(*(press(desk, report, action="unlink", value=value) for _ in range(2)))
    await until_pressed(report, delivery_reports.unlinked_by("ada"), "")
    await desk.reply("Please rebase again", thread)
    await desk.until_heard()
    desk.devin.add_session(OTHER_SESSION)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    await desk.reply("Please push", thread)
    await desk.until_received("push", OTHER_SESSION)
    assert len(desk.devin.requests) == 2


FORGED_UNLINKS = (
    f"T0OTHER:{{channel}}:{{ts}}|{SESSION}",
    f"{{team}}:C0SECRETS0:{{ts}}|{SESSION}",
    f"{{team}}:{{channel}}:1.1|{SESSION}",
    "{team}:{channel}:{ts}",
    "{team}:{channel}:{ts}|no session",
    "",
)


async def test_a_forged_unlink_unlinks_nothing(bot: Bot, desk: Desk) -> None:
    """It counts only in the thread in which it was pressed."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "missing")
    await desk.reply("Please rebase", thread)
    await desk.until_said(no_session("Please rebase"), thread)
    report = desk.posts(thread)[-1]
    for number, value in enumerate(FORGED_UNLINKS):
        forged = value.format(team=desk.slack.team_id, channel=report.channel, ts=thread)
        await press(desk, report, action="unlink", value=forged)
        await wait_until(lambda number=number: len(desk.whispers("ada")) > number, "ada is told")  # type: ignore[misc]  # a lambda's default
    desk.devin.behave(SESSION, "running")
    await desk.reply("Please rebase again", thread)
    await desk.until_received("again")


async def test_an_old_unlink_does_not_end_a_newer_link(bot: Bot, desk: Desk, store: Store) -> None:
    """The report was about the missing session, and the thread has had another one since."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "missing")
    desk.devin.add_session(OTHER_SESSION)
    await desk.reply("Please rebase", thread)
    await desk.until_said(no_session("Please rebase"), thread)
    await until_settled(store)
    report = desk.posts(thread)[-1]
    await desk.cut_off("unlink", thread)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    await press(desk, report, action="unlink")
    await desk.until_whispered(
        refusals.sorry(LinkedElsewhere(desk.named(OTHER_SESSION), "ada")), "ada"
    )
    await desk.reply("Please push", thread)
    await desk.until_received("push", OTHER_SESSION)
