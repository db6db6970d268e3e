"""A start in a thread with words of others asks first whether Devin may read them.

Others are those who may not message Devin: apps that are not in ALLOW_BOTS, guests, outsiders.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.delivery.compose import INFORMATION, UNREAD
from bot.model.errors import AlreadyDone, NotAllowed
from bot.model.people import Others, Standing, Written
from bot.redis.connection import Store
from bot.redis.keys import calls_key
from bot.runtime.logs import TRAIL, Event
from bot.slack.threads import REPLIES
from bot.wording import actions as ids
from bot.wording import refusals
from bot.wording.lifecycle import starting
from bot.wording.message import SlackMessage
from sandbox.devin.answers import STATES
from tests.people import test_caps as caps
from tests.people import test_ending as ends
from tests.people import test_offers as offers
from tests.support.desk import Desk, actions, labels, on_both, running
from tests.support.forms import ask_again, held, start_again, until_refused
from tests.support.waiting import until_settled, wait_until

WITH, WITHOUT = ids.START_WITH, ids.START_WITHOUT
ALERT = "Disk full on db-3"
ROBOT = "robot_face"


@pytest.fixture
def reacts(environ: dict[str, str], desk: Desk) -> None:
    """Let a reaction start a session."""
    place = desk.slack.workspace.channel("shared").id
    environ |= {"START_EMOJI": ROBOT, "START_EMOJI_CHANNELS": place}
    desk.slack.bot_events = [*desk.slack.bot_events, "reaction_added"]
    desk.slack.scopes = [*desk.slack.scopes, "reactions:read"]


def prompts(desk: Desk) -> list[str]:
    """Return the prompts of the sessions that were started, in order."""
    return [one.messages[0].text for one in desk.devin.sessions.values() if one.origin == "api"]


def question(*counts: Written, is_task: bool = True) -> SlackMessage:
    """Return what is asked if messages of these are in a thread."""
    return starting.with_others(Others(counts), "", 1, is_task=is_task)  # type: ignore[arg-type]


APP = Written(1, Standing.BOT, "B0BOLTCI00", "Bolt CI")


@on_both
async def test_who_starts_under_an_alert_is_asked_and_devin_then_knows_it(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Nothing starts before the press; the alert is a quote by a bot, never the member's words."""
    root = await desk.slack.say(ALERT, user="bolt-ci")
    await desk.mention("start fix this", thread=root)
    told = await desk.until_said(question(APP), root)
    assert "1 message by the app Bolt CI" in told
    asked = await desk.offering(WITH, root)
    assert labels(asked) == ["Start with it", "Start without it"]
    await until_settled(store)
    assert (prompts(desk), desk.cards(root)) == ([], [])
    await desk.press(WITH, root)
    await desk.until_linked(root)
    (prompt,) = prompts(desk)
    assert prompt == (
        "ada, U0ADA00000 (in Slack):\n\nfix this\n\n"
        f"This was asked in a Slack thread. {INFORMATION} Its messages, oldest first:\n\n"
        f"> Bolt CI, B0BOLTCI00 (in Slack, by a bot):\n>\n> {ALERT}"
    )
    await wait_until(lambda: not actions(asked), "the buttons give way")
    assert starting.CHOSEN[WITH]("ada") in str(asked.blocks)


async def test_who_starts_without_it_has_devin_told_what_is_missing(bot: Bot, desk: Desk) -> None:
    """Devin reads how many messages it does not see, and whose they are."""
    root = await desk.slack.say(ALERT, user="bolt-ci", channel="shared")
    for user in ("gus", "eve", "gus"):
        await desk.reply("Me too", root, user=user, channel="shared")
    await desk.reply("Since noon", root, user="ben", channel="shared")
    await desk.mention("start fix this", thread=root, channel="shared")
    counts = (Written(2, Standing.GUEST), APP, Written(1, Standing.EXTERNAL))
    told = await desk.until_said(question(*counts), root, channel="shared")
    assert "2 messages by guests, 1 by the app Bolt CI, 1 from another organization" in told
    await desk.press(WITHOUT, root, channel="shared")
    await desk.until_linked(root, channel="shared")
    (prompt,) = prompts(desk)
    assert prompt == (
        "ada, U0ADA00000 (in Slack):\n\nfix this\n\n"
        "This was asked in a Slack thread. 4 of its messages are left out, since their authors "
        "may not message Devin: 2 by guests; 1 by the app Bolt CI, B0BOLTCI00; 1 from another "
        "organization. Its other messages, oldest first:\n\n"
        "> Ben Franklin, U0BEN00000 (in Slack):\n>\n> Since noon"
    )
    assert starting.left_out(Others(counts)).text not in str(desk.said(root, channel="shared"))


