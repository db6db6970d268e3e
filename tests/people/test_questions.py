"""A press answers what Devin asks: once, as a reply of the person who pressed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.app import Bot
from bot.features.home.words import WAITING_TITLE
from bot.model.errors import (
    CannotPost,
    IsMuted,
    LinkedElsewhere,
    MovedOn,
    NotAllowed,
    NotLinked,
    PersonError,
)
from bot.model.people import Standing
from bot.model.sessions import SessionState
from bot.redis.connection import Store
from bot.wording import refusals
from bot.wording.mirror import posts
from sandbox.slack.server import Message
from tests.features.test_home import home
from tests.support.desk import (
    OTHER_SESSION,
    SESSION,
    Desk,
    actions,
    key_of,
    labels,
    muted,
    on_both,
    quote,
    tells,
)
from tests.support.devin_posts import until_devin_said, until_state
from tests.support.waiting import until_settled, wait_until

ASKED = "Which database shall I use?\n\n1. Postgres_16 & co\n2. SQLite"
POSTGRES = "Postgres_16 & co"
MOVED_ON = refusals.sorry(MovedOn())


async def asked(desk: Desk, *, channel: str = "general", thread: str = "") -> Message:
    """Let Devin ask in a thread, a new linked one by default; return the post with the buttons."""
    thread = thread or await desk.linked_thread(channel=channel)
    desk.devin.say(SESSION, ASKED)
    desk.devin.behave(SESSION, "blocked")
    return await with_button(desk, thread, "SQLite", channel=channel)


async def with_button(desk: Desk, thread: str, label: str, *, channel: str = "general") -> Message:
    """Wait for the bot's latest post with that button, and return it."""

    def found() -> list[Message]:
        return [one for one in desk.posts(thread, channel=channel) if label in labels(one)]

    await wait_until(found, f"a button {label}")
    return found()[-1]


def markdown_of(post: Message) -> list[str]:
    """Return Devin's words in a post; none if they came in a post before that of the buttons."""
    return [str(block["text"]) for block in post.blocks if block["type"] == "markdown"]


async def press(
    desk: Desk, post: Message, action: str, *, user: str = "ada", value: str | None = None
) -> None:
    """Press a button; Slack shows no failure."""
    delivery = await desk.slack.press(
        action, channel=post.channel, message_ts=post.ts, user=user, value=value
    )
    assert delivery.acked


@contextmanager
def unread(desk: Desk) -> Iterator[None]:
    """Let the relay read nothing of Devin's until the block ends.

    Who chose what is noted where the buttons were, unless a poll has seen the answer before that.
    """
    for kind in ("sessions", "session", "messages"):
        desk.devin.read_failures[kind] = [503] * 10_000
    try:
        yield
    finally:
        desk.devin.read_failures.clear()


async def until_noted(post: Message, note: str) -> None:
    """Wait until the buttons of a post have given way to a note."""
    await wait_until(lambda: note in post.text, f"{note} (it says {post.text})")
    assert actions(post) == []


def value_of(post: Message, number: int = 0) -> str:
    (row,) = [block for block in post.blocks if block["type"] == "actions"]
    return str(row["elements"][number]["value"])


def answers(desk: Desk, thread: str | None) -> list[Message]:
    return [one for one in desk.posts(str(thread)) if key_of(one).startswith("answer:")]


