"""The local Slack has agent sessions, their Stop button and suggested prompts, as the real one."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSandbox
from tests.support.slack_apps import JSON, refusal, web_client

STOPPED = "agent_session_stopped"


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_timeout=30, retry_delays=(0.01, 0.02, 0.03)) as slack:
        slack.agent = True
        yield slack


@pytest.fixture
def client(slack: SlackSandbox) -> AsyncWebClient:
    return web_client(slack)


@pytest.fixture
async def where(slack: SlackSandbox) -> JSON:
    """The start of a thread, as the methods name it."""
    root = await slack.say("Ship it?", deliver=False)
    return {"channel_id": slack.workspace.channel("general").id, "thread_ts": root}


async def test_a_session_has_a_state_and_a_title(
    slack: SlackSandbox, client: AsyncWebClient, where: JSON
) -> None:
    """The first call makes it, with its title; posts leave it; later titles take a rename."""
    thread = where["thread_ts"]
    assert slack.agent_session("general", thread) is None
    made = await client.agents_sessions_setStatus(status="processing", title="Notes", **where)
    assert (made["status"], made["title"]) == ("processing", "Notes")
    assert "warning" not in made.data
    await client.chat_postMessage(channel=where["channel_id"], thread_ts=thread, text="Soon")
    assert slack.agent_status("general", thread) == "processing"
    await client.agents_sessions_setStatus(status="suspended", title="Other", **where)
    renamed = await client.agents_sessions_rename(title="Notes for 2.4", **where)
    assert renamed["title"] == "Notes for 2.4"
    session = slack.agent_session("general", thread)
    assert session is not None
    assert (session.status, session.title) == ("suspended", "Notes for 2.4")
    assert [(one.status, one.title) for one in slack.agent_statuses] == [
        ("processing", "Notes"),
        ("suspended", "Notes"),
        ("renamed", "Notes for 2.4"),
    ]


async def test_processing_ends_an_hour_after_it_was_set(
    slack: SlackSandbox, client: AsyncWebClient, where: JSON
) -> None:
    """Unless it is set again."""
    await client.agents_sessions_setStatus(status="processing", **where)
    slack.workspace.clock.ahead = 2400.0
    await client.agents_sessions_setStatus(status="processing", **where)
    slack.workspace.clock.ahead = 4800.0
    assert slack.agent_status("general", where["thread_ts"]) == "processing"
    slack.workspace.clock.ahead = 6001.0
    assert slack.agent_status("general", where["thread_ts"]) == "active"


async def test_a_thread_shows_a_state_or_free_words(
    slack: SlackSandbox, client: AsyncWebClient, where: JSON
) -> None:
    """The last call has the place, and with it goes Stop."""
    thread = where["thread_ts"]
    await client.agents_sessions_setStatus(status="processing", **where)
    await client.assistant_threads_setStatus(status="is working…", **where)
    assert (slack.agent_status("general", thread), slack.can_stop("general", thread)) == ("", False)
    await client.agents_sessions_setStatus(status="processing", **where)
    assert slack.status("general", thread) == ""
    assert slack.can_stop("general", thread)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"status": "is working…"}, "invalid_arguments"),
        ({"title": "x" * 201}, "invalid_arguments"),
        ({"thread_ts": "1.000001"}, "invalid_thread_ts"),
        ({"thread_ts": None}, "invalid_arguments"),
        ({"channel_id": "C0UNKNOWN0"}, "channel_not_found"),
        ({"channel_id": "random"}, "not_authorized"),
        ({"initiator_user_id": "U0EVE00000"}, "invalid_arguments"),
        ({"username": "Devin"}, "missing_scope"),
    ],
)
async def test_a_state_that_cannot_be_is_refused(
    slack: SlackSandbox, client: AsyncWebClient, where: JSON, given: JSON, error: str
) -> None:
    """It leaves nothing behind."""
    if given.get("channel_id") == "random":
        given = {"channel_id": slack.workspace.channel("random").id}
    asked = {"status": "active", **where, **given}
    assert await refusal(client.agents_sessions_setStatus(**asked)) == error
    assert slack.agent_statuses == []


async def test_an_app_that_is_no_agent_has_no_sessions(
    slack: SlackSandbox, client: AsyncWebClient, where: JSON
) -> None:
    """It is told that it is not authorized, and lacks the scope for prompts."""
    slack.agent = False
    set_status = client.agents_sessions_setStatus
    assert await refusal(set_status(status="active", **where)) == "not_authorized"
    assert await refusal(client.agents_sessions_rename(title="x", **where)) == "not_authorized"
    place, one = slack.workspace.channel("dm").id, [{"title": "Help", "message": "help"}]
    suggest = client.assistant_threads_setSuggestedPrompts
    assert await refusal(suggest(channel_id=place, prompts=one)) == "missing_scope"
    slack.agent = True
    assert await refusal(client.agents_sessions_rename(title="x", **where)) == "session_not_found"
    slack.fail_next("agents.sessions.setStatus", error="feature_disabled")
    assert await refusal(set_status(status="active", **where)) == "feature_disabled"


async def test_stop_tells_the_app_and_changes_nothing(
    slack: SlackSandbox, client: AsyncWebClient, where: JSON
) -> None:
    """The button is there while the session is processing and the app is subscribed."""
    thread = where["thread_ts"]
    with pytest.raises(ValueError, match="no Stop button"):
        await slack.stop("general", thread)
    await client.agents_sessions_setStatus(status="processing", **where)
    with pytest.raises(ValueError, match="isn't in"):
        await slack.stop("general", thread, user="eve")
    delivery = await slack.stop("general", thread, user="ben")
    assert delivery is not None
    event = delivery.payload["event"]
    assert {key: event[key] for key in ("type", "channel", "thread_ts", "user")} == {
        "type": STOPPED,
        "channel": where["channel_id"],
        "thread_ts": thread,
        "user": slack.workspace.user("ben").id,
    }
    assert event["streaming_message_ts"] == []
    assert slack.agent_status("general", thread) == "processing"
    slack.bot_events = [event for event in slack.bot_events if event != STOPPED]
    warned = await client.agents_sessions_setStatus(status="processing", **where)
    assert warned["warning"] == "missing_agent_session_stopped_event_subscription"
    assert not slack.can_stop("general", thread)


async def test_a_person_renames_a_session(
    slack: SlackSandbox, client: AsyncWebClient, where: JSON
) -> None:
    """The app is told the new title and the old one, if it is subscribed."""
    slack.bot_events = [*slack.bot_events, "agent_session_title_changed"]
    await client.agents_sessions_setStatus(status="active", title="Notes", **where)
    await slack.rename_session("general", where["thread_ts"], "Release", user="ben")
    (delivery,) = slack.deliveries
    event = delivery.payload["event"]
    assert (event["previous_title"], event["title"]) == ("Notes", "Release")


async def test_prompts_are_suggested_in_a_direct_message(
    slack: SlackSandbox, client: AsyncWebClient, where: JSON
) -> None:
    """At most four, each with a title; with a thread, an agent's call does nothing."""
    suggest = client.assistant_threads_setSuggestedPrompts
    place = slack.workspace.channel("dm").id
    prompts = [{"title": "Get help", "message": "help"}]
    await suggest(channel_id=place, prompts=prompts, title="Try")
    shown = slack.prompts("ada")
    assert shown is not None
    assert (shown.title, shown.prompts) == ("Try", (("Get help", "help"),))
    await suggest(channel_id=place, prompts=prompts, thread_ts="1.000001")
    assert len(slack.prompt_history) == 1
    for wrong in ([], prompts * 5, [{"title": "Get help"}]):
        assert await refusal(suggest(channel_id=place, prompts=wrong)) == "invalid_arguments"
    elsewhere = suggest(channel_id=where["channel_id"], prompts=prompts)
    assert await refusal(elsewhere) == "channel_not_found"
    assert slack.prompts("ben") is None
