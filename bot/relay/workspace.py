"""The Slack workspace that is served, as a value."""

from dataclasses import dataclass

from bot.relay.permissions import Permissions
from bot.slack.api import SlackClient
from bot.slack.clock import SlackClock
from bot.slack.identity import Identity
from bot.slack.people import People
from bot.slack.threads import Threads
from bot.slack.views import Views


@dataclass(frozen=True, slots=True)
class Workspace:
    """Who we are in a workspace, how we speak to it, and who may steer Devin there."""

    identity: Identity
    client: SlackClient
    people: People
    permissions: Permissions
    threads: Threads
    views: Views

    @property
    def team(self) -> str:
        """Slack's id of the workspace, by which every key in Redis is named that is its own."""
        return self.identity.team

    @property
    def clock(self) -> SlackClock:
        """Slack's clock, as its answers tell it."""
        return self.client.clock
