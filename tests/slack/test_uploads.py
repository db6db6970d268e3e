"""A file gets into a thread once, and the token goes nowhere but to the Web API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.model.errors import SlackAway, SlackRefused
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.slack.api import MISSING_SCOPE, SlackClient
from bot.slack.files import COMPLETE, NO_PLACE, Uploads
from bot.slack.threads import Threads
from sandbox import Sandbox
from tests.support.schedules import unmoved
from tests.support.slack_apps import serving

CONTENT = b"a report, " * 20_000


async def chunks(content: bytes = CONTENT) -> AsyncIterator[bytes]:
    """Yield the content in pieces."""
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]


ANY = "xoxb-token"


@asynccontextmanager
async def uploading(url: str, token: str, store: Store) -> AsyncIterator[Uploads]:
    """Uploads with a session of their own."""
    async with aiohttp.ClientSession() as session:
        client = SlackClient(token=token, base_url=url, session=session)
        yield Uploads(client, Threads(client, unmoved, store))


@pytest.fixture
async def uploads(box: Sandbox, store: Store) -> AsyncIterator[Uploads]:
    """Uploads into the sandbox's Slack."""
    async with uploading(box.slack.api_url, box.slack.bot_token, store) as opened:
        yield opened


@pytest.fixture
async def thread(box: Sandbox) -> ThreadRef:
    """A thread in #general."""
    ts = await box.slack.say("Shall we ship it?")
    channel = box.slack.workspace.channel("general").id
    return ThreadRef(team=box.slack.team_id, channel=channel, thread_ts=ts)


def files(box: Sandbox, thread: ThreadRef) -> list[tuple[str, bytes]]:
    """Return title and content of each file in the thread."""
    shown = box.slack.thread(thread.channel, thread.thread_ts)
    return [(file.title, file.content) for message in shown for file in message.files]


async def test_a_file_gets_into_a_thread_in_three_steps(
    box: Sandbox, uploads: Uploads, thread: ThreadRef
) -> None:
    """Nobody sees it before the last one."""
    file_id = await uploads.send("report.txt", len(CONTENT), chunks())
    assert files(box, thread) == []
    assert not await uploads.is_there(thread, file_id)
    await uploads.complete(thread, file_id, "The report")
    assert files(box, thread) == [("The report", CONTENT)]
    assert await uploads.is_there(thread, file_id)


async def test_a_file_whose_answer_was_lost_is_found(
    box: Sandbox, uploads: Uploads, thread: ThreadRef
) -> None:
    """Slack showed it, so it is not shown again; a long thread is read from where it can be."""
    for number in range(205):
        await box.slack.say(f"Reply {number}", thread=thread.thread_ts, deliver=False)
    since = await box.slack.say("The last one", thread=thread.thread_ts, deliver=False)
    file_id = await uploads.send("report.txt", len(CONTENT), chunks())
    box.slack.fail_next(COMPLETE, drop_after=True)
    with pytest.raises(SlackAway) as lost:
        await uploads.complete(thread, file_id, "The report")
    assert lost.value.maybe_done
    assert await uploads.is_there(thread, file_id, since)
    reads = [one.params for one in box.slack.calls if one.method == "conversations.replies"]
    assert [one["oldest"] for one in reads] == [since]
    assert await uploads.is_there(thread, file_id)
    assert not await uploads.is_there(thread, "F0OTHER")


async def test_without_the_scope_the_caller_learns_that(box: Sandbox, uploads: Uploads) -> None:
    """The file is linked instead."""
    box.slack.scopes = [scope for scope in box.slack.scopes if scope != "files:write"]
    with pytest.raises(SlackRefused) as refused:
        await uploads.send("report.txt", 1, chunks(b"x"))
    assert refused.value.reason == MISSING_SCOPE


@dataclass
class Storage:
    """A Slack of our own that names a place, and keeps what is sent there."""

    place: str = ""
    answer: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def app(self) -> web.Application:
        """Return what answers both the Web API and the upload."""
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._name_place)
        app.router.add_post("/upload/{key}", self._take)
        return app

    async def _name_place(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, "file_id": "F1", "upload_url": self.place})

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        headers = {"Location": "/upload/elsewhere"} if self.answer == 302 else {}
        return web.Response(status=self.answer, headers=headers)


@pytest.fixture
def storage() -> Storage:
    """A storage that takes everything."""
    return Storage()


async def test_the_bytes_go_without_the_token(storage: Storage, store: Store) -> None:
    """The address is permission enough, and need not be Slack's own."""
    async with (
        serving(storage.app()) as url,
        uploading(f"{url}/api/", ANY, store) as uploads,
    ):
        storage.place = f"{url}/upload/key?signature=abc"
        await uploads.send("report.txt", len(CONTENT), chunks())
    ((headers, body),) = storage.got
    assert body == CONTENT
    assert headers["Content-Length"] == str(len(CONTENT))
    assert "xoxb-token" not in str(headers)


@pytest.mark.parametrize(
    "place",
    [
        "http://files.example/upload/1",
        "ftp://files.example/upload/1",
        "https://ada@files.example/upload/1",
        "https://files.example/up load",
        "",
    ],
)
async def test_an_unsafe_place_is_refused(storage: Storage, store: Store, place: str) -> None:
    """Files of a session do not leave without TLS."""
    storage.place = place
    async with (
        serving(storage.app()) as url,
        uploading(f"{url}/api/", ANY, store) as uploads,
    ):
        with pytest.raises(SlackRefused) as refused:
            await uploads.send("report.txt", 1, chunks(b"x"))
    assert refused.value.reason == NO_PLACE


@pytest.mark.parametrize(
    ("answer", "error"),
    [(302, SlackRefused), (413, SlackRefused), (429, SlackAway), (500, SlackAway)],
)
async def test_storage_may_refuse_or_fail(
    storage: Storage, store: Store, answer: int, error: type[Any]
) -> None:
    """A redirect is not followed."""
    storage.answer = answer
    async with (
        serving(storage.app()) as url,
        uploading(f"{url}/api/", ANY, store) as uploads,
    ):
        storage.place = f"{url}/upload/key"
        with pytest.raises(error) as failed:
            await uploads.send("report.txt", len(CONTENT), chunks())
    assert failed.value.reason == f"HTTP {answer}"
    assert len(storage.got) == 1


async def test_a_storage_out_of_reach_is_tried_later(storage: Storage, store: Store) -> None:
    """Nothing was shown, so nothing has to be looked for."""
    storage.place = "http://127.0.0.1:1/upload"
    async with (
        serving(storage.app()) as url,
        uploading(f"{url}/api/", ANY, store) as uploads,
    ):
        with pytest.raises(SlackAway) as away:
            await uploads.send("report.txt", 1, chunks(b"x"))
    assert not away.value.maybe_done
