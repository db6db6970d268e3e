"""The local Slack takes Markdown, files and status lines, and shares channels, as the real one."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import Message, SlackSandbox
from tests.support.slack_apps import BUTTONS, JSON, SECTION, refusal, web_client


@pytest.fixture
async def slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_timeout=30, retry_delays=(0.01, 0.02, 0.03)) as slack:
        yield slack


@pytest.fixture
def client(slack: SlackSandbox) -> AsyncWebClient:
    return web_client(slack)


@pytest.fixture
def general(slack: SlackSandbox) -> str:
    return slack.workspace.channel("general").id


@pytest.fixture
async def root(slack: SlackSandbox) -> str:
    """The start of a thread."""
    return await slack.say("Ship it?", deliver=False)


def markdown(text: str) -> JSON:
    """A block of Markdown."""
    return {"type": "markdown", "text": text}


async def test_markdown_is_kept_as_it_was_sent(
    slack: SlackSandbox, client: AsyncWebClient, general: str
) -> None:
    """Slack keeps no `block_id` of it, and shows it in a channel or to one person."""
    block = markdown("# Plan\n\n- one\n- two")
    ada = slack.workspace.user("ada").id
    given = [block | {"block_id": "mine"}, SECTION]
    await client.chat_postMessage(channel=general, text="Plan", blocks=given)
    await client.chat_postEphemeral(channel=general, user=ada, text="Plan", blocks=[block])
    assert slack.channel_messages("general")[0].blocks[0] == block
    assert slack.ephemerals("general", "ada")[0].blocks == [block]


async def test_markdown_is_for_messages_only(slack: SlackSandbox, client: AsyncWebClient) -> None:
    """A view is refused for it."""
    view = {"type": "home", "blocks": [markdown("# Home")]}
    publishing = client.views_publish(user_id=slack.workspace.user("ada").id, view=view)
    assert await refusal(publishing) == "invalid_arguments"


async def test_the_markdown_of_a_message_has_12000_characters_at_most(
    client: AsyncWebClient, general: str
) -> None:
    """All of its blocks count together."""
    half = markdown("x" * 6_000)
    await client.chat_postMessage(channel=general, text="x", blocks=[half, half])
    longer = client.chat_postMessage(channel=general, text="x", blocks=[half, half, markdown("x")])
    assert await refusal(longer) == "invalid_blocks"
    empty = client.chat_postMessage(channel=general, text="x", blocks=[markdown("")])
    assert await refusal(empty) == "invalid_blocks"


@pytest.mark.parametrize(
    "unit", ["# A heading\n\n", "| a | b |\n|---|---|\n| 1 | 2 |\n\n", "---\n\n"]
)
async def test_headings_tables_and_dividers_count_as_blocks(
    client: AsyncWebClient, general: str, unit: str
) -> None:
    """Slack makes a block of each, and 50 are the most; what is code makes none."""
    fits = [markdown(unit * 49), markdown(f"One paragraph.\n\n- and a list\n\n```\n{unit * 60}```")]
    await client.chat_postMessage(channel=general, text="x", blocks=fits)
    too_many = client.chat_postMessage(channel=general, text="x", blocks=[markdown(unit * 51)])
    assert await refusal(too_many) == "invalid_blocks"


async def test_headings_make_a_message_longer_than_its_characters(
    client: AsyncWebClient, general: str
) -> None:
    """Each counts a hundred more, and about 13,200 are refused."""
    headings = "# Heading\n\n" * 20
    blocks = [markdown(headings + "x" * 11_500)]
    posting = client.chat_postMessage(channel=general, text="x", blocks=blocks)
    assert await refusal(posting) == "msg_blocks_too_long"
    await client.chat_postMessage(channel=general, text="x", blocks=[markdown("x" * 11_720)])


async def test_an_update_with_text_alone_removes_the_blocks(
    slack: SlackSandbox, client: AsyncWebClient, general: str
) -> None:
    """Only then it shows as edited; without text, the blocks stay."""
    ts = (await client.chat_postMessage(channel=general, text="one", blocks=BUTTONS))["ts"]
    message = slack.workspace.message("general", ts)
    await client.chat_update(channel=general, ts=ts, text="two", blocks=BUTTONS)
    assert (message.text, len(message.blocks), message.edited) == ("two", len(BUTTONS), None)
    await client.chat_update(channel=general, ts=ts, text="three")
    assert (message.text, message.blocks) == ("three", [])
    assert message.edited is not None


async def test_long_markdown_cannot_be_edited(client: AsyncWebClient, general: str) -> None:
    """Though a message of that size can be posted."""
    blocks = [markdown("x" * 12_000)]
    ts = (await client.chat_postMessage(channel=general, text="x", blocks=blocks))["ts"]
    updating = client.chat_update(channel=general, ts=ts, text="x", blocks=blocks)
    assert await refusal(updating) == "msg_too_long"


async def test_the_edits_of_a_message_are_kept(
    slack: SlackSandbox, client: AsyncWebClient, general: str
) -> None:
    """With their times, texts and blocks; a link preview is no edit."""
    ts = (await client.chat_postMessage(channel=general, text="one"))["ts"]
    await client.chat_update(channel=general, ts=ts, text="two", blocks=[SECTION])
    await slack.unfurl("general", ts)
    await client.chat_update(channel=general, ts=ts, text="three")
    edits = slack.edits("general", ts)
    assert [(one.text, len(one.blocks)) for one in edits] == [("two", 1), ("three", 0)]
    assert float(ts) <= edits[0].at <= edits[1].at


def shared_files(slack: SlackSandbox, thread: str) -> list[Message]:
    """The messages of a thread that have files."""
    return [one for one in slack.thread("general", thread) if one.files]


async def test_the_bot_uploads_a_file_into_a_thread(
    slack: SlackSandbox, client: AsyncWebClient, general: str, root: str
) -> None:
    """The SDK does the three steps; the thread and its history have the file."""
    await client.files_upload_v2(
        channel=general,
        thread_ts=root,
        content=b"# Pl\xc3\xa4ne \xff",
        filename="plan.md",
        title="The plan",
        initial_comment="Here it is",
    )
    (message,) = shared_files(slack, root)
    assert (message.user, message.text) == (slack.bot_user_id, "Here it is")
    assert message.files[0].content == b"# Pl\xc3\xa4ne \xff"
    replies = (await client.conversations_replies(channel=general, ts=root))["messages"]
    (file,) = replies[-1]["files"]
    assert (file["id"], file["name"], file["title"]) == (
        message.files[0].id,
        "plan.md",
        "The plan",
    )
    assert (await client.files_info(file=file["id"]))["file"]["size"] == 10
    async with SlackSandbox() as another:
        another.recall(slack.keep())
        assert another.workspace.files[file["id"]].content == message.files[0].content


async def upload(
    slack: SlackSandbox, client: AsyncWebClient, content: bytes, length: int | None = None
) -> list[dict[str, str | None]]:
    """Do the first two steps; return the file, though the second may have been refused."""
    length = len(content) if length is None else length
    given = await client.files_getUploadURLExternal(filename="a.txt", length=length)
    assert given["upload_url"].startswith(slack.api_url.removesuffix("/api/"))
    async with aiohttp.ClientSession() as session:
        await session.post(given["upload_url"], data=content)
    return [{"id": given["file_id"]}]


async def test_an_upload_is_refused_where_the_bot_may_not(
    slack: SlackSandbox, client: AsyncWebClient, general: str
) -> None:
    """Without its scope, for an unknown channel, and where it is not a member."""
    file = await upload(slack, client, b"x")
    complete = client.files_completeUploadExternal
    assert await refusal(complete(files=file, channel_id="C0UNKNOWN0")) == "channel_not_found"
    random = slack.workspace.channel("random").id
    assert await refusal(complete(files=file, channel_id=random)) == "not_in_channel"
    await complete(files=file, channel_id=general)
    slack.scopes.remove("files:write")
    for call in (
        client.files_getUploadURLExternal(filename="a.txt", length=1),
        complete(files=file, channel_id=general),
    ):
        with pytest.raises(SlackApiError) as refused:
            await call
        assert (refused.value.response["error"], refused.value.response["needed"]) == (
            "missing_scope",
            "files:write",
        )


async def test_an_upload_needs_its_bytes_and_is_completed_once(
    slack: SlackSandbox, client: AsyncWebClient, general: str
) -> None:
    """`length` counts bytes; a file that has not come whole is not found."""
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.api_call("files.getUploadURLExternal", params={"filename": "a.txt"})
    nothing = client.files_getUploadURLExternal(filename="a.txt", length=0)
    assert await refusal(nothing) == "missing_argument"
    complete = client.files_completeUploadExternal
    assert await refusal(complete(files=[], channel_id=general)) == "invalid_arguments"
    short = await upload(slack, client, "ä".encode(), length=1)
    assert await refusal(complete(files=short, channel_id=general)) == "file_not_found"
    file = await upload(slack, client, "ä".encode())
    await complete(files=file)
    assert await refusal(complete(files=file, channel_id=general)) == "file_not_found"
    assert slack.channel_messages("general") == []


async def test_an_upload_fails_as_it_is_told_to(
    slack: SlackSandbox, client: AsyncWebClient, general: str, root: str
) -> None:
    """At each step; the last may be done although its answer is lost."""
    slack.fail_next("upload", status=500)
    lost = await upload(slack, client, b"x")
    complete = client.files_completeUploadExternal
    assert await refusal(complete(files=lost, channel_id=general)) == "file_not_found"
    file = await upload(slack, client, b"x")
    slack.fail_next("files.completeUploadExternal", drop_after=True)
    with pytest.raises(aiohttp.ClientError):
        await complete(files=file, channel_id=general, thread_ts=root)
    (message,) = shared_files(slack, root)
    assert message.files[0].id == file[0]["id"]
    uploads = [call for call in slack.calls if call.method == "upload"]
    assert [(call.status, call.params.get("length")) for call in uploads] == [(500, 1), (200, 1)]


async def test_a_status_line_is_shown_until_the_app_posts(
    slack: SlackSandbox, client: AsyncWebClient, general: str, root: str
) -> None:
    """People's replies leave it; every call is kept."""
    where: JSON = {"channel_id": general, "thread_ts": root}
    set_status = client.assistant_threads_setStatus
    await set_status(status="is working…", loading_messages=["Reading", "Running"], **where)
    await slack.say("Any news?", thread=root, deliver=False)
    assert slack.status("general", root) == "is working…"
    await client.chat_postMessage(channel=general, thread_ts=root, text="Soon")
    assert slack.status("general", root) == ""
    await set_status(status="is working…", **where)
    await set_status(status="", **where)
    assert slack.status("general", root) == ""
    assert [(one.text, one.loading_messages) for one in slack.statuses] == [
        ("is working…", ("Reading", "Running")),
        ("is working…", ()),
        ("", ()),
    ]


