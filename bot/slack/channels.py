"""What Slack says of channels: one look-up for all that the relay wants to know of one.

Slack is asked again if an answer is older than its use allows; if there is no call left for that,
it is used for up to `keep.CHANNEL`. A channel that Slack does not show the bot counts as shared
with outsiders, and is visible to nobody.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from bot.model.errors import CHANNEL_MOVED, OPERATOR_MUST_ACT, CannotPost, SlackAway, SlackRefused
from bot.model.people import Person
from bot.model.record import Record, mapping, string, strings
from bot.model.times import Micros
from bot.redis import keep
from bot.redis.keys import Key, known_key
from bot.slack.api import MISSING_SCOPE, PAUSED, RATE_LIMITED, SECOND, call, pages
from bot.slack.lookups import TIER_4, Lookup, LookupParts, Need

log = logging.getLogger(__name__)

INFO, MEMBERS = "conversations.info", "conversations.members"
FRESH_SECONDS, LISTED_SECONDS, REFUSED_SECONDS = 60, 300, 5
"""How old an answer may be: in general; if it says who may see a thread; and if it says that Slack
does not show the channel, to which the bot may be invited now."""

UNREADABLE = "unreadable"
"""A refusal of ours, for an answer without a channel."""

SHARED, MOVED = "shared", "moved"
"""The kinds of events that are noted: outsiders read along, with the second under a new id."""


class Channel(Record):
    """A conversation, as Slack described it when it was asked, which was `at`.

    `refusal` is Slack's code if it does not show it, `user` the person of a direct message. `teams`
    are workspaces that have it.
    """

    at: Micros = Micros(0)
    id: str = ""
    refusal: str = ""
    name: str = ""
    user: str = ""
    teams: frozenset[str] = frozenset()
    is_direct: bool = False
    is_public: bool = False
    is_shared: bool = True
    is_member: bool = True
    is_archived: bool = False


class ChannelEvent(Record):
    """An event about a channel: when, and `now`, its new id, if any.

    `at` is 0 as long as not all of its threads are told that it is shared.
    """

    at: Micros
    now: str = ""

    def beside(self, found: Channel) -> Channel:
        """Return what holds of an answer; Slack's may be older than its events for a while."""
        is_over = Micros(0) < self.at < found.at - FRESH_SECONDS * SECOND and not self.now
        return found if is_over else found.model_copy(update={"is_shared": True})


_CHANNEL, _MEMBERS = TypeAdapter(Channel), TypeAdapter(frozenset[str])


