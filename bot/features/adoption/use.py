"""Gives sessions threads of their own in a channel: by the channel's rules, and by a button.

A channel with rules has one outbox entry, which is due each minute for as long as there are rules.
A session is claimed for a channel before its thread is owed, so it gets one thread by a rule, and
none again after that is unlinked. By a rule, the thread has all that the session said.
"""

import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

from bot.devin.api import Devin, SessionSummary, Unread
from bot.features.adoption import words
from bot.mirror.audience import Audience
from bot.model.errors import OPERATOR_MUST_ACT, CannotPost, NotLinked, SlackRefused, TooManyStarts
from bot.model.options import MOST_RULES, RULE_KEYS, Rule
from bot.model.people import Act, Standing, UserId
from bot.model.record import Record
from bot.model.replies import Reply
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.model.times import Ts, ts_micros
from bot.redis import keep
from bot.redis.connection import Store
from bot.relay import UseCases
from bot.relay.accept import Accepting
from bot.reporting.notices import Notices
from bot.reporting.reporter import having_posted
from bot.runtime import metrics
from bot.runtime.logs import audit
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.claims import SPAN, Starts
from bot.store.outbox import MOOT, Begun, Due, DueAgain, Ended, Fate, Leaves, Owed, Teller
from bot.store.state import State
from bot.store.watches import short_id
from bot.text.to_slack import escape
from bot.wording.message import LEGACY, SlackMessage

log = logging.getLogger(__name__)

CHANGED = "adoption changed"
"""The event in the audit trail."""

MOST_AN_HOUR = 10
"""The most threads that a channel gets by its rules in an hour."""

WITHIN = timedelta(days=7)
"""The time for which a new session is looked for."""

OWN_TAG = re.compile(r"relay-[0-9a-f]{32}")
"""The tag of a session that was started here (`Start.tag`)."""

LISTING_MARGIN = timedelta(hours=1)
"""The time for which Devin may list a session later than another one that is newer."""


class OwnThread(Record):
    """A thread that `session` is to get in `channel`, by a `rule` or as the child of `parent`.

    `by` asked for it, in the thread `told_in`, which is told. `number` tells its post from that of
    another request, and it is posted after the `ts` `since`.
    """

    channel: str
    session: SessionId
    by: UserId
    number: str
    since: Ts
    rule: str = ""
    parent: SessionId | None = None
    told_in: ThreadRef | None = None


def thread_owed(team: str, channel: str, session: SessionId) -> Owed:
    """Return the entry of a session's thread in a channel."""
    return Owed(f"{team}:thread:{channel}:{session}", 1, OwnThreads.kind)


def adopted(session: SessionId) -> str:
    """Return the claim that a channel gives the session a thread by its rules."""
    return f"adopted:{session}"