# Each way to start, with each kind of author, and each answer.


async def by_mention(desk: Desk, root: str) -> None:
    await desk.mention("start fix this", thread=root, channel="shared")


async def by_mistyped_command(desk: Desk, root: str) -> None:
    await desk.reply("fix this", root, channel="shared")
    await desk.mention("strat", thread=root, channel="shared")
    await offers.press(desk, offers.RUN, await offers.asked(desk, channel="shared"))


async def by_words(desk: Desk, root: str) -> None:
    await desk.mention("please fix this", thread=root, channel="shared")
    await offers.press(desk, offers.START, await offers.asked(desk, channel="shared"))


async def by_reaction(desk: Desk, root: str) -> None:
    ts = await desk.reply("fix this", root, channel="shared")
    await desk.slack.react("shared", ts, ROBOT)


WAYS: Mapping[str, Callable[[Desk, str], Awaitable[None]]] = {
    "mention": by_mention,
    "mistyped": by_mistyped_command,
    "words": by_words,
    "reaction": by_reaction,
}

AUTHORS: Mapping[str, tuple[str, str]] = {
    "bolt-ci": ("by a bot", "by the app Bolt CI, B0BOLTCI00"),
    "legacy": ("by a bot", "by the app Legacy Webhook, B0LEGACY00"),
    "workflow": ("by a bot", "by the app Standup Workflow, B0WORKFLOW"),
    "gus": ("by a guest", "by a guest"),
    "ben": ("by someone who may not message Devin", "by another person"),
    "eve": ("by someone from another organization", "from another organization"),
}
"""Who wrote the thread's first message: what marks it for Devin, and how it is counted."""


@pytest.mark.usefixtures("reacts")
@pytest.mark.parametrize("way", WAYS)
async def test_each_way_to_start_asks_about_each_kind_of_author(
    environ: dict[str, str], way: str, desk: Desk, store: Store, subtests: pytest.Subtests
) -> None:
    """Nothing starts until the press, which decides what Devin reads."""
    async with running(desk, environ, STARTS_PER_HOUR="0", ALLOW_USERS="U0ADA00000"):
        for author, (mark, counted) in AUTHORS.items():
            for answer in (WITH, WITHOUT):
                with subtests.test(author=author, answer=answer):
                    before = len(prompts(desk))
                    await store.delete(calls_key(REPLIES))  # as after a minute
                    root = await desk.slack.say(ALERT, user=author, channel="shared")
                    await WAYS[way](desk, root)
                    await desk.offering(answer, root, channel="shared")
                    assert len(prompts(desk)) == before
                    await desk.press(answer, root, channel="shared")
                    await desk.until_linked(root, channel="shared")
                    prompt = prompts(desk)[before]
                    assert "fix this" in prompt
                    assert (f"(in Slack, {mark}):\n>\n> {ALERT}" in prompt) is (answer == WITH)
                    assert (INFORMATION in prompt) is (answer == WITH)
                    assert (f"Devin: 1 {counted}." in prompt) is (answer == WITHOUT)


