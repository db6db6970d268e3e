"""Places that people name are checked as what they are, before anything is posted there."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from bot.app import Bot
from bot.features.start_forms import words as start_forms
from bot.features.workflow_steps import words as workflows
from bot.features.workflow_steps.steps import BadStep, Flaw
from bot.model.errors import CHANNEL_MOVED, CannotPost, PersonError
from bot.wording import refusals
from bot.wording.lifecycle.options import Offer
from bot.wording.phrases import plain
from sandbox.devin.answers import STATES
from sandbox.slack.world.workspace import Channel
from tests.people.test_shortcuts import LINK, SEND, asked
from tests.people.test_starting import sessions
from tests.support.desk import SESSION, Desk
from tests.support.forms import inputs, opened
from tests.support.waiting import wait_until

TEXT = "Drop the old tables"
UNSEEN, AWAY, ARCHIVED = map(CannotPost, ("channel_not_found", "not_in_channel", "is_archived"))
NO_CHANNEL = BadStep(Flaw.CHANNEL)


async def by_form(desk: Desk, channel: str) -> tuple[str, Mapping[str, str] | None]:
    """Submit the form for a new session; return what stands under which field, if it stays."""
    await desk.slack.global_shortcut("start_session")
    view = await opened(desk)
    await desk.slack.submit_view(view["id"], {"channel": channel, "prompt": TEXT})
    left = [one for one in desk.slack.open_views("ada") if one["id"] == view["id"]]
    return "form", left[0].get("errors") if left else None


async def by_step(desk: Desk, callback: str, channel: str) -> tuple[str, Any]:
    """Run a workflow step, and return how it ends."""
    given = {"channel": channel, "prompt": TEXT, "message": TEXT, "session": SESSION}
    if callback == "link_thread":
        given["thread_ts"] = await a_message(desk, channel)
    execution = await desk.slack.run_step(callback, given)
    await wait_until(lambda: execution in desk.slack.step_results, "the step ends")
    return desk.slack.step_results[execution]


async def by_start_step(desk: Desk, channel: str) -> tuple[str, Any]:
    """Run the step that starts a session."""
    return await by_step(desk, "start_session", channel)


async def by_send_step(desk: Desk, channel: str) -> tuple[str, Any]:
    """Run the step that sends a message."""
    return await by_step(desk, "send_message", channel)


async def by_link_step(desk: Desk, channel: str) -> tuple[str, Any]:
    """Run the step that links a thread."""
    return await by_step(desk, "link_thread", channel)


async def a_message(desk: Desk, channel: str) -> str:
    """Write a message in the channel with that id, if there is one, and return its time."""
    for one in desk.slack.workspace.channels.values():
        if one.id == channel and one.kind != "im":
            return await desk.slack.say("Hello", user="ben", channel=one.name, deliver=False)
    return "1764000000.000100"


Way = Callable[[Desk, str], Awaitable[tuple[str, Any]]]


async def a_place(desk: Desk, kind: str) -> str:
    """Return what a form or a step may hold where it asks for a channel."""
    workspace = desk.slack.workspace
    if kind == "a channel with another id":
        old = workspace.channel("secrets").id
        await desk.slack.share("secrets")
        await desk.until_heard()
        return old
    if kind == "an archived channel":
        workspace.channel("general").is_archived = True
        return workspace.channel("general").id
    if kind == "a private channel of others":
        members = ["ben", desk.slack.bot_user_id]
        return workspace.add_channel(Channel("board", "group", members)).id
    return {
        "a colleague": workspace.user("ben").id,
        "a direct message": workspace.channel("dm").id,
        "a name": "#general",
        "a bare name": "general",
        "an unknown channel": "C0NOWHERE00",
        "a channel without the bot": workspace.channel("random").id,
    }[kind]


KINDS: Mapping[str, tuple[PersonError, PersonError | None]] = {
    "a colleague": (UNSEEN, NO_CHANNEL),
    "a direct message": (UNSEEN, NO_CHANNEL),
    "a name": (UNSEEN, NO_CHANNEL),
    "a bare name": (UNSEEN, NO_CHANNEL),
    "an unknown channel": (UNSEEN, UNSEEN),
    "a channel without the bot": (AWAY, AWAY),
    "a channel with another id": (UNSEEN, CannotPost(CHANNEL_MOVED)),
    "an archived channel": (ARCHIVED, ARCHIVED),
    "a private channel of others": (UNSEEN, None),
}
"""Why a form, and a workflow step, post nothing there; the author of a workflow chose a channel."""


def said(desk: Desk) -> list[str]:
    """Return the places in which the text was posted."""
    posts = [one for one in desk.slack.calls if one.method == "chat.postMessage" and not one.error]
    return [str(one.params["channel"]) for one in posts if TEXT in str(one.params)]


@pytest.mark.parametrize("way", [by_form, by_start_step, by_send_step, by_link_step])
async def test_nothing_is_posted_in_a_place_that_is_none_of_theirs(
    bot: Bot, desk: Desk, way: Way, subtests: pytest.Subtests
) -> None:
    """Whoever named it reads why, in the form under the channel."""
    for kind, (in_form, in_step) in KINDS.items():
        with subtests.test(kind):
            how, why = await way(desk, await a_place(desk, kind))
            if how == "form":
                assert why == {"channel": plain(refusals.sorry(in_form).text)}
            elif in_step is not None:
                assert (how, why) == ("error", workflows.step_failed(in_step))
            else:
                assert how == "success"
                continue  # it is one of theirs, and comes last
            assert said(desk) == []
            assert sessions(desk) == []
            assert desk.received() == []


@pytest.mark.parametrize("word", [SESSION, "new"])
@pytest.mark.parametrize("kind", ["a channel without the bot", "an archived channel"])
async def test_devin_say_posts_nothing_where_the_bot_may_not(
    bot: Bot, desk: Desk, kind: str, word: str
) -> None:
    """Slack names the channel here, so it is one that the person can see."""
    place, (why, _) = await a_place(desk, kind), KINDS[kind]
    await desk.slack.slash("/devin-say", f"{word} {TEXT}", channel=place)
    await desk.until_whispered(refusals.sorry(why), "ada", channel=place)
    tried = [one for one in desk.slack.calls if one.method == "chat.postMessage"]
    assert tried == []
    assert sessions(desk) == []
    assert desk.received() == []


def test_the_form_offers_channels_only() -> None:
    """Slack would offer people as well, and group direct messages."""
    select = inputs(dict(start_forms.form("1", "", Offer())))["channel"]
    assert select["filter"] == {"include": ["public", "private"]}


async def test_a_form_that_is_opened_in_a_direct_message_has_no_channel_yet(
    bot: Bot, desk: Desk
) -> None:
    """Slack doesn't take a first choice that the form does not offer."""
    await desk.slack.slash("/devin-say", "new", channel="dm")
    view = await opened(desk)
    select = inputs(view)["channel"]
    assert "initial_conversation" not in select


