"""Devin Reviews of pull requests: asked for in a thread, which is told the result.

The entry of a request first has a review asked for, if Devin knows none of the pull request's
latest commit, and notes that commit; then its tries read the state until the review is over.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from bot.devin.api import Devin, Unread
from bot.features.reviews import words
from bot.mirror.audience import Audience
from bot.model.errors import DevinAway
from bot.model.people import Act, UserId
from bot.model.record import Record
from bot.model.replies import Outcome, OutcomeKind, Wait
from bot.model.sessions import Review, parse_pull_request
from bot.model.threads import ThreadRef
from bot.model.times import Micros
from bot.redis import keep
from bot.relay import UseCases
from bot.relay.accept import Accepting
from bot.reporting.notices import Notices
from bot.runtime.logs import audit
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.outbox import MOOT, Begun, DueAgain, Ended, Fate, Leaves, Owed, Owing, Teller
from bot.store.state import State
from bot.wording.message import LEGACY, SlackMessage

log = logging.getLogger(__name__)

DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


ASKED = "review asked for"
"""The event in the audit trail."""


class ReviewAsked(Record):
    """A review of the pull request `url` that was asked for in `thread`, `since` then."""

    thread: ThreadRef
    url: str
    since: Micros = Micros(0)


@dataclass(frozen=True, slots=True)
class Reviews(Teller):
    """Has reviews asked for, and is the teller of what comes of them."""

    workspace: Workspace
    state: State
    devin: Devin
    accepting: Accepting
    audience: Audience
    notices: Notices
    kind = "review"
    is_later_work = True

    @classmethod
    def of(cls, core: UseCases) -> "Reviews":
        """Build it on the core."""
        parts = core.workspace, core.state, core.devin, core.accepting, core.audience, core.notices
        return cls(*parts)

    async def ask(
        self, thread: ThreadRef, by: UserId, key: str, *, named: str = "", short: str = ""
    ) -> SlackMessage | None:
        """Have a review asked for, once for each `key`; return what to say instead, or None.

        It is of the pull request at the address `named`, or else of the session's: the one that
        `short` stands for, or the only one. It counts as a start. May raise `TooManyStarts`.
        """
        await self.accepting.check(by, thread.channel, Act.START)
        if self.devin.is_legacy:
            return LEGACY
        found = [parse_pull_request(named)] if named else await self._opened(thread, short)
        if len(found) != 1 or found[0] is None:
            return words.NO_PULL_REQUEST if named else words.WHICH
        asked = ReviewAsked(thread=thread, url=found[0], since=self.workspace.clock.now)
        owed = Owed(f"{thread.team}:review:{key}", 1, self.kind)
        await self.accepting.count_start(by, thread.channel, owed.subject)
        if await self.accepting.owe(owed, asked.to_json()) is Owing.NEW:
            audit(ASKED, by, **thread.log_fields, pull_request=asked.url)
        return None

    async def _opened(self, thread: ThreadRef, short: str) -> Sequence[str | None]:
        """Return the pull requests of the thread's session that may be meant, as it shows them."""
        heard = await self.audience.of(thread, Need.ACT)
        if heard.link is None or heard.is_barred:
            return ()
        all_ = [one for one in heard.seen.pull_requests if parse_pull_request(one.url)]
        if short:
            all_ = [one for one in all_ if words.short_of(one.url) == short]
        found = [one for one in all_ if one.is_open] or all_
        return [parse_pull_request(one.url) for one in found]

    async def tell(self, begun: Begun) -> Fate:
        """Ask for a review or read its state; post what comes of it, or try again later."""
        asked = ReviewAsked.parse(begun.record["content"])
        if asked is None:
            return MOOT
        waited, timing = self.workspace.clock.age(asked.since), self.workspace.timing
        is_late, said = waited >= timing.review_wait, None
        try:
            said = await self._said(asked, begun.owed.subject)
        except DevinAway:
            if not is_late:
                await self._notice(asked, begun.owed.subject, waited)
                raise
        if said is None and not is_late:
            return DueAgain(timing.review_pause, may_be_done=begun.again)
        await self._release(asked, begun.owed.subject)
        said = said or words.late(asked.url)
        place, key = asked.thread, str(begun.owed)
        await self.workspace.threads.post_once(place, said, key, again=begun.again)
        return Ended(Leaves.FACT)

    async def _notice(self, asked: ReviewAsked, request: str, waited: timedelta) -> None:
        """Tell the thread once if Devin takes long to answer whether it reviews at all."""
        is_long = waited >= self.workspace.timing.delay_wait
        if is_long and await self.state.claims.noted(f"review:{request}") is None:
            told, once = words.waiting(asked.url), f"review waits:{request}"
            await self.notices.say(asked.thread, told, once=once)

    async def _said(self, asked: ReviewAsked, request: str) -> SlackMessage | None:
        """Return what comes of a review, which is asked for first; None while it is under way."""
        commit = await self.state.claims.noted(f"review:{request}")
        if not commit:
            return await self._begin(asked, request)
        if not (await self.state.reads.spend())[0]:
            return None
        found = await self._latest(asked, commit)
        if isinstance(found, Unread):
            return self._refused(asked, found.status)
        if found is None or not found.is_over:
            return None
        return words.result(asked.url, found)

    async def _release(self, asked: ReviewAsked, request: str) -> None:
        """Leave later results to other requests of the thread, if they were this one's to tell."""
        claims = self.state.claims
        watch = _watch(asked, await claims.noted(f"review:{request}") or "")
        if await claims.noted(watch) == request:
            await claims.disclaim(watch)

    async def _begin(self, asked: ReviewAsked, request: str) -> SlackMessage | None:
        """Ask for a review, unless one of the latest commit is known, and tell that it runs.

        Return what to say in place of a later result, if there is none to wait for.
        """
        await self.state.reads.spend(is_made=True)
        found = await self._latest(asked)
        if isinstance(found, Unread) and found.status in DENIED:
            return self._refused(asked, found.status)
        has_failed = isinstance(found, Review) and found.status == words.ERRORED
        # An earlier try may have asked for the one that has failed.
        asks, claims = f"review asked:{request}", self.state.claims
        if not isinstance(found, Review) or (has_failed and not await claims.is_claimed(asks)):
            await claims.claim(asks, keep.TRIED)
            # Devin says why it can't read of a pull request when it is asked to review it.
            answer = await self.devin.ask_review(asked.url)
            if isinstance(answer, Wait):
                await claims.disclaim(asks)
                raise DevinAway(answer.reason, retry_after=answer.retry_after)
            if isinstance(answer, Outcome):
                if answer.kind is OutcomeKind.UNCERTAIN:
                    raise DevinAway(f"HTTP {answer.status}" if answer.status else answer.detail)
                return self._refused(asked, answer.status or 0, answer.detail)
            if answer is None:  # one is under way, which the next try finds
                raise DevinAway("no clear answer about a review")
            found = answer
        if found.is_over:
            return words.result(asked.url, found)
        told, wait = words.begun(asked.url, found), self.workspace.timing.review_wait
        if not await claims.claim(_watch(asked, found.commit), wait, request):
            return told  # the result is for another request of this thread
        await self.notices.say(asked.thread, told, once=f"review begun:{request}")
        await claims.note(f"review:{request}", found.commit, keep.TRIED)
        return None

    async def _latest(self, asked: ReviewAsked, commit: str = "") -> Review | Unread | None:
        """Read the last review at the commit, or at the latest one; `Unread` if that is refused."""
        found = await self.devin.review(asked.url, commit)
        if isinstance(found, Unread) and found.is_passing:
            raise DevinAway(found.reason, retry_after=found.retry_after)
        return found

    def _refused(self, asked: ReviewAsked, status: int, detail: str = "") -> SlackMessage:
        ids = asked.thread.log_fields | {"reason": f"HTTP {status}"}
        if status in DENIED:
            log.error("Devin Review is not allowed: UseReviewManual", extra=ids)
        else:
            log.warning("Devin Review refused", extra=ids)
        return words.refused(asked.url, status, detail, self.workspace.admin)


def _watch(asked: ReviewAsked, commit: str) -> str:
    """Name the claim that a request has to tell its thread the result for a commit."""
    return f"review of:{asked.thread.name}:{words.short_of(asked.url)}:{commit}"
