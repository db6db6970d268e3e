"""The sandbox's control API: JSON over HTTP, so that the page and other programs can drive it.

`GET /control/state` is the whole snapshot and `GET /control/events` a server-sent event for every
change. Each POST takes one JSON object, described in `commands`; an invalid one is answered with
400 and `{"error": "<a sentence>"}`.
"""

import asyncio
import base64
import binascii
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from sandbox.devin.server import DevinSandbox
from sandbox.page.commands import (
    AddSession,
    Behave,
    CloseView,
    Delete,
    DevinSay,
    Disconnect,
    Edit,
    Fail,
    Forward,
    OpenHome,
    Press,
    PressView,
    PullRequest,
    React,
    RunShortcut,
    RunStep,
    Say,
    Slash,
    Stop,
    SubmitView,
    Suggest,
    Upload,
)
from sandbox.page.elsewhere import elsewhere_routes
from sandbox.page.files import file_response
from sandbox.page.org import org_routes
from sandbox.page.posts import Reply, post
from sandbox.page.snapshot import snapshot
from sandbox.slack.server import Delivery, SlackSandbox
from sandbox.slack.world.workspace import SlackFile

Change = dict[str, Any]

PING_SECONDS = 15.0
GATHER_SECONDS = 0.02
FIRST_PULL_REQUEST = 7