@dataclass(frozen=True, slots=True)
class OwnThreads(Teller):
    """Owes threads of sessions' own, and is their teller."""

    workspace: Workspace
    state: State
    accepting: Accepting
    audience: Audience
    notices: Notices
    kind = "thread"
    refused: ClassVar[Fate] = Ended(Leaves.NOTHING)

    @classmethod
    def of(cls, core: UseCases) -> Self:
        """Build it on the core."""
        return cls(core.workspace, core.state, core.accepting, core.audience, core.notices)

    async def follow(self, thread: ThreadRef, child: SessionId, by: UserId) -> ThreadRef | None:
        """Have a child of the session of `thread` get a thread in the channel, or return its own.

        Raises `NotLinked` if people see no such child.
        """
        await self.accepting.check(by, thread.channel, Act.START)
        heard = await self.audience.of(thread, Need.ACT)
        if heard.link is None or heard.is_barred:
            raise NotLinked
        (seen,) = await self.state.watches.seen([heard.link.session])
        found = next((one for one in seen.children if one.session == child), None)
        if found is None:
            raise NotLinked
        for there in await self.state.watches.threads_of(child):
            if there.channel == thread.channel:
                return there
        await self.state.names.keep([NamedSession(child, found.title, found.url)])
        await self.ask(thread.channel, child, by, parent=heard.link.session, told_in=thread)
        return None

    async def ask(self, channel: str, session: SessionId, by: UserId, **why: object) -> None:
        """Have the session get a thread, owed once; `why` are the other fields of `OwnThread`."""
        number, since = secrets.token_hex(4), self.workspace.clock.before_now()
        fields = {"channel": channel, "session": session, "by": by, "number": number}
        wanted = OwnThread.model_validate({**fields, "since": since, **why})
        owed = thread_owed(self.workspace.team, channel, session)
        await self.accepting.owe(owed, wanted.to_json())
        if wanted.rule:
            await self.state.claims.note(adopted(session), f"{channel} done", keep.ADOPTED)

    async def tell(self, begun: Begun) -> Fate:
        """Post the first message and link its thread, unless an earlier try has done either."""
        if not (raw := begun.record["content"]):
            return MOOT
        wanted = OwnThread.model_validate_json(raw)
        place = self.workspace.place(wanted.channel)
        key = f"{begun.owed.subject}:{wanted.number}|1|thread"
        threads, ts = self.workspace.threads, None
        if begun.again:
            ts = await threads.find(place, key, since=wanted.since)
        named = await self._named(wanted, wanted.session)
        if ts is None:
            if not await self._is_wanted(wanted):
                return Ended(Leaves.NOTHING, told=False)
            try:
                ts = await threads.post(place, await self._words(wanted, named), key)
            except SlackRefused as error:
                if error.reason not in OPERATOR_MUST_ACT:
                    await self._refused(wanted, named, error.reason)
                raise
        thread = place.model_copy(update={"thread_ts": ts})
        with having_posted():
            by, at, begins = wanted.by, ts_micros(ts), bool(wanted.rule)
            first = Reply(thread=thread, ts=ts, author=by, text=escape(named.title))
            await self.accepting.link(thread, by, wanted.session, at, begins=begins, near=first)
            if wanted.told_in is not None:
                address = self.workspace.address(thread)
                by_name = await self.workspace.people.name(by)
                told = words.followed(named, by_name, address)
                await self.notices.say(wanted.told_in, told, once=f"followed:{wanted.number}")
        return Ended(Leaves.NOTHING)

    async def _refused(self, wanted: OwnThread, named: NamedSession, why: str) -> None:
        """Tell who asked for it, of a rule once a day."""
        place = wanted.told_in or self.workspace.place(wanted.channel)
        once = f"no own thread:{wanted.number}"
        if wanted.rule:
            once = f"no own threads:{self.workspace.clock.seconds // 86_400}"
        await self.notices.whisper(place, wanted.by, words.refused(named, why), once=once)

    async def _is_wanted(self, wanted: OwnThread) -> bool:
        """Return True unless the rule has ended, or the session has a thread that is in its way."""
        found = await self.state.watches.threads_of(wanted.session)
        if wanted.rule:
            rules = (await self.state.profiles.get(wanted.channel)).rules
            is_ruled = any(one.written == wanted.rule for one in rules)
            is_barred = await self.audience.is_barred(wanted.channel, wanted.by)
            may = self.workspace.permissions.may(Act.START, wanted.by, wanted.channel)
            is_allowed = await may is Standing.ALLOWED
            return is_ruled and is_allowed and not is_barred and not found
        return all(one.channel != wanted.channel for one in found)

    async def _named(self, wanted: OwnThread, session: SessionId) -> NamedSession:
        """Return a session as the channel may see it."""
        named = await self.state.names.one(session)
        is_barred = await self.audience.is_barred(wanted.channel, wanted.by, Need.WORDS)
        return NamedSession(named.session, "", named.url) if is_barred else named

    async def _words(self, wanted: OwnThread, named: NamedSession) -> SlackMessage:
        by = await self.workspace.people.name(wanted.by)
        if wanted.parent is None:
            return words.adopted(named, wanted.rule, by)
        return words.child(named, await self._named(wanted, wanted.parent), by)


@dataclass(frozen=True, slots=True)
class RulesOver:
    """The entry of a channel's rules ends; it is owed again if some were made meanwhile."""

    adopting: "Adopting"
    told: bool = False

    async def settle(self, store: Store, begun: Begun) -> Sequence[Due]:
        """End it."""
        await Ended(Leaves.NOTHING).settle(store, begun)
        await self.adopting.owed_rules(_channel_of(begun))
        return ()


