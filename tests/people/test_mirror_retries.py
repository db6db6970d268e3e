"""What a first try has left in a thread is neither repeated nor left outdated by the next one."""

import asyncio
import json
import logging
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.devin.api import Cursor
from bot.devin.v3.client import DevinV3
from bot.model.sessions import Follow, Said, SaidKind, SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import OUTBOX_KEY, WATCH_KEY, watched_key
from bot.wording.mirror.card import FOLLOWS, ended_card
from bot.wording.mirror.posts import NOT_SHOWN, Framing, sentence
from sandbox.slack.server import Message
from tests.support.bots import BRISK
from tests.support.desk import (
    OTHER_SESSION,
    SESSION,
    Desk,
    is_words,
    labels,
    on_both,
    on_v1,
    running,
)
from tests.support.devin_posts import linked, until_card, until_devin_said, until_state
from tests.support.keys import at
from tests.support.waiting import until_settled, wait_until

PARAGRAPHS = 20
LONG = "\n\n".join(
    f"Paragraph {number:02d}. " + "It goes on and on. " * 40 for number in range(PARAGRAPHS)
)


def times(desk: Desk, words: str, thread: str) -> int:
    """Return how often Devin's words in a thread contain these."""
    return "\n".join(desk.words(thread)).count(words)


async def test_a_message_of_several_posts_comes_once_at_slack_s_pace(bot: Bot, desk: Desk) -> None:
    """Slack takes a post a second in a channel, and so refuses the second of them at first."""
    thread = await desk.linked_thread()
    desk.slack.limit_posts(1.0)
    desk.devin.say(SESSION, LONG)
    await wait_until(lambda: times(desk, "Paragraph 19.", thread) == 1, "the end is there")
    assert [times(desk, f"Paragraph {one:02d}.", thread) for one in range(PARAGRAPHS)] == [
        1
    ] * PARAGRAPHS


BLOCKED = "slack_connect_file_link_sharing_blocked"
"""Slack's code for some links in a shared channel, whichever; no later try is accepted."""


@pytest.mark.parametrize("blocked", [0, 1, 2, 3])
@pytest.mark.parametrize("state", ["blocked", "idle"])
async def test_a_refused_message_takes_neither_others_nor_what_devin_asks_with_it(
    bot: Bot, desk: Desk, state: str, blocked: int
) -> None:
    """The thread is told in its place; the person is mentioned, and the buttons are there."""
    thread = await desk.linked_thread()
    await wait_until(lambda: desk.card(thread), "the card is there")
    desk.slack.refuse_posts("files.example", BLOCKED)
    said = ["*One* is done.", "*Two* is done.", "Fine.", "Which one shall I use?\n\n- A\n- B"]
    said[blocked] = f"See files.example. {said[blocked]}"
    for words in said:
        desk.devin.say(SESSION, words)
    desk.devin.behave(SESSION, state)
    ada = desk.slack.workspace.user("ada").id

    def posts() -> list[Message]:
        return [one for one in desk.posts(thread) if is_words(one)]

    await wait_until(lambda: any(f"<@{ada}>" in one.text for one in posts()), "she is mentioned")
    said[blocked] = NOT_SHOWN.text
    assert [one for post in posts() for one in devin_s(post)] == said
    assert labels(posts()[-1]) == (["A", "B"] if state == "blocked" else ["Open session"])


def devin_s(post: Message) -> list[str]:
    """Return Devin's words in a post, or that there were some."""
    words = [str(block["text"]) for block in post.blocks if block["type"] == "markdown"]
    return words or [NOT_SHOWN.text] * (post.text == NOT_SHOWN.text)


async def test_a_post_is_found_again_where_slack_s_clock_is_far_behind(
    environ: dict[str, str], desk: Desk
) -> None:
    """The answer to it is lost, and Redis's clock is an hour ahead of Slack's."""
    desk.slack.workspace.clock.ahead = -3_600.0
    async with running(desk, environ):
        thread = await desk.linked_thread()
        desk.slack.fail_next("chat.postMessage", drop_after=True)
        desk.devin.say(SESSION, "It is done.")
        desk.devin.say(SESSION, "Really.")
        await wait_until(lambda: times(desk, "Really.", thread) > 0, "the first is there")
        desk.devin.say(SESSION, "This is the fence.")
        await wait_until(lambda: times(desk, "the fence", thread) > 0, "the fence is there")
    assert (times(desk, "It is done.", thread), times(desk, "Really.", thread)) == (1, 1)


