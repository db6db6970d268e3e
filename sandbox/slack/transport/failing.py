"""Failures between the local Slack and the app, on request of a test or a person."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from sandbox.limits import CallLimit
from sandbox.slack.api.faults import Fault
from sandbox.slack.transport.deliveries import Kind
from sandbox.slack.transport.socket_mode import SocketModeTransport
from sandbox.slack.world.state import SlackState

DisconnectReason = Literal["refresh_requested", "warning", "link_disabled"]


class Failing:
    """Planned failures of the Web API, and Socket Mode connections that come and go."""

    _state: SlackState
    _socket_mode: SocketModeTransport | None

    def fail_next(  # noqa: PLR0913 - the ways to fail, by keyword
        self,
        method: str,
        *,
        status: int = 200,
        error: str | None = None,
        retry_after: int | str | None = None,
        times: int = 1,
        drop: bool = False,
        drop_after: bool = False,
        delay: float = 0.0,
        until: asyncio.Event | None = None,
        page: bool = False,
        body: dict[str, Any] | None = None,
    ) -> None:
        """Make the next `times` calls of a method (`*`: of any) fail; see `faults.Fault`.

        `retry_after` (seconds) alone means a 429; a 5xx without `error` has an HTML body.
        """
        if retry_after is not None and error is None and status == 200:  # noqa: PLR2004 - the default
            status = 429
        fault = Fault(status, error, retry_after, drop, drop_after, delay, until, page, body)
        self._state.faults.add(method, fault, times)

    def hurry(self, seconds: float, kind: Kind = "events_api") -> None:
        """Wait only so long for an ack over Socket Mode, for tests of what is not acknowledged.

        The real Slack waits 3 s, since there is no other way to refuse an envelope.
        """
        if self._socket_mode is not None:
            self._socket_mode.ack_timeouts[kind] = seconds
            self._socket_mode.is_hurried = True

    @contextmanager
    def patient(self, seconds: float, kind: Kind = "events_api") -> Iterator[None]:
        """Wait that long for an ack of what is sent in this context, also after `hurry`."""
        if self._socket_mode is None:
            yield
            return
        waits = self._socket_mode.ack_timeouts
        before, waits[kind] = waits[kind], seconds
        try:
            yield
        finally:
            waits[kind] = before

    @property
    def is_hurried(self) -> bool:
        """True after `hurry`: what a slow machine acknowledges late is sent twice."""
        return self._socket_mode is not None and self._socket_mode.is_hurried

    def jitter(self, seconds: float) -> None:
        """Let each call take up to so many seconds, and most of them a small part of it."""
        self._state.faults.jitter = seconds

    def fail_no_more(self, method: str | None = None) -> int:
        """Forget all planned failures and limits of calls, or those of `method`.

        Return how many failures no call has met.
        """
        return self._state.faults.clear(method)

    def refuse_markdown(self, containing: str) -> None:
        """Answer `invalid_blocks` to posts with `markdown` blocks that contain this, from now on.

        Slack refuses some Markdown that it does not draw; which, is not documented.
        """
        self._state.faults.undrawn = containing

    def refuse_posts(self, containing: str, error: str) -> None:
        """Answer `error` to posts that contain this, in text or blocks, from now on."""
        self._state.faults.blocked[containing] = error

    def limit_calls(self, method: str, calls: int, seconds: float) -> None:
        """Answer 429 to calls of `method` beyond that many within that time, from now on."""
        self._state.faults.limits[method] = CallLimit(calls, seconds)

    def limit_posts(self, seconds: float) -> None:
        """Answer 429 to a message that comes that soon after its channel's last, from now on."""
        self._state.faults.posts.seconds = seconds

    def redirect_downloads(self, to: str | None) -> None:
        """Answer a download at the first origin with a 302 to the same path at `to`, from now on.

        Enterprise Grid redirects from files.slack.com to files-origin.slack.com, here
        `files_origin` (github.com/NousResearch/hermes-agent/pull/114483); `to` may be any origin.
        None ends it.
        """
        self._state.faults.files_lead_to = to

    async def disconnect(
        self, reason: DisconnectReason = "refresh_requested", most: int | None = None
    ) -> None:
        """Tell every Socket Mode connection to leave, or the `most` oldest, as Slack does."""
        await self._socket().disconnect(reason, most)

    def drop_connections(self) -> None:
        """Cut every Socket Mode connection without notice."""
        self._socket().drop()

    async def close_connections(self) -> None:
        """Close every Socket Mode connection without first asking for a new one."""
        await self._socket().hang_up()

    def refuse_connections(self, refused: bool) -> None:  # noqa: FBT001 - on or off is all it says
        """Answer new Socket Mode connections with 503, or accept them again."""
        self._socket().is_refusing = refused

    async def wait_connected(self, count: int = 1, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - for tests, which have no scope
        """Wait until that many Socket Mode connections have been greeted; raises TimeoutError."""
        await self._socket().wait_connected(count, timeout)

    def _socket(self) -> SocketModeTransport:
        if self._socket_mode is None:
            raise RuntimeError("this local Slack delivers by HTTP")
        return self._socket_mode
