"""A look-up fails for good, or Slack limits it: people are answered all the same."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio

from bot.app import Bot
from bot.model.errors import NotAllowed, SlackAway
from bot.model.people import Standing
from bot.redis.connection import Store
from bot.relay.accept import UNTOLD
from bot.slack.channels import INFO
from bot.wording import forms, refusals, thread_links
from bot.wording.lifecycle import starting
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import BARRED
from sandbox import Sandbox
from sandbox.devin.answers import Answer
from sandbox.slack.server import Message
from tests.people.test_questions import asked
from tests.support.desk import SESSION, Desk, actions, running, tells
from tests.support.known import forget
from tests.support.told import NOT_IDENTIFIED
from tests.support.waiting import until_settled, wait_until

ALWAYS = 50_000
STATUSES = 403, 404, 500, 503
ALERTS = "The build is red", "Shall we deploy?"
SOON: Mapping[str, object] = {"delay_wait": timedelta(seconds=1)}
HANGS: Mapping[str, object] = {
    "look_up_seconds": 1.0,
    "member_seconds": 1.0,
    "look_up_pause": 600.0,
}
"""What had no answer is asked for again after ten minutes: the test waits for that once."""

UNKNOWN, AWAY = NOT_IDENTIFIED, refusals.passing(SlackAway("", "HTTP 503", maybe_done=False))
DENIED = refusals.sorry(NotAllowed(Standing.ACCOUNTS_DENIED))
BY_EMOJI = refusals.sorry(NotAllowed(Standing.REACTION))
WAITS = starting.waiting(timedelta(minutes=15))
FAILURES = UNKNOWN, AWAY, DENIED, WAITS, BY_EMOJI, refusals.UNCHECKED


@dataclass
class Scene:
    """What Ada acts on: what Devin asks in a thread, a reply there, and two other messages."""

    desk: Desk
    asks: Message
    sent: str
    alert: str
    other: str

    @property
    def thread(self) -> str:
        """The linked thread."""
        return str(self.asks.thread_ts)

    def sees(self) -> list[str]:
        """Return what the bot tells Ada: to everybody, to her alone, and in modals."""
        slack = self.desk.slack
        posts = [one for one in slack.channel_messages("general") if one.user == slack.bot_user_id]
        views = [json.dumps(view, ensure_ascii=False) for view in slack.open_views("ada")]
        return [one.text for one in posts] + self.desk.whispers("ada") + views

    def tells(self, words: SlackMessage) -> int:
        """Return how often Ada sees `words`."""
        return sum(tells(one, words) for one in self.sees())

    def has_form(self) -> bool:
        """Whether a form is open in front of Ada."""
        return any(view["submit"] for view in self.desk.slack.open_views("ada"))


async def start_by_form(scene: Scene) -> None:
    """Fill in the form for a session in a private channel, if one opens."""
    slack = scene.desk.slack
    before = len(slack.open_views("ada"))

    def opened() -> bool:
        views = slack.open_views("ada")[before:]
        return bool(views) and forms.ONE_MOMENT.text not in json.dumps(views, ensure_ascii=False)

    await slack.global_shortcut("start_session")
    await wait_until(opened, "a modal is open")
    if scene.has_form():
        view, place = slack.open_views("ada")[-1], slack.workspace.channel("secrets").id
        await slack.submit_view(view["id"], {"channel": place, "prompt": "Rotate the keys"})


async def reply(scene: Scene) -> str:
    """Reply, and wait for longer than a look-up takes; Slack brings a refused event again soon."""
    scene.desk.slack.hurry(0.3)
    ts = await scene.desk.reply("Please rebase", scene.thread)
    scene.desk.slack.workspace.clock.ahead += UNTOLD.total_seconds() + 1
    return ts


async def react(scene: Scene) -> None:
    """React to a message; Slack brings the reaction twice."""
    slack = scene.desk.slack
    await slack.react("general", scene.alert, "robot_face")
    delivery = slack.deliveries[-1]
    slack.workspace.clock.ahead += UNTOLD.total_seconds() + 1
    await slack.say("Anyone?")  # which tells the time
    await slack.redeliver(delivery)


async def edit(scene: Scene) -> None:
    """Edit a reply that Devin has; Slack brings the edit twice."""
    slack = scene.desk.slack
    await slack.edit("general", scene.sent, "Which one is it now?")
    delivery = slack.deliveries[-1]
    slack.workspace.clock.ahead += UNTOLD.total_seconds() + 1
    await slack.say("Anyone?")  # which tells the time
    await slack.redeliver(delivery)


def has(words: str) -> Callable[[Scene, object], object]:
    """Whether a session of Devin's has read `words`."""
    return lambda scene, _: any(
        words in message.text
        for session in scene.desk.devin.sessions.values()
        for message in session.messages
        if message.kind != "devin_message"
    )


