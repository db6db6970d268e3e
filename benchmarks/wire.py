"""A minimal Slack and Devin, so that the measured cost is that of their client.

The sandbox keeps a workspace, its history and a page, and takes longer for an event than the relay
does. The wire keeps only times. It checks what the real servers check: the key of each call, the
arguments, the one-time address of a connection. Like Slack, it redelivers an event that is not
acknowledged in 3 s, three times. It has no rate limits. Devin speaks one generation of its API.
"""

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from benchmarks.devin import Sessions, Shown, numbers_in
from benchmarks.payloads import (
    BOT,
    BOT_USER,
    ORGANIZATION,
    PEOPLE,
    TEAM,
    envelope,
    new_ts,
    user_json,
)
from bot.model.generation import Generation
from bot.slack.app.manifest import required_scopes

BOT_TOKEN, APP_TOKEN = "xoxb-bench", "xapp-bench"
DEVIN_KEYS = {Generation.V1: "apk_bench", Generation.V3: "cog_bench"}
MESSAGE_PATHS: Mapping[Generation, str] = {
    Generation.V1: "/v1/sessions/{session}/message",
    Generation.V3: f"/v3/organizations/{ORGANIZATION}/sessions/{{session}}/messages",
}
"""The path of a message, for `format`."""

WINDOW = 256
"""Events that may be unacknowledged at once; more wait to be sent."""

PATIENCE_SECONDS = 3.0
"""Slack's timeout for an acknowledgement."""

ATTEMPTS = 3
"""Slack's number of redeliveries; here without its pauses of 1 and 5 minutes."""

