"""Posts into threads: found again by their key, edited in place, and inert."""

from collections.abc import Mapping
from typing import Any

import pytest

from bot.model.errors import SlackAway, SlackRefused
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.slack.api import PAUSED
from bot.slack.threads import Threads
from bot.wording.message import SlackMessage
from sandbox import Sandbox
from tests.support.schedules import unmoved
from tests.support.slack_apps import web_client

WORDS = SlackMessage("It is *done*.")


class Plain:
    """Words without blocks."""

    def params(self) -> Mapping[str, Any]:
        """Return a fallback text only."""
        return {"text": "Nothing but text."}


@pytest.fixture
def posts(box: Sandbox, store: Store) -> Threads:
    """Posts into the sandbox's Slack."""
    return Threads(web_client(box.slack), unmoved, store)


@pytest.fixture
async def thread(box: Sandbox) -> ThreadRef:
    """A thread in #general."""
    ts = await box.slack.say("Shall we ship it?")
    channel = box.slack.workspace.channel("general").id
    return ThreadRef(team=box.slack.team_id, channel=channel, thread_ts=ts)


def said(box: Sandbox, thread: ThreadRef) -> list[str]:
    """Return what the bot said in the thread."""
    shown = box.slack.thread(thread.channel, thread.thread_ts)
    return [one.text for one in shown if one.user == box.slack.bot_user_id]


def asked(box: Sandbox, method: str) -> list[dict[str, Any]]:
    """Return the parameters of each call of a method."""
    return [one.params for one in box.slack.calls if one.method == method]


async def test_an_earlier_attempt_is_found_and_not_repeated(
    box: Sandbox, posts: Threads, thread: ThreadRef
) -> None:
    """Slack took the post although its answer was lost; the second try returns its `ts`."""
    box.slack.fail_next("chat.postMessage", drop_after=True)
    with pytest.raises(SlackAway) as lost:
        await posts.post_once(thread, WORDS, "key", again=False)
    assert lost.value.maybe_done
    found = await posts.post_once(thread, WORDS, "key", again=True)
    assert said(box, thread) == [WORDS.text]
    assert box.slack.thread(thread.channel, thread.thread_ts)[-1].ts == found


async def test_what_is_not_found_is_posted(box: Sandbox, posts: Threads, thread: ThreadRef) -> None:
    """A post with another key is another post."""
    first = await posts.post_once(thread, WORDS, "one", again=False)
    second = await posts.post_once(thread, Plain(), "two", again=True)
    assert said(box, thread) == [WORDS.text, "Nothing but text."]
    assert first < second


async def test_where_slack_does_not_show_the_thread_a_post_is_made_again(
    box: Sandbox, posts: Threads, thread: ThreadRef
) -> None:
    """An app without the scope to read would otherwise never tell what it owes."""
    await posts.post_once(thread, WORDS, "key", again=False)
    box.slack.fail_next("conversations.replies", error="missing_scope")
    await posts.post_once(thread, WORDS, "key", again=True)
    assert said(box, thread) == [WORDS.text] * 2


async def test_a_long_thread_is_read_from_where_the_post_can_be(
    box: Sandbox, posts: Threads, thread: ThreadRef
) -> None:
    """Slack shows no reply before `since`, so none of its pages is read."""
    for number in range(205):
        await box.slack.say(f"Reply {number}", thread=thread.thread_ts, deliver=False)
    since = await box.slack.say("The last one", thread=thread.thread_ts, deliver=False)
    posted = await posts.post_once(thread, WORDS, "key", again=False)
    found = await posts.post_once(thread, WORDS, "key", again=True, since=since)
    assert found == posted
    assert [one["oldest"] for one in asked(box, "conversations.replies")] == [since]


async def test_a_post_is_edited_in_place(box: Sandbox, posts: Threads, thread: ThreadRef) -> None:
    """Text and blocks change, and it can still be found by its key."""
    ts = await posts.post_once(thread, WORDS, "key", again=False)
    await posts.update(thread, ts, SlackMessage("It is *not* done."))
    assert said(box, thread) == ["It is *not* done."]
    (block,) = box.slack.thread(thread.channel, thread.thread_ts)[-1].blocks
    assert block["text"]["text"] == "It is *not* done."
    assert await posts.post_once(thread, WORDS, "key", again=True) == ts


async def test_bare_words_of_a_post_become_nothing(
    box: Sandbox, posts: Threads, thread: ThreadRef
) -> None:
    """Slack is told so each time: an update would otherwise make links of names."""
    ts = await posts.post_once(thread, WORDS, "key", again=False)
    await posts.update(thread, ts, Plain())
    await posts.whisper(thread, box.slack.workspace.user("ada").id, WORDS)
    for method in ("chat.postMessage", "chat.update", "chat.postEphemeral"):
        (params,) = asked(box, method)
        assert (params["parse"], params["link_names"]) == ("none", False)


async def test_edits_wait_in_all_channels_once_slack_limits_them(
    box: Sandbox, posts: Threads, thread: ThreadRef
) -> None:
    """`chat.update` is limited by workspace, and new posts go on."""
    ts = await posts.post_once(thread, WORDS, "key", again=False)
    box.slack.fail_next("chat.update", status=429, retry_after=30)
    elsewhere = ThreadRef(team=thread.team, channel="C0ELSEWHERE", thread_ts=thread.thread_ts)
    for where in (thread, elsewhere):
        with pytest.raises(SlackAway) as limited:
            await posts.update(where, ts, Plain())
    assert limited.value.reason == PAUSED
    assert len(asked(box, "chat.update")) == 1
    await posts.post_once(thread, Plain(), "two", again=False)


async def test_only_what_follows_reaches_a_channel_under_its_new_id(
    box: Sandbox, store: Store, thread: ThreadRef
) -> None:
    """Outsiders may read along there; messages are read under the new id all the same."""

    async def moved(_channel: str) -> str:
        return thread.channel

    posts = Threads(web_client(box.slack), moved, store)
    old = thread.model_copy(update={"channel": "C0OLD00000"})
    with pytest.raises(SlackRefused, match="channel_not_found"):
        await posts.post_once(old, WORDS, "key", again=True)
    assert said(box, thread) == []
    ts = await posts.post_once(old, WORDS, "key", again=True, follows=True)
    with pytest.raises(SlackRefused, match="channel_not_found"):
        await posts.update(old, ts, SlackMessage("More of it"))
    assert said(box, thread) == [WORDS.text]
    await posts.update(old, ts, SlackMessage("It is over"), follows=True)
    assert said(box, thread) == ["It is over"]
    assert await posts.look(old, "key") == ts
