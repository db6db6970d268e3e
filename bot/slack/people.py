"""The people who write in Slack, and the names of people, channels and groups.

A person whom Slack does not describe is unknown, and a failed look-up decides nothing.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from bot.model import errors
from bot.model.people import WORKFLOW, Person, UserId
from bot.model.record import mapping, mappings, string, strings
from bot.model.replies import Reply
from bot.redis import keep
from bot.redis.keys import known_key
from bot.slack.api import SlackClient, ask_first, call, pages
from bot.slack.channels import Channel
from bot.slack.lookups import TIER_2, TIER_4, Lookup, LookupParts, Need
from bot.text.mrkdwn import SIGNS, Mention, Names
from bot.text.speakers import one_line

HOME = "team_id"
GUEST_FLAGS = frozenset({"is_restricted", "is_ultra_restricted"})
"""Fields of a user object: the id of a person's home, and two that mark a guest."""

SLACKBOT = "USLACKBOT"
"""Slack's own bot, which Slack describes as a person (`is_bot: false`)."""

ALL = "all"
GROUP_MEMBERS = "usergroups.users.list"
GROUP_HOME = "usergroup.home"
ELSEWHERE = frozenset({UserId("")})
"""The answer of a workspace that doesn't have a group."""

FIND_SECONDS = 30.0
WORKSPACES = "auth.teams.list"
WORKFLOW_NAME = "A workflow"

MOST_NAMES = 50
"""The names of one text that are looked up."""

_PERSON, _MEMBERS = TypeAdapter(Person), TypeAdapter(frozenset[UserId])
_BOT, _BY_ID = TypeAdapter(str), TypeAdapter(dict[str, str])

