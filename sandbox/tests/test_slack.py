"""The local Slack's Web API refuses invalid calls, with answers that the real slack_sdk takes."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSandbox
from tests.support.slack_apps import BUTTONS, JSON, SECTION, refusal, web_client


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_timeout=30, retry_delays=(0.01, 0.02, 0.03)) as slack:
        yield slack


@pytest.fixture
def client(slack: SlackSandbox) -> AsyncWebClient:
    return web_client(slack)


async def test_tokens_are_checked(slack: SlackSandbox) -> None:
    """A missing token, a wrong one, and the wrong kind differ."""
    assert await refusal(web_client(slack, "xoxb-wrong").auth_test()) == "invalid_auth"
    url = f"{slack.api_url}auth.test"
    async with aiohttp.ClientSession() as session, session.post(url) as answer:
        assert (await answer.json())["error"] == "not_authed"
    wrong_kind = web_client(slack, slack.app_token).team_info()
    assert await refusal(wrong_kind) == "not_allowed_token_type"
    opening = web_client(slack).apps_connections_open(app_token=slack.bot_token)
    assert await refusal(opening) == "not_allowed_token_type"
    assert await refusal(web_client(slack).api_call("no.such")) == "unknown_method"


async def test_auth_test_names_the_bot_and_its_scopes(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """The scopes are in `x-oauth-scopes`; a removed one is `missing_scope`."""
    answer = await client.auth_test()
    assert (answer["user_id"], answer["bot_id"]) == (slack.bot_user_id, slack.bot_id)
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")
    slack.scopes = ["users:read"]
    posting = client.chat_postMessage(channel=slack.workspace.channel("general").id, text="x")
    with pytest.raises(SlackApiError) as refused:
        await posting
    body = refused.value.response
    assert (body["error"], body["needed"], body["provided"]) == (
        "missing_scope",
        "chat:write",
        "users:read",
    )


async def test_posting_is_refused_where_the_bot_may_not(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """A public channel without the bot is `not_in_channel`; others are `channel_not_found`."""
    random, secrets = slack.workspace.channel("random"), slack.workspace.channel("secrets")
    assert await refusal(client.chat_postMessage(channel=random.id, text="x")) == "not_in_channel"
    secrets.members.remove(slack.bot_user_id)
    hidden = client.chat_postMessage(channel=secrets.id, text="x")
    assert await refusal(hidden) == "channel_not_found"
    unknown = client.chat_postMessage(channel="C0UNKNOWN0", text="x")
    assert await refusal(unknown) == "channel_not_found"
    slack.scopes = [*slack.scopes, "chat:write.public"]
    assert (await client.chat_postMessage(channel=random.id, text="x"))["ok"]


async def test_posts_need_words_and_a_real_thread(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Empty posts, malformed and unknown threads, and a reply as thread are refused."""
    general = slack.workspace.channel("general").id
    root = await slack.say("root", deliver=False)
    reply = await slack.say("reply", thread=root, deliver=False)

    async def error(**params: Any) -> str:
        call = client.api_call("chat.postMessage", json={"channel": general, **params})
        return await refusal(call)

    assert await error(text="") == "no_text"
    assert await error(text="x", thread_ts="soon") == "invalid_thread_ts"
    assert await error(text="x", thread_ts="1.000001") == "thread_not_found"
    assert await error(text="x", thread_ts=reply) == "cannot_reply_to_message"
    assert await error(text="x", metadata={"event_type": "relay"}) == "invalid_metadata_format"


@pytest.mark.parametrize(
    "block",
    [
        {"text": "no type"},
        {"type": "unheard_of"},
        {"type": "section", "text": {"type": "mrkdwn", "text": ""}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}},
        {"type": "section", "text": {"text": "no type"}},
        {"type": "header", "text": {"type": "mrkdwn", "text": "plain_text only"}},
        {"type": "actions", "elements": []},
        {"type": "context", "elements": []},
        {"type": "actions", "elements": [{**BUTTONS[1]["elements"][0], "value": "v" * 2001}]},
        {"type": "actions", "elements": [{**BUTTONS[1]["elements"][0], "action_id": "a" * 256}]},
        {"type": "actions", "elements": [BUTTONS[1]["elements"][0]] * 2},
    ],
)
async def test_malformed_blocks_are_refused(
    slack: SlackSandbox, client: AsyncWebClient, block: JSON
) -> None:
    """The answer is `invalid_blocks`, with the reason in `response_metadata`; nothing is posted."""
    general = slack.workspace.channel("general").id
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=general, text="x", blocks=[block])
    assert refused.value.response["error"] == "invalid_blocks"
    assert refused.value.response["response_metadata"]["messages"]
    assert slack.channel_messages("general") == []


