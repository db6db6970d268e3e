"""Decides who may see a channel's content outside of it.

It fails closed: a channel not known to be public is visible to its members only, and one that Slack
does not show the bot is visible to nobody.
"""

import logging
from collections.abc import Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.model.people import Person
from bot.slack.api import call
from bot.slack.lookups import Lookup

log = logging.getLogger(__name__)

CHANNELS = 2_000
MEMBERS = 100
"""Number of channels whose members are cached, each up to `PAGES` pages of them."""

PAGES = 10
PAGE = 1_000
MEMBERS_SECONDS = 5.0


class ChannelVisibility:
    """Reads channels and their members (docs.slack.dev/reference/methods, conversations.*)."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._public = Lookup("conversations.info", self._look_up_public, most=CHANNELS)
        self._members = Lookup(
            "conversations.members", self._look_up_members, most=MEMBERS, seconds=MEMBERS_SECONDS
        )

    async def includes(self, person: Person, channel: str) -> bool:
        """Return True if `person` can read `channel` in Slack; False if Slack does not show it.

        Direct messages are visible to nobody here. A public channel is visible to all full members
        of the workspace, even those who have not joined; guests and people from elsewhere must have
        joined.

        Raises:
            SlackAway: Slack did not answer.
        """
        is_public = await self._public.get(channel)
        if is_public is None:
            return False
        if is_public and person.is_full_member:
            return True
        return person.id in (await self._members.get(channel) or frozenset())

    async def _look_up_public(self, channel: str) -> bool:
        """Return True if the channel is public.

        `is_private` decides, which a group direct message has, too; the id never does, since
        sharing turns a G into a C (docs.slack.dev/reference/objects/conversation-object).
        """
        found = (await call(self._client, "conversations.info", channel=channel))["channel"]
        if found.get("is_im"):
            raise KeyError("is_im")
        is_group = bool(found.get("is_mpim") or found.get("is_group"))
        return found["is_private"] is False and not is_group

    async def _look_up_members(self, channel: str) -> frozenset[str]:
        members: set[str] = set()
        cursor: Mapping[str, Any] = {}
        for _ in range(PAGES):
            page = await call(
                self._client, "conversations.members", channel=channel, limit=PAGE, **cursor
            )
            members.update(str(member) for member in page["members"])
            following = (page.get("response_metadata") or {}).get("next_cursor")
            if not following:
                return frozenset(members)
            cursor = {"cursor": following}
        log.warning("more members than are read", extra={"channel": channel})
        return frozenset(members)