async def test_a_status_line_ends_after_two_minutes(
    slack: SlackSandbox, client: AsyncWebClient, general: str, root: str
) -> None:
    """Unless it is set again."""
    where: JSON = {"channel_id": general, "thread_ts": root}
    await client.assistant_threads_setStatus(status="is working…", **where)
    slack.workspace.clock.ahead = 90.0
    await client.assistant_threads_setStatus(status="is working…", **where)
    slack.workspace.clock.ahead = 180.0
    assert slack.status("general", root) == "is working…"
    slack.workspace.clock.ahead = 211.0
    assert slack.status("general", root) == ""


async def test_a_status_line_needs_a_thread(
    slack: SlackSandbox, client: AsyncWebClient, general: str, root: str
) -> None:
    """Which exists, in a channel that the bot is in; and a scope."""
    set_status = client.assistant_threads_setStatus
    for thread in ("1.000001", await slack.say("reply", thread=root, deliver=False)):
        refused = set_status(channel_id=general, thread_ts=thread, status="x")
        assert await refusal(refused) == "invalid_thread_ts"
    for channel in ("C0UNKNOWN0", slack.workspace.channel("random").id):
        refused = set_status(channel_id=channel, thread_ts=root, status="x")
        assert await refusal(refused) == "channel_not_found"
    many = ["working"] * 11
    refused = set_status(channel_id=general, thread_ts=root, status="x", loading_messages=many)
    assert await refusal(refused) == "invalid_arguments"
    slack.scopes.remove("chat:write")
    refused = set_status(channel_id=general, thread_ts=root, status="x")
    assert await refusal(refused) == "missing_scope"


