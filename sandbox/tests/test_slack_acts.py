"""A Bolt app answers commands, buttons, shortcuts, modals and steps of the local Slack."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.acts.views import submitted_state
from sandbox.slack.api.blocks import block_problems, suggestion_problems
from sandbox.slack.server import SlackSandbox
from sandbox.slack.world.workspace import UnknownName
from tests.support.slack_apps import (
    BUTTONS,
    JSON,
    MODAL,
    SECTION,
    bolt_app,
    raw_apps,
    refusal,
    socket_mode,
    web_client,
)
from tests.support.waiting import wait_until


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_timeout=30, retry_delays=(0.01, 0.02, 0.03)) as slack:
        yield slack


@pytest.fixture
def client(slack: SlackSandbox) -> AsyncWebClient:
    return web_client(slack)


@pytest.fixture
async def connect(slack: SlackSandbox) -> AsyncIterator[Callable[[], Any]]:
    async with raw_apps(slack) as connect:
        yield connect


async def test_a_command_shows_what_the_app_acknowledges(slack: SlackSandbox) -> None:
    """Text in the ack is an ephemeral message; a command's payload has no thread."""
    bodies: list[JSON] = []
    app = bolt_app(slack)

    @app.command("/devin-say")
    async def on_command(ack: Any, body: JSON) -> None:
        bodies.append(body)
        await ack("on its way")

    async with socket_mode(slack, app):
        delivery = await slack.slash("/devin-say", "devin-1 hi", channel="secrets")
    assert delivery.acked
    (shown,) = slack.ephemerals("secrets", "ada")
    assert shown.text == "on its way"
    assert (bodies[0]["text"], bodies[0]["channel_name"]) == ("devin-1 hi", "privategroup")
    assert "thread_ts" not in bodies[0]


async def test_a_command_without_ack_fails_for_the_person_and_is_not_retried() -> None:
    """Slack shows `operation_timeout`, or `dispatch_failed` if the app is not connected."""
    async with SlackSandbox(ack_timeout=0.1) as slack, raw_apps(slack) as connect:
        unconnected = await slack.slash("/devin-say", "hi")
        await connect()
        unanswered = await slack.slash("/devin-say", "hi")
        told = slack.ephemerals("general", "ada")[-1].text
    assert (unconnected.error, unanswered.error) == ("dispatch_failed", "operation_timeout")
    assert (unanswered.acked, unanswered.attempts) == (False, 1)
    assert "operation_timeout" in told


