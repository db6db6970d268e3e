"""Tells people what sessions use and do: when they ask, and in a channel's digest at nine.

The entry of the next digest is owed before one is told, and its subject has the time at which it is
due: there is always one to come, and each is told once. A late one gives way to the latest.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.devin.api import Devin
from bot.mirror.audience import Audience
from bot.model.digest import Digest, Often, zone_of
from bot.model.errors import OPERATOR_MUST_ACT, SlackRefused
from bot.model.ledger import Use, with_children
from bot.model.people import WORKFLOW, Act, UserId
from bot.model.sessions import OVER, NamedSession, SessionId, SessionState, Watched
from bot.model.threads import Link, ThreadRef, is_direct
from bot.model.times import as_datetime, as_millis
from bot.redis import keep
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.reporting.reporter import Notices
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.outbox import MOOT, Begun, Ended, Fate, Leaves, Owed, Teller
from bot.store.state import State
from bot.wording import usage as words
from bot.wording.message import SlackMessage
from bot.wording.usage import MOST_LINES, Item, Spent

MOST_THREADS = 500
"""Most threads of a channel, those with the latest traffic, that a digest is about."""

_Linked = tuple[ThreadRef, Link, Watched]


def digest_owed(team: str, channel: str, due: datetime) -> Owed:
    """Return the entry of the digest that is due in a channel at that time."""
    return Owed(f"{team}:digest:{channel}:{int(due.timestamp())}", 1, Usage.kind)


@dataclass(frozen=True, slots=True)
class Usage(Teller):
    """Reads the ledger for people, sets the digests of channels, and is their teller."""

    workspace: Workspace
    state: State
    devin: Devin
    accepting: Accepting
    naming: Naming
    audience: Audience
    notices: Notices
    kind = "digest"
    is_decorative = is_found_by_polls = is_later_work = True

    async def here(self, thread: ThreadRef, by: UserId) -> SlackMessage:
        """Return what a thread's session has used, or else the channel's, or the person's own."""
        await self.accepting.check(by, thread.channel)
        if self.devin.is_legacy:
            return words.UNTOLD
        heard = await self.audience.of(thread, Need.ACT)
        if heard.link is None and thread.is_direct:
            return await self._own(by)
        if heard.is_barred:
            return words.ELSEWHERE
        if heard.link is not None:
            return await self._of_session(heard.link.session)
        return await self._of_channel(thread.channel)

    async def own(self, channel: str, by: UserId) -> SlackMessage:
        """Return what the sessions that `by` started have used in all places that they can read."""
        await self.accepting.check(by, channel)
        return words.UNTOLD if self.devin.is_legacy else await self._own(by)

    async def _of_session(self, session: SessionId) -> SlackMessage:
        now = await self._now()
        (seen,) = await self.state.watches.seen([session])
        started = await self.state.watches.started(session)
        use = await self.state.watches.use_of(session, now)
        today = 0.0 if use is None else use.on(now.day)
        by = "" if started is None else await self._name(started.by)
        named = (await self.naming.of([session]))[session]  # the caller has looked who reads it
        return words.of_session(named, seen, today, started, by)

    async def _of_channel(self, channel: str) -> SlackMessage:
        now = await self._now()
        found = await self.state.watches.used(now, channel)
        uses = [one for one in found if one.account.channel == channel]
        used = await self._month(now, uses)
        people = [one.who for one in words.by_person(used)[:MOST_LINES] if one.who]
        names = await asyncio.gather(*map(self._name, people))
        return words.of_channel(replace(used, names=dict(zip(people, names, strict=True))))

    async def _own(self, by: UserId) -> SlackMessage:
        now, person = await self._now(), await self.workspace.people.person(by)
        own = [one for one in await self.state.watches.used(now, by) if one.account.by == by]
        seen = {
            one: is_direct(one) or await self.workspace.channels.includes(person, one, Need.ACT)
            for one in dict.fromkeys(one.account.channel for one in own)
        }
        uses = [one for one in own if seen[one.account.channel]]
        used = await self._month(now, uses)
        sessions = await self.naming.shown_to(person, list(used.sessions))
        return words.of_person(replace(used, sessions=sessions, places=True))

    async def _month(self, now: datetime, uses: Sequence[Use]) -> words.MonthUse:
        ranked, children = with_children(uses)
        sessions = await self.naming.of([one.session for one in ranked[:MOST_LINES]])
        return words.MonthUse(now.strftime("%B"), ranked, sessions, children=children)

    async def _name(self, who: UserId) -> str:
        """Return a person's name; a workflow has none."""
        return "" if who == WORKFLOW else await self.workspace.people.name(who)

    async def _now(self) -> datetime:
        """Return the time by which the ledger has its days, and at which entries are due."""
        return as_datetime(await self.state.store.now())

    async def set_digest(self, channel: str, by: UserId, often: Often | None) -> None:
        """Set the channel's digest in the time zone of `by`; without `often`, end it."""
        await self.accepting.check(by, channel, Act.START)
        digest = None
        if often is not None:
            zone = (await self.workspace.people.person(by)).zone
            digest = Digest(often=often, by=by, zone=zone if zone_of(zone) else "")
        await self.state.profiles.change(channel, lambda _: {"digest": digest})
        audit(Event.DIGEST_SET, by, team=self.workspace.team, channel=channel, often=often or "off")

    async def digest_of(self, channel: str, by: UserId) -> tuple[Digest, datetime] | None:
        """Return the channel's digest, if it has one, and when it is due, which is owed then."""
        await self.accepting.check(by, channel)
        digest = (await self.state.profiles.get(channel)).digest
        if digest is None:
            return None
        return digest, await self._owe(channel, digest.after(await self._now()))

    async def tell(self, begun: Begun) -> Fate:
        """Owe the next digest of the channel, and post this one, if anything has happened."""
        _, _, channel, at = begun.owed.subject.split(":")
        due = datetime.fromtimestamp(int(at), UTC)
        digest = (await self.state.profiles.get(channel)).digest
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
                told = words.digest_refused(error.reason)
                await self.notices.whisper(place, digest.by, told, once="digest refused")
            raise
        return Ended(Leaves.FACT)

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
        return words.digest_post(digest, by, needs=first, working=second, done=third, spent=spent)

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