async def is_shared(client: AsyncWebClient, channel: str) -> tuple[bool, bool]:
    """Whether a channel is shared with another organization, and whether it will be."""
    found = (await client.conversations_info(channel=channel))["channel"]
    return found["is_ext_shared"], found["is_pending_ext_shared"]


async def test_a_channel_is_shared_and_is_not_any_more(
    slack: SlackSandbox, client: AsyncWebClient, general: str
) -> None:
    """A public one keeps its id; the envelope of each of its events says it."""
    assert await is_shared(client, general) == (False, False)
    slack.workspace.channel("general").is_pending_ext_shared = True
    assert await is_shared(client, general) == (False, True)
    await slack.share("general")
    assert await is_shared(client, general) == (True, False)
    await slack.say("hello")
    await slack.unshare("general")
    assert await is_shared(client, general) == (False, False)
    await slack.say("hello again")
    told = [one.payload["is_ext_shared_channel"] for one in slack.deliveries]
    assert told == [True, True, False]


async def test_the_app_hears_of_the_sharing_if_it_is_subscribed(
    slack: SlackSandbox, general: str
) -> None:
    """Only where its bot is."""
    slack.bot_events = [*slack.bot_events, "channel_unshared"]
    await slack.share("general")
    await slack.unshare("general")
    await slack.share("random")
    shared, unshared = [one.payload["event"] for one in slack.deliveries]
    assert (shared["type"], shared["channel"]) == ("channel_shared", general)
    assert shared["connected_team_id"] == "T0OTHER"
    assert (unshared["type"], unshared["is_ext_shared"]) == ("channel_unshared", False)
