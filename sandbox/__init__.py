"""A local Slack and a local Devin, to try the relay with and to test it against."""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from sandbox.devin.answers import Api
from sandbox.devin.server import DevinSandbox
from sandbox.slack.server import SlackSandbox

__all__ = ["DevinSandbox", "Sandbox", "SlackSandbox"]


class Sandbox:
    """Both servers in one block: `async with Sandbox() as box` gives `box.slack`, `box.devin`.

    Keyword arguments are those of `SlackSandbox`; Devin gets the same host and `devin_port`, and
    `devin_api` is the generation of its API that a bot is pointed at.
    """

    def __init__(self, *, devin_port: int = 0, devin_api: Api = "v3", **slack: Any) -> None:
        self.slack = SlackSandbox(**slack)
        host = slack.get("host", "127.0.0.1")
        self.devin = DevinSandbox(host=host, port=devin_port, api=devin_api)
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start both."""
        async with AsyncExitStack() as starting:
            await starting.enter_async_context(self.slack)
            await starting.enter_async_context(self.devin)
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop both."""
        await self._running.aclose()
