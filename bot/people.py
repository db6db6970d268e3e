"""Who writes in Slack, and what people, channels and groups are called.

Everything here is asked of Slack once and remembered for some minutes. What decides about
permission fails closed: a look-up that fails gives a person who is known to be nobody.
"""

from collections.abc import Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.markdown import one_line
from bot.markup import Mentioned, Names
from bot.models import WORKFLOW, Person, Reply, UserId
from bot.remembered import Remembered
from bot.slack_calls import call


class People:
    """The people, bots, channels and groups of one Slack workspace."""

    def __init__(self, client: AsyncWebClient, team: str, enterprise: str | None) -> None:
        self._client = client
        self._team = team
        self._enterprise = enterprise
        self._users = Remembered(self._look_up_user)
        self._bots = Remembered(self._look_up_bot)
        self._channels = Remembered(self._look_up_channel)
        self._groups = Remembered(self._look_up_groups)

    async def person(self, user: UserId) -> Person:
        """Who `user` is; `Person.unknown` when Slack does not say."""
        if user == WORKFLOW:
            return Person(id=user, name="A workflow", is_known=False)
        return await self._users.get(user) or Person.unknown(user)

    async def author_name(self, reply: Reply) -> str:
        """What the reply's author is called; the id when Slack does not say."""
        # Not by `username`, which whoever posts can choose (docs.slack.dev, chat:write.customize).
        bot = next((one for one in reply.bots if one.startswith("B")), None)
        name = await self._bots.get(bot) if bot is not None else None
        if name or bot == reply.author:
            return name or reply.author
        return (await self.person(reply.author)).name

    async def names(self, mentioned: Mentioned) -> Names:
        """The names of what a text mentions, without those that Slack does not say."""
        return Names(
            users={
                user: person.name
                for user in mentioned.users
                if (person := await self._users.get(user)) is not None
            },
            channels={
                channel: name
                for channel in mentioned.channels
                if (name := await self._channels.get(channel)) is not None
            },
            groups=(await self._groups.get("all") or {}) if mentioned.groups else {},
        )

    async def _look_up_user(self, user: str) -> Person:
        answer = await call(self._client, "users.info", user=user)
        found = answer.get("user")
        return self._read_user(UserId(user), found if isinstance(found, dict) else {})

    def _read_user(self, user: UserId, found: Mapping[str, Any]) -> Person:
        """Read a user object (facts: docs.slack.dev/reference/objects/user-object).

        `is_stranger` does not serve: it is false for an outsider who shares a channel. What tells
        is the home workspace, or on Enterprise Grid the organisation.
        """
        flags = [found.get("is_restricted"), found.get("is_ultra_restricted")]
        grid = found.get("enterprise_user")
        enterprise = grid.get("enterprise_id") if isinstance(grid, dict) else None
        is_ours = found.get("team_id") == self._team or (
            self._enterprise is not None and enterprise == self._enterprise
        )
        return Person(
            id=user,
            name=_name(found) or user,
            is_guest=True in flags,
            is_external=not is_ours,
            is_bot=bool(found.get("is_bot")),
            # Of an outsider Slack tells the home, not the roles (docs.slack.dev, Slack Connect).
            is_known=bool(found.get("team_id"))
            and (not is_ours or all(isinstance(flag, bool) for flag in flags))
            and not found.get("deleted"),
        )

    async def _look_up_bot(self, bot: str) -> str:
        answer = await call(self._client, "bots.info", bot=bot)
        return one_line(str(answer["bot"]["name"])) or bot

    async def _look_up_channel(self, channel: str) -> str:
        answer = await call(self._client, "conversations.info", channel=channel)
        return str(answer["channel"].get("name") or channel)

    async def _look_up_groups(self, _: str) -> Mapping[str, str]:
        answer = await call(self._client, "usergroups.list")
        return {str(group["id"]): str(group["handle"]) for group in answer["usergroups"]}


def _name(found: Mapping[str, Any]) -> str:
    profile = found.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    names = (
        profile.get("display_name"),
        profile.get("real_name"),
        found.get("real_name"),
        found.get("name"),
    )
    return next((one_line(name) for name in names if isinstance(name, str) and name.strip()), "")
