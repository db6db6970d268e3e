"""Who writes in Slack, and what people, channels and groups are called.

Everything here is asked of Slack once and remembered for some minutes. What decides about
permission fails closed: a look-up that fails gives a person who is known to be nobody.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from cachetools import TTLCache
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import SlackAway, SlackRefused
from bot.markup import Mentioned, Names
from bot.models import Person, Reply, UserId
from bot.slack_calls import call

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 300
"""How late a change of somebody's standing (guest, deactivated, renamed) may be noticed."""

FAILURE_REMEMBERED_SECONDS = 5
REMEMBERED = 10_000

LOOK_UP_SECONDS = 1.0
"""For one look-up; two of them fit into Slack's 3 s for an acknowledgement."""

V = TypeVar("V")


class _Remembered(Generic[V]):
    """Answers of a look-up by id: one question at a time for each id, failures kept shortly."""

    def __init__(self, look_up: Callable[[str], Awaitable[V]]) -> None:
        self._look_up = look_up
        self._answers: TTLCache[str, V] = TTLCache(REMEMBERED, REMEMBERED_SECONDS)
        self._failures: TTLCache[str, None] = TTLCache(REMEMBERED, FAILURE_REMEMBERED_SECONDS)
        self._asking: dict[str, asyncio.Task[V | None]] = {}

    async def get(self, key: str) -> V | None:
        """The answer for `key`, or None when Slack did not give one."""
        if key in self._answers:
            return self._answers[key]
        if key in self._failures:
            return None
        if key not in self._asking:
            self._asking[key] = asyncio.create_task(self._ask(key))
            self._asking[key].add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(self._asking[key])

    async def _ask(self, key: str) -> V | None:
        for _ in range(2):
            try:
                async with asyncio.timeout(LOOK_UP_SECONDS):
                    self._answers[key] = answer = await self._look_up(key)
                    return answer
            except SlackRefused as error:
                log.warning("look-up refused", extra={"id": key, "reason": str(error)})
                break
            except (SlackAway, TimeoutError) as error:
                log.warning("look-up failed", extra={"id": key, "reason": str(error)})
            except (KeyError, TypeError, AttributeError) as error:
                # An answer without what its method promises names nobody, and must not end a
                # delivery again and again.
                log.warning("look-up unreadable", extra={"id": key, "reason": type(error).__name__})
                break
        self._failures[key] = None
        return None


class People:
    """The people, bots, channels and groups of one Slack workspace."""

    def __init__(self, client: AsyncWebClient, team: str, enterprise: str | None) -> None:
        self._client = client
        self._team = team
        self._enterprise = enterprise
        self._users = _Remembered(self._look_up_user)
        self._bots = _Remembered(self._look_up_bot)
        self._channels = _Remembered(self._look_up_channel)
        self._groups = _Remembered(self._look_up_groups)

    async def person(self, user: UserId) -> Person:
        """Who `user` is; `Person.unknown` when Slack does not say."""
        return await self._users.get(user) or Person.unknown(user)

    async def author_name(self, reply: Reply) -> str:
        """What the reply's author is called; the id when Slack does not say."""
        if reply.bots:
            return await self._bots.get(reply.bots[0]) or reply.author
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
        return _one_line(str(answer["bot"]["name"])) or bot

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
    return next((_one_line(name) for name in names if isinstance(name, str) and name.strip()), "")


def _one_line(name: str) -> str:
    """A name is chosen by its bearer: it must not be able to start a line of its own."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:80]