@on_both
async def test_a_press_is_a_reply_of_the_person_who_pressed(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The option is posted in their name, goes to Devin as it was written, and the buttons go."""
    post = await asked(desk)
    with unread(desk):
        await press(desk, post, "answer_0", user="ben")
        await until_noted(post, posts.chosen("Ben Franklin", POSTGRES))
    message = await desk.until_received("Postgres_16 & co")
    assert message == "Ben Franklin, U0BEN00000 (in Slack):\n\nPostgres_16 & co"
    (said,) = answers(desk, post.thread_ts)
    assert tells(said.text, posts.answers("Ben Franklin", POSTGRES))
    assert quote(said) == POSTGRES
    await desk.until_delivered(said.ts)
    await until_settled(store)
    assert desk.words(str(post.thread_ts)) == [ASKED]


@on_both
async def test_an_answer_that_devin_refuses_is_not_sent_a_second_time_for_its_buttons(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Slack fails where the buttons give way, so they are tried again; the answer is not."""
    post = await asked(desk)
    is_refused = asyncio.Event()
    desk.slack.fail_next("chat.update", status=503, until=is_refused)
    with unread(desk):
        desk.devin.behave(SESSION, "rejects")
        await press(desk, post, "answer_0")
        await wait_until(lambda: answers(desk, post.thread_ts), "it is posted")
        (said,) = answers(desk, post.thread_ts)
        await desk.until_marked("x", said.ts)
        is_refused.set()
        await until_noted(post, posts.chosen("ada", POSTGRES))
    await until_settled(store)
    assert len(answers(desk, post.thread_ts)) == len(desk.devin.requests) == 1


async def test_an_approval_is_given_by_a_press(bot: Bot, desk: Desk) -> None:
    """Devin is told to go on, and the thread sees who approved; *Open session* stays."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "approval")
    post = await desk.offering("approve", thread)
    note = posts.chosen("ada", posts.APPROVED)
    with unread(desk):
        await press(desk, post, "approve")
        await wait_until(lambda: note in post.text, "the button gives way")
    await desk.until_received(posts.APPROVED)
    assert actions(post) == ["open_session"]
    assert "Press *Approve*" not in post.text + str(post.blocks)


async def test_pressed_by_two_people_at_once_one_answer_is_sent(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The other is told who chose what."""
    post = await asked(desk)
    adas, bens = posts.chosen("ada", POSTGRES), posts.chosen("Ben Franklin", "SQLite")
    with unread(desk):
        await asyncio.gather(
            press(desk, post, "answer_0", user="ada"), press(desk, post, "answer_1", user="ben")
        )
        await wait_until(lambda: adas in post.text or bens in post.text, "the buttons give way")
    note, loser = (adas, "ben") if adas in post.text else (bens, "ada")
    await desk.until_whispered(note, loser)
    await until_settled(store)
    assert len(answers(desk, post.thread_ts)) == 1
    assert len(desk.received()) == 1


async def test_a_question_in_two_threads_has_one_answer(bot: Bot, desk: Desk, store: Store) -> None:
    """Whoever presses in the other thread is told, and its buttons give way as well."""
    first = await desk.linked_thread()
    second = await desk.linked_thread()
    post = await asked(desk, thread=first)
    other = await with_button(desk, second, "SQLite")
    note = posts.chosen("ada", "SQLite")
    with unread(desk):
        await press(desk, post, "answer_1")
        await until_noted(post, note)
        await press(desk, other, "answer_0", user="ben")
        await desk.until_whispered(note, "ben")
        await until_noted(other, note)
    await until_settled(store)
    assert len(desk.received()) == 1
    assert answers(desk, second) == []


@pytest.mark.parametrize("user", ["gus", "una"])
async def test_who_may_not_steer_devin_answers_nothing(
    bot: Bot, desk: Desk, store: Store, user: str
) -> None:
    """They are told why, and the buttons stay for the others."""
    post = await asked(desk)
    await press(desk, post, "answer_0", user=user)
    await desk.until_whispered(refusals.sorry(NotAllowed(Standing.GUEST)), user)
    await until_settled(store)
    assert desk.received() == []
    assert labels(post) == [POSTGRES, "SQLite"]
    assert answers(desk, post.thread_ts) == []


@on_both
async def test_after_somebody_replied_a_press_is_no_second_answer(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Words of one's own are an answer, too, also while the buttons can't be taken away."""
    post = await asked(desk)
    desk.slack.fail_next("chat.update", error="edit_window_closed", times=1_000)
    ts = await desk.reply("Take the one that you know.", str(post.thread_ts))
    await desk.until_delivered(ts)
    await press(desk, post, "answer_0", user="ben")
    await desk.until_whispered(MOVED_ON, "ben")
    await until_settled(store)
    assert len(desk.received()) == 1


@on_both
async def test_a_reply_that_devin_refuses_leaves_the_question_open(bot: Bot, desk: Desk) -> None:
    """Devin has not been answered, so a press still is the answer."""
    post = await asked(desk)
    with unread(desk):
        desk.devin.behave(SESSION, "rejects", times=1)
        ts = await desk.reply("Take the one that you know.", str(post.thread_ts))
        await desk.until_marked("x", ts)
        await press(desk, post, "answer_0", user="ben")
        await desk.until_received(POSTGRES)


@on_both
async def test_words_come_once_though_slack_limits_the_edit_behind_them(
    bot: Bot, desk: Desk
) -> None:
    """The buttons that give way are in the same batch, and are edited after its posts."""
    post = await asked(desk)
    desk.slack.fail_next("chat.update", retry_after=1, times=2)
    desk.devin.behave(SESSION, "running")
    desk.devin.say(SESSION, "I take the first.")
    await wait_until(lambda: actions(post) == [], "the buttons give way")
    desk.devin.say(SESSION, "That is all.")
    thread = str(post.thread_ts)
    await until_devin_said(desk, "That is all.", thread)
    assert "\n".join(desk.words(thread)).count("I take the first.") == 1


@pytest.mark.parametrize("extra", ["conversations.replies", "chat.update"])
@pytest.mark.parametrize("how", [{"status": 500}, {"retry_after": 2}])
async def test_no_words_and_no_question_wait_until_buttons_have_given_way(
    bot: Bot, desk: Desk, extra: str, how: dict[str, Any]
) -> None:
    """Nor does who presses them: Slack may take no edits, or show no threads, for long."""
    post = await asked(desk)
    thread = str(post.thread_ts)
    desk.slack.fail_next(extra, times=10_000, **how)
    desk.devin.behave(SESSION, "running")
    desk.devin.say(SESSION, "I take the first.")
    await until_devin_said(desk, "I take the first.", thread)
    desk.devin.say(SESSION, "Done. Shall I begin?")
    desk.devin.behave(SESSION, "blocked")
    await with_button(desk, thread, "Yes")
    await press(desk, post, "answer_0")
    await desk.until_whispered(MOVED_ON, "ada")
    desk.slack.fail_no_more()
    if "status" in how:
        await until_noted(post, posts.MOVED_ON)


@on_both
async def test_after_somebody_replied_the_buttons_give_way_by_themselves(
    bot: Bot, desk: Desk
) -> None:
    """In each thread, before anybody presses one that does nothing any more."""
    first = await desk.linked_thread()
    second = await desk.linked_thread()
    post = await asked(desk, thread=first)
    other = await with_button(desk, second, "SQLite")
    words = [(one, markdown_of(one)) for one in (post, other)]
    await desk.reply("Take the one that you know.", first)
    for one, before in words:
        await until_noted(one, posts.ANSWERED)
        assert markdown_of(one) == before
        assert "Pick one" not in one.text + str(one.blocks)


async def test_after_devin_went_on_by_itself_the_buttons_give_way(bot: Bot, desk: Desk) -> None:
    """Nobody has replied, so the note says that Devin has moved on."""
    post = await asked(desk)
    desk.devin.behave(SESSION, "running")
    await until_noted(post, posts.MOVED_ON)


@on_both
async def test_a_question_can_be_answered_after_the_session_fell_asleep(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """It still needs someone, and is not asked again when the session wakes."""
    post = await asked(desk)
    thread = str(post.thread_ts)
    for state, shown in (("suspended", SessionState.SUSPENDED), ("blocked", SessionState.WAITING)):
        desk.devin.behave(SESSION, state)
        await until_state(desk, shown, thread)
        await until_settled(store)
        assert labels(post) == [POSTGRES, "SQLite"]
        view = await home(desk)
        assert WAITING_TITLE in str(view["blocks"])
    assert [one.ts for one in desk.posts(thread) if "answer_0" in actions(one)] == [post.ts]
    await press(desk, post, "answer_1")
    await desk.until_received("SQLite")


async def test_an_answer_wakes_a_session_that_fell_asleep(bot: Bot, desk: Desk) -> None:
    """As a reply does; the buttons show who chose what."""
    post = await asked(desk)
    desk.devin.behave(SESSION, "suspended")
    await until_state(desk, SessionState.SUSPENDED, str(post.thread_ts))
    with unread(desk):
        await press(desk, post, "answer_0")
        await until_noted(post, posts.chosen("ada", POSTGRES))
    await desk.until_received(POSTGRES)


async def test_an_old_approve_does_not_approve_what_devin_wants_next(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The first was approved in Devin's web app, and Devin went on without a poll in between.

    Its button does nothing, also while it can't be taken away.
    """
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "approval")
    first = await desk.offering("approve", thread)
    desk.slack.fail_next("chat.update", error="edit_window_closed", times=1_000)
    session, at = desk.devin.session(SESSION), desk.devin.clock.now() + 60
    session.take("Now I want to drop the table.", kind="devin_message", at=at)
    session.updated_at = datetime.fromtimestamp(at, UTC)
    await wait_until(lambda: len(_approvals(desk, thread)) == 2, "the second is asked for")
    await press(desk, first, "approve")
    await desk.until_whispered(MOVED_ON, "ada")
    await until_settled(store)
    assert desk.received() == []
    await press(desk, _approvals(desk, thread)[1], "approve")
    await desk.until_received(posts.APPROVED)
    await until_settled(store)
    assert len(desk.received()) == 1


async def test_an_approval_can_be_given_after_devin_explained_it(bot: Bot, desk: Desk) -> None:
    """The state may come before the words that say what Devin wants to do."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "approval")
    post = await desk.offering("approve", thread)
    desk.devin.say(SESSION, "I want to drop the table.")
    await until_devin_said(desk, "drop the table", thread)
    await press(desk, post, "approve")
    await desk.until_received(posts.APPROVED)


async def test_an_approval_asked_for_while_the_answer_is_on_its_way_stays_open(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """A reply that was sent before answers nothing that Devin asks later."""
    post = await asked(desk)
    thread, is_answered = str(post.thread_ts), asyncio.Event()
    desk.devin.behave(SESSION, "blocked", until=is_answered)
    await press(desk, post, "answer_1")
    await desk.until_received("SQLite")
    desk.devin.behave(SESSION, "approval")
    early = await desk.offering("approve", thread)
    is_answered.set()
    await until_settled(store)
    assert _approvals(desk, thread) == [early]
    await press(desk, early, "approve")
    await wait_until(lambda: len(desk.received()) == 2, "it is approved")
    await until_settled(store)


def _approvals(desk: Desk, thread: str) -> list[Message]:
    """Return the bot's messages that can be approved by now."""
    return [one for one in desk.posts(thread) if "approve" in actions(one)]


async def test_a_second_approval_between_two_polls_is_asked_for(bot: Bot, desk: Desk) -> None:
    """Devin goes on and soon needs the next approval, without a poll in between."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "approval")
    first = await desk.offering("approve", thread)
    await press(desk, first, "approve")
    await desk.until_received(posts.APPROVED)
    await wait_until(lambda: actions(first) == ["open_session"], "the first gives way")
    second = await desk.offering("approve", thread)
    assert second.ts != first.ts
    await press(desk, second, "approve")
    await wait_until(lambda: len(desk.received()) == 2, "the second approval")


@pytest.mark.parametrize("slow", ["conversations.replies", "chat.update"])
async def test_an_approval_stays_told_as_it_was_given(
    bot: Bot, desk: Desk, store: Store, slow: str
) -> None:
    """Devin needs the next one before Slack has taken the note of who gave the first."""
    thread, is_seen = await desk.linked_thread(), asyncio.Event()
    desk.devin.behave(SESSION, "approval")
    first = await desk.offering("approve", thread)
    desk.slack.fail_next(slow, until=is_seen, times=1)
    await press(desk, first, "approve")
    await desk.until_received(posts.APPROVED)
    desk.devin.say(SESSION, "Done. Next, I need to drop the table.")
    second = await another(desk, first, thread)
    is_seen.set()
    await until_settled(store)
    assert posts.chosen("ada", posts.APPROVED) in first.text
    assert posts.ANSWERED not in first.text
    assert actions(first) == ["open_session"]
    await press(desk, second, "approve")
    await wait_until(lambda: len(desk.received()) == 2, "the second approval")


async def another(desk: Desk, first: Message, thread: str) -> Message:
    """Return the second post that can be approved, once it is there."""

    def found() -> list[Message]:
        return [one for one in _approvals(desk, thread) if one.ts != first.ts]

    await wait_until(found, "the second approval is asked for")
    return found()[0]


async def test_after_devin_went_on_the_buttons_say_so(bot: Bot, desk: Desk, store: Store) -> None:
    """Each question has its own buttons, and only the open one's are answers."""
    post = await asked(desk)
    desk.devin.say(SESSION, "I went for SQLite. Shall I begin?")
    later = await with_button(desk, str(post.thread_ts), "Yes")
    await until_noted(post, posts.MOVED_ON)
    await press(desk, later, "answer_0")
    assert await desk.until_received("Yes")
    await until_settled(store)
    assert len(desk.received()) == 1


@pytest.mark.parametrize(("verb", "error"), [("mute", IsMuted()), ("unlink", NotLinked())])
async def test_an_answer_needs_a_thread_that_goes_to_devin(
    bot: Bot, desk: Desk, verb: str, error: PersonError
) -> None:
    """The buttons stay: once the thread is linked again, or not muted, they work."""
    post = await asked(desk)
    thread = str(post.thread_ts)
    await desk.cut_off(verb, thread)
    await press(desk, post, "answer_1")
    await desk.until_whispered(refusals.sorry(error), "ada")
    assert answers(desk, thread) == []
    await desk.mention({"mute": "unmute", "unlink": f"link {SESSION}"}[verb], thread=thread)
    if verb == "mute":
        await desk.until_said(muted(is_muted=False), thread)
    else:
        await desk.until_linked(thread, times=2)
    await press(desk, post, "answer_1")
    await desk.until_received("SQLite")


async def test_a_thread_of_another_session_answers_nothing(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """The person is told which session the thread is linked to by now."""
    desk.devin.add_session(OTHER_SESSION)
    post = await asked(desk)
    thread = str(post.thread_ts)
    await desk.cut_off("unlink", thread)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread)
    await desk.until_linked(thread, times=2)
    await press(desk, post, "answer_0")
    elsewhere = LinkedElsewhere(desk.named(OTHER_SESSION), "ada")
    await desk.until_whispered(refusals.sorry(elsewhere), "ada")
    await until_settled(store)
    assert desk.received() == desk.received(OTHER_SESSION) == []


async def test_a_post_that_slack_did_not_answer_is_found(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """It is in the thread once, and goes on; whoever presses meanwhile is told whose it is."""
    post = await asked(desk)
    desk.slack.fail_next("chat.postMessage", drop_after=True)
    await press(desk, post, "answer_0")
    await press(desk, post, "answer_1", user="ben")
    await desk.until_received("Postgres_16")
    await desk.until_whispered(posts.chosen("ada", POSTGRES), "ben")
    await until_settled(store)
    assert len(answers(desk, post.thread_ts)) == 1
    assert len(desk.received()) == 1


async def test_an_answer_that_waits_for_slack_is_dropped_when_devin_moves_on(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Nobody would know what it answers; the person is told."""
    post = await asked(desk)
    await until_state(desk, SessionState.WAITING, str(post.thread_ts))
    is_limited, before = asyncio.Event(), len(desk.slack.calls)
    desk.slack.fail_next("chat.postMessage", retry_after=1, until=is_limited)
    await press(desk, post, "answer_0")
    await wait_until(
        lambda: "chat.postMessage" in [one.method for one in desk.slack.calls[before:]], "it posts"
    )
    desk.devin.behave(SESSION, "running")
    await until_state(desk, SessionState.WORKING, str(post.thread_ts))
    is_limited.set()
    await desk.until_whispered(MOVED_ON, "ada")
    await until_settled(store)
    assert answers(desk, post.thread_ts) == []
    assert desk.received() == []


@pytest.mark.parametrize("forged", ["|7", "|x", "another thread", "nothing"])
async def test_a_forged_answer_is_none(bot: Bot, desk: Desk, store: Store, forged: str) -> None:
    """A button counts in its own thread, and for the options that Devin offered."""
    post = await asked(desk)
    value = value_of(post)
    parts = value.split("|")
    values = {
        "another thread": value.replace(str(post.thread_ts), "1764000000.000100"),
        "nothing": "",
    }
    tampered = values.get(forged, "|".join([*parts[:-1], forged[1:]]))
    await press(desk, post, "answer_0", value=tampered)
    await desk.until_whispered(MOVED_ON, "ada")
    await until_settled(store)
    assert desk.received() == []


async def test_slack_may_refuse_the_post(bot: Bot, desk: Desk, store: Store) -> None:
    """The person is told why, and the buttons stay, and work."""
    post = await asked(desk)
    desk.slack.fail_next("chat.postMessage", error="is_archived")
    await press(desk, post, "answer_0")
    await desk.until_whispered(refusals.sorry(CannotPost("is_archived")), "ada")
    await until_settled(store)
    assert labels(post) == [POSTGRES, "SQLite"]
    assert desk.received() == []
    with unread(desk):
        await press(desk, post, "answer_1", user="ben")
        await until_noted(post, posts.chosen("Ben Franklin", "SQLite"))
    await desk.until_received("SQLite")
