"""What Slack says of people and channels, as one process asks for it."""

from datetime import timedelta

from redis.asyncio import Redis

from bot.redis.connection import Store
from bot.slack.api import SlackClient
from bot.slack.channels import Channels
from bot.slack.lookups import LookupParts
from bot.slack.people import People
from bot.timing import Timing
from sandbox import Sandbox
from tests.support.bots import BRISK
from tests.support.slack_apps import web_client


async def forget(raw: Redis) -> None:
    """Let no process know what Slack has said, or how often it was asked, as hours later.

    What a process has at hand itself stays for a minute: people and names.
    """
    for kind in ("known", "calls"):
        async for key in raw.scan_iter(f"*}}:{kind}:*"):
            await raw.delete(key)


async def later(raw: Redis, passed: timedelta) -> None:
    """Let the starts that were counted be older by the time that has `passed`."""
    async for key in raw.scan_iter("*}:calls:start:*"):
        for start in await raw.zrange(key, 0, -1):
            await raw.zincrby(key, -passed.total_seconds() * 1000, str(start))


def channels_of(client: SlackClient, store: Store) -> Channels:
    """Return the channels of a workspace, which a slow machine finds as well."""
    return Channels(LookupParts(client, store, BRISK), timedelta(hours=1))


def organization_of(box: Sandbox) -> str | None:
    """Return the id of the organization in which the sandbox's workspace is, if any."""
    org = box.slack.workspace.org
    return None if org is None else org.id


def people_of(
    box: Sandbox, store: Store, client: SlackClient | None = None, timing: Timing = BRISK
) -> People:
    """Return the people of the sandbox's workspace."""
    client = client or web_client(box.slack)
    channels = channels_of(client, store)
    return People(
        LookupParts(client, store, timing), channels.lookup, box.slack.team_id, organization_of(box)
    )