SCOPES = ",".join(required_scopes())
NEEDED = {
    "users.info": ("user",),
    "reactions.add": ("channel", "timestamp", "name"),
    "chat.postMessage": ("channel",),
    "chat.update": ("channel", "ts"),
    "conversations.info": ("channel",),
    "conversations.replies": ("channel", "ts"),
    "assistant.threads.setStatus": ("channel_id", "thread_ts"),
}
"""The arguments that a method must have."""
ALWAYS: Mapping[str, dict[str, Any]] = {
    "auth.test": {"team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT},
    **{method: {} for method in NEEDED},
}
"""The answers that are always the same."""
UNKNOWN_USER = {"ok": False, "error": "user_not_found"}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that reached Devin, and when (monotonic seconds)."""

    session: str
    text: str
    at: float


@dataclass(slots=True)
class _Sent:
    event: dict[str, Any]
    first: float
    last: float
    attempts: int = 0


@dataclass
class Wire:
    """Both servers on one port, and their traffic.

    `api` is the generation that Devin speaks, and `delay` the time that it takes for a message, in
    seconds; `ack_seconds` are from an event's first sending to its acknowledgement's arrival here;
    `repeats` counts the redeliveries. `on_arrival` is called with the session when a message has
    come to Devin, `on_answer` when Devin answers it.
    """

    delay: float = 0.0
    api: Generation = Generation.V3
    url: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    ack_seconds: list[float] = field(default_factory=list)
    repeats: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    last_request: float = 0.0
    on_arrival: Callable[[str], None] = lambda _: None
    on_answer: Callable[[str], None] = lambda _: None
    devin: Sessions = field(init=False)
    _socket: web.WebSocketResponse | None = None
    _connected: asyncio.Event = field(default_factory=asyncio.Event)
    _tickets: set[str] = field(default_factory=set)
    _unacked: dict[str, _Sent] = field(default_factory=dict)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WINDOW))

    def __post_init__(self) -> None:
        """Begin without sessions."""
        self.devin = Sessions(self.api)

    async def connected(self, seconds: float) -> None:
        """Wait for a Socket Mode connection."""
        async with asyncio.timeout(seconds):
            await self._connected.wait()

    async def send(self, event: dict[str, Any]) -> float:
        """Send an event as soon as there is room for it; return the time (monotonic seconds)."""
        await self._room.acquire()
        if self._socket is None:
            raise ConnectionError("nobody is connected")
        name = uuid.uuid4().hex
        frame = envelope(name, event)
        now = time.monotonic()
        self._unacked[name] = _Sent(event, now, now)
        await self._socket.send_str(frame)
        return now

    async def repeat(self) -> None:
        """Redeliver, until canceled, what is not acknowledged in time; give up as Slack does."""
        while True:
            await asyncio.sleep(PATIENCE_SECONDS / 10)
            now = time.monotonic()
            for name, one in list(self._unacked.items()):
                if now - one.last < PATIENCE_SECONDS or self._socket is None or self._socket.closed:
                    continue
                if one.attempts == ATTEMPTS:
                    del self._unacked[name]
                    self._room.release()
                    continue
                one.last, one.attempts = now, one.attempts + 1
                self.repeats += 1
                await self._socket.send_str(envelope(name, one.event, one.attempts))

    @property
    def unacknowledged(self) -> int:
        """The number of events that were sent and not acknowledged yet."""
        return len(self._unacked)

    def environ(self) -> dict[str, str]:
        """Return the settings of a client of these servers.

        `MESSAGE_PATH` is for those that know no generation of Devin's API.
        """
        return {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": f"{self.url}/api/",
            "DEVIN_API_KEY": DEVIN_KEYS[self.api],
            "DEVIN_API_URL": self.url,
            "MESSAGE_PATH": MESSAGE_PATHS[self.api],
        }

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request of either server."""
        self.last_request = time.monotonic()
        match request.path.split("/")[1:]:
            case [self.api, *resource]:
                return await self._devin(resource, request)
            case ["api", method]:
                return _json(await self._call(method, request))
            case ["link"]:
                return await self._converse(request)
        return _json({"detail": "Not Found"}, 404)

    async def _devin(self, resource: list[str], request: web.BaseRequest) -> web.Response:
        """Answer a message, a read, or who is calling."""
        if request.headers.get("Authorization") != f"Bearer {DEVIN_KEYS[self.api]}":
            return _json({"detail": "Unauthorized"}, 401)
        if resource[:2] == ["organizations", ORGANIZATION] and self.api is Generation.V3:
            resource = resource[2:]
        elif self.api is Generation.V3 and resource != ["self"]:
            return _json({"detail": "Not Found"}, 404)
        match resource:
            case ["sessions", session, "message"] if self.api is Generation.V1:
                return await self._message(session, request, None)
            case ["sessions", session, "messages"] if request.method != "GET":
                return await self._message(session, request, self.devin.shown(session))
            case ["self"] if self.api is Generation.V3:
                return _json({"principal_type": "service_user", "org_id": ORGANIZATION})
        query = {name: request.query.getall(name) for name in request.query}
        found = self.devin.read(resource, query) if request.method == "GET" else None
        return _json({"detail": "Not Found"}, 404) if found is None else _json(found)

    async def _message(
        self, session: str, request: web.BaseRequest, success: object
    ) -> web.Response:
        at = time.monotonic()
        if request.method != "POST":
            return _json({"detail": "Method Not Allowed"}, 405)
        try:
            body = json.loads(await request.read())
        except ConnectionError:  # a contestant that ends while it still sends
            return _json({"detail": "Bad Request"}, 400)
        if not isinstance(body.get("message"), str):
            problem = {"loc": ["body", "message"], "msg": "Field required", "type": "missing"}
            return _json({"detail": [problem]}, 422)
        self.devin.take(session, "user", body["message"])
        self.arrivals.append(Arrival(session, body["message"], at))
        self.on_arrival(session)
        if self.delay:
            await asyncio.sleep(self.delay)
        self.on_answer(session)
        return _json(success)

    async def _call(self, method: str, request: web.BaseRequest) -> dict[str, Any]:
        self.calls[method] += 1
        token = APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN
        if request.headers.get("Authorization") != f"Bearer {token}":
            return {"ok": False, "error": "invalid_auth"}
        given = await _arguments(request)
        if missing := [name for name in NEEDED.get(method, ()) if not given.get(name)]:
            return {"ok": False, "error": "invalid_arguments", "needed": missing}
        return {"ok": True} | self._found(method, given)

    def _found(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "apps.connections.open":
                ticket = uuid.uuid4().hex
                self._tickets.add(ticket)
                return {"url": f"{self.url.replace('http', 'ws')}/link?ticket={ticket}"}
            case "users.info":
                is_known = given["user"] in PEOPLE
                return {"user": user_json(given["user"])} if is_known else UNKNOWN_USER
            case "chat.postMessage":
                now, thread = time.monotonic(), str(given.get("thread_ts"))
                said = numbers_in(str(given.get("blocks")))
                self.shown += [Shown(number, thread, now) for number in said]
                return {"channel": given["channel"], "ts": new_ts()}
            case "conversations.info":
                return {"channel": {"id": given["channel"], "is_channel": True, "is_shared": False}}
            case "conversations.replies":
                root = {"type": "message", "user": PEOPLE[0], "ts": given["ts"], "text": "Hi"}
                return {"messages": [root], "has_more": False}
        return ALWAYS.get(method, {"ok": False, "error": "unknown_method"})

    async def _converse(self, request: web.BaseRequest) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return _json({"ok": False}, 404)
        self._tickets.discard(ticket)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_json({"type": "hello", "num_connections": 1, "connection_info": {}})
        self._socket = ws
        self._connected.set()
        async for frame in ws:
            now = time.monotonic()
            if frame.type is WSMsgType.TEXT:
                sent = self._unacked.pop(json.loads(frame.data).get("envelope_id", ""), None)
                if sent is not None:
                    self.ack_seconds.append(now - sent.first)
                    self._room.release()
        return ws


async def _arguments(request: web.BaseRequest) -> dict[str, Any]:
    """Read the arguments where Slack accepts them: the query, a form, or JSON."""
    if request.content_type == "application/json":
        given: dict[str, Any] = json.loads(await request.read())
        return given
    return dict(request.query) | dict(await request.post())


def _json(body: object, status: int = 200) -> web.Response:
    headers = {"X-OAuth-Scopes": SCOPES}
    return web.Response(
        text=json.dumps(body), status=status, content_type="application/json", headers=headers
    )


@asynccontextmanager
async def open_wire(delay: float = 0.0, api: Generation = Generation.V3) -> AsyncIterator[Wire]:
    """Run both servers on a free port of this machine."""
    wire = Wire(delay, api)
    runner = web.ServerRunner(web.Server(wire.answer, access_log=None), shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    wire.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    repeating = asyncio.create_task(wire.repeat())
    try:
        yield wire
    finally:
        repeating.cancel()
        await asyncio.wait({repeating})
        await runner.cleanup()
