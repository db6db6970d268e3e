"""The local Slack has response URLs, planned faults, a ledger and subscriptions."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from sandbox import Sandbox
from sandbox.slack.server import SlackSandbox
from tests.support.slack_apps import BUTTONS, JSON, refusal, web_client


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_timeout=30, retry_delays=(0.01, 0.02, 0.03)) as slack:
        yield slack


@pytest.fixture
def client(slack: SlackSandbox) -> AsyncWebClient:
    return web_client(slack)


async def response_url(slack: SlackSandbox) -> str:
    """Return a command's response URL; the command itself is not answered."""
    delivery = await slack.slash("/devin-say", "hi")
    return str(delivery.payload["response_url"])


async def test_a_response_url_works_five_times(slack: SlackSandbox) -> None:
    """It addresses the person unless told `in_channel`; the sixth use is refused."""
    webhook = AsyncWebhookClient(await response_url(slack))
    quiet = await webhook.send(text="to you")
    loud = await webhook.send(text="to all", response_type="in_channel")
    assert (quiet.body, loud.status_code) == ("ok", 200)
    assert (await webhook.send_dict({"blocks": []})).body == "no_text"
    assert (await webhook.send(text="", blocks=[{"type": "?"}])).body == "invalid_blocks"
    await webhook.send(text="five")
    sixth = await webhook.send(text="six")
    assert (sixth.status_code, "used_url" in sixth.body) == (404, True)
    texts = [message.text for message in slack.ephemerals("general", "ada")]
    assert texts[-2:] == ["to you", "five"]
    assert [message.text for message in slack.channel_messages("general")] == ["to all"]


async def test_a_response_url_expires(slack: SlackSandbox) -> None:
    """After thirty minutes it answers `expired_url`."""
    slack.response_url_seconds = 0
    webhook = AsyncWebhookClient(await response_url(slack))
    assert "expired_url" in (await webhook.send(text="late")).body


async def test_a_response_url_replaces_and_deletes_its_message(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """`replace_original` and `delete_original` act on the message with the button."""
    general, ada = slack.workspace.channel("general").id, slack.workspace.user("ada").id
    ts = (await client.chat_postMessage(channel=general, text="said", blocks=BUTTONS))["ts"]
    quiet = await client.chat_postEphemeral(channel=general, user=ada, text="?", blocks=BUTTONS)
    where = {"channel": "general"}
    loud_press = await slack.press("resend", message_ts=ts, **where)
    quiet_press = await slack.press_ephemeral("resend", message_ts=quiet["message_ts"], **where)
    public = AsyncWebhookClient(loud_press.payload["response_url"])
    await public.send(text="done", replace_original=True)
    assert slack.workspace.message("general", ts).text == "done"
    assert slack.workspace.message("general", ts).blocks == []
    await public.send(delete_original=True)
    assert slack.channel_messages("general") == []
    await AsyncWebhookClient(quiet_press.payload["response_url"]).send(delete_original=True)
    assert slack.ephemerals("general", "ada") == []


async def test_a_rate_limit_says_when_to_come_back(slack: SlackSandbox) -> None:
    """A 429 has `Retry-After`; the SDK's own handler waits and succeeds."""
    client = web_client(slack)
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    slack.fail_next("auth.test", retry_after=0)
    assert (await client.auth_test())["ok"]
    assert [(call.status, call.error) for call in slack.calls] == [
        (429, "ratelimited"),
        (200, None),
    ]


async def test_planned_failures_are_used_up_in_order(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Errors are in the body, or HTML from a broken server; `*` means any method."""
    slack.fail_next("auth.test", error="fatal_error")
    slack.fail_next("*", status=503)
    assert await refusal(client.auth_test()) == "fatal_error"
    with pytest.raises(SlackApiError) as broken:
        await client.team_info()
    assert broken.value.response.status_code == 503
    assert (await client.auth_test())["ok"]


async def test_a_dropped_call_had_no_effect_or_all_of_it(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """`drop` cuts before Slack acts, `drop_after` once the message is posted."""
    general = slack.workspace.channel("general").id
    faults: list[JSON] = [{"drop": True}, {"drop_after": True}]
    for fault in faults:
        slack.fail_next("chat.postMessage", **fault)
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel=general, text=next(iter(fault)))
    assert [message.text for message in slack.channel_messages("general")] == ["drop_after"]
    assert [call.status for call in slack.calls] == [0, 0]


async def test_the_ledger_keeps_every_call_without_tokens(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """It has the method and decoded parameters, but not the token."""
    general = slack.workspace.channel("general").id
    await client.chat_postMessage(channel=general, text="x", blocks=BUTTONS)
    (call,) = slack.calls
    assert (call.method, call.params["blocks"][0]["type"]) == ("chat.postMessage", "section")
    assert slack.bot_token not in repr(call)


async def test_changes_are_told_to_who_subscribes(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Messages, reactions and ephemeral messages arrive as small dicts, by get or iteration."""
    changes = slack.subscribe()
    ts = await slack.say("hello", deliver=False)
    item: JSON = {"channel": slack.workspace.channel("general").id, "timestamp": ts}
    await client.reactions_add(name="x", **item)
    kinds = [(await changes.get())["type"]]
    async for change in changes:
        kinds.append(change["type"])
        if change["type"] == "call":
            break
    assert kinds == ["message", "reaction", "call"]


async def test_leaving_stops_every_pending_delivery() -> None:
    """No task is left that would deliver to an app of the next test."""
    async with SlackSandbox(retry_delays=(60, 60, 60), ack_timeout=60) as slack:
        await slack.say("nobody listens")
    assert slack.deliveries[0].is_settled
    assert not slack.deliveries[0].acked


async def test_slack_and_devin_start_together() -> None:
    """`Sandbox` is both servers in one block."""
    async with Sandbox() as box:
        assert (await web_client(box.slack).auth_test())["ok"]
        assert box.devin.url.startswith("http://127.0.0.1:")


async def test_a_method_is_limited_by_its_calls_within_a_time(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Further calls get a 429 with the time to wait; other methods are not affected."""
    slack.limit_calls("users.info", 2, 60.0)
    ada = slack.workspace.user("ada").id
    for _ in range(2):
        await client.users_info(user=ada)
    with pytest.raises(SlackApiError) as refused:
        await client.users_info(user=ada)
    assert refused.value.response.status_code == 429
    assert 0 < int(refused.value.response.headers["Retry-After"]) <= 60
    await client.auth_test()
    slack.fail_no_more("users.info")
    await client.users_info(user=ada)


async def test_the_failures_of_one_method_end_by_themselves(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Failures planned for another method stay."""
    for method in ("users.info", "auth.test"):
        slack.fail_next(method, error="internal_error", times=100)
    slack.fail_no_more("users.info")
    await client.users_info(user=slack.workspace.user("ada").id)
    with pytest.raises(SlackApiError, match="internal_error"):
        await client.auth_test()