ACTS: Mapping[str, tuple[Callable[[Scene], Awaitable[object]], Callable[[Scene, Any], object]]] = {
    "status": (
        lambda scene: scene.desk.mention("status", thread=scene.thread),
        lambda scene, _: [one for one in scene.desk.said(scene.thread) if "Linked to" in one],
    ),
    "start": (lambda scene: scene.desk.mention("start Fix the login"), has("Fix the login")),
    "emoji": (
        react,
        has("The build is red"),
    ),
    "press": (
        lambda scene: scene.desk.slack.press(
            actions(scene.asks)[0], channel="general", message_ts=scene.asks.ts
        ),
        has("Postgres"),
    ),
    "slash": (
        lambda scene: scene.desk.slack.slash("/devin-say", f"{SESSION} Deploy it"),
        has("Deploy it"),
    ),
    "shortcut": (
        lambda scene: scene.desk.slack.shortcut(
            "send_to_devin", channel="general", message_ts=scene.other
        ),
        lambda scene, _: scene.has_form(),
    ),
    "edit": (
        edit,
        lambda scene, _: [one for one in scene.sees() if "your edit unless" in one],
    ),
    "talk": (
        lambda scene: scene.desk.mention("please look at the build"),
        lambda scene, _: [one for one in scene.sees() if thread_links.not_linked("").text in one],
    ),
    "form": (start_by_form, has("Rotate the keys")),
    "reply": (reply, has("Please rebase")),
}
"""What Ada does, and whether that was done."""

STARTS = ("start", "emoji", "shortcut", "talk", "form")
TOLD: Mapping[str, Mapping[str, SlackMessage]] = {
    "users.info": {**dict.fromkeys(ACTS, UNKNOWN), "reply": refusals.UNCHECKED},
    "usergroups.users.list": dict.fromkeys(STARTS, UNKNOWN),
    "conversations.info": {"start": WAITS, "emoji": WAITS, "slash": AWAY, "form": AWAY},
    "conversations.members": {"form": AWAY},
    "members": {**dict.fromkeys(ACTS, UNKNOWN), "reply": refusals.UNCHECKED},
    "members denied": dict.fromkeys(ACTS, DENIED),
}
"""What Ada is told for what can't be done without a look-up; the rest is done."""

ROWS = [
    *((one, "off", "fails") for one in TOLD if "." in one),
    *((one, "required", "fails") for one in TOLD),
    *((one, "required", "hangs") for one in TOLD if one != "members denied"),
]


@pytest.fixture
def hard(environ: dict[str, str], box: Sandbox) -> dict[str, str]:
    """Settings under which every look-up decides something."""
    box.slack.scopes = [*box.slack.scopes, "users:read.email", "reactions:read"]
    box.slack.bot_events = [*box.slack.bot_events, "reaction_added"]
    box.devin.permissions.add("ImpersonateOrgSessions")
    box.devin.members.add("ada@acme.example")
    group = box.slack.workspace.usergroups["oncall"].id
    place = box.slack.workspace.channel("general").id
    reactions = {"START_EMOJI": "robot_face", "START_EMOJI_CHANNELS": place}
    return environ | reactions | {"ALLOW_STARTERS": group, "ALLOW_APPROVERS": group}