async def test_a_session_that_follows_an_ended_one_asks_too(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """*Start a new session* has no words of its own: the thread is the prompt."""
    thread = await desk.linked_thread()
    await desk.reply(ALERT, thread, user="bolt-ci")
    await ends.told_of_the_end(desk, thread)
    await desk.press(ids.START_NEW, thread)
    await desk.offering(WITH, thread)
    await until_settled(store)
    assert prompts(desk) == []
    await desk.press(WITH, thread, user="ben")
    await desk.until_linked(thread, times=2)
    (prompt,) = prompts(desk)
    assert "(in Slack, by a bot)" in prompt
    assert prompt.startswith("Ben Franklin, U0BEN00000 started this session from a Slack thread.")


@pytest.mark.parametrize("answer", [WITH, WITHOUT])
async def test_a_session_that_continues_one_at_its_cap_asks_too(
    bot: Bot, desk: Desk, raw: Redis, answer: str
) -> None:
    """Nobody else has continued it until the press."""
    thread = await caps.used_up(desk, raw)
    await desk.reply(ALERT, thread, user="bolt-ci")
    await caps.press_on(desk, caps.post_with(desk, ids.CONTINUE_SESSION, thread))
    await desk.press(answer, thread)
    await desk.until_linked(thread, times=2)
    assert ("(in Slack, by a bot)" in prompts(desk)[-1]) is (answer == WITH)


async def test_without_a_task_beside_it_there_is_nothing_to_start_without_it(
    bot: Bot, desk: Desk
) -> None:
    """The thread of an alert alone is the prompt, or none."""
    root = await desk.slack.say(ALERT, user="bolt-ci")
    await desk.mention("start", thread=root)
    await desk.until_said(question(APP, is_task=False), root)
    assert labels(await desk.offering(WITH, root)) == ["Start with it"]
    await desk.press(WITH, root)
    await desk.until_linked(root)
    (prompt,) = prompts(desk)
    assert prompt.startswith("ada, U0ADA00000 started this session from a Slack thread.")
    assert f"> {ALERT}" in prompt


@pytest.mark.usefixtures("reacts")
async def test_a_reaction_to_the_alert_itself_is_asked_about_in_its_thread(
    bot: Bot, desk: Desk
) -> None:
    """Everybody sees the question, and a press counts even if the reaction is gone by then."""
    ts = await desk.slack.say(ALERT, user="bolt-ci", channel="shared")
    await desk.slack.react("shared", ts, ROBOT)
    await desk.until_said(question(APP, is_task=False), ts, channel="shared")
    await desk.slack.unreact("shared", ts, ROBOT)
    await desk.press(WITH, ts, channel="shared", user="ben")
    await desk.until_linked(ts, channel="shared")
    wrote = "Ben Franklin, U0BEN00000 sends what Bolt CI, B0BOLTCI00 wrote (in Slack, by a bot):"
    assert prompts(desk) == [f"{wrote}\n\n{ALERT}\n\n{INFORMATION}"]


@pytest.mark.usefixtures("reacts")
async def test_a_reaction_to_an_alert_may_start_from_the_rest_of_its_thread(
    bot: Bot, desk: Desk
) -> None:
    """What members wrote below it is passed on, and that the alert is missing."""
    ts = await desk.slack.say(ALERT, user="bolt-ci", channel="shared")
    await desk.reply("It is db-3 again", ts, user="ben", channel="shared")
    await desk.slack.react("shared", ts, ROBOT)
    await desk.press(WITHOUT, ts, channel="shared")
    await desk.until_linked(ts, channel="shared")
    (prompt,) = prompts(desk)
    assert (ALERT in prompt, "It is db-3 again" in prompt) == (False, True)
    assert "1 of its messages is left out" in prompt


async def test_the_alert_of_a_long_thread_is_passed_on(bot: Bot, desk: Desk) -> None:
    """What the thread is about comes first, however much was said since."""
    root = await desk.slack.say(ALERT, user="bolt-ci")
    for number in range(52):
        await desk.reply(f"number {number}", root)
    await desk.reply("x" * 19_900, root)
    await desk.mention("start fix this", thread=root)
    await desk.press(WITH, root)
    await desk.until_linked(root)
    (prompt,) = prompts(desk)
    assert f"(in Slack, by a bot):\n>\n> {ALERT}" in prompt
    assert "xxx" in prompt


async def test_an_alert_that_slack_shows_as_an_attachment_counts(bot: Bot, desk: Desk) -> None:
    """Monitoring apps often write nothing else."""
    shown = [{"color": "danger", "title": ALERT, "text": "97 % used", "fallback": ALERT}]
    root = await desk.slack.say("", user="bolt-ci", deliver=False)
    desk.slack.workspace.message("general", root).attachments = list(shown)
    await desk.mention("start fix this", thread=root)
    await desk.until_said(question(APP), root)
    await desk.press(WITH, root)
    await desk.until_linked(root)
    (prompt,) = prompts(desk)
    assert (ALERT in prompt, "97 % used" in prompt) == (True, True)


# The press.


async def asked(desk: Desk, words: str = "start fix this") -> tuple[str, str]:
    """Start under an alert, and wait for the question; return the thread and the request."""
    root = await desk.slack.say(ALERT, user="bolt-ci")
    ts = await desk.mention(words, thread=root)
    await desk.offering(WITH, root)
    return root, ts


async def test_only_who_may_start_may_answer(bot: Bot, desk: Desk) -> None:
    """A guest is told why not, and the question stays for others."""
    root, _ = await asked(desk)
    await desk.press(WITH, root, user="gus")
    await desk.until_whispered(refusals.sorry(NotAllowed(Standing.GUEST)), "gus")
    assert prompts(desk) == []
    await desk.press(WITH, root, user="ben")
    await desk.until_linked(root)
    assert prompts(desk)[0].startswith(
        "Ben Franklin, U0BEN00000 sends what ada, U0ADA00000 wrote (in Slack):\n\nfix this"
    )


async def test_of_two_answers_the_first_one_counts(bot: Bot, desk: Desk, store: Store) -> None:
    """Slack may deliver a press twice, and a second person is told."""
    root, _ = await asked(desk)
    question_ = await desk.offering(WITH, root)
    both = (WITHOUT, "ada"), (WITH, "ben")
    place = {"channel": "general", "message_ts": question_.ts}
    presses = [desk.slack.press(action, user=user, **place) for action, user in both]
    for press in await asyncio.gather(*presses):
        await desk.slack.redeliver(press)
    told = refusals.sorry(AlreadyDone()).text
    await wait_until(lambda: told in desk.whispers("ada") + desk.whispers("ben"), "one is told")
    await desk.until_linked(root)
    await until_settled(store)
    assert len(prompts(desk)) == 1


async def test_an_answer_is_about_what_the_request_says_by_then(bot: Bot, desk: Desk) -> None:
    """An edit counts, and a request that is gone starts nothing."""
    root, ts = await asked(desk)
    await desk.slack.edit("general", ts, f"<@{desk.slack.bot_user_id}> start fix that instead")
    await desk.press(WITH, root)
    await desk.until_linked(root)
    assert "fix that instead" in prompts(desk)[0]
    other, ts = await asked(desk)
    await desk.slack.delete("general", ts)
    await desk.press(WITH, other)
    await desk.until_said(starting.WITHDRAWN, other)
    assert len(prompts(desk)) == 1


async def test_a_question_outlives_its_process(environ: dict[str, str], desk: Desk) -> None:
    """The next one acts on the press, which it finds nowhere but in Redis and in Slack."""
    async with running(desk, environ):
        root, _ = await asked(desk)
    async with running(desk, environ):
        await desk.press(WITH, root)
        await desk.until_linked(root)
    assert ALERT in prompts(desk)[0]


async def test_a_question_counts_no_start(environ: dict[str, str], desk: Desk) -> None:
    """Who was asked has all of their starts left, and the press is one."""
    async with running(desk, environ, STARTS_PER_HOUR="1"):
        root, _ = await asked(desk)
        other, _ = await asked(desk)
        await desk.press(WITH, root)
        await desk.until_linked(root)
        await desk.press(WITH, other)
        await wait_until(lambda: desk.whispers("ada"), "Ada is told that it is one too many")
    assert len(prompts(desk)) == 1


async def test_an_answer_that_comes_second_counts_no_start(
    environ: dict[str, str], desk: Desk
) -> None:
    """Nothing is started for it."""
    async with running(desk, environ, STARTS_PER_HOUR="1"):
        root, _ = await asked(desk)
        question_, go_on = await desk.offering(WITH, root), asyncio.Event()
        desk.devin.creations.append(replace(STATES["running"], until=go_on))
        desk.slack.fail_next("chat.update", until=go_on)
        await desk.press(WITH, root)
        await wait_until(lambda: desk.devin.creations == [], "Devin is asked")
        await desk.slack.press(WITHOUT, channel="general", message_ts=question_.ts, user="ben")
        await desk.until_whispered(refusals.sorry(AlreadyDone()), "ben")
        go_on.set()
        await desk.until_linked(root)
        await desk.until_linked(await desk.mention("start Mine", user="ben"))


async def test_a_start_that_is_repeated_keeps_its_answer(bot: Bot, desk: Desk) -> None:
    """*Start again* asks nothing anew."""
    root, _ = await asked(desk)
    desk.devin.creations.append(STATES["refuses"])
    await desk.press(WITH, root)
    await until_refused(desk, root)
    await start_again(desk, root)
    await desk.until_linked(root)
    assert ALERT in prompts(desk)[0]


@pytest.mark.usefixtures("reacts")
@pytest.mark.parametrize("answer", [WITH, WITHOUT])
async def test_a_reaction_that_is_repeated_keeps_its_answer(
    bot: Bot, desk: Desk, answer: str
) -> None:
    """However often it fails, the alert is marked, or missing, and chooses no options."""
    alert = f"max:77 {ALERT}"
    ts = await desk.slack.say(alert, user="bolt-ci", channel="shared")
    await desk.reply("It is db-3 again", ts, user="ben", channel="shared")
    await desk.slack.react("shared", ts, ROBOT)
    await desk.offering(answer, ts, channel="shared")
    desk.devin.creations += [STATES["refuses"]] * 2
    await desk.press(answer, ts, channel="shared")
    for told in (2, 3):  # after the question
        await wait_until(lambda told=told: len(desk.posts(ts, channel="shared")) == told, "told")  # type: ignore[misc]
        form = await ask_again(desk, ts, channel="shared")
        assert held(form) == ({"prompt": alert} if answer == WITH else {})
        await desk.slack.submit_view(form["id"], {})
    await desk.until_linked(ts, channel="shared")
    (prompt,) = prompts(desk)
    (session,) = (one for one in desk.devin.sessions.values() if one.origin == "api")
    assert session.cap is None
    assert (f"wrote (in Slack, by a bot):\n\n{alert}" in prompt) is (answer == WITH)
    assert (INFORMATION in prompt, ALERT in prompt) == (answer == WITH, answer == WITH)
    assert ("1 of its messages is left out" in prompt) is (answer == WITHOUT)


@pytest.mark.parametrize("answer", [WITH, WITHOUT])
async def test_the_answer_is_on_record(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    """The line of the start tells who chose, and what."""
    caplog.set_level(logging.INFO)
    root, _ = await asked(desk)
    await desk.press(answer, root, user="ben")
    await desk.until_linked(root)
    lines = [vars(one) for one in caplog.records if one.name == TRAIL.name]
    (line,) = (one for one in lines if one["msg"] == Event.STARTED.value)
    chosen = "all" if answer == WITH else "allowed"
    assert (line["by"], line["quotes"]) == ("U0BEN00000", chosen)


# What else an operator may choose, and what can't be read.


async def test_an_app_that_is_listed_needs_no_question(environ: dict[str, str], desk: Desk) -> None:
    """What the operator allows is no choice of a member."""
    async with running(desk, environ, ALLOW_BOTS="B0BOLTCI00"):
        root = await desk.slack.say(ALERT, user="bolt-ci")
        await desk.mention("start fix this", thread=root)
        await desk.until_linked(root)
    assert f"> Bolt CI, B0BOLTCI00 (in Slack):\n>\n> {ALERT}" in prompts(desk)[0]


async def test_an_operator_may_have_nobody_asked(environ: dict[str, str], desk: Desk) -> None:
    """With `allowed` it starts at once; Devin and the thread are told what is missing."""
    async with running(desk, environ, START_QUOTES="allowed"):
        root = await desk.slack.say(ALERT, user="bolt-ci")
        await desk.mention("start fix this", thread=root)
        await desk.until_linked(root)
        told = await desk.until_said(starting.left_out(Others((APP,))), root)
    assert "Send to Devin" in told
    (prompt,) = prompts(desk)
    assert ALERT not in prompt
    assert prompt.endswith("Devin: 1 by the app Bolt CI, B0BOLTCI00.")


async def test_no_answer_overrides_an_operator_who_has_changed_their_mind(
    environ: dict[str, str], desk: Desk
) -> None:
    """Under `allowed`, a press from before passes nothing on, and the thread is told."""
    async with running(desk, environ):
        root, _ = await asked(desk)
    async with running(desk, environ, START_QUOTES="allowed"):
        await desk.press(WITH, root)
        await desk.until_linked(root)
        await desk.until_said(starting.left_out(Others((APP,))), root)
    assert ALERT not in prompts(desk)[0]


async def test_a_thread_that_slack_does_not_show_is_told_of(bot: Bot, desk: Desk) -> None:
    """The session starts with what its request says; Devin and the thread learn that it is all."""
    root = await desk.slack.say(ALERT, user="bolt-ci")
    desk.slack.fail_next("conversations.replies", error="missing_scope", times=2)
    await desk.mention("start fix this", thread=root)
    await desk.until_linked(root)
    await desk.until_said(starting.UNREAD, root)
    (prompt,) = prompts(desk)
    assert prompt.endswith(f"This was asked in a Slack thread. {UNREAD}")


async def test_an_app_may_call_itself_what_it_likes(environ: dict[str, str], desk: Desk) -> None:
    """Its name pings nobody, and looks like no line that says who speaks."""
    desk.slack.workspace.user("bolt-ci").real_name = "<!channel> *x* (in Slack):"
    async with running(desk, environ):
        root, _ = await asked(desk)
        assert "<!channel>" not in str(desk.said(root))
        await desk.press(WITHOUT, root)
        await desk.until_linked(root)
    assert prompts(desk)[0].count("(in Slack") == 1
