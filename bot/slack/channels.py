"""What Slack says of channels: one look-up for all that the relay wants to know of one.

All processes share the answers. Slack is asked again if an answer is older than its use allows; if
there is no call left for that, the answer is used for up to `KEPT`. What one of Slack's events said
overrides every answer that was asked for before it.

Decisions fail closed: a channel that Slack does not show the bot counts as shared with other
organizations, and is visible to nobody.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from bot.model.errors import OPERATOR_MUST_ACT, CannotPost, ChannelMoved, SlackAway, SlackRefused
from bot.model.people import Person
from bot.model.record import mapping
from bot.redis.keys import told_key
from bot.slack.api import MISSING_SCOPE, SECOND, call
from bot.slack.conversation import FRESH_SECONDS, UNREADABLE, Channel, Event, Told, read_channel
from bot.slack.limits import LIMITED, RATE_LIMITED
from bot.slack.lookups import TIER_4, Lookup, Need, Source

log = logging.getLogger(__name__)

INFO = "conversations.info"
KEPT = timedelta(minutes=10)
LISTED_SECONDS = 300
"""How old an answer may be that says who may see a thread; others are used for `FRESH_SECONDS`."""

REFUSED_SECONDS = 5
"""How old one may be that says that Slack does not show the channel: the bot may be invited now."""

PAGES = 10
PAGE = 1_000
MEMBERS_KEPT = timedelta(seconds=5)
"""A change is noticed after twice that: an answer is kept in Redis, and then at hand.

One call is counted for all pages: few private channels have more than one.
"""

SHARED, MOVED, CHANGED = "shared", "moved", "changed"
"""The kinds of events that say something of a channel."""

TOLD = KEPT + timedelta(minutes=1)
"""The time for which an event is kept: longer than an answer that was asked for before it."""

_CHANNEL = TypeAdapter(Channel)
_MEMBERS = TypeAdapter(frozenset[str])


class Channels:
    """The channels of a workspace. A channel's new id is remembered for `link_ttl`."""

    def __init__(self, source: Source, link_ttl: timedelta) -> None:
        self._client = source.client
        self._store = source.store
        self._clock = source.client.clock
        self._link_ttl = link_ttl
        self.lookup = Lookup(source, INFO, self._look_up, _CHANNEL, kept=KEPT)
        self._members = Lookup(
            source,
            "conversations.members",
            self._look_up_members,
            _MEMBERS,
            tier=TIER_4,
            kept=MEMBERS_KEPT,
        )

    async def get(self, channel: str, need: Need, fresh: float = FRESH_SECONDS) -> Channel:
        """Return what Slack says of `channel`; an answer of the last `fresh` seconds will do.

        Raises:
            SlackAway: Slack did not answer, or is not asked at present; nothing is decided.
        """
        kept = await self._kept(channel)
        if kept is not None and self._is_fresh(kept, need, fresh):
            return kept
        try:
            found = await self.lookup.ask(channel, need if kept is None else need.to_refresh)
        except SlackAway as error:
            if kept is None or error.reason not in {LIMITED, *RATE_LIMITED}:
                raise
            return kept
        told, _ = await self._noted(channel)
        found = told.of(found or Channel(refusal=UNREADABLE, at=self._clock.now))
        if found is None or found.is_told:
            raise SlackAway(INFO, "overtaken", retry_after=1.0, maybe_done=False)
        return found

    async def now(self, channel: str) -> str | None:
        """Return the new id of `channel`, if it has one."""
        moved = Event.parse(await self._store.get(told_key(channel, MOVED)))
        return (moved and moved.now) or None

    async def told_shared(self, channel: str) -> bool:
        """Note for all processes that other organizations share `channel`, as an event said.

        That counts for a minute at least, and until a look-up says otherwise. Return True if the
        channel's threads have to be told (`told_threads`): they may not know.
        """
        told, found = await self._noted(channel)
        known = told.of(found)
        is_shown = told.shared is not None and told.shared.is_shown
        is_news = not is_shown or (known is not None and not known.is_shared)
        await self._note(channel, SHARED, is_shown=not is_news)
        return is_news

    async def told_threads(self, channel: str) -> None:
        """Note that the threads of a shared `channel` have been told."""
        await self._note(channel, SHARED, is_shown=True)

    async def told_moved(self, channel: str, to: str) -> None:
        """Note that `channel` is shared, and that its id is `to` from now on."""
        await self._note(channel, MOVED, now=to)

    async def told_changed(self, channel: str) -> None:
        """Note that `channel` has changed, as an event said: no earlier answer counts any more."""
        await self._note(channel, CHANGED)

    async def check_in(self, channel: str) -> None:
        """Raise `CannotPost` unless the bot is in `channel`, as far as Slack tells.

        Slack does not tell a direct message's members, and tells nothing without the scope: both
        pass. A channel that has another id by now does not (`ChannelMoved`).

        Raises:
            SlackAway: Slack did not answer, or is not asked at present; nothing is decided.
        """
        if await self.now(channel) is not None:
            raise ChannelMoved
        found = await self.get(channel, Need.ACT)
        if _problem(found):  # which whoever reads of it may have put right since
            found = await self.get(channel, Need.ACT, fresh=0)
        if found.id not in {"", channel}:
            raise ChannelMoved
        if why := _problem(found):
            raise CannotPost(why)

    async def includes(self, person: Person, channel: str, need: Need = Need.ACT) -> bool:
        """Return True if `person` can read `channel` in Slack; False if Slack does not show it.

        Direct messages are visible to nobody here. A public channel is visible to all full members
        of the workspace, even those who have not joined; guests and people from elsewhere must have
        joined.

        Raises:
            SlackAway: Slack did not answer.
        """
        found = await self.get(channel, need, LISTED_SECONDS)
        if found.refusal or found.is_direct:
            return False
        if found.is_public and person.is_full_member:
            return True
        return person.id in (await self._members.get(channel, need) or frozenset())

    def _is_fresh(self, kept: Channel, need: Need, fresh: float) -> bool:
        if not need.share:
            return True
        if kept.is_told:
            return need is Need.WORDS
        seconds = min(fresh, REFUSED_SECONDS) if kept.refusal else fresh
        # The clock is an estimate, so an answer may seem to be of a moment that is yet to come.
        return max(0, self._clock.age(kept.at)) < seconds * SECOND

    async def _note(
        self, channel: str, what: str, *, now: str = "", is_shown: bool = False
    ) -> None:
        event = Event(at=self._clock.now, now=now, is_shown=is_shown)
        ttl = self._link_ttl if what == MOVED else TOLD
        await self._store.put(told_key(channel, what), event.to_json(), ttl)

    async def _kept(self, channel: str) -> Channel | None:
        told, found = await self._noted(channel)
        return told.of(found)

    async def _noted(self, channel: str) -> tuple[Told, Channel | None]:
        """Return what events told of `channel`, and the answer that is kept."""
        events = [told_key(channel, what) for what in (SHARED, MOVED, CHANGED)]
        found, *told = await self._store.get_all([self.lookup.key(channel), *events])
        return Told(*map(Event.parse, told)), self.lookup.read(channel, found)

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


def _problem(found: Channel) -> str:
    """Return why the bot can't post there, as Slack's code; "" if it can."""
    if found.refusal and found.refusal != MISSING_SCOPE:
        return found.refusal
    if found.is_archived:
        return "is_archived"
    return "" if found.is_member else "not_in_channel"