class Control:
    """The API's handlers over one Slack and one Devin; `close` ends every event stream."""

    def __init__(self, slack: SlackSandbox, devin: DevinSandbox) -> None:
        self._slack = slack
        self._devin = devin
        self._closing = asyncio.Event()
        self._run = uuid.uuid4().hex

    def routes(self) -> list[web.RouteDef]:
        """Return every route, for the application that serves the page."""
        return [
            web.get("/control/state", self._on_state),
            web.get("/control/events", self._on_events),
            web.get("/control/files/{id}", self._on_file),
            post("/control/say", Say, self._say),
            post("/control/forward", Forward, self._forward),
            post("/control/slash", Slash, self._slash),
            post("/control/press", Press, self._press),
            post("/control/shortcut", RunShortcut, self._shortcut),
            post("/control/press_view", PressView, self._press_view),
            post("/control/submit_view", SubmitView, self._submit_view),
            post("/control/close_view", CloseView, self._close_view),
            post("/control/suggest", Suggest, self._suggest),
            post("/control/stop", Stop, self._stop),
            post("/control/open_home", OpenHome, self._open_home),
            post("/control/run_step", RunStep, self._run_step),
            post("/control/edit", Edit, self._edit),
            post("/control/delete", Delete, self._delete),
            post("/control/react", React, self._react),
            post("/control/behave", Behave, self._behave),
            post("/control/session", AddSession, self._add_session),
            post("/control/devin_say", DevinSay, self._devin_say),
            post("/control/pull_request", PullRequest, self._pull_request),
            post("/control/fail", Fail, self._fail),
            post("/control/disconnect", Disconnect, self._disconnect),
            *elsewhere_routes(self._devin),
            *org_routes(self._slack),
        ]

    def close(self) -> None:
        """End the event streams, so that the server can stop."""
        self._closing.set()

    async def _on_state(self, _request: web.Request) -> web.Response:
        return web.json_response(await snapshot(self._slack, self._devin) | {"run": self._run})

    async def _on_file(self, request: web.Request) -> web.Response:
        return file_response(self._slack.workspace.files.get(request.match_info["id"]))

    async def _on_events(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        with suppress(ConnectionError):
            async with self._changes() as changes:
                await response.write(b": here\n\n")
                while not self._closing.is_set():
                    await response.write(await self._next_events(changes))
        return response

    async def _next_events(self, changes: asyncio.Queue[Change]) -> bytes:
        """Return the changes since the last call as SSE, or a comment after a silence."""
        try:
            first = await asyncio.wait_for(changes.get(), PING_SECONDS)
        except TimeoutError:
            return b": still here\n\n"
        await asyncio.sleep(GATHER_SECONDS)
        batch = [first, *(changes.get_nowait() for _ in range(changes.qsize()))]
        return "".join(f"data: {json.dumps(change)}\n\n" for change in batch).encode()

    @asynccontextmanager
    async def _changes(self) -> AsyncIterator[asyncio.Queue[Change]]:
        """Merge both sandboxes' changes, and one more that wakes the stream on close."""
        merged: asyncio.Queue[Change] = asyncio.Queue()
        from_slack, from_devin = self._slack.subscribe(), self._devin.subscribe()
        pumps = [
            asyncio.create_task(_pump(from_slack, merged)),
            asyncio.create_task(_pump(from_devin, merged)),
            asyncio.create_task(self._wake_when_closing(merged)),
        ]
        try:
            yield merged
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _wake_when_closing(self, merged: asyncio.Queue[Change]) -> None:
        await self._closing.wait()
        merged.put_nowait({"type": "closing"})

    async def _say(self, command: Say) -> Reply:
        ts = await self._slack.say(
            command.text,
            user=command.user,
            channel=command.channel,
            thread=command.thread,
            subtype=command.subtype,
            blocks=command.blocks,
            broadcast=command.broadcast,
            files=[self._file(upload, command.user) for upload in command.files],
        )
        return {"ts": ts}

    async def _forward(self, command: Forward) -> Reply:
        return {"ts": await self._slack.forward(**dict(command))}

    def _file(self, upload: Upload, user: str) -> SlackFile:
        try:
            content = base64.b64decode(upload.content, validate=True)
        except binascii.Error as error:
            raise ValueError(f"the content of {upload.name} is not base64") from error
        return self._slack.workspace.add_file(
            upload.name, user=user, content=content, mimetype=upload.mimetype
        )

    async def _slash(self, command: Slash) -> Reply:
        if command.command == "/invite":
            await self._slack.invite(command.text, user=command.user, channel=command.channel)
            return {}
        return _told(await self._slack.slash(**dict(command)))

    async def _press(self, command: Press) -> Reply:
        press = self._slack.press_ephemeral if command.ephemeral else self._slack.press
        delivery = await press(
            command.action_id,
            channel=command.channel,
            message_ts=command.message_ts,
            user=command.user,
            value=command.value,
            block_id=command.block_id,
        )
        return _told(delivery)

    async def _shortcut(self, command: RunShortcut) -> Reply:
        if command.message_ts is None:
            run = self._slack.global_shortcut(command.callback_id, user=command.user)
            return _told(await run)
        delivery = await self._slack.shortcut(
            command.callback_id,
            channel=command.channel,
            message_ts=command.message_ts,
            user=command.user,
        )
        return _told(delivery)

    async def _press_view(self, command: PressView) -> Reply:
        return _told(await self._slack.press_view(**dict(command)))

    async def _submit_view(self, command: SubmitView) -> Reply:
        return _told(await self._slack.submit_view(**dict(command)))

    async def _close_view(self, command: CloseView) -> Reply:
        await self._slack.close_view(command.view_id, user=command.user)
        return {}

    async def _suggest(self, command: Suggest) -> Reply:
        return _told(await self._slack.suggest(**dict(command)))

    async def _stop(self, command: Stop) -> Reply:
        await self._slack.stop(**dict(command))
        return {}

    async def _open_home(self, command: OpenHome) -> Reply:
        await self._slack.open_home(**dict(command))
        return {}

    async def _run_step(self, command: RunStep) -> Reply:
        return {"execution_id": await self._slack.run_step(command.callback_id, command.inputs)}

    async def _edit(self, command: Edit) -> Reply:
        await self._slack.edit(command.channel, command.ts, command.text)
        return {}

    async def _delete(self, command: Delete) -> Reply:
        await self._slack.delete(command.channel, command.ts)
        return {}

    async def _react(self, command: React) -> Reply:
        act = self._slack.unreact if command.remove else self._slack.react
        await act(command.channel, command.ts, command.name, user=command.user)
        return {}

    async def _behave(self, command: Behave) -> Reply:
        self._devin.behave(**dict(command))
        return {}

    async def _add_session(self, command: AddSession) -> Reply:
        self._devin.add_session(command.session_id, command.state, title=command.title)
        return {}

    async def _devin_say(self, command: DevinSay) -> Reply:
        self._devin.say(command.session_id, command.text)
        return {}

    async def _pull_request(self, command: PullRequest) -> Reply:
        count = len(self._devin.session(command.session_id).pull_requests)
        url = command.url or f"https://github.com/acme/relay/pull/{FIRST_PULL_REQUEST + count}"
        self._devin.open_pull_request(command.session_id, url, command.state)
        return {"url": url}

    async def _fail(self, command: Fail) -> Reply:
        self._slack.fail_next(**dict(command))
        return {}

    async def _disconnect(self, command: Disconnect) -> Reply:
        await self._slack.disconnect(command.reason)
        return {}


def _told(delivery: Delivery) -> Reply:
    return {"acked": delivery.acked, "response": delivery.response}


async def _pump(source: asyncio.Queue[Change], merged: asyncio.Queue[Change]) -> None:
    while True:
        merged.put_nowait(await source.get())
