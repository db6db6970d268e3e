"""The Slack workspace that the relay serves, as a value."""

from dataclasses import dataclass

from bot.settings import Settings
from bot.slack.api import SlackClient
from bot.slack.app.identity import Identity
from bot.slack.app.permissions import Permissions
from bot.slack.channels import Channels
from bot.slack.clock import SlackClock
from bot.slack.functions import Functions
from bot.slack.people import People
from bot.slack.threads import Threads
from bot.slack.views import Views
from bot.timing import Timing


@dataclass(frozen=True, slots=True)
class Workspace:
    """The relay's identity in a workspace, its clients for it, and its permissions there.

    `admin` is who people are told to ask, as Slack markup within a sentence.
    """

    identity: Identity
    client: SlackClient
    people: People
    permissions: Permissions
    threads: Threads
    views: Views
    channels: Channels
    functions: Functions
    settings: Settings
    admin: str
    timing: Timing

    @property
    def team(self) -> str:
        """Slack's id of the workspace, which is in the name of each of its own keys in Redis."""
        return self.identity.team

    @property
    def clock(self) -> SlackClock:
        """Slack's clock, estimated from its answers and events."""
        return self.client.clock
