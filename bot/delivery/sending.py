"""Sends the reply at the head of a mailbox to Devin, under a lease: composed, once, as whom.

A process that may have lost its lease, for instance because it was frozen, must not send. As whom
a reply is sent is recorded before, since its text depends on that.

When Devin rate-limits messages, those to all sessions get times of their own. Devin's documentation
names the 429 and not whose limit it is. After the first one another session tries, alone: if Devin
takes its message, the limit is that of one session and delays no other. If not, it is the key's,
and nothing is sent until it ends. Then again one message tries first, of a session that was not
just limited. Each process learns of a limit by itself.
"""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus

from bot.delivery.acting import Acting, is_about_acting
from bot.delivery.attachments import Files
from bot.delivery.compose import message_of
from bot.delivery.reconcile import Attempt, reconcile
from bot.devin.api import Devin
from bot.model.files import Upload
from bot.model.replies import Outcome, OutcomeKind, Refusal, Reply, Wait
from bot.model.sessions import SessionId
from bot.model.times import as_datetime
from bot.redis.connection import retried
from bot.redis.keep import SESSION_LEASE
from bot.runtime import metrics
from bot.runtime.in_flight import SHORTEST_SECONDS, Limit
from bot.slack.app.workspace import Workspace
from bot.store.claims import renewed
from bot.store.mailbox import Head, Mailbox

log = logging.getLogger(__name__)


STEP_SECONDS = 0.25
"""The time between two messages: half of what a workspace's people write at most."""

TOO_MANY = f"HTTP {HTTPStatus.TOO_MANY_REQUESTS.value}"


class RateLimit:
    """The limit on messages to Devin; one that Devin imposes lasts `longest` at most."""

    def __init__(self, longest: timedelta) -> None:
        self._longest = max(1.0, longest.total_seconds())
        self._limit = Limit(STEP_SECONDS)
        self._reason = ""
        """Devin's reason for a limit; empty while there is none."""
        self._session: SessionId | None = None
        """The only session that is limited, as far as is known."""

    async def post(
        self, session: SessionId, send: Callable[[], Awaitable[Outcome | Wait]], backoff: float
    ) -> Outcome | Wait:
        """Send a message, unless it must wait for its time; `backoff` is as for `learn`."""
        if self._reason and self._limit.is_in_force:
            return Wait(self._reason, self._limit.reserve(), was_asked=False)
        tries = self._limit.is_tried = bool(self._reason)
        try:
            answer = await send()
        finally:
            if tries:
                self._limit.is_tried = False
        if isinstance(answer, Wait):
            return self.learn(session, answer, backoff)
        if tries and answer.kind is not OutcomeKind.UNCERTAIN:
            self._reason = ""
        return answer

    def learn(self, session: SessionId, wait: Wait, backoff: float) -> Wait:
        """Learn of a limit, by default `backoff` seconds long; return the answer with the wait."""
        if wait.reason != TOO_MANY and wait.retry_after is None:
            return wait
        asked = backoff if wait.retry_after is None else wait.retry_after
        asked = min(max(SHORTEST_SECONDS, asked), self._longest)
        is_first = not self._reason
        self._reason = wait.reason
        if is_first or session == self._session:
            self._session = session
            return replace(wait, retry_after=asked)
        self._session = None
        self._limit.extend(asked)
        # Not first again, when the limit ends: it may be this session's own.
        return replace(wait, retry_after=asked + self._limit.backlog)


SENDING_SECONDS = 1.0
"""The time after which a session with much mail makes room for others."""

RENEWALS = 3
"""The number of times a lease is renewed before it would expire."""