async def test_polls_go_on_after_a_failure_that_nobody_foresaw(
    bot: Bot, desk: Desk, raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Here a field that can't be read; what is wrong is in the log, and sessions are watched."""
    thread = await desk.linked_thread()
    await raw.hset(at(watched_key(SessionId(SESSION))), "replied", "never")
    await wait_until(lambda: "unforeseen: ValueError" in caplog.text, "a poll has failed")
    await raw.hset(at(watched_key(SessionId(SESSION))), "replied", "0")
    await raw.zadd(at(WATCH_KEY), {SESSION: 0})  # else it is due once its lease has ended
    desk.devin.say(SESSION, "It is done.")
    await until_devin_said(desk, "It is done.", thread)


@pytest.mark.parametrize(
    "error", ["edit_window_closed", "cant_update_message", "message_not_found"]
)
async def test_a_card_that_can_never_be_edited_again_is_followed_by_another(
    bot: Bot, desk: Desk, store: Store, error: str
) -> None:
    """Once, and when Devin rests: not for each pull request that it opens at work.

    Nothing else is posted in the thread, so it is the card's post whose answer is lost.
    """
    thread = await desk.linked_thread()
    await until_state(desk, SessionState.WORKING, thread)
    await desk.mention("unfollow", thread=thread)
    await until_card(desk, FOLLOWS[Follow.OFF], thread)
    before = methods(desk).count("chat.update")
    desk.slack.fail_next("chat.update", error=error, times=1_000)
    desk.devin.open_pull_request(SESSION, "https://github.com/acme/app/pull/7")
    await wait_until(lambda: methods(desk).count("chat.update") > before, "an edit is refused")
    assert len(desk.cards(thread)) == 1
    desk.slack.fail_next("chat.postMessage", drop_after=True)
    desk.devin.behave(SESSION, "idle")
    await until_state(desk, SessionState.FINISHED, thread)
    await until_card(desk, "acme/app#7", thread)
    await until_settled(store)
    desk.slack.fail_no_more()
    await desk.mention("unlink", thread=thread)
    await until_card(desk, ended_card(desk.named()).text, thread)
    assert len(desk.cards(thread)) == 2


@pytest.mark.parametrize(
    ("error", "change"),
    [("is_archived", "mute"), ("invalid_blocks", "mute"), ("not_in_channel", "unlink")],
)
async def test_an_edit_that_slack_goes_on_refusing_waits_for_the_next_change(
    bot: Bot, desk: Desk, raw: Redis, error: str, change: str
) -> None:
    """Time alone doesn't help, and a link that has ended is worth no further calls."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "idle")
    await until_state(desk, SessionState.FINISHED, thread)
    before = methods(desk).count("chat.update")
    desk.slack.fail_next("chat.update", error=error, times=1_000)
    await desk.mention(change, thread=thread)
    await wait_until(lambda: methods(desk).count("chat.update") > before, "an edit is refused")

    async def is_over() -> bool:
        return await raw.zcard(at(OUTBOX_KEY)) == 0

    await wait_until(is_over, "no entry waits or rests")
    desk.slack.fail_no_more()
    if change == "mute":
        await desk.mention("unlink", thread=thread)
        await until_card(desk, ended_card(desk.named()).text, thread)


async def test_a_new_link_has_a_card_of_its_own(bot: Bot, desk: Desk) -> None:
    """The thread is linked again while its former card is being edited for a last time."""
    root = await desk.linked_thread()
    goes_on = asyncio.Event()
    desk.slack.fail_next("chat.update", until=goes_on)
    await desk.mention("unlink", thread=root)
    await wait_until(lambda: "chat.update" in methods(desk), "the edit is under way")
    await desk.mention(f"link {SESSION}", thread=root)
    await desk.until_heard()
    goes_on.set()
    await wait_until(
        lambda: [linked(desk.named()) in one.text for one in desk.cards(root)] == [False, True],
        "only the second card is one of a link",
    )


def methods(desk: Desk) -> list[str]:
    """Return the methods of all calls that Slack has received."""
    return [call.method for call in desk.slack.calls]


@on_both
async def test_a_session_that_devin_cant_find_is_read_ever_more_rarely(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """Up to every five minutes; it may be there later."""
    missing = SessionId(OTHER_SESSION)
    thread = await desk.linked_thread(missing)
    for ago, pause in ((30, 30), (7_200, 300)):
        (seconds, _) = await raw.time()
        await raw.hset(at(watched_key(missing)), "read_wanted_at", str(1000 * (seconds - ago)))
        await raw.zadd(at(WATCH_KEY), {missing: 0})
        await until_put_off(raw, missing, pause)
    desk.devin.add_session(missing)
    ts = await desk.reply("Are you there?", thread)
    await desk.until_delivered(ts)
    desk.devin.say(missing, "I am.")
    await wait_until(lambda: times(desk, "I am.", thread) == 1, "the session is followed")


async def test_a_mistyped_session_hides_no_other_one(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody knows whether Devin's filter refuses an id that it doesn't know; the log names it."""
    caplog.set_level(logging.INFO)
    desk.devin.quirks.add("refuses unknown ids")
    await desk.linked_thread(f"devin-{'f' * 32}")
    thread = await desk.linked_thread()
    for text in ("First.", "Second."):
        desk.devin.say(SESSION, text)
        await until_devin_said(desk, text, thread)
    desk.devin.behave(SESSION, "idle")
    await until_state(desk, SessionState.FINISHED, thread)
    noted = [vars(one) for one in caplog.records if one.getMessage() == "sessions not read"]
    assert (f"devin-{'f' * 32}", "HTTP 422") in [
        (one.get("session_id"), one["reason"]) for one in noted
    ]


async def test_a_page_without_a_cursor_for_the_next_is_the_last(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The state is shown all the same, and the log says why there may be more."""
    caplog.set_level(logging.INFO)
    desk.devin.quirks.add("gives no cursor")
    thread = await desk.linked_thread()
    desk.devin.say(SESSION, "Done.")
    desk.devin.behave(SESSION, "idle")
    await until_state(desk, SessionState.FINISHED, thread)
    await until_devin_said(desk, "Done.", thread)
    reasons = {vars(one).get("reason") for one in caplog.records}
    assert "no cursor for what follows" in reasons


@pytest.mark.parametrize("lost", ["v3 bm8gcGxhY2U=", "v1 7"])
async def test_without_its_cursor_a_session_is_read_anew_and_nothing_is_shown_twice(
    bot: Bot, desk: Desk, raw: Redis, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """Devin may forget one, which it is asked by first, and knows none of another generation."""
    read, cursors = DevinV3.messages, list[str | None]()

    async def noted(self: DevinV3, session: SessionId, after: Cursor | None, *more: Any) -> Any:
        cursors.append(after)
        return await read(self, session, after, *more)

    monkeypatch.setattr(DevinV3, "messages", noted)
    thread = await desk.linked_thread()
    for text in ("First.", "Second."):
        desk.devin.say(SESSION, text)
        await until_devin_said(desk, text, thread)
    key = at(watched_key(SessionId(SESSION)))
    seen = json.loads(await raw.hget(key, "seen") or "{}")
    await raw.hset(key, "seen", json.dumps(seen | {"cursor": lost}))
    desk.devin.say(SESSION, "Third.")
    await until_devin_said(desk, "Third.", thread)
    assert set(cursors) == ({None} if lost == "v1 7" else {None, "bm8gcGxhY2U="})
    assert [times(desk, one, thread) for one in ("First.", "Second.", "Third.")] == [1, 1, 1]


async def test_times_of_another_form_are_read(bot: Bot, desk: Desk) -> None:
    """Version 3 documents Unix times; version 1 has ISO times."""
    desk.devin.quirks.add("gives ISO times")
    thread = await desk.linked_thread()
    desk.devin.say(SESSION, "Done.")
    await until_devin_said(desk, "Done.", thread)


@on_v1
async def test_messages_that_are_listed_only_at_rest_are_shown_then(bot: Bot, desk: Desk) -> None:
    """The card shows the work until then, and what was said before the link stays out."""
    desk.devin.quirks.add("lists messages only at rest")
    a_minute_ago = desk.devin.clock.now() - 60
    desk.devin.session(SESSION).take("Long ago.", kind="devin_message", at=a_minute_ago)
    thread = await desk.linked_thread()
    await until_state(desk, SessionState.WORKING, thread)
    desk.devin.say(SESSION, "At work.")
    desk.devin.open_pull_request(SESSION, "https://github.com/acme/app/pull/7")
    await until_card(desk, "acme/app#7", thread)
    desk.devin.behave(SESSION, "idle")
    await until_devin_said(desk, "At work.", thread)
    assert times(desk, "Long ago.", thread) == 0


@on_v1
async def test_first_words_that_are_listed_only_at_rest_are_shown_then(
    bot: Bot, desk: Desk
) -> None:
    """The thread follows its session from the first word, even one said before the first poll."""
    desk.devin.quirks.add("lists messages only at rest")
    root = await desk.mention("start Fix it")
    await desk.until_linked(root)
    (one,) = (one for one in desk.devin.sessions.values() if one.origin == "api")
    before = desk.devin.clock.now() - 5
    one.take("Early words.", kind="devin_message", at=before)
    await until_state(desk, SessionState.WORKING, root)
    desk.devin.say(one.session_id, "Later words.")
    desk.devin.behave(one.session_id, "idle")
    await until_devin_said(desk, "Later words.", root)
    assert times(desk, "Early words.", root) == 1


async def until_put_off(raw: Redis, session: SessionId, pause: float) -> None:
    """Wait until the next poll of a session comes after some `pause` seconds of production."""
    pause *= BRISK.watch_pause
    later = 11 if pause >= 20 else 2  # a longer one ends on a grid of 10 s

    async def is_so() -> bool:
        due, (seconds, _) = await raw.zscore(at(WATCH_KEY), session), await raw.time()
        return pause - 2 < (due or 0) / 1000 - seconds <= pause + later

    await wait_until(is_so, f"it is put off by {pause} s")


async def test_a_reply_that_wakes_no_session_is_told(bot: Bot, desk: Desk) -> None:
    """Devin takes it, so that it has its ✅; no document says that the session always wakes."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "suspended")
    await until_state(desk, SessionState.SUSPENDED, thread)
    desk.devin.quirks.add("sleeps on")
    await desk.until_delivered(await desk.reply("Go on", thread))
    ada = desk.slack.workspace.user("ada").id
    framing = Framing(ThreadRef(team="", channel="", thread_ts=thread), desk.named(), ada)
    told = sentence(Said(kind=SaidKind.TROUBLE), framing, is_below=False)
    await wait_until(lambda: any(told in one.text for one in desk.posts(thread)), "she is told")