class Channels:
    """The channels of a workspace. A channel's new id is remembered for `link_ttl`."""

    def __init__(self, source: LookupParts, link_ttl: timedelta) -> None:
        self._client = source.client
        self._store = source.store
        self._clock = source.client.clock
        self._link_ttl = link_ttl
        self.lookup = Lookup(source, INFO, self._look_up, _CHANNEL, kept=keep.CHANNEL)
        self._members = Lookup(
            source, MEMBERS, self._look_up_members, _MEMBERS, tier=TIER_4, kept=keep.MEMBERS
        )

    def keys(self, channel: str) -> Sequence[Key]:
        """Return where Redis keeps what is known of `channel`: an answer of Slack's, and events."""
        return [self.lookup.key(channel), *(known_key(what, channel) for what in (MOVED, SHARED))]

    async def get(
        self,
        channel: str,
        need: Need,
        fresh: float = FRESH_SECONDS,
        *,
        kept: Sequence[str | None] | None = None,
    ) -> Channel:
        """Return what Slack says of `channel`, or said in the last `fresh` seconds.

        What was just read at its `keys` may be given as `kept`. Like all that need this, it raises
        `SlackAway`, also while Slack is not asked.
        """
        _, known = self._read(channel, kept) if kept else await self._noted(channel)
        if known is not None and self._is_fresh(known, need, fresh):
            return known
        if known is not None and need is Need.WORDS:  # an older answer would do
            need = Need.CARDS
        try:
            found = await self.lookup.ask(channel, need)
        except SlackAway as error:
            if known is None or error.reason not in {PAUSED, *RATE_LIMITED}:
                raise
            return known
        event, _ = await self._noted(channel)
        found = found or Channel(refusal=UNREADABLE, at=self._clock.now)
        return event.beside(found) if event else found

    async def now(self, channel: str) -> str | None:
        """Return the new id of `channel`, if it has one."""
        moved = ChannelEvent.parse(await self._store.get(known_key(MOVED, channel)))
        return (moved and moved.now) or None

    async def note_shared(self, channel: str, *, is_told: bool = False) -> bool:
        """Note that other organizations share `channel`; return True if its threads must know.

        They must until it is noted that this `is_told`: an event that fails before comes again.
        """
        before, known = await self._noted(channel)
        must = before is None or not before.at or (known is not None and not known.is_shared)
        event = ChannelEvent(at=Micros(0) if must and not is_told else self._clock.now)
        await self._store.put(known_key(SHARED, channel), event.to_json(), keep.CHANNEL_EVENT)
        return must

    async def note_moved(self, channel: str, now: str) -> None:
        """Note that the id of `channel` is `now` from now on."""
        event = ChannelEvent(at=self._clock.now, now=now)
        await self._store.put(known_key(MOVED, channel), event.to_json(), self._link_ttl)

    async def check_in(self, channel: str) -> None:
        """Raise `CannotPost` unless Slack shows that the bot is in `channel`.

        Slack does not tell a direct message's members, and tells nothing without the scope.
        """
        kept = await self._store.get_all(self.keys(channel))
        event, _ = self._read(channel, kept)
        if event is not None and event.now:
            raise CannotPost(CHANNEL_MOVED)
        found = await self.get(channel, Need.ACT, kept=kept)
        if _problem(found):  # which whoever reads of it may have put right since
            found = await self.get(channel, Need.ACT, fresh=0)
        if found.id not in {"", channel}:
            raise CannotPost(CHANNEL_MOVED)
        if why := _problem(found):
            raise CannotPost(why)

    async def includes(self, person: Person, channel: str, need: Need = Need.ACT) -> bool:
        """Return True if `person` can read `channel` in Slack, as far as it shows it.

        Nobody can read direct messages here. Others must have joined, except full members of a
        workspace that has a public channel.
        """
        found = await self.get(channel, need, LISTED_SECONDS)
        if found.refusal or found.is_direct:
            return False
        is_there = person.teams is None or not person.teams.isdisjoint(found.teams)
        if found.is_public and person.is_full_member and is_there:
            return True
        return person.id in (await self._members.get(channel, need) or frozenset())

    def _is_fresh(self, kept: Channel, need: Need, fresh: float) -> bool:
        if not need.share or kept.refusal == MISSING_SCOPE:
            return True
        seconds = min(fresh, REFUSED_SECONDS) if kept.refusal else fresh
        # The clock is an estimate, so an answer may seem to be of a moment that is yet to come.
        return max(0.0, self._clock.age(kept.at).total_seconds()) < seconds

    async def _noted(self, channel: str) -> tuple[ChannelEvent | None, Channel | None]:
        """Return the event that tells of outsiders, if any, and what holds of the kept answer."""
        return self._read(channel, await self._store.get_all(self.keys(channel)))

    def _read(
        self, channel: str, kept: Sequence[str | None]
    ) -> tuple[ChannelEvent | None, Channel | None]:
        raw, *noted = kept
        event = next(filter(None, map(ChannelEvent.parse, noted)), None)
        found = self.lookup.read(channel, raw)
        return event, event.beside(found) if event and found else found

    async def _look_up(self, channel: str) -> Channel:
        at = self._clock.now
        try:
            answer = await call(self._client, INFO, channel=channel)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise
            log.info("channel not shown", extra={"channel": channel, "reason": str(error)})
            return Channel(at=at, refusal=error.reason)
        return read_channel(mapping(answer.get("channel")), at)

    async def _look_up_members(self, channel: str) -> frozenset[str]:
        found = await pages(self._client, MEMBERS, "members", channel=channel)
        return frozenset(str(member) for member in found)


def _problem(found: Channel) -> str:
    """Return why the bot can't post there, as Slack's code, if it can't."""
    if found.refusal and found.refusal != MISSING_SCOPE:
        return found.refusal
    if found.is_archived:
        return "is_archived"
    return "" if found.is_member else "not_in_channel"


def read_channel(found: Mapping[str, Any], at: Micros) -> Channel:
    """Read a conversation object (docs.slack.dev/reference/objects/conversation-object).

    `is_private` says whether it is public, which a group direct message has, too; the id never
    does, since sharing turns a G into a C.
    """
    if not found:
        return Channel(at=at, refusal=UNREADABLE)
    is_group = bool(found.get("is_mpim") or found.get("is_group"))
    is_direct = found.get("is_im") is True
    return Channel(
        at=at,
        id=string(found, "id"),
        name=str(found.get("name") or ""),
        user=string(found, "user"),
        teams=strings(found, "shared_team_ids")
        | strings(found, "internal_team_ids")
        | {string(found, "context_team_id")},
        is_direct=is_direct,
        is_public=found.get("is_private") is False and not is_group,
        is_shared=_says_shared(found),
        is_member=found.get("is_member") is not False or is_direct or found.get("is_mpim") is True,
        is_archived=found.get("is_archived") is True,
    )


def _says_shared(found: Mapping[str, Any]) -> bool:
    """Return True if other organizations share it, or are invited to, or if Slack doesn't say.

    `is_shared` is also true for channels within one Grid organization. Nobody shares a person's
    direct message, of which neither is told.
    """
    if found.get("is_ext_shared") or found.get("is_pending_ext_shared"):
        return True
    if "is_ext_shared" in found or found.get("is_im") is True:
        return False
    return not (found.get("is_shared") is False or found.get("is_org_shared") is True)
