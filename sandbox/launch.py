"""Starts Slack, Devin and the page together, on ports that are free."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

from sandbox.devin.acting import Actor
from sandbox.devin.answers import Api
from sandbox.devin.server import DevinSandbox
from sandbox.page.server import PageServer
from sandbox.slack.server import SlackSandbox
from sandbox.slack.world.cast import make_lifelike

DEFAULT_PORT = 8377
SLACK_RETRY_DELAYS = (0.5, 10.0, 60.0)
"""Seconds; Slack's own are 0, a minute and five minutes, too long for someone who watches."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The three running servers, and notes about their ports."""

    slack: SlackSandbox
    devin: DevinSandbox
    page: PageServer
    notes: list[str]


def free_port(host: str, wanted: int) -> int:
    """Return `wanted` if it can be bound, else another port that the system picks."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in (wanted, 0):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no port is free on {host}")


@asynccontextmanager
async def running_sandbox(
    host: str,
    port: int = DEFAULT_PORT,
    *,
    request_url: str | None = None,
    api: Api = "v3",
    pace: float | None = None,
    is_agent: bool = True,
    org: bool = False,
) -> AsyncIterator[Sandbox]:
    """Run everything on `host`: the page on `port`, Slack and Devin on the next two.

    Ports that are taken are replaced, and 0 leaves all three to the system. With `request_url`,
    Slack sends its events there by HTTP instead of over Socket Mode. `api` is the generation of
    Devin's API that a bot is pointed at. With `pace`, Devin acts by itself, in pauses that are
    that much longer than usual. The app is declared as an agent, unless `is_agent` is False.
    With `org`, the bot is installed to an organization of two workspaces.
    """
    page_port, slack_port, devin_port = (
        free_port(host, port + offset) if port else 0 for offset in range(3)
    )
    taken = f"Port {port} is in use, so the page is on {page_port} instead."
    notes = [] if port in {0, page_port} else [taken]
    slack = SlackSandbox(
        host=host,
        port=slack_port,
        transport="socket" if request_url is None else "http",
        request_url=request_url,
        retry_delays=SLACK_RETRY_DELAYS,
        org=org,
    )
    make_lifelike(slack.workspace)
    slack.agent = is_agent
    async with slack, DevinSandbox(host=host, port=devin_port, api=api) as devin:
        devin.demo_sessions()
        acting = nullcontext() if pace is None else Actor(devin, pace).running()
        async with acting, PageServer(slack, devin, host=host, port=page_port) as page:
            yield Sandbox(slack, devin, page, notes)


def environment_of(slack: SlackSandbox, devin: DevinSandbox) -> dict[str, str]:
    """Return the settings that point a bot at this sandbox."""
    if slack.transport == "http":
        entry = {"SLACK_SIGNING_SECRET": slack.signing_secret}
    else:
        entry = {"SLACK_APP_TOKEN": slack.app_token}
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        **entry,
        "SLACK_API_URL": slack.api_url,
        "DEVIN_API_KEY": devin.api_key,
        "DEVIN_API_URL": devin.url,
        "LIST_SESSIONS": "true",
    }