_Asked = Lookup[Person] | Lookup[Channel] | Lookup[str] | Lookup[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Called:
    """The names in a message to Devin; `sender` may be empty."""

    author: str
    sender: str
    names: Names


class People:
    """The people, bots, channels and groups of a Slack workspace, or of an organization.

    An org-wide token belongs to no workspace: methods that want one are told each (`team_id`,
    docs.slack.dev/enterprise/developing-for-enterprise-orgs).
    """

    def __init__(
        self, source: LookupParts, channels: Lookup[Channel], tenant: str, enterprise: str | None
    ) -> None:
        self._client = source.client
        self._store = source.store
        self._tenant = tenant
        self._enterprise = enterprise
        self._is_org = tenant == enterprise
        self._names_seconds = source.timing.names_seconds
        self._users = Lookup(source, "users.info", self._look_up_user, _PERSON, tier=TIER_4)
        self._bots = Lookup(source, "bots.info", self._look_up_bot, _BOT)
        self._channels = channels
        self._groups = Lookup(source, "usergroups.list", self._look_up_groups, _BY_ID, tier=TIER_2)
        self._members = Lookup(
            *(source, GROUP_MEMBERS, self._look_up_members, _MEMBERS, TIER_2),
            keeps=lambda found: keep.GROUP_HOME if found == ELSEWHERE else keep.LOOKED_UP,
        )
        self._workspaces = Lookup(
            source, WORKSPACES, lambda _: workspaces_of(source.client), _BY_ID, tier=TIER_2
        )

    async def is_home(self, place: str) -> bool:
        """Return True for our workspace or organization, or in the latter; raises as `person`."""
        with identifying(WORKSPACES):
            return await self._is_ours(place)

    async def forget_workspaces(self) -> None:
        """Let the list of the organization's workspaces be asked for again: it has changed."""
        await self._workspaces.forget(ALL)

    async def person(self, user: UserId, need: Need = Need.ACT) -> Person:
        """Look `user` up, `Person.unknown` if there is none; may raise `NotIdentified`."""
        if user == WORKFLOW:
            return Person(id=user, name=WORKFLOW_NAME, is_known=False)
        with identifying("users.info"):
            return await self._users.get(user, need) or Person.unknown(user)

    async def email(self, user: UserId) -> str:
        """Return the confirmed address of a full member, "" for others; it is kept nowhere."""
        found = mapping((await call(self._client, "users.info", user=user))["user"])
        if not (await self._read_user(user, found)).is_full_member:
            return ""
        # The documentation doesn't say which of the two needs the scope users:read.email.
        email, is_confirmed = string(mapping(found.get("profile")), "email"), "is_email_confirmed"
        if not email or not isinstance(found.get(is_confirmed), bool):
            raise errors.AccountsDenied("Slack tells no email address (users:read.email)")
        return email if found[is_confirmed] else ""

    async def members(self, group: str) -> frozenset[UserId]:
        """Return the members of a user group, if there is one; raises as `person` does."""
        with identifying(GROUP_MEMBERS):
            home = await self._store.get(known_key(GROUP_HOME, group)) or ""
            # In an organization, a group is one workspace's: that is asked first, once it is known.
            for place in sorted(await self._places(), key=lambda one: one != home):
                found = await self._members.get(f"{group}@{place}")
                if found and found != ELSEWHERE:
                    await self._store.put(known_key(GROUP_HOME, group), place, keep.GROUP_HOME)
                    return found
        return frozenset()

    async def find_groups(self, groups: Iterable[str]) -> None:
        """Find the workspaces of user groups, however many there are to ask."""
        left = deque(groups if self._is_org else ())
        while left:
            try:
                await self.members(left[0])
                left.popleft()
            except (errors.NotIdentified, errors.StoreAway) as error:
                await asyncio.sleep(getattr(error, "retry_after", None) or FIND_SECONDS)

    async def name(self, user: UserId) -> str:
        """Return the name of `user`; the id if Slack does not tell it."""
        await self._prepare([(self._users, user)])
        return self._name_of(user)

    async def names(self, mentioned: frozenset[Mention]) -> Names:
        """Return the names of what a text mentions, except those that Slack is late to tell.

        Guests, and people of other organizations, have none: they would speak in another's text.
        """
        await self._prepare(await self._asked_for(mentioned))
        return self._names_of(mentioned)

    async def called(self, reply: Reply, mentioned: frozenset[Mention]) -> Called:
        """Return the names for the author, the sender and the mentions of `reply`."""
        # `username` is not used, since any poster can choose it (docs.slack.dev,
        # chat:write.customize).
        bot = reply.speaker if reply.speaker.startswith("B") else ""
        people = [one for one in (reply.author, reply.sent_by) if one and one != bot]
        asked: list[tuple[_Asked, str]] = [(self._bots, bot), *((self._users, p) for p in people)]
        await self._prepare([*asked, *await self._asked_for(mentioned)])
        return Called(
            author=self._bots.known(bot) or self._name_of(reply.author),
            sender=self._name_of(reply.sent_by) if reply.sent_by else "",
            names=self._names_of(mentioned),
        )

    async def _asked_for(self, mentioned: frozenset[Mention]) -> Sequence[tuple[_Asked, str]]:
        """Groups come first, since one call returns all of a workspace."""
        ids = {kind: sorted(id_ for one, id_ in mentioned if one == kind) for kind in SIGNS}
        if self._is_org and ids["usergroup"]:
            await self._workspaces.prepare(ALL)
        return [
            *((self._groups, place) for place in self._places_known() if ids["usergroup"]),
            *((self._users, user) for user in ids["user"]),
            *((self._channels, channel) for channel in ids["channel"]),
        ]

    async def _prepare(self, wanted: Sequence[tuple[_Asked, str]]) -> None:
        """Look up the unknown ones of `wanted`, as far as time allows."""
        unknown = [
            (asked, key)
            for asked, key in dict.fromkeys(wanted)
            if key != WORKFLOW and asked.may_prepare(key)
        ]
        if not unknown:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._names_seconds):
                await asyncio.gather(*(asked.prepare(key) for asked, key in unknown[:MOST_NAMES]))

    def _name_of(self, user: UserId) -> str:
        if user == WORKFLOW:
            return WORKFLOW_NAME
        return self._known("user", user) or user

    def _names_of(self, mentioned: frozenset[Mention]) -> Names:
        known = (one for one in mentioned if one[0] != "user" or self._is_ours_known(one[1]))
        return {one: name for one in known if (name := self._known(*one))}

    def _is_ours_known(self, user: str) -> bool:
        person = self._users.known(UserId(user))
        return person is not None and person.is_ours

    def _known(self, kind: str, id_: str) -> str:
        """Return the name of what is mentioned, or nothing as long as Slack has not told it."""
        if kind == "user":
            person = self._users.known(UserId(id_))
            return person.name if person else ""
        if kind == "channel":
            channel = self._channels.known(id_)
            return (channel.name or id_) if channel and not channel.refusal else ""
        named = (self._groups.known(place) or {} for place in self._places_known())
        return next((groups[id_] for groups in named if id_ in groups), "")

    async def _look_up_user(self, user: str) -> Person:
        found = (await call(self._client, "users.info", user=user))["user"]
        if not isinstance(found, dict) or not found:
            raise TypeError("no user object")
        return await self._read_user(UserId(user), found)

    async def _read_user(self, user: UserId, found: Mapping[str, Any]) -> Person:
        """Read a user object (facts: docs.slack.dev/reference/objects/user-object).

        `is_stranger` is useless: it is false for an outsider who shares a channel. The home
        workspace decides, or on Enterprise Grid the organization: Slack may leave out `team_id`.
        """
        told, is_bot = string(found, "team_id"), bool(found.get("is_bot")) or user == SLACKBOT
        grid = mapping(found.get("enterprise_user"))
        ours = self._enterprise  # which may stand in `team_id`, but is no workspace to be in
        enterprise = string(grid, "enterprise_id") if ours else ""
        home = told if told == self._tenant else enterprise or told
        is_ours = await self._is_ours(home)
        unsaid = set() if home else {HOME}
        # Slack tells an outsider's home, but not the roles (docs.slack.dev, Slack Connect).
        if not is_bot and (is_ours or not home):
            unsaid |= {flag for flag in GUEST_FLAGS if not isinstance(found.get(flag), bool)}
        return Person(
            id=user,
            name=_name(found) or user,
            is_guest=any(found.get(flag) is True for flag in GUEST_FLAGS),
            is_external=not is_ours,
            is_bot=is_bot,
            is_known=not found.get("deleted"),
            unsaid=frozenset(unsaid),
            zone=string(found, "tz"),
            teams=strings(grid, "teams") | {told} - {"", ours} if ours else None,
        )

    async def _look_up_bot(self, bot: str) -> str:
        if self._is_org:
            # This one method also takes the organization's id.
            places = self._tenant, *await self._places()
            answer = await ask_first(self._client, places, "bots.info", bot=bot)
        else:
            answer = await call(self._client, "bots.info", bot=bot)
        return one_line(str(answer["bot"]["name"])) or bot

    async def _look_up_groups(self, place: str) -> dict[str, str]:
        answer = await call(self._client, "usergroups.list", **self._in(place))
        return {str(group["id"]): str(group["handle"]) for group in answer["usergroups"]}

    async def _look_up_members(self, where: str) -> frozenset[UserId]:
        """Look up the members of `group@workspace`, `ELSEWHERE` if it is none of its groups."""
        group, _, place = where.partition("@")
        try:
            answer = await call(self._client, GROUP_MEMBERS, usergroup=group, **self._in(place))
        except errors.SlackRefused as error:
            if not self._is_org or error.reason in errors.OPERATOR_MUST_ACT - {errors.NO_ACCESS}:
                raise
            return frozenset() if error.reason == errors.NO_ACCESS else ELSEWHERE
        return frozenset(UserId(str(user)) for user in answer["users"])

    async def _is_ours(self, place: str) -> bool:
        if place in {self._tenant, self._enterprise}:
            return True
        return self._is_org and place in (await self._workspaces.get(ALL) or {})

    async def _places(self) -> Iterable[str]:
        """Return the workspaces to ask for groups, each in a look-up of its own."""
        return await self._workspaces.get(ALL) or {} if self._is_org else [self._tenant]

    def _places_known(self) -> Iterable[str]:
        return self._workspaces.known(ALL) or {} if self._is_org else [self._tenant]

    def _in(self, place: str) -> Mapping[str, str]:
        return {"team_id": place} if self._is_org else {}


async def workspaces_of(client: SlackClient) -> dict[str, str]:
    """Return the workspaces to which an org-wide app was added: their names, by id."""
    listed = mappings(await pages(client, WORKSPACES, "teams"))
    return {team: string(one, "name") or team for one in listed if (team := string(one, "id"))}


@contextmanager
def identifying(method: str) -> Iterator[None]:
    """Have a look-up of a person that fails raise `NotIdentified`."""
    try:
        yield
    except errors.NotIdentified:
        raise
    except errors.SlackAway as error:
        after = error.retry_after
        raise errors.NotIdentified(error.reason, retry_after=after, method=method) from error


def _name(found: Mapping[str, Any]) -> str:
    profile = mapping(found.get("profile"))
    names = [string(profile, key) for key in ("display_name", "real_name")]
    names += [string(found, key) for key in ("real_name", "name")]
    return next((one_line(name) for name in names if name.strip()), "")
