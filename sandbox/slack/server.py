"""The local Slack: an aiohttp server that behaves like the real one, and the people who use it.

    async with SlackSandbox() as slack:
        ...  # start the app with slack.api_url, slack.bot_token, slack.app_token
        await slack.wait_connected()
        ts = await slack.say("hello", user="ada", channel="general")

People's acts are in `Writing`, `Interacting` and `Agents`, failures in `Failing`, and state that
outlives it in `Keeping`; this module has its life cycle and what people see.
Leaving the block stops every pending delivery and redelivery.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from sandbox.loopback import loopback_only, without_pages
from sandbox.slack.acts.agents import Agents
from sandbox.slack.acts.interacting import Interacting
from sandbox.slack.acts.keeping import Keeping
from sandbox.slack.acts.organizing import Organizing
from sandbox.slack.acts.responses import serve_response
from sandbox.slack.acts.writing import Writing
from sandbox.slack.api.faults import ApiCall, Download
from sandbox.slack.api.file_methods import UPLOAD_PATH
from sandbox.slack.api.requests import Caller
from sandbox.slack.api.web_api import WebApi
from sandbox.slack.transport.deliveries import Delivery
from sandbox.slack.transport.failing import Failing
from sandbox.slack.transport.http_events import HttpTransport, signed_headers
from sandbox.slack.transport.socket_mode import SocketModeTransport
from sandbox.slack.world.cast import APP_ID, make_org
from sandbox.slack.world.org import ORG_EVENTS, installed_id
from sandbox.slack.world.state import Edit, SlackState, Subscription
from sandbox.slack.world.statuses import Status
from sandbox.slack.world.workspace import JSON, Message, Workspace

__all__ = ["ApiCall", "Delivery", "Message", "SlackSandbox", "Subscription"]

_MAX_BODY_BYTES = 64 * 1024**2


class SlackSandbox(Writing, Interacting, Agents, Organizing, Failing, Keeping):
    """One local Slack and one app; its fake tokens are always the same.

    With `org`, the app is installed to an organization of two workspaces, else to one workspace.
    """

    bot_token = "xoxb-sandbox-not-a-secret"  # noqa: S105 - made up
    app_token = f"xapp-1-{APP_ID}-sandbox-not-a-secret"
    signing_secret = "sandbox-signing-not-a-secret"  # noqa: S105 - made up
    app_id = APP_ID

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        transport: Literal["socket", "http"] = "socket",
        request_url: str | None = None,
        retry_delays: Sequence[float] = (0.05, 0.3, 1.0),
        ack_timeout: float = 3.0,
        org: bool = False,
    ) -> None:
        self._address = (host, port)
        self._socket_mode = SocketModeTransport(ack_timeout) if transport == "socket" else None
        self._http = HttpTransport(request_url, self.signing_secret, ack_timeout)
        self._state = SlackState(self._socket_mode or self._http, retry_delays)
        self._http.clock = self.workspace.clock
        if org:
            make_org(self.workspace)
            self.bot_events = [*self.bot_events, *ORG_EVENTS]
        if self._socket_mode is not None:
            self._socket_mode.on_change = lambda: self._state.notify("connection")
        tokens = {
            self.bot_token: Caller("bot", self.bot_token),
            self.app_token: Caller("app", self.app_token),
        }
        self._web_api = WebApi(self._state, tokens, self._socket_mode)
        self._runner: web.AppRunner | None = None
        self.files_origin = ""
        """A second origin with the same files, like files-origin.slack.com."""

    async def __aenter__(self) -> Self:
        """Start serving on the given port, or on a free one."""
        app = web.Application(
            client_max_size=_MAX_BODY_BYTES, middlewares=[loopback_only, without_pages]
        )
        app.on_response_prepare.append(self.workspace.clock.date)
        app.router.add_route("*", "/api/{method}", self._web_api.serve)
        app.router.add_get("/files-pri/{team}-{file}/{path:.*}", self._web_api.serve_file)
        app.router.add_post(UPLOAD_PATH + "{key}", self._web_api.serve_upload)
        app.router.add_post("/response/{key}", self._serve_response)
        if self._socket_mode is not None:
            app.router.add_get("/link/", self._socket_mode.serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        host, port = self._address
        for each in (port, 0):
            await web.TCPSite(self._runner, host, each).start()
        base, self.files_origin = (f"http://{host}:{each[1]}" for each in self._runner.addresses)
        self._take_address(base)
        await self._http.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop delivering, close every connection and free the port."""
        await self._state.courier.close()
        if self._socket_mode is not None:
            await self._socket_mode.close()
        await self._http.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def transport(self) -> Literal["socket", "http"]:
        """The transport through which the app is reached."""
        return "http" if self._socket_mode is None else "socket"

    @property
    def connections(self) -> int:
        """The number of usable Socket Mode connections."""
        return 0 if self._socket_mode is None else self._socket_mode.connection_count

    @property
    def api_url(self) -> str:
        """The Web API's base address, as `SLACK_API_URL` wants it."""
        return f"{self._state.base_url}/api/"

    @property
    def bot_user_id(self) -> str:
        """The user id of the app's bot, as mentions contain it."""
        return self._state.bot.id

    @property
    def bot_id(self) -> str:
        """The app's `B…` id."""
        return self._state.bot.bot_id

    @property
    def team_id(self) -> str:
        """The id of what the app is installed to: the workspace or the organization."""
        return installed_id(self.workspace)

    @property
    def workspace(self) -> Workspace:
        """The state: users, channels, messages, files."""
        return self._state.workspace

    @property
    def calls(self) -> list[ApiCall]:
        """Every Web API call received, oldest first."""
        return self._state.calls

    @property
    def downloads(self) -> list[Download]:
        """Every request for a file, oldest first."""
        return self._state.downloads

    @property
    def deliveries(self) -> list[Delivery]:
        """Everything handed to the app, oldest first."""
        return self._state.courier.deliveries

    @property
    def scopes(self) -> list[str]:
        """The bot token's scopes; a test may remove some."""
        return self._state.scopes

    @scopes.setter
    def scopes(self, scopes: Sequence[str]) -> None:
        self._state.scopes = list(scopes)

    @property
    def bot_events(self) -> list[str]:
        """The events the app is subscribed to, as in its manifest; others are not sent."""
        return self._state.bot_events

    @bot_events.setter
    def bot_events(self, bot_events: Sequence[str]) -> None:
        self._state.bot_events = list(bot_events)

    @property
    def trigger_seconds(self) -> float:
        """The lifetime of a trigger id: three seconds, unless a test changes it."""
        return self._state.triggers.seconds

    @trigger_seconds.setter
    def trigger_seconds(self, seconds: float) -> None:
        self._state.triggers.seconds = seconds

    @property
    def response_url_seconds(self) -> float:
        """The lifetime of a response URL: thirty minutes, unless a test changes it."""
        return self._state.response_urls.seconds

    @response_url_seconds.setter
    def response_url_seconds(self, seconds: float) -> None:
        self._state.response_urls.seconds = seconds

    @property
    def request_url(self) -> str | None:
        """The address for events by HTTP; it may be set once the app has its port."""
        return self._http.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self._http.request_url = url

    async def verify_url(self) -> bool:
        """Do the `url_verification` handshake with the request URL; return True if it worked."""
        return await self._http.verify_url()

    def sign(self, body: bytes, timestamp: int | None = None) -> dict[str, str]:
        """Return the signature headers for a body, to send requests by hand."""
        at = self.workspace.clock.now() if timestamp is None else timestamp
        return signed_headers(self.signing_secret, body, at)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """Return a thread: its root, then the replies, oldest first."""
        return self.workspace.thread(channel, ts)

    def channel_messages(self, channel: str) -> list[Message]:
        """Return all messages of a channel, including replies, oldest first."""
        return list(self.workspace.channel(channel).messages.values())

    def reactions(self, channel: str, ts: str) -> list[str]:
        """Return the names of a message's reactions, in the order in which they were added."""
        return list(self.workspace.message(channel, ts).reactions)

    def edits(self, channel: str, ts: str) -> list[Edit]:
        """Return the edits of a message, oldest first; link previews are none."""
        return list(self._state.edits[self.workspace.message(channel, ts).ts])

    def status(self, channel: str, thread: str) -> str:
        """Return the status line that a thread shows now, or an empty text."""
        return self._state.statuses.shown(self.workspace.message(channel, thread).ts)

    @property
    def statuses(self) -> list[Status]:
        """Every status that the app has set or cleared, oldest first."""
        return self._state.statuses.history

    def ephemerals(self, channel: str, user: str | None = None) -> list[Message]:
        """Return the ephemeral messages that a channel shows, to everybody or to one user."""
        place = self.workspace.channel(channel).id
        reader = None if user is None else self.workspace.user(user).id
        return [
            message
            for message in self._state.ephemerals
            if message.channel == place and reader in {None, message.ephemeral_to}
        ]

    @property
    def unseen(self) -> list[Message]:
        """The ephemeral messages that were accepted and shown to nobody, oldest first."""
        return self._state.unseen

    def home_view(self, user: str) -> JSON | None:
        """Return the app's published view on a user's Home tab."""
        return self._state.views.home_of(self.workspace.user(user).id)

    def open_views(self, user: str) -> list[JSON]:
        """Return a user's open modals, with the one in front last; refused ones carry `errors`."""
        return self._state.views.open_for(self.workspace.user(user).id)

    @property
    def step_results(self) -> dict[str, tuple[str, Any]]:
        """The result of each finished step: execution id -> ("success" or "error", payload)."""
        return self._state.steps.results

    def subscribe(self) -> Subscription:
        """Return a queue of every change from now on, as small JSON-able dicts with a `type`."""
        return self._state.subscribe()

    def _take_address(self, base_url: str) -> None:
        self._state.base_url = self._web_api.base_url = base_url
        self.workspace.files_url = f"{base_url}/files-pri/"

    async def _serve_response(self, request: web.Request) -> web.Response:
        return await serve_response(self._state, request)