def lease_clock() -> float:
    """Return the time in seconds by which a lease is certain.

    It goes on while the machine is suspended; on Linux, the monotonic clock does not.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """A lease on a session, with the time until which this process is certain to have it."""

    def __init__(self, mailbox: Mailbox, session: SessionId) -> None:
        self.mailbox = mailbox
        self.session = session
        self.token = secrets.token_hex(8)
        self.sends_until = time.monotonic() + SENDING_SECONDS
        self._until = 0.0

    @property
    def is_certain(self) -> bool:
        """True until the lease may have expired; after that, nothing may be sent."""
        return lease_clock() < self._until

    def extend(self, since: float) -> None:
        """Note that the lease was confirmed by a command that began at `since` (`lease_clock`)."""
        self._until = since + SESSION_LEASE.total_seconds() * 0.8

    def kept(self) -> AbstractAsyncContextManager[None]:
        """Renew the lease inside this context."""
        return renewed(self._renew, SESSION_LEASE / RENEWALS, "session", session_id=self.session)

    async def _renew(self) -> None:
        began = lease_clock()
        if await self.mailbox.renew(self.session, self.token):
            self.extend(began)


@dataclass(frozen=True, slots=True)
class Message:
    """The message for Devin, and as whom it is sent."""

    text: str
    brought: tuple[Upload, ...]
    as_user: str

    @property
    def attachments(self) -> tuple[str, ...]:
        """The addresses of the files that Devin has."""
        return tuple(one.url for one in self.brought if one.url)

    @property
    def left_out(self) -> tuple[Upload, ...]:
        """The files that people are told went as links."""
        return tuple(one for one in self.brought if one.is_told)


@dataclass(eq=False)
class Sender:
    """Sends replies, each once."""

    workspace: Workspace
    mailbox: Mailbox
    devin: Devin
    files: Files
    acting: Acting

    def __post_init__(self) -> None:
        """Begin without a limit of Devin's."""
        self._rate_limit = RateLimit(self.workspace.settings.give_up_after)

    async def send(self, lease: Lease, head: Head) -> tuple[Outcome | Wait | None, Message | None]:
        """Try to send the head; the result is None if it's to be taken again.

        Then its lease may have expired, or its message was changed, before it was sent.
        """
        if head.flaw is not None:
            raise head.flaw
        may_be_there = head.interrupted and await self._may_be_there(head.reply)
        as_user = (head.as_user or "") if may_be_there else await self._as_whom(head)
        if not isinstance(as_user, str):
            return as_user, None
        message = await self._compose(lease, head, as_user)
        if isinstance(message, Wait):
            return self._rate_limit.learn(lease.session, message, self.backoff(head)), None
        if message is None or (message.brought and not may_be_there and await self._changed(head)):
            return None, None
        if may_be_there:
            lost = Outcome(kind=OutcomeKind.UNCERTAIN, detail="the relay stopped while sending")
            return await self._look(lease, head, message, lost), message
        answer = await self._post(lease, head, message)
        is_required = self.acting.is_required
        if message.as_user and is_about_acting(answer, is_required=is_required):
            answer, message = await self._post_otherwise(lease, head, message, answer)
        if isinstance(answer, Outcome) and answer.kind is OutcomeKind.UNCERTAIN:
            answer = await self._look(lease, head, message, answer)
        return answer, message

    def backoff(self, head: Head) -> float:
        """Return the seconds until the head is tried again, if Devin does not say."""
        pauses = self.workspace.timing.send_pauses
        return pauses[min(head.attempts, len(pauses) - 1)]

    async def _as_whom(self, head: Head) -> str | Outcome | Wait:
        """Return the account to send the head as, which is recorded before it is sent."""
        found = await self.acting.as_whom(head.reply, head.round)
        is_recorded = found == head.as_user or not (self.acting.is_on or head.as_user)
        if isinstance(found, str) and not is_recorded:
            await retried(self.mailbox.keep_as_user, head.reply.id, found)
        return found

    async def _changed(self, head: Head) -> bool:
        """Return True if the author changed the head while its files were brought."""
        return await retried(self.mailbox.is_changed, head.reply.id)

    async def _may_be_there(self, reply: Reply) -> bool:
        """Return True if an interrupted try may have sent `reply`; its files are recorded first."""
        return not reply.all_files or await retried(self.mailbox.uploads, reply.id) is not None

    async def _post(self, lease: Lease, head: Head, message: Message) -> Outcome | Wait | None:
        """Send the message; return None if the lease may have expired before that."""
        await self._claim_text(lease, head, message)
        if not lease.is_certain:
            return None

        async def post() -> Outcome | Wait:
            began = time.monotonic()
            answer = await self.devin.post_message(
                lease.session, message.text, message.attachments, message.as_user
            )
            metrics.DELIVERY_SECONDS.observe(time.monotonic() - began)
            return answer

        return await self._rate_limit.post(lease.session, post, self.backoff(head))

    async def _post_otherwise(
        self, lease: Lease, head: Head, message: Message, refused: Outcome
    ) -> tuple[Outcome | Wait | None, Message]:
        """Send what Devin has refused from the person under their name, unless that is required.

        If Devin takes it then, the refusal was about that.
        """
        reply, account = head.reply, message.as_user
        if self.acting.is_required:
            await self.acting.learn(reply, account)
            return refused.model_copy(update={"refusal": Refusal.ACTING}), message
        await retried(self.mailbox.keep_as_user, reply.id, "")
        text = await message_of(reply, self.workspace.people, message.brought)
        message = replace(message, text=text, as_user="")
        answer = await self._post(lease, head, message)
        if isinstance(answer, Outcome) and answer.kind is OutcomeKind.DELIVERED:
            await self.acting.learn(reply, account)
        return answer, message

    async def _compose(self, lease: Lease, head: Head, as_user: str) -> Message | Wait | None:
        reply = head.reply
        brought: Sequence[Upload] = ()
        if reply.all_files:
            answer = await retried(self.files.bring, reply, lambda: lease.is_certain)
            if answer is None or isinstance(answer, Wait):
                return answer
            brought = answer
        text = await message_of(reply, self.workspace.people, brought, as_self=bool(as_user))
        return Message(text, tuple(brought), as_user)

    async def _claim_text(self, lease: Lease, head: Head, message: Message) -> bool:
        """Note the text; return False if another reply to the session just had the same.

        It is sent all the same, but a look into the session can't tell the two apart.
        """
        text = self.devin.listed(message.text, message.attachments)
        return await retried(self.acting.claim_text, lease.session, head.reply.id, text)

    async def _look(self, lease: Lease, head: Head, message: Message, lost: Outcome) -> Outcome:
        if not await self._claim_text(lease, head, message):
            return lost
        reply, text = head.reply.id, self.devin.listed(message.text, message.attachments)
        attempt = Attempt(lease.session, reply, text, as_datetime(head.sending_since), head.clock)
        return await reconcile(self.devin, attempt, lost, self.workspace.timing.reconcile_pauses)
