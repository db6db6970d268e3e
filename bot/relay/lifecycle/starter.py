"""Starts sessions that the outbox has, and links their threads; never two sessions for one start.

Each session has a tag of its own. Before Devin is asked, one try claims that (`Noted`). Where a
later try finds the claim without a result, after a crash or a lost answer, the session is looked
for by its tag, and nothing is started. Where it is not found, a person decides.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.delivery.acting import Acting, is_about_acting
from bot.devin.api import Devin, Failure, SessionSummary, Unread
from bot.mirror.audience import Audience
from bot.model.errors import (
    CannotPost,
    DevinAway,
    LinkedElsewhere,
    SlackAway,
    SlackRefused,
    UnderWay,
)
from bot.model.options import BadOptions
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Refusal, Wait
from bot.model.sessions import NamedSession, SessionId, Started
from bot.model.times import ts_micros
from bot.redis.keep import STARTED
from bot.relay.accept import Accepting
from bot.relay.lifecycle.prompts import Prompt, Prompts, Question
from bot.relay.lifecycle.starting import Noted, Start
from bot.reporting.notices import Notices
from bot.reporting.outcomes import Completes
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.claims import start_claim
from bot.store.outbox import MOOT, Begun, Ended, Fate, Leaves, OwedKind, Teller
from bot.store.state import State
from bot.text.options import parse_options
from bot.text.to_slack import escape
from bot.wording import delivery_reports, refusals
from bot.wording.lifecycle import starting as words
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)

LISTED = 20
"""Most sessions among which one is looked for: the list has a single one with its tag."""

LONGEST_WAIT_SECONDS = 60.0

Result = tuple[NamedSession, Started] | SlackMessage
"""The session and how it was started, or the words that tell why there is none."""


@dataclass(frozen=True, slots=True)
class Starter(Teller):
    """The teller of starts."""

    workspace: Workspace
    state: State
    devin: Devin
    accepting: Accepting
    prompts: Prompts
    notices: Notices
    acting: Acting
    audience: Audience
    completes: Completes
    kind = OwedKind.START

    async def tell(self, begun: Begun) -> Fate:
        """Start a session and link its thread, or tell the thread why not."""
        if not (raw := begun.record["content"]):
            return MOOT
        start = Start.model_validate_json(raw)
        claim = start_claim(start.thread)
        if not await self.state.claims.claim(claim, STARTED, start.tag):
            await self._explain(start, words.BUSY)
            return Ended(Leaves.NOTHING if start.is_reaction else Leaves.ALL)
        try:
            told = await self._begin(start)
        except SlackRefused:  # which ends the entry
            await self.state.claims.disclaim(claim)
            raise
        await self.state.claims.disclaim(claim)
        if told is None:
            return Ended(Leaves.FACT)
        return Ended(Leaves.NOTHING if start.may_be_repeated(told) else Leaves.ALL)

    async def _begin(self, start: Start) -> SlackMessage | None:
        """Start the session and link its thread; if there is none, tell why, and return that."""
        noted = Noted.parse(await self.state.claims.noted(start.sent))
        found = await (self._earlier(start, noted) if noted else self._session(start))
        if isinstance(found, tuple):
            named, started = found
            await self._note(start, Noted(started=started, session=named.session))
            await self._link(start, named, started)
            return None
        log.info("not started", extra=start.log_fields)
        # A later try, if Slack does not take the words, must not start a session after all.
        await self._note(start, Noted(told=found))
        await self._explain(start, found)
        if start.may_be_repeated(found):
            await self.state.claims.disclaim(start.sent)
        if start.continues and await self.state.claims.noted(start.only) == start.sent:
            await self.state.claims.disclaim(start.only)
        return found

    async def _session(self, start: Start) -> Result:
        if (told := await self._kept_from(start)) is not None:
            return told
        try:
            prompt = await self.prompts.of(start)
        except (CannotPost, BadOptions) as error:
            return refusals.sorry(error)
        except DevinAway as error:
            return await self._wait(start, Wait(error.reason, error.retry_after))
        except SlackAway as error:
            return await self._wait(start, Wait(str(error), error.retry_after))
        if isinstance(prompt, Question):
            await self.state.starts.give_back(start.by, start.owed.subject)
            about = prompt.others, start.message.id, start.number
            return words.with_others(*about, is_task=prompt.is_task)
        return prompt if isinstance(prompt, SlackMessage) else await self._create(start, prompt)

    async def _kept_from(self, start: Start) -> SlackMessage | None:
        """Return what tells of another start, or another session, that is in the way of this."""
        claims, keep = self.state.claims, self._keep(start)
        if start.continues and not await claims.claim(start.only, keep, start.sent):
            return refusals.passing(UnderWay())
        link = await self.state.links.get(start.thread)
        if link is None or await self.accepting.gives_way(start.thread, link):
            return None
        by = await self.workspace.people.name(link.by)
        named = await self.audience.named(link.session, start.thread.channel, link.by)
        return refusals.sorry(LinkedElsewhere(named, by))

    async def _create(self, start: Start, prompt: Prompt) -> Result:
        as_user = await self.acting.as_whom(start.message, is_typed=not start.is_reaction)
        if isinstance(as_user, Wait):
            return await self._wait(start, as_user)
        if not isinstance(as_user, str):
            return self._failed(start, as_user)
        chosen, thread = prompt.chosen.options, start.thread
        started = Started(
            by=start.by,
            channel=thread.channel,
            thread=thread.thread_ts,
            cap=chosen.max_acu,
            chosen=chosen.written(),
            standing_by=prompt.chosen.by if prompt.chosen.preface else UserId(""),
            as_user=as_user,
            asked=start.asked,
            until=prompt.until,
        )
        # Only this try knows the token, so no other one has the same claim.
        mine = Noted(started=started).to_json()
        if not await self.state.claims.claim(start.sent, self._keep(start), mine):
            raise DevinAway("another process starts it")
        if prompt.left_out.number and start.quotes != "allowed":
            told = words.left_out(prompt.left_out)
            await self.notices.say(start.thread, told, once=f"left out:{start.tag}")
        if prompt.is_unread:
            await self.notices.say(start.thread, words.UNREAD, once=f"unread:{start.tag}")
        return await self._made(start, prompt, started)

    async def _earlier(self, start: Start, noted: Noted) -> Result:
        """Return the result of an earlier try, which may have been lost."""
        if noted.told is not None:
            return noted.told
        if noted.session is not None:
            return NamedSession(noted.session), noted.started
        lost = Outcome(kind=OutcomeKind.UNCERTAIN, detail="the relay stopped while starting")
        return await self._reconcile(start, noted.started, lost)

    async def _note(self, start: Start, noted: Noted) -> None:
        await self.state.claims.note(start.sent, noted.to_json(), self._keep(start))

    async def _made(self, start: Start, prompt: Prompt, started: Started) -> Result:
        answer, started = await self._ask(start, prompt, started)
        if isinstance(answer, NamedSession):
            _record(start, answer.session, started)
            return answer, started
        if isinstance(answer, Outcome) and answer.kind is OutcomeKind.UNCERTAIN:
            return await self._reconcile(start, started, answer)
        if isinstance(answer, Wait):
            await self.state.claims.disclaim(start.sent)
            return await self._wait(start, answer)
        return self._failed(start, answer)

    async def _ask(
        self, start: Start, prompt: Prompt, started: Started
    ) -> tuple[NamedSession | Failure, Started]:
        """Ask as the person, and where Devin refuses that, under their name, as replies are."""
        account = started.as_user
        text, options = prompt.as_self if account else prompt.text, prompt.chosen.sent
        answer = await self.devin.create(text, options, start.tag, account)
        is_required = self.acting.is_required
        if not (account and is_about_acting(answer, is_required=is_required)):
            return answer, started
        if is_required:
            await self.acting.learn(start.message, account)
            return answer.model_copy(update={"refusal": Refusal.ACTING}), started
        started = started.model_copy(update={"as_user": ""})
        await self._note(start, Noted(started=started))
        answer = await self.devin.create(prompt.text, options, start.tag)
        if isinstance(answer, NamedSession):
            await self.acting.learn(start.message, account)
        return answer, started

    async def _reconcile(self, start: Start, started: Started, lost: Outcome) -> Result:
        """Look for the session of a start whose answer was lost."""
        found: Sequence[SessionSummary] | Unread = ()
        for seconds in self.workspace.timing.reconcile_pauses:
            await asyncio.sleep(seconds)
            found = await self.devin.recent(LISTED, tags=[start.tag])
            for one in () if isinstance(found, Unread) else found:
                if start.tag in one.tags:
                    _record(start, one.session, started)
                    return NamedSession(one.session, one.title, one.url), started
        if isinstance(found, Unread):
            if found.is_passing and not self._is_over(start):
                raise await self._put_off(start, Wait(found.reason, found.retry_after))
            lost = Outcome(kind=OutcomeKind.UNCERTAIN, detail=f"sessions unread: {found.reason}")
        log.warning("unknown whether it started", extra=start.log_fields)
        return self._failed(start, lost)

    async def _wait(self, start: Start, wait: Wait) -> SlackMessage:
        """Have the start tried again later by raising `DevinAway`, or else give it up."""
        if self._is_over(start):
            return self._failed(start, Outcome(kind=OutcomeKind.GIVEN_UP, detail=wait.reason))
        raise await self._put_off(start, wait)

    def _failed(self, start: Start, why: Outcome) -> SlackMessage:
        has_form, admin = self.workspace.identity.has_form, self.workspace.admin
        return words.failed(start.message, start.number, why, admin, has_form=has_form)

    async def _put_off(self, start: Start, wait: Wait) -> DevinAway:
        """Return the error that has the start tried again; tell the thread if it takes long."""
        waited, timing = self._waited(start).total_seconds(), self.workspace.timing
        shortest = timing.send_pauses[0]
        delay = wait.retry_after
        if delay is None:
            delay = min(max(waited, shortest), LONGEST_WAIT_SECONDS)
        if waited + delay > timing.delay_wait.total_seconds():
            told = words.waiting(self.workspace.settings.give_up_after)
            await self.notices.say(start.thread, told, once=f"waits:{start.tag}")
        left = self.workspace.settings.give_up_after.total_seconds() - waited
        return DevinAway(wait.reason, retry_after=max(shortest, min(delay, left)))

    def _keep(self, start: Start) -> timedelta:
        """Return how long no other reaction, or press to continue a session, starts another."""
        lasts = start.emoji or start.continues
        return max(STARTED, self.workspace.settings.link_ttl) if lasts else STARTED

    def _is_over(self, start: Start) -> bool:
        return self._waited(start) >= self.workspace.settings.give_up_after

    def _waited(self, start: Start) -> timedelta:
        return self.workspace.clock.age(start.asked)

    async def _link(self, start: Start, named: NamedSession, started: Started) -> None:
        """Link the thread, which follows the session from its first word."""
        thread, message = start.thread, start.message
        await self.state.names.keep([named])
        await self.state.watches.begin(named.session, started)
        at = max(ts_micros(start.since), started.until)
        link, _ = await self.accepting.link(
            thread, start.by, named.session, at, begins=True, near=message, step=message.step
        )
        if link.session != named.session:
            await self.notices.say(thread, words.not_linked(named), once=f"started:{start.tag}")
        elif start.reads_thread and not start.by_button:
            self.notices.mark(thread.channel, message.ts, delivery_reports.DELIVERED_MARK)
        if message.step:
            await self.completes(message, named)

    async def _explain(self, start: Start, told: SlackMessage) -> None:
        """Tell why there is no session: the thread, or who reacted or pressed; and a workflow."""
        once = f"not started:{start.tag}:{start.pressed}"
        ts = start.message.ts
        if told in (words.BUSY, refusals.passing(UnderWay())):  # another start came first
            await self.state.starts.give_back(start.by, start.owed.subject)
        is_gone = told == words.WITHDRAWN and ts == start.thread.thread_ts  # the thread, perhaps
        is_for_all = bool(told.buttons) or told == words.OTHERS_REACTED
        if is_gone or ((start.emoji or start.by_button) and not is_for_all):
            await self.notices.whisper(start.thread, start.by, told, once=once, at=ts)
        else:
            await self.notices.say(start.thread, told, once=once)
        if start.message.step:
            await self.completes(start.message, told)


def _record(start: Start, session: SessionId, started: Started) -> None:
    """Put on record who started `session`, and with which options; a title is people's words."""
    options, _ = parse_options(escape(started.chosen))
    chosen = options.model_copy(update={"title": ""}).written()
    ids = {**start.thread.log_fields, "session_id": session, "tag": start.tag}
    ids |= {"chosen": chosen, "as_user": started.as_user, "step": start.message.step}
    ids |= {"quotes": start.quotes, "standing_by": started.standing_by}
    audit(Event.STARTED, start.by, **ids)