async def test_fifty_blocks_are_taken_and_fifty_one_are_not(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """A message holds 50 blocks."""
    general = slack.workspace.channel("general").id
    assert (await client.chat_postMessage(channel=general, blocks=[SECTION] * 50, text="x"))["ok"]
    too_many = client.chat_postMessage(channel=general, blocks=[SECTION] * 51, text="x")
    assert await refusal(too_many) == "invalid_blocks"


async def test_long_text_is_cut_when_posted_and_refused_in_updates(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """40,000 characters are kept with a warning; an update takes 4,000."""
    general = slack.workspace.channel("general").id
    posted = await client.chat_postMessage(channel=general, text="x" * 40_001)
    assert posted["warning"] == "message_truncated"
    assert len(slack.channel_messages("general")[0].text) == 40_000
    updating = client.chat_update(channel=general, ts=posted["ts"], text="x" * 4_001)
    assert await refusal(updating) == "msg_too_long"


async def test_only_own_messages_are_updated_and_deleted(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Others' messages are `cant_…`, missing ones `message_not_found`."""
    general = slack.workspace.channel("general").id
    theirs = await slack.say("mine", deliver=False)
    update = client.chat_update(channel=general, ts=theirs, text="x")
    assert await refusal(update) == "cant_update_message"
    assert await refusal(client.chat_delete(channel=general, ts=theirs)) == "cant_delete_message"
    assert await refusal(client.chat_delete(channel=general, ts="1.2")) == "message_not_found"


async def test_reactions_are_set_once_and_taken_back_once(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """`already_reacted` and `no_reaction` mean that there was nothing to do."""
    ts = await slack.say("hello", deliver=False)
    item: JSON = {"channel": slack.workspace.channel("general").id, "timestamp": ts}
    await client.reactions_add(name="zzz", **item)
    await client.reactions_add(name="white_check_mark", **item)
    assert slack.reactions("general", ts) == ["zzz", "white_check_mark"]
    assert await refusal(client.reactions_add(name="zzz", **item)) == "already_reacted"
    await client.reactions_remove(name="zzz", **item)
    assert await refusal(client.reactions_remove(name="zzz", **item)) == "no_reaction"
    assert await refusal(client.reactions_add(name=":x:", **item)) == "invalid_name"
    gone = client.reactions_add(name="x", channel=item["channel"], timestamp="1.2")
    assert await refusal(gone) == "message_not_found"
    slack.scopes = [*slack.scopes, "reactions:read"]
    got = await client.reactions_get(**item)
    assert [reaction["name"] for reaction in got["message"]["reactions"]] == ["white_check_mark"]


async def test_ephemeral_messages_go_to_members_and_into_no_history(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Only a channel member can be told; neither other people nor history show it."""
    general = slack.workspace.channel("general").id
    ada, eve = slack.workspace.user("ada").id, slack.workspace.user("eve").id
    await client.chat_postEphemeral(channel=general, user=ada, text="psst")
    outsider = client.chat_postEphemeral(channel=general, user=eve, text="psst")
    assert await refusal(outsider) == "user_not_in_channel"
    assert [message.text for message in slack.ephemerals("general", "ada")] == ["psst"]
    assert slack.ephemerals("general", "ben") == []
    assert (await client.conversations_history(channel=general))["messages"] == []


async def test_an_ephemeral_message_in_a_thread_without_replies_is_shown_to_nobody(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Slack accepts it all the same; in a thread that has replies, it is shown."""
    general, ada = slack.workspace.channel("general").id, slack.workspace.user("ada").id
    thread = await slack.say("Is it green?")
    first = await client.chat_postEphemeral(
        channel=general, user=ada, thread_ts=thread, text="psst"
    )
    assert first["ok"]
    assert slack.ephemerals("general") == []
    assert [one.text for one in slack.unseen] == ["psst"]
    await slack.say("Yes", user="ben", thread=thread)
    await client.chat_postEphemeral(channel=general, user=ada, thread_ts=thread, text="psst again")
    assert [one.text for one in slack.ephemerals("general", "ada")] == ["psst again"]


async def test_who_somebody_is_can_be_asked(slack: SlackSandbox, client: AsyncWebClient) -> None:
    """Members, guests, external people, bots and webhooks differ as in the real users.info."""

    async def asked(name: str) -> Any:
        return (await client.users_info(user=slack.workspace.user(name).id))["user"]

    assert (await asked("ada"))["profile"]["display_name"] == "ada"
    assert (await asked("gus"))["is_restricted"] is True
    assert (await asked("una"))["is_ultra_restricted"] is True
    eve = await asked("eve")
    assert (eve["team_id"], eve["is_stranger"]) == ("T0OTHER", False)
    assert "is_restricted" not in eve
    assert (await asked("workflow"))["is_workflow_bot"] is True
    assert await refusal(client.users_info(user="U0NOBODY00")) == "user_not_found"
    assert await refusal(client.users_info(user="U0LEGACY00")) == "user_not_found"
    bot = (await client.bots_info(bot="B0BOLTCI00"))["bot"]
    assert bot["user_id"] == slack.workspace.user("bolt-ci").id
    slack.scopes = [*slack.scopes, "team:read"]
    (group,) = (await client.usergroups_list(include_users=True))["usergroups"]
    assert (group["handle"], len(group["users"])) == ("oncall", 2)
    members = await client.usergroups_users_list(usergroup=group["id"])
    assert members["users"] == group["users"]
    assert await refusal(client.usergroups_users_list(usergroup="S0NOBODY00")) == "no_such_subteam"
    assert (await client.team_info())["team"]["id"] == slack.team_id


async def test_form_and_json_bodies_are_read_alike(slack: SlackSandbox) -> None:
    """Structures are JSON text in forms, and a charset gives the real warnings."""
    general = slack.workspace.channel("general").id
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    form = {"channel": general, "text": "x", "blocks": '[{"type": "divider"}]'}
    url = f"{slack.api_url}chat.postMessage"
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(url, data=form) as answer:
            assert (await answer.json())["message"]["blocks"][0]["type"] == "divider"
        async with session.post(
            url, data=b"{", headers={"Content-Type": "application/json"}
        ) as bad:
            assert (await bad.json())["error"] == "invalid_json"
        async with session.post(
            url,
            data=b'{"text": "x", "channel": "%s"}' % general.encode(),
            headers={"Content-Type": "application/json"},
        ) as answer:
            assert (await answer.json())["warning"] == "missing_charset"
        form["blocks"] = "[not json"
        async with session.post(url, data=form) as answer:
            assert (await answer.json())["error"] == "invalid_blocks_format"