MOVED = plain(refusals.sorry(CannotPost(CHANNEL_MOVED)).text)


@pytest.mark.parametrize("way", ["say", "link", "send"])
async def test_a_form_that_was_open_when_its_channel_moved_does_nothing(
    bot: Bot, desk: Desk, way: str
) -> None:
    """Outsiders read along by now, and nobody who filled it in had them in mind."""
    root = await desk.slack.say(TEXT, channel="secrets", deliver=False)
    if way == "say":
        await desk.slack.slash("/devin-say", "", channel="secrets")
        await wait_until(lambda: desk.slack.open_views("ada"), "the form opens")
        (view,) = desk.slack.open_views("ada")
    else:
        view = await asked(desk, LINK if way == "link" else SEND, root, channel="secrets")
    await desk.slack.share("secrets")
    await desk.until_heard()
    filled = {"typed": SESSION} | ({"message": TEXT} if way == "say" else {})
    await desk.slack.submit_view(view["id"], filled)
    (view,) = desk.slack.open_views("ada")
    assert MOVED in view["errors"].values()
    assert said(desk) == []
    assert desk.received() == []
    assert desk.posts(root, channel="secrets") == []


async def test_a_start_that_waits_while_its_channel_moves_is_not_carried_out(
    bot: Bot, desk: Desk
) -> None:
    """Its thread reads why; a session that nobody could follow would only cost."""
    desk.devin.creations.extend([STATES["rate_limited"]] * 100)
    before = len(desk.devin.creations)
    root = await desk.mention("start Fix it", channel="secrets")
    await wait_until(lambda: len(desk.devin.creations) < before, "Devin is asked")
    await desk.slack.share("secrets")
    await desk.until_heard()
    desk.devin.creations.clear()
    await desk.until_said(refusals.sorry(CannotPost(CHANNEL_MOVED)), root, channel="secrets")
    assert sessions(desk) == []
