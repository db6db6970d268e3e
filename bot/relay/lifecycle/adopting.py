"""Sessions that nobody started here get a thread in the channels whose rules they fit.

A channel with rules has one outbox entry, which is due each minute for as long as there are rules.
A session is claimed for a channel before its thread is owed. So it gets one thread, whichever
process looks, and none again after that is unlinked.
"""

import asyncio
import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from bot.devin.api import Devin, SessionSummary, Unread
from bot.model.errors import CannotPost
from bot.model.options import MOST_RULES, RULE_KEYS, Rule
from bot.model.owed import Owed, OwedKind, Schedule
from bot.model.people import Act, UserId
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.redis.budget import SPAN, Starts
from bot.relay.accept import Accepting
from bot.relay.lifecycle.own_threads import OwnThreads
from bot.reporting.reporter import Notices
from bot.runtime import metrics
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.outbox import KEEP, Begun
from bot.store.state import State
from bot.wording.lifecycle import adopting as words
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)

MOST_AN_HOUR = 10
"""The most threads that a channel gets by its rules in an hour."""

WITHIN = timedelta(days=7)
"""The time for which a new session is looked for."""

KEEP_CLAIM = timedelta(days=30)
"""Longer than `WITHIN`, by far."""

ON_A_PAGE = 200
"""The sessions that one read lists."""

OWN_TAG = re.compile(r"relay-[0-9a-f]{32}")
"""The tag of a session that was started here (`Start.tag`)."""

_Fitting = tuple[SessionSummary, Rule]