async def test_a_button_in_a_thread_carries_its_thread_and_response_url(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """`block_actions` has container, message and value; a tampered value is sent as it is."""
    bodies: list[JSON] = []
    app = bolt_app(slack)

    @app.action("resend")
    async def on_resend(ack: Any, body: JSON, respond: Any) -> None:
        bodies.append(body)
        await ack()
        await respond(text="only for you", replace_original=False)

    root = await slack.say("a question", deliver=False)
    slack.bot_events = []
    posted = await client.chat_postMessage(
        channel=slack.workspace.channel("general").id, text="said", blocks=BUTTONS, thread_ts=root
    )
    async with socket_mode(slack, app):
        where = {"channel": "general", "message_ts": posted["ts"]}
        assert (await slack.press("resend", user="ben", **where)).acked
        assert (await slack.press("resend", value="forged", **where)).acked
    first, second = bodies
    assert first["container"]["thread_ts"] == first["message"]["thread_ts"] == root
    assert first["actions"][0]["value"] == "reply-1"
    assert first["actions"][0]["block_id"] == "choices"
    assert second["actions"][0]["value"] == "forged"
    assert [shown.text for shown in slack.ephemerals("general", "ben")] == ["only for you"]


async def test_a_button_that_is_not_there_cannot_be_pressed(slack: SlackSandbox) -> None:
    """A person can press only visible buttons."""
    ts = await slack.say("no buttons here", deliver=False)
    with pytest.raises(UnknownName):
        await slack.press("resend", channel="general", message_ts=ts)
    with pytest.raises(UnknownName):
        await slack.press_ephemeral("resend", channel="general", message_ts=ts)


async def test_an_ephemeral_button_comes_without_its_message(
    slack: SlackSandbox, client: AsyncWebClient, connect: Callable[[], Any]
) -> None:
    """Slack sends the container with `is_ephemeral`, but no `message`."""
    general, ada = slack.workspace.channel("general").id, slack.workspace.user("ada").id
    posted = await client.chat_postEphemeral(channel=general, user=ada, text="?", blocks=BUTTONS)
    app = await connect()
    pressing = asyncio.create_task(
        slack.press_ephemeral("resend", channel="general", message_ts=posted["message_ts"])
    )
    envelope = await app.read()
    await app.ack(envelope)
    assert (await pressing).acked
    assert envelope["payload"]["container"]["is_ephemeral"] is True
    assert "message" not in envelope["payload"]


async def test_a_shortcut_opens_a_modal_that_is_submitted(slack: SlackSandbox) -> None:
    """Errors keep the modal open and appear in it; a plain ack closes it."""
    app = bolt_app(slack)

    @app.shortcut("link_thread")
    async def on_shortcut(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.view("link_session")
    async def on_submit(ack: Any, view: JSON) -> None:
        given = view["state"]["values"]["session"]["session_id"]["value"]
        if given == "wrong":
            await ack(response_action="errors", errors={"session": "no such session"})
        else:
            await ack()

    async with socket_mode(slack, app):
        ts = await slack.say("look here", deliver=False)
        await slack.shortcut("link_thread", channel="general", message_ts=ts)
        (view,) = slack.open_views("ada")
        assert view["private_metadata"] == "C1:2.3"
        with pytest.raises(ValueError, match="filled in"):
            await slack.submit_view(view["id"], {})
        await slack.submit_view(view["id"], {"session_id": "wrong"})
        assert slack.open_views("ada")[0]["errors"] == {"session": "no such session"}
        await slack.submit_view(view["id"], {"session_id": "devin-1"})
        assert slack.open_views("ada") == []


async def test_a_global_shortcut_names_no_channel(slack: SlackSandbox) -> None:
    """Its trigger opens a modal all the same, and there is no `response_url`."""
    app, heard = bolt_app(slack), list[JSON]()

    @app.shortcut({"type": "shortcut", "callback_id": "start"})
    async def on_shortcut(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        heard.append(body)
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    async with socket_mode(slack, app):
        assert (await slack.global_shortcut("start")).acked
        assert len(slack.open_views("ada")) == 1
    (body,) = heard
    assert {"channel", "message", "response_url"}.isdisjoint(body)


async def test_a_menu_gives_the_option_that_was_chosen(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """`selected_option` belongs to the named block; a forged value is sent as it is."""
    actions: list[JSON] = []
    app = bolt_app(slack)

    @app.action("choose")
    async def on_choice(ack: Any, payload: JSON) -> None:
        actions.append(payload)
        await ack()

    option: JSON = {"text": {"type": "plain_text", "text": "One"}, "value": "1"}
    menu = {"type": "static_select", "action_id": "choose", "options": [option]}
    blocks = [SECTION | {"block_id": name, "accessory": menu} for name in ("first", "second")]
    general = slack.workspace.channel("general").id
    posted = await client.chat_postMessage(channel=general, text="?", blocks=blocks)
    async with socket_mode(slack, app):
        where = {"channel": "general", "message_ts": posted["ts"], "block_id": "second"}
        await slack.press("choose", value="1", **where)
        await slack.press("choose", value="forged", **where)
    assert [action["block_id"] for action in actions] == ["second", "second"]
    assert actions[0]["selected_option"] == option
    assert actions[1]["selected_option"]["value"] == "forged"
    with pytest.raises(UnknownName):
        await slack.press("choose", channel="general", message_ts=posted["ts"], block_id="third")


@pytest.mark.parametrize(
    "menu",
    [
        {"options": []},
        {"options": [{"text": {"type": "plain_text", "text": "x" * 76}, "value": "1"}]},
        {"options": [{"text": {"type": "plain_text", "text": "One"}, "value": "x" * 151}]},
        {"options": [{"text": {"type": "plain_text", "text": "One"}, "value": "1"}] * 101},
        {
            "options": [{"text": {"type": "plain_text", "text": "One"}, "value": "1"}],
            "initial_option": {"text": {"type": "plain_text", "text": "Two"}, "value": "2"},
        },
    ],
    ids=["none", "a long label", "a long value", "too many", "another one chosen"],
)
def test_a_menu_that_slack_would_not_show_is_refused(menu: JSON) -> None:
    """The limits are those of the Block Kit reference, for options."""
    section = SECTION | {"accessory": {"type": "static_select", "action_id": "a", **menu}}
    assert block_problems([section]) != []


async def test_an_external_menu_asks_the_app_and_a_closed_modal_is_told(
    slack: SlackSandbox, client: AsyncWebClient, connect: Callable[[], Any]
) -> None:
    """`block_suggestion` has the typed text; `view_closed` is sent if the view asks for it."""
    menu = {"type": "external_select", "action_id": "session", "min_query_length": 1}
    field = MODAL["blocks"][0] | {"element": menu}
    view = MODAL | {"blocks": [field], "notify_on_close": True}
    app = await connect()
    running = asyncio.create_task(slack.slash("/devin-say", ""))
    envelope = await app.read()
    await app.ack(envelope)
    await running
    opened = await client.views_open(trigger_id=envelope["payload"]["trigger_id"], view=view)
    typing = asyncio.create_task(slack.suggest("session", "rel", view_id=opened["view"]["id"]))
    envelope = await app.read()
    await app.ack(envelope)
    assert (await typing).acked
    asked = envelope["payload"]
    assert (asked["type"], asked["value"]) == ("block_suggestion", "rel")
    assert (asked["action_id"], asked["block_id"]) == ("session", "session")
    await slack.close_view(opened["view"]["id"])
    told = (await app.read())["payload"]
    assert (told["type"], told["is_cleared"]) == ("view_closed", False)
    assert slack.open_views("ada") == []


@pytest.mark.parametrize(
    "element",
    [
        {"type": "external_select", "placeholder": {"type": "plain_text", "text": "x" * 151}},
        {"type": "external_select", "min_query_length": "0"},
        {"type": "external_select", "initial_option": {"value": "1"}},
        {"type": "number_input"},
        {"type": "number_input", "is_decimal_allowed": False, "min_value": 1},
        {"type": "number_input", "is_decimal_allowed": False, "initial_value": "ten"},
        {"type": "plain_text_input", "max_length": 3001},
        {"type": "plain_text_input", "max_length": 3, "initial_value": "four"},
    ],
    ids=lambda one: " ".join(map(str, one.values()))[:40],
)
def test_an_input_that_slack_would_not_show_is_refused(element: JSON) -> None:
    """By the Block Kit reference; without what is wrong, it is shown."""
    field = MODAL["blocks"][0] | {"element": element | {"action_id": "a"}}
    assert block_problems([field]) != []
    good: JSON = {"type": element["type"], "action_id": "a", "is_decimal_allowed": True}
    assert block_problems([field | {"element": good}]) == []


def test_what_nobody_has_touched_is_submitted_as_it_was_opened() -> None:
    """Slack sends each input's state; an emptied field has none."""
    option = {"text": {"type": "plain_text", "text": "One"}, "value": "1"}
    elements: list[JSON] = [
        {"type": "plain_text_input", "initial_value": "typed"},
        {"type": "number_input", "is_decimal_allowed": False, "initial_value": "7"},
        {"type": "external_select", "initial_option": option},
        {"type": "static_select", "options": [option], "initial_option": option},
        {"type": "conversations_select", "initial_conversation": "C1"},
    ]
    blocks = [
        {
            "type": "input",
            "block_id": str(at),
            "optional": True,
            "element": one | {"action_id": str(at)},
        }
        for at, one in enumerate(elements)
    ]
    state = submitted_state({"blocks": blocks}, {})
    assert [state[str(at)][str(at)] for at in range(5)] == [
        {"type": "plain_text_input", "value": "typed"},
        {"type": "number_input", "value": "7"},
        {"type": "external_select", "selected_option": option},
        {"type": "static_select", "selected_option": option},
        {"type": "conversations_select", "selected_conversation": "C1"},
    ]
    emptied = submitted_state({"blocks": blocks}, {str(at): None for at in range(5)})
    for at in range(5):
        assert list(emptied[str(at)][str(at)].values())[1] is None


@pytest.mark.parametrize(
    "response",
    [
        None,
        {},
        {"options": [{"text": {"type": "plain_text", "text": "x" * 76}, "value": "1"}]},
        {"options": [{"text": {"type": "plain_text", "text": "One"}, "value": "x" * 151}]},
        {"options": [{"text": {"type": "plain_text", "text": "One"}, "value": "1"}] * 101},
    ],
    ids=["nothing", "no options", "a long label", "a long value", "too many"],
)
def test_options_that_slack_would_not_show_are_none(response: Any) -> None:
    """An empty list is one."""
    assert suggestion_problems(response) != []
    assert suggestion_problems({"options": []}) == []


async def test_a_trigger_is_used_once_and_in_time(
    slack: SlackSandbox, client: AsyncWebClient, connect: Callable[[], Any]
) -> None:
    """A second use is `exchanged_trigger_id`; after three seconds it is `expired_trigger_id`."""
    app = await connect()
    running = asyncio.create_task(slack.slash("/devin-say", ""))
    envelope = await app.read()
    await app.ack(envelope)
    await running
    trigger = envelope["payload"]["trigger_id"]
    await client.views_open(trigger_id=trigger, view=MODAL)
    again = client.views_open(trigger_id=trigger, view=MODAL)
    assert await refusal(again) == "exchanged_trigger_id"
    slack.trigger_seconds = 0
    running = asyncio.create_task(slack.slash("/devin-say", ""))
    envelope = await app.read()
    await app.ack(envelope)
    await running
    late = client.views_open(trigger_id=envelope["payload"]["trigger_id"], view=MODAL)
    assert await refusal(late) == "expired_trigger_id"
    unknown = client.views_open(trigger_id="1.2.3", view=MODAL)
    assert await refusal(unknown) == "invalid_trigger_id"


async def test_home_is_opened_and_published(slack: SlackSandbox) -> None:
    """`app_home_opened` lets the app publish, and the person sees the view."""
    app = bolt_app(slack)

    @app.event("app_home_opened")
    async def on_home(event: JSON, client: AsyncWebClient) -> None:
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": BUTTONS})

    async with socket_mode(slack, app):
        await slack.open_home("ben")
        await wait_until(lambda: slack.home_view("ben"), "a home view")
    view = slack.home_view("ben")
    assert view is not None
    assert view["blocks"][1]["block_id"] == "choices"


async def test_a_workflow_step_ends_once(slack: SlackSandbox) -> None:
    """`function_executed` is completed with the step's own token, and only once."""
    app = bolt_app(slack)

    @app.function("send_message")
    async def on_step(inputs: JSON, complete: Any, fail: Any) -> None:
        if inputs["message"]:
            await complete(outputs={"outcome": "delivered"})
        else:
            await fail("nothing to send")

    async with socket_mode(slack, app):
        done = await slack.run_step("send_message", {"message": "hi"})
        failed = await slack.run_step("send_message", {"message": ""})
        await wait_until(lambda: len(slack.step_results) == 2, "both steps ended")
    assert slack.step_results[done] == ("success", {"outcome": "delivered"})
    assert slack.step_results[failed] == ("error", "nothing to send")
    again = web_client(slack).functions_completeError(function_execution_id=done, error="late")
    assert await refusal(again) == "execution_not_in_running_state"
