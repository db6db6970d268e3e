"""Gives new sessions from elsewhere threads of their own in a channel, by the channel's rules.

A channel with rules has one outbox entry, which is due each minute for as long as there are rules.
A session is claimed for a channel before its thread is owed, so it gets one thread by a rule, and
none again after that is unlinked.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from bot.devin.api import Devin, SessionSummary, Unread
from bot.features.adoption import words
from bot.features.adoption.own_threads import OwnThreads, adopted
from bot.features.adoption.rules import KEYS, MOST_RULES, PART, Rule, rules_of, with_rules
from bot.model.errors import CannotPost, TooManyStarts
from bot.model.people import Act, Standing, UserId
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.redis import keep
from bot.redis.connection import Store
from bot.relay import UseCases
from bot.relay.accept import Accepting
from bot.reporting.notices import Notices
from bot.runtime import metrics
from bot.runtime.logs import audit
from bot.slack.app.workspace import Workspace
from bot.store.claims import SPAN, Starts
from bot.store.outbox import Begun, Due, DueAgain, Ended, Fate, Leaves, Owed, Teller
from bot.store.state import State
from bot.store.watches import short_id
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
        channel, profiles = place.channel, self.state.profiles
        await self.accepting.check(by, channel, Act.START)
        if self.devin.is_legacy:
            return LEGACY
        if rules and await self.threads.audience.is_barred(channel, by):
            return words.SHARED
        made = {"by": by, "since": self.workspace.clock.seconds}
        added = [one.model_copy(update=made) for one in rules]
        if len(with_rules(await profiles.get(channel), added)) > MOST_RULES:
            return words.TOO_MANY
        profile = await profiles.change(
            channel, lambda was: {PART: [one.model_dump() for one in with_rules(was, added)]}
        )
        kept = rules_of(profile)
        named = " ".join(one.key for one in kept) or "none"
        audit(CHANGED, by, team=place.team, channel=channel, rules=named)
        told = words.changed(rules, kept, await self.workspace.people.name(by))
        await self.notices.announce(place, told, once=once)
        await self.owed_rules(channel)
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
        rules = rules_of(await self.state.profiles.get(channel))
        if rules and self.workspace.permissions.allows_channel(channel):
            try:
                await self.workspace.channels.check_in(channel)
            except CannotPost as error:
                log.info("not adopted", extra={"channel": channel, "reason": str(error)})
            else:
                if not await self.threads.audience.is_barred(channel, rules[0].by):
                    applied = [one for one in rules if await self._applies(channel, one)]
                    await self._apply(channel, await self._paid(applied) if applied else ())
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
        mark, at = _mark(channel, rule), str(int(since.timestamp()))
        await self.state.claims.note(mark, at, keep.ADOPTED)

    async def owed_rules(self, channel: str) -> Sequence[Rule]:
        """Return the channel's rules; while there are any, their entry is owed."""
        rules = rules_of(await self.state.profiles.get(channel))
        if rules:
            owed = Owed(f"{self.workspace.team}:adopt:{channel}", 1, self.kind)
            await self.accepting.owe(owed, "", keep.ADOPTED)
        return rules

    async def _list(self, channel: str, rule: Rule) -> Sequence[SessionSummary]:
        """Return the new sessions that fit a rule, oldest first; of too many, the later half."""
        done = int(await self.state.claims.noted(_mark(channel, rule)) or 0)
        now = self._now()
        since = max(datetime.fromtimestamp(max(rule.since, done), UTC), now - WITHIN)
        tags, repos, origins = ([rule.value] if rule.key == key else [] for key in KEYS)
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
        try:
            await Starts(self.state.store, MOST_AN_HOUR).count(f"adopt:{channel}", one.session)
        except TooManyStarts:
            await self.state.claims.disclaim(claim)
            return False
        await self.state.names.keep([NamedSession(one.session, one.title, one.url)])
        await self.threads.ask(channel, one.session, rule.by, rule=rule.written)
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
