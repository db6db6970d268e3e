"""Posts what a channel's sessions need, do, have done and have used: daily or weekly, at nine.

The entry of the next digest is owed before one is told, and its subject has the time at which it is
due: there is always one to come, and each is told once. A late one gives way to the latest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from bot.features.digest import words
from bot.features.digest.digest import PART, Digest, Often, zone_of
from bot.features.digest.words import Spent
from bot.mirror.audience import Audience
from bot.model.errors import OPERATOR_MUST_ACT, SlackRefused
from bot.model.people import Act, UserId
from bot.model.sessions import OVER, NamedSession, SessionId, SessionState, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import as_datetime, as_millis
from bot.redis import keep
from bot.relay import UseCases
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.reporting.notices import Notices
from bot.runtime.logs import audit
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.outbox import MOOT, Begun, Ended, Fate, Leaves, Owed, Teller
from bot.store.state import State
from bot.wording.listing import MOST_LINES, Item
from bot.wording.message import SlackMessage

SET = "digest set"
"""The event in the audit trail."""

MOST_THREADS = 500
"""Most threads of a channel, those with the latest traffic, that a digest is about."""

_Linked = tuple[ThreadRef, Link, Watched]


def digest_owed(team: str, channel: str, due: datetime) -> Owed:
    """Return the entry of the digest that is due in a channel at that time."""
    return Owed(f"{team}:digest:{channel}:{int(due.timestamp())}", 1, Digests.kind)


@dataclass(frozen=True, slots=True)
class Digests(Teller):
    """Sets the digests of channels, and is their teller."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    audience: Audience
    notices: Notices
    kind = "digest"
    is_decorative = is_found_by_polls = is_later_work = True

    @classmethod
    def of(cls, core: UseCases) -> Self:
        """Build it on the core."""
        parts = core.workspace, core.state, core.accepting, core.naming, core.audience, core.notices
        return cls(*parts)

    async def set(self, channel: str, by: UserId, often: Often | None) -> None:
        """Set the channel's digest in the time zone of `by`; without `often`, end it."""
        await self.accepting.check(by, channel, Act.START)
        digest = None
        if often is not None:
            zone = (await self.workspace.people.person(by)).zone
            digest = Digest(often=often, by=by, zone=zone if zone_of(zone) else "").model_dump()
        await self.state.profiles.change(channel, lambda _: {PART: digest})
        audit(SET, by, team=self.workspace.team, channel=channel, often=often or "off")

    async def due_in(self, channel: str, by: UserId) -> tuple[Digest, datetime] | None:
        """Return the channel's digest, if it has one, and when it is due, which is owed then."""
        await self.accepting.check(by, channel)
        digest = Digest.of(await self.state.profiles.get(channel))
        if digest is None:
            return None
        return digest, await self._owe(channel, digest.after(await self._now()))

    async def tell(self, begun: Begun) -> Fate:
        """Owe the next digest of the channel, and post this one, if anything has happened."""
        _, _, channel, at = begun.owed.subject.split(":")
        due = datetime.fromtimestamp(int(at), UTC)
        digest = Digest.of(await self.state.profiles.get(channel))
        if digest is None:
            return MOOT
        now = max(await self._now(), due)
        latest = digest.latest(now)
        await self._owe(channel, latest if latest > due else digest.after(now))
        if latest != due or not self.workspace.permissions.allows_channel(channel):
            return MOOT
        post = await self._words(channel, digest, due)
        if post is None:
            return MOOT
        place, key = self.workspace.place(channel), str(begun.owed)
        try:
            await self.workspace.threads.post_once(place, post, key, again=begun.again)
        except SlackRefused as error:
            if error.reason not in OPERATOR_MUST_ACT:
                told = words.refused(error.reason)
                await self.notices.whisper(place, digest.by, told, once="digest refused")
            raise
        return Ended(Leaves.FACT)

    async def _now(self) -> datetime:
        """Return the time at which entries are due."""
        return as_datetime(await self.state.store.now())

    async def _owe(self, channel: str, due: datetime) -> datetime:
        """Owe the digest that is due then, once; a poll finds it at its time."""
        owed = digest_owed(self.workspace.team, channel, due)
        await self.state.outbox.owe(owed, "", keep.DIGEST, as_millis(due))
        return due

    async def _words(self, channel: str, digest: Digest, due: datetime) -> SlackMessage | None:
        """Return the digest of the time before `due`; None if nothing has happened then."""
        linked = await self._linked(channel)
        is_barred = await self.audience.is_barred(channel, digest.by, Need.WORDS)
        since = as_millis(digest.before(due))
        needs = [one for one in linked if one[2].needs_someone]
        working = [one for one in linked if one[2].state is SessionState.WORKING]
        done = [one for one in linked if one[2].state in OVER and one[2].since >= since]
        spent = None if is_barred else await self._spent(channel, digest, due)
        if not (working or done or spent or any(one[2].since >= since for one in needs)):
            return None
        by = await self.workspace.people.name(digest.by)
        first, second, third = await self._shown(needs, working, done, is_barred=is_barred)
        return words.post(digest, by, needs=first, working=second, done=third, spent=spent)

    async def _linked(self, channel: str) -> Sequence[_Linked]:
        """Return the channel's threads with their sessions, each of them in its latest thread."""
        links, team = self.state.links, self.workspace.team
        active = await links.active(team, channel, links.ttl, MOST_THREADS)
        latest: dict[SessionId, tuple[ThreadRef, Link]] = {}
        for thread, link in active:
            latest.setdefault(link.session, (thread, link))
        seen = await self.state.watches.seen(list(latest))
        pairs = zip(latest.values(), seen, strict=True)
        return [(thread, link, one) for (thread, link), one in pairs]

    async def _shown(self, *groups: Sequence[_Linked], is_barred: bool) -> list[list[Item]]:
        """Show sessions: where Devin's words may not go, without what it wrote."""
        asked = [link.session for group in groups for _, link, _ in group[:MOST_LINES]]
        named = await self.naming.of(asked)

        def item(thread: ThreadRef, link: Link, seen: Watched) -> Item:
            session = named.get(link.session) or NamedSession(link.session)
            if is_barred:
                session = NamedSession(link.session, "", session.url)
                seen = seen.model_copy(update={"pull_requests": ()})
            return Item(session, seen, self.workspace.address(thread))

        return [[item(*one) for one in group] for group in groups]

    async def _spent(self, channel: str, digest: Digest, due: datetime) -> Spent | None:
        """Return what the channel's sessions used on the days (UTC) before `due`, if anything."""
        days = [(due - timedelta(days=one)) for one in range(digest.often.days, 0, -1)]
        acus, of_children = 0.0, 0.0
        for month in dict.fromkeys((one.year, one.month) for one in days):
            uses = await self.state.watches.used(datetime(*month, 1, tzinfo=UTC), channel)
            here = [one for one in uses if one.account.channel == channel]
            within = [one.day for one in days if (one.year, one.month) == month]
            acus += sum(use.on(*within) for use in here)
            of_children += sum(use.on(*within) for use in here if use.account.parent)
        spent = Spent(acus, days[0].date(), days[-1].date(), of_children)
        return spent if acus > 0 else None
