"""The local Slack's history and events are like the real Slack's."""

import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSandbox
from tests.support.slack_apps import BUTTONS, JSON, raw_apps, refusal, web_client


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


async def test_a_thread_is_read_in_pages_with_its_root(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Every page starts with the root; `oldest` and `latest` bound the replies."""
    general = slack.workspace.channel("general").id
    root = await slack.say("root", deliver=False)
    replies = [await slack.say(f"{n}", thread=root, deliver=False) for n in range(5)]
    pages = [
        [message["text"] for message in page["messages"]]
        async for page in await client.conversations_replies(channel=general, ts=root, limit=2)
    ]
    assert pages == [["root", "0", "1"], ["root", "2", "3"], ["root", "4"]]
    after = await client.conversations_replies(channel=general, ts=root, oldest=replies[2])
    assert [message["ts"] for message in after["messages"]] == [root, *replies[3:]]
    bounds: JSON = {"oldest": replies[1], "latest": replies[2], "inclusive": True}
    between = await client.conversations_replies(channel=general, ts=root, **bounds)
    assert [message["ts"] for message in between["messages"]] == [root, *replies[1:3]]
    assert after["messages"][0]["reply_count"] == 5
    malformed = client.conversations_replies(channel=general, ts=root, oldest="yesterday")
    assert await refusal(malformed) == "invalid_ts_oldest"
    missing = client.conversations_replies(channel=general, ts="1.2")
    assert await refusal(missing) == "thread_not_found"


async def test_metadata_is_given_only_when_asked_for(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """A post can be found again by its metadata."""
    general = slack.workspace.channel("general").id
    metadata = {"event_type": "relay", "event_payload": {"key": "k"}}
    ts = (await client.chat_postMessage(channel=general, text="x", metadata=metadata))["ts"]
    plain = await client.conversations_replies(channel=general, ts=ts)
    full = await client.conversations_replies(channel=general, ts=ts, include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == metadata


async def test_the_bot_hears_its_own_posts_and_updates(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Own posts return with bot_id, app_id and bot_profile; an update is a `message_changed`.

    Text without blocks replaces them.
    """
    general = slack.workspace.channel("general").id
    ts = (await client.chat_postMessage(channel=general, text="one", blocks=BUTTONS))["ts"]
    await client.chat_update(channel=general, ts=ts, text="two")
    await client.chat_delete(channel=general, ts=ts)
    own, changed, deleted = [delivery.payload["event"] for delivery in slack.deliveries]
    assert (own["bot_id"], own["app_id"]) == (slack.bot_id, slack.app_id)
    assert own["bot_profile"]["user_id"] == own["user"] == slack.bot_user_id
    assert changed["subtype"] == "message_changed"
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("two", "one")
    assert changed["previous_message"]["blocks"][1]["block_id"] == "choices"
    assert "blocks" not in changed["message"]
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", ts)


async def test_a_custom_name_needs_its_scope(slack: SlackSandbox, client: AsyncWebClient) -> None:
    """With it the post is a `bot_message` without a user; without it the name is ignored."""
    general = slack.workspace.channel("general").id
    plain = await client.chat_postMessage(channel=general, text="x", username="Ada")
    slack.scopes = [*slack.scopes, "chat:write.customize"]
    named = await client.chat_postMessage(channel=general, text="x", username="Ada")
    assert plain["message"]["user"] == slack.bot_user_id
    assert (named["message"]["subtype"], named["message"]["username"]) == ("bot_message", "Ada")
    assert "user" not in named["message"]


async def test_edits_unfurls_and_deletions_are_told_apart(slack: SlackSandbox) -> None:
    """Only an edit has `edited`; a deleted parent with replies becomes a tombstone."""
    root = await slack.say("rot", deliver=False)
    reply = await slack.say("reply", thread=root, deliver=False)
    await slack.edit("general", root, "root")
    await slack.unfurl("general", root)
    await slack.delete("general", root)
    await slack.delete("general", reply)
    edit, unfurl, tombstone, deleted = [d.payload["event"] for d in slack.deliveries]
    assert edit["message"]["edited"]["user"] == slack.workspace.user("ada").id
    assert edit["previous_message"]["text"] == "rot"
    assert unfurl["subtype"] == "message_changed"
    assert "previous_message" not in unfurl
    assert unfurl["message"]["attachments"]
    assert tombstone["message"]["subtype"] == "tombstone"
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", reply)
    assert [message.subtype for message in slack.thread("general", root)] == ["tombstone"]


SHARE = {
    "from_url", "ts", "author_id", "author_name", "author_subname", "author_link", "author_icon",
    "channel_id", "channel_team", "is_msg_unfurl", "message_blocks", "color", "is_share",
    "fallback", "text", "mrkdwn_in", "footer",
}  # fmt: skip
"""The fields of forwards that others captured (`sandbox/slack/world/forwards.py`)."""


async def test_a_forward_quotes_its_message_in_an_attachment(slack: SlackSandbox) -> None:
    """The comment is the text; an edit of the comment keeps the quote, including in history."""
    said = await slack.say("Production is *down*.", user="ben", channel="random")
    root = await slack.say("Shall we ship it?", deliver=False)
    ts = await slack.forward("random", said, thread=root, comment="Look at thi")
    await slack.edit("general", ts, "Look at this")
    event, change = (one.payload["event"] for one in slack.deliveries[-2:])
    (share,) = event["attachments"]
    random = slack.workspace.channel("random").id
    assert set(share) == SHARE
    assert (event["text"], event["thread_ts"], "subtype" in event) == ("Look at thi", root, False)
    assert (share["text"], share["channel_id"]) == ("Production is *down*.", random)
    assert share["from_url"].endswith(f"/archives/{random}/p{said.replace('.', '')}")
    (quoted,) = share["message_blocks"]
    assert quoted["message"]["blocks"] == slack.workspace.message("random", said).blocks
    assert re.fullmatch(r"\[\w+ \d+(st|nd|rd|th), \d{4} \d+:\d\d [AP]M\] .*", share["fallback"])
    assert change["message"]["text"] == "Look at this"
    for shown in (change["message"], change["previous_message"]):
        assert shown["attachments"] == [share]


async def test_a_forward_without_a_comment_has_no_text_and_no_blocks(slack: SlackSandbox) -> None:
    """If it is forwarded on, the quote is still the first message."""
    said = await slack.say("Production is down.", files=["log.txt"], deliver=False)
    first = await slack.forward("general", said, to="shared")
    second = await slack.forward("shared", first, user="ben")
    event, again = (one.payload["event"] for one in slack.deliveries)
    assert (event["text"], "blocks" in event, "files" in event) == ("", False, False)
    (share,), (forwarded,) = event["attachments"], again["attachments"]
    assert [file["file_access"] for file in share["files"]] == ["check_file_info"]
    assert forwarded["text"] == "Production is down."
    assert forwarded["from_url"] != share["from_url"]
    assert slack.workspace.message("general", second).attachments == [forwarded]


async def test_a_forward_of_a_webhook_s_post_names_no_user(slack: SlackSandbox) -> None:
    """Its author is the bot, and `msg_subtype` says so."""
    said = await slack.say("Deployed.", user="legacy", deliver=False)
    await slack.forward("general", said)
    (share,) = slack.deliveries[-1].payload["event"]["attachments"]
    assert (share["author_name"], share["msg_subtype"]) == ("Legacy Webhook", "bot_message")
    assert "author_id" not in share


async def test_people_forward_what_they_can_read_to_where_they_are(slack: SlackSandbox) -> None:
    """From a public channel, a person who is not in it can forward as well."""
    secret = await slack.say("Hush", channel="secrets", deliver=False)
    public = await slack.say("Hello", channel="random", deliver=False)
    await slack.forward("random", public, user="una")
    await slack.forward("secrets", secret, user="ben")
    assert "private_channel_prompt" in slack.deliveries[-1].payload["event"]["attachments"][0]
    with pytest.raises(ValueError, match="can't read #secrets"):
        await slack.forward("secrets", secret, user="una")
    with pytest.raises(ValueError, match="isn't in #random"):
        await slack.forward("random", public, to="random", user="una")


async def test_the_preview_of_a_permalink_is_no_forward(slack: SlackSandbox) -> None:
    """Slack quotes the message there, too, but with `original_url` instead of `is_share`."""
    said = await slack.say("Production is down.", deliver=False)
    ts = await slack.say("See https://example.com/", deliver=False)
    await slack.unfurl("general", ts, of=said)
    (preview,) = slack.deliveries[-1].payload["event"]["message"]["attachments"]
    assert preview["text"] == "Production is down."
    assert set(preview) == SHARE - {"is_share"} | {"id", "original_url"}


async def test_every_kind_of_author_writes_as_the_real_one_does(slack: SlackSandbox) -> None:
    """External people have their team, apps `bot_id`, and webhooks no user."""
    await slack.say("hi", user="eve", channel="shared")
    await slack.say("built", user="bolt-ci")
    await slack.say("hooked", user="legacy")
    await slack.say("standup", user="workflow")
    outer = [delivery.payload for delivery in slack.deliveries]
    eve, app, webhook, workflow = [payload["event"] for payload in outer]
    assert outer[0]["is_ext_shared_channel"] is True
    assert outer[1]["is_ext_shared_channel"] is False
    assert eve["user_team"] == eve["source_team"] == "T0OTHER"
    assert (app["bot_id"], app.get("subtype")) == ("B0BOLTCI00", None)
    assert (webhook["subtype"], "user" in webhook) == ("bot_message", False)
    assert workflow["bot_profile"]["app_id"] == "A0WORKFLOW"
    await slack.say("built", user="partner-ci", channel="shared")
    await slack.say("by token", user="gus", via="bolt-ci")
    theirs, by_token = [one.payload["event"] for one in slack.deliveries[4:]]
    assert (theirs["app_id"], theirs["bot_id"]) == (app["app_id"], "B0PARTNER0")
    assert theirs["bot_profile"]["team_id"] == theirs["team"] == "T0OTHER"
    assert by_token["user"] == slack.workspace.user("gus").id
    assert by_token["bot_profile"] == app["bot_profile"]
    assert "client_msg_id" not in by_token
    with pytest.raises(ValueError, match="isn't in #general"):
        await slack.say("hi", user="eve")
    with pytest.raises(ValueError, match="another organization"):
        await slack.slash("/devin-say", "hi", user="eve")


async def test_broadcasts_me_messages_and_joins_have_their_subtypes(slack: SlackSandbox) -> None:
    """A broadcast has its root; the bot hears nothing of channels it is not in."""
    root = await slack.say("root", deliver=False)
    await slack.say("all", thread=root, broadcast=True)
    await slack.say("waves", subtype="me_message")
    await slack.say("unheard", channel="random")
    await slack.join("random", "devin-relay")
    broadcast, me, joined = [delivery.payload["event"] for delivery in slack.deliveries]
    assert (broadcast["subtype"], broadcast["root"]["reply_count"]) == ("thread_broadcast", 1)
    assert (me["subtype"], "blocks" in me) == ("me_message", False)
    assert (joined["subtype"], joined["user"]) == ("channel_join", slack.bot_user_id)


async def test_who_is_invited_joins_and_both_events_name_the_inviter(slack: SlackSandbox) -> None:
    """Slack's `/invite` takes mentions, from people who are in the channel themselves."""
    bot = slack.workspace.user("devin-relay")
    await slack.invite(f"<@{bot.id}>", user="ben", channel="random")
    (joined,) = [delivery.payload["event"] for delivery in slack.deliveries]
    ben = slack.workspace.user("ben").id
    assert (joined["subtype"], joined["user"], joined["inviter"]) == ("channel_join", bot.id, ben)
    for text, user, channel, why in (
        (f"<@{bot.id}>", "ben", "random", "already in #random"),
        ("@Devin Relay", "ben", "random", "Say who"),
        (f"<@{bot.id}>", "eve", "random", "isn't in #random"),
        (f"<@{ben}>", "ada", "dm", "direct message"),
    ):
        with pytest.raises(ValueError, match=why):
            await slack.invite(text, user=user, channel=channel)


async def test_files_are_downloaded_with_the_token_only(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """Without it there is a sign-in page; in a shared channel the event has only the id."""
    file = slack.workspace.add_file("notes.txt", content=b"the notes")
    await slack.say("", files=[file])
    await slack.say("", files=[file], channel="shared")
    here, shared = [delivery.payload["event"] for delivery in slack.deliveries]
    assert (here["subtype"], here["text"]) == ("file_share", "")
    assert shared["files"][0]["file_access"] == "check_file_info"
    shown = (await client.files_info(file=file.id))["file"]
    url, token = shown["url_private_download"], {"Authorization": f"Bearer {slack.bot_token}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers=token) as answer:
            assert await answer.read() == b"the notes"
        async with session.get(url) as answer:
            assert answer.content_type == "text/html"


async def test_downloads_may_lead_to_a_second_origin_with_the_same_rules(
    slack: SlackSandbox, client: AsyncWebClient
) -> None:
    """On Enterprise Grid, aiohttp drops the token on the way there, and meets the sign-in page."""
    file = slack.workspace.add_file("notes.txt", content=b"the notes")
    url = (await client.files_info(file=file.id))["file"]["url_private_download"]
    token = {"Authorization": f"Bearer {slack.bot_token}"}
    slack.redirect_downloads(slack.files_origin)
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers=token) as answer:
            assert answer.content_type == "text/html"
            second = str(answer.url)
        async with session.get(second, headers=token) as answer:
            assert await answer.read() == b"the notes"
        slack.redirect_downloads(None)
        async with session.get(url, headers=token) as answer:
            assert await answer.read() == b"the notes"
    assert [one.is_authorized for one in slack.downloads] == [True, False, True, True]
    assert second.startswith(f"{slack.files_origin}/files-pri/")


async def test_an_event_can_be_delivered_again_under_its_id(
    slack: SlackSandbox, connect: Callable[[], Any]
) -> None:
    """Duplicates, manual or as Slack's retry, have the same `event_id`."""
    app = await connect()
    ts = await slack.say("hello", deliver=False)
    event = slack.event_of("general", ts)
    first = await slack.deliver_event(event, event_id="Ev0SAME", context_team_id="T0OTHER")
    await slack.redeliver(first)
    one, two = await app.read(), await app.read()
    assert one["payload"] == two["payload"]
    assert one["payload"]["context_team_id"] == "T0OTHER"
    assert (one["retry_attempt"], two["retry_attempt"]) == (0, 1)


async def test_timestamps_strictly_increase(slack: SlackSandbox) -> None:
    """A ts is the current time in microseconds, and never repeats."""
    stamps = [await slack.say(str(n), deliver=False) for n in range(200)]
    assert stamps == sorted(set(stamps))
    assert all(re.fullmatch(r"\d{10}\.\d{6}", ts) for ts in stamps)
    assert abs(float(stamps[-1]) - time.time()) < 60