def fail(desk: Desk, look_up: str, never: asyncio.Event | None) -> None:
    """Let a look-up fail in every way from now on, or with `never`, have no answer until then."""
    if look_up == "members denied":
        desk.devin.read_failures["members"] = [403] * ALWAYS
    elif look_up == "members":
        hangs = Answer(meaning="hangs", until=never)
        each = (404, 500, 503) if never is None else (hangs,)
        desk.devin.read_failures["members"] = [*each] * ALWAYS
    elif never is not None:
        desk.slack.fail_next(look_up, until=never, times=ALWAYS)
    else:
        for _ in range(1_000):
            for status in STATUSES:
                desk.slack.fail_next(look_up, status=status)


@pytest.mark.parametrize(("look_up", "act_as", "how"), ROWS)
async def test_whoever_speaks_has_an_answer_while_a_look_up_fails_for_good(
    hard: dict[str, str],
    desk: Desk,
    raw: redis.asyncio.Redis,
    caplog: pytest.LogCaptureFixture,
    look_up: str,
    act_as: str,
    how: str,
) -> None:
    """It is done, or its person reads why not: nobody waits in silence, and nothing is a bug."""
    never = asyncio.Event()
    async with running(desk, hard, ACT_AS=act_as):
        thread = await desk.linked_thread()
        sent = await desk.reply("Which one is it?", thread)
        await desk.until_delivered(sent)
        asks = await asked(desk, thread=thread)
        scene = Scene(desk, asks, sent, *[await desk.slack.say(one) for one in ALERTS])
    await forget(raw)
    fail(desk, look_up, never if how == "hangs" else None)
    times = {**SOON, **(HANGS if how == "hangs" else {})}
    async with running(desk, hard, times, ACT_AS=act_as):
        for name in ACTS:
            told = TOLD[look_up].get(name)
            if (name, act_as) == ("emoji", "required") and told not in {UNKNOWN, DENIED}:
                told = BY_EMOJI
            await answered(scene, name, told)
        never.set()
        desk.slack.fail_no_more()
        desk.devin.read_failures.clear()
    assert [one.message for one in caplog.records if one.exc_info] == []


async def answered(scene: Scene, name: str, told: SlackMessage | None) -> None:
    """Act, and wait until that is done, or until Ada is told why not."""
    act, is_done = ACTS[name]
    seen = [scene.tells(one) for one in FAILURES]
    what = await act(scene)

    def is_answered() -> object:
        now = [scene.tells(one) for one in FAILURES]
        is_told = told is not None and now[FAILURES.index(told)] > seen[FAILURES.index(told)]
        return is_told if told is not None else is_done(scene, what)

    await wait_until(is_answered, lambda: f"{name} is answered: {scene.sees()}")
    if told is None:
        assert [scene.tells(one) for one in FAILURES] == seen, name
    else:
        assert not is_done(scene, what), name


def calls(desk: Desk, method: str) -> int:
    """Return how often a method was called."""
    return sum(one.method == method for one in desk.slack.calls)


async def test_a_link_is_answered_at_once_and_its_card_tells_the_rest_later(
    bot: Bot, desk: Desk
) -> None:
    """Until Slack says who shares the channel, the card has no title, and no false sentence."""
    desk.devin.rename(SESSION, "Secret plans")
    desk.slack.fail_next(INFO, status=503, times=1_000)
    thread = await desk.mention(f"link {SESSION}")
    await wait_until(lambda: desk.said(thread, with_cards=True), "the link is answered")
    (told,) = desk.said(thread, with_cards=True)
    assert "Secret" not in told
    assert BARRED not in told
    desk.slack.fail_no_more()
    await wait_until(lambda: "Secret" in desk.said(thread, with_cards=True)[0], "it shows the rest")
    assert len(desk.said(thread, with_cards=True)) == 1


async def test_a_reply_that_waits_for_a_look_up_was_not_missed(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Its thread is read again only when Slack may be asked again, and nobody is told a lie."""
    thread = await desk.linked_thread()
    desk.slack.fail_next("users.info", retry_after=2)
    before = calls(desk, "conversations.replies")
    ts = await desk.reply("For Devin", thread, user="ben")
    await desk.until_delivered(ts)
    await until_settled(store)
    assert desk.said(thread) == []
    assert desk.whispers("ben") == []
    assert calls(desk, "conversations.replies") - before <= 2