@dataclass(frozen=True, slots=True)
class Adopting:
    """Keeps the rules of channels, and is the teller of the entries that apply them."""

    workspace: Workspace
    state: State
    devin: Devin
    accepting: Accepting
    notices: Notices
    threads: OwnThreads
    schedule: Schedule

    fields: ClassVar[Sequence[str]] = ()

    async def change(
        self, place: ThreadRef, by: UserId, rules: Sequence[Rule], once: str
    ) -> SlackMessage | None:
        """Add `rules` to those of the channel of `place`, or end all without any; say so there.

        Idempotent: of several with the same `once`, one is told. Return words if it was not done.

        Raises:
            NotAllowed: `by` may not start sessions there.
            StoreAway: it may not have been done.
        """
        channel, made = place.channel, {"by": by, "since": int(time.time())}
        await self.accepting.check(by, channel, Act.START)
        if self.devin.is_legacy:
            return words.LEGACY
        there = (await self.state.profiles.get(channel)).rules
        if len({(one.key, one.value) for one in (*there, *rules)}) > MOST_RULES:
            return words.TOO_MANY
        added = {one.words: one.model_copy(update=made) for one in rules}

        def change(kept: Sequence[Rule]) -> tuple[Rule, ...]:
            return tuple((added | {one.words: one for one in kept}).values()) if rules else ()

        profile = await self.state.profiles.change(
            channel, lambda was: {"rules": change(was.rules)}
        )
        ids = {"team": place.team, "channel": channel}
        named = " ".join(one.key for one in profile.rules) or "none"
        audit(Event.RULES_CHANGED, by, **ids, rules=named)
        told = words.changed(rules, profile.rules, await self.accepting.name(by))
        await self.notices.say(place, told, once=once)
        if profile.rules:
            await self._owe(channel)
        return None

    async def show(self, channel: str, by: UserId) -> SlackMessage:
        """Return the words that show the channel's rules.

        Raises:
            NotAllowed: `by` may not message Devin there.
        """
        await self.accepting.check(by, channel)
        if self.devin.is_legacy:
            return words.LEGACY
        rules = (await self.state.profiles.get(channel)).rules
        names = {who: await self.accepting.name(who) for who in {one.by for one in rules}}
        return words.shown(rules, names)

    async def tell(self, begun: Begun) -> bool:
        """Let the sessions that fit have their threads; return False if there are no rules."""
        channel = begun.owed.subject.rpartition(":")[2]
        rules = (await self.state.profiles.get(channel)).rules
        if rules and self.workspace.permissions.allows_channel(channel):
            try:
                await self.workspace.threads.check_in(channel)
            except CannotPost as error:
                log.info("not adopted", extra={"channel": channel, "reason": str(error)})
            else:
                await self._adopt(channel, await self._fitting(rules))
        return bool(rules)

    async def end(self, begun: Begun, *, told: bool) -> None:
        """Let the entry be due again; without rules it ends, unless some were made meanwhile."""
        channel, pause = begun.owed.subject.rpartition(":")[2], self.workspace.timing.adopt_pause
        if told:
            await self.state.outbox.pause(begun, pause, may_be_done=False)
            return
        await self.state.outbox.take_back(begun)
        if (await self.state.profiles.get(channel)).rules:
            await self._owe(channel)

    async def _owe(self, channel: str) -> None:
        owed = Owed(f"{self.workspace.team}:adopt:{channel}", 1, OwedKind.ADOPT)
        if await self.state.outbox.owe(owed, "", KEEP):
            await self.schedule.tell(owed)

    async def _fitting(self, rules: Sequence[Rule]) -> Mapping[SessionId, _Fitting]:
        """Return the new sessions that fit, as far as there are reads for it, oldest first."""
        turn = int(time.time() / 60) % len(rules)  # few reads must not starve the last rules
        rules = [*rules[turn:], *rules[:turn]]
        paid, _ = await self.state.reads.spend(len(rules), rest=1)
        metrics.READS_PUT_OFF.labels(metrics.BUDGET).inc(len(rules) - paid)
        listed = await asyncio.gather(*(self._list(one) for one in rules[:paid]))
        pairs = [(one, rule) for rule, found in zip(rules, listed, strict=False) for one in found]
        pairs.sort(key=lambda pair: (pair[0].created_at or datetime.now(UTC), pair[0].session))
        fitting: dict[SessionId, _Fitting] = {}
        for one, rule in pairs:
            fitting.setdefault(one.session, (one, rule))
        return fitting

    async def _list(self, rule: Rule) -> Sequence[SessionSummary]:
        since = max(datetime.fromtimestamp(rule.since, UTC), datetime.now(UTC) - WITHIN)
        tags, repos, origins = ([rule.value] if rule.key == key else [] for key in RULE_KEYS)
        found = await self.devin.matching(tags, repos, origins, since)
        if not isinstance(found, Unread):
            if more := len(found) // ON_A_PAGE:
                await self.state.reads.spend(more, is_made=True)
            return found
        log.warning("sessions not read", extra={"reason": found.reason})
        metrics.READS_PUT_OFF.labels(found.reason).inc()
        if found.retry_after is not None:
            await self.state.reads.spend(0, pause=found.retry_after)
        return ()

    async def _adopt(self, channel: str, fitting: Mapping[SessionId, _Fitting]) -> None:
        """Owe the threads of those that are new, and tell the channel how many have to wait."""
        waiting, hourly = 0, Starts(self.state.store, MOST_AN_HOUR)
        for one, rule in fitting.values():
            claim = f"adopted:{one.session}"
            noted = await self.state.claims.noted(claim)
            if noted not in {None, channel} or not await self._is_new(one, fitting):
                continue
            if not await self.state.claims.claim(claim, KEEP_CLAIM, channel):
                continue
            if waiting or await hourly.count(f"adopt:{channel}", one.session):
                waiting += 1
                continue
            await self.state.names.keep([NamedSession(one.session, one.title, one.url)])
            await self.threads.ask(channel, one.session, rule.by, rule=rule.words)
            await self.state.claims.note(claim, f"{channel} done", KEEP_CLAIM)
        if waiting and await self.state.claims.claim(f"adoption waits:{channel}", SPAN):
            place = ThreadRef(team=self.workspace.team, channel=channel, thread_ts="")
            await self.notices.say(place, words.waiting(waiting))

    async def _is_new(self, one: SessionSummary, fitting: Mapping[SessionId, _Fitting]) -> bool:
        """Return True for a session that no thread has, nor shows as the child of its own."""
        if one.is_archived or any(map(OWN_TAG.fullmatch, one.tags)):
            return False
        above = one.parent
        if above is not None and (above in fitting or await self.state.watches.followers(above)):
            return False
        return not await self.state.watches.followers(one.session)
