"""The open connections, and what is built on them alone: the workspace and its state in Redis."""

from collections.abc import Collection
from dataclasses import dataclass

from bot.devin.api import Devin
from bot.redis.connection import Store
from bot.runtime.in_flight import Background, InFlight
from bot.settings import Settings
from bot.slack.api import SlackClient
from bot.slack.app.workspace import Identity, Permissions, Workspace
from bot.slack.channels import Channels
from bot.slack.functions import Functions
from bot.slack.lookups import Source
from bot.slack.people import People
from bot.slack.threads import Threads
from bot.slack.views import Views
from bot.timing import Timing
from bot.wording.phrases import admin_named


@dataclass(frozen=True, slots=True)
class Connections:
    """The open connections, and the work in progress, that everything is built on."""

    settings: Settings
    timing: Timing
    in_flight: InFlight
    background: Background
    store: Store
    client: SlackClient
    identity: Identity
    devin: Devin
    file_hosts: Collection[str] = ()

    def workspace(self) -> Workspace:
        """Build the workspace."""
        client, identity, settings = self.client, self.identity, self.settings
        source = Source(client, self.store, self.timing)
        channels = Channels(source, settings.link_ttl)
        people = People(source, channels.lookup, identity.team, identity.enterprise)
        return Workspace(
            identity=identity,
            client=client,
            people=people,
            permissions=Permissions(settings, people),
            threads=Threads(client, channels),
            views=Views(client),
            channels=channels,
            functions=Functions(client),
            settings=settings,
            admin=admin_named(settings.admin_contact, mentions=settings.notify),
            timing=self.timing,
        )