@dataclass(frozen=True, slots=True)
class Adopting(Teller):
    """Keeps the rules of channels, and is the teller of the entries that apply them."""

    workspace: Workspace
    state: State
    devin: Devin
    accepting: Accepting
    notices: Notices
    threads: OwnThreads
    kind = "adopt"
    is_found_by_polls = is_later_work = True

    @classmethod
    def of(cls, core: UseCases) -> Self:
        """Build it on the core."""
        parts = core.workspace, core.state, core.devin, core.accepting, core.notices
        return cls(*parts, OwnThreads.of(core))

    @property
    def refused(self) -> Fate:
        """That of an entry without rules: a new one goes on."""
        return RulesOver(self)

    async def change(
        self, place: ThreadRef, by: UserId, rules: Sequence[Rule], once: str
    ) -> SlackMessage | None:
        """Add `rules` to those of the channel of `place`, or end all without any.

        Say so there and in the channel, `once`. Idempotent. Return words if it was not done.
        """
        channel, made = place.channel, {"by": by, "since": self.workspace.clock.seconds}
        await self.accepting.check(by, channel, Act.START)
        if self.devin.is_legacy:
            return LEGACY
        if rules and await self.threads.audience.is_barred(channel, by):
            return words.SHARED
        known = {one.written for one in (await self.state.profiles.get(channel)).rules}
        added = {one.written: one.model_copy(update=made) for one in rules}
        if len(known | added.keys()) > MOST_RULES:
            return words.TOO_MANY

        def change(kept: Sequence[Rule]) -> tuple[Rule, ...]:
            return tuple((added | {one.written: one for one in kept}).values()) if rules else ()

        profile = await self.state.profiles.change(
            channel, lambda was: {"rules": change(was.rules)}
        )
        ids = {"team": place.team, "channel": channel}
        named = " ".join(one.key for one in profile.rules) or "none"
        audit(CHANGED, by, **ids, rules=named)
        told = words.changed(rules, profile.rules, await self.workspace.people.name(by))
        await self.notices.announce(place, told, once=once)
        if profile.rules:
            await self._owe(channel)
        return None

    async def show(self, channel: str, by: UserId) -> SlackMessage:
        """Return the words that show the channel's rules."""
        await self.accepting.check(by, channel)
        if self.devin.is_legacy:
            return LEGACY
        rules = await self.owed_rules(channel)  # it has expired if no process ran for a month
        names = {who: await self.workspace.people.name(who) for who in {one.by for one in rules}}
        return words.shown(rules, names)

    async def tell(self, begun: Begun) -> Fate:
        """Let the sessions that fit have their threads, and look again, while there are rules."""
        channel = _channel_of(begun)
        rules = (await self.state.profiles.get(channel)).rules
        if rules and self.workspace.permissions.allows_channel(channel):
            try:
                await self.workspace.channels.check_in(channel)
            except CannotPost as error:
                log.info("not adopted", extra={"channel": channel, "reason": str(error)})
            else:
                if not await self.threads.audience.is_barred(channel, rules[0].by):
                    applied = [one for one in rules if await self._applies(channel, one)]
                    await self._apply(channel, await self._paid(applied))
        if not rules:
            return self.refused
        return DueAgain(self.workspace.timing.adopt_pause, may_be_done=False, keep=keep.ADOPTED)

    async def _applies(self, channel: str, rule: Rule) -> bool:
        """Return whether a rule's maker may still start sessions; if not, tell the channel."""
        standing = await self.workspace.permissions.may(Act.START, rule.by, channel)
        if standing is Standing.ALLOWED:
            return True
        log.info("not adopted", extra={"channel": channel, "by": rule.by, "reason": standing})
        told = words.rests(rule.written, await self.workspace.people.name(rule.by))
        once = f"rule rests:{short_id(rule.written)}:{rule.since}"  # which may have any characters
        await self.notices.say(self.workspace.place(channel), told, once=once)
        return False

    async def _paid(self, rules: Sequence[Rule]) -> Sequence[Rule]:
        """Return the rules for which there are reads, each time from another one on."""
        if not rules:
            return ()
        # Few reads must not starve the last rules.
        first = self.workspace.clock.seconds // 60 % len(rules)
        paid, _ = await self.state.reads.spend(len(rules), rest=1)
        metrics.READS_PUT_OFF.labels(metrics.BUDGET).inc(len(rules) - paid)
        return [*rules[first:], *rules[:first]][:paid]

    async def _apply(self, channel: str, rules: Sequence[Rule]) -> None:
        """Give new sessions their threads; later ones alone are asked for then, and who waits.

        One that waits is not claimed, so another channel may have it.
        """
        now, lists = self._now(), [(rule, await self._list(channel, rule)) for rule in rules]
        fitting = {one.session: (one, rule) for rule, found in lists for one in found}
        waiting = set[SessionId]()
        for one, rule in sorted(fitting.values(), key=lambda pair: pair[0].created_at or now):
            if one.parent in fitting or not await self._is_new(channel, one):
                continue
            if waiting or not await self._adopt(channel, rule, one):
                waiting.add(one.session)
        if waiting and await self.state.claims.claim(f"adoption waits:{channel}", SPAN):
            once = f"adoption waits:{channel}:{self.workspace.clock.seconds}"
            told = words.waiting(len(waiting))
            await self.notices.say(self.workspace.place(channel), told, once=once)
        for rule, found in lists:
            if found:
                oldest = next((one for one in found if one.session in waiting), found[-1])
                await self._go_on(channel, rule, (oldest.created_at or now) - LISTING_MARGIN)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.workspace.clock.seconds, UTC)

    async def _go_on(self, channel: str, rule: Rule, since: datetime) -> None:
        await self.state.claims.note(
            _mark(channel, rule), str(int(since.timestamp())), keep.ADOPTED
        )

    async def owed_rules(self, channel: str) -> Sequence[Rule]:
        """Return the channel's rules; while there are any, their entry is owed."""
        rules = (await self.state.profiles.get(channel)).rules
        if rules:
            await self._owe(channel)
        return rules

    async def _owe(self, channel: str) -> None:
        owed = Owed(f"{self.workspace.team}:adopt:{channel}", 1, self.kind)
        await self.accepting.owe(owed, "", keep.ADOPTED)

    async def _list(self, channel: str, rule: Rule) -> Sequence[SessionSummary]:
        """Return the new sessions that fit a rule, oldest first; of too many, the later half."""
        done = int(await self.state.claims.noted(_mark(channel, rule)) or 0)
        now = self._now()
        since = max(datetime.fromtimestamp(max(rule.since, done), UTC), now - WITHIN)
        tags, repos, origins = ([rule.value] if rule.key == key else [] for key in RULE_KEYS)
        found = await self.devin.matching(tags, repos, origins, since)
        if not isinstance(found, Unread):
            return found
        ids = {"channel": channel, "reason": found.reason}
        log.warning("sessions to adopt not read", extra=ids)
        metrics.READS_PUT_OFF.labels(found.reason).inc()
        if found.pause is not None:
            await self.state.reads.spend(0, pause=found.pause)
        if found.is_too_long:
            await self._go_on(channel, rule, since + (now - since) / 2)
        return ()

    async def _adopt(self, channel: str, rule: Rule, one: SessionSummary) -> bool:
        """Owe a session's thread, unless another channel has it; return False if it must wait."""
        claim = adopted(one.session)
        if not await self.state.claims.claim(claim, keep.ADOPTED, channel):
            return True
        if not await self._is_counted(channel, one.session):
            await self.state.claims.disclaim(claim)
            return False
        await self.state.names.keep([NamedSession(one.session, one.title, one.url)])
        await self.threads.ask(channel, one.session, rule.by, rule=rule.written)
        return True

    async def _is_counted(self, channel: str, session: SessionId) -> bool:
        try:
            await Starts(self.state.store, MOST_AN_HOUR).count(f"adopt:{channel}", session)
        except TooManyStarts:
            return False
        return True

    async def _is_new(self, channel: str, one: SessionSummary) -> bool:
        """Return True for a session that no thread has, nor shows as the child of its own."""
        if one.is_archived or any(map(OWN_TAG.fullmatch, one.tags)):
            return False
        claims, threads_of = self.state.claims, self.state.watches.threads_of
        if await claims.noted(adopted(one.session)) not in {None, channel}:
            return False
        above = one.parent
        if above and (await claims.is_claimed(adopted(above)) or await threads_of(above)):
            return False
        return not await threads_of(one.session)


def _channel_of(begun: Begun) -> str:
    return begun.owed.subject.rpartition(":")[2]


def _mark(channel: str, rule: Rule) -> str:
    """Return the note of the time (Unix s) since which a rule's sessions are still to be listed."""
    return f"adopts since:{channel}:{rule.written}:{rule.since}"
