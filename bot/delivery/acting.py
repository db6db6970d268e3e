"""Finds people's own accounts in Devin, as which their words are sent with `ACT_AS`.

An account is a person's if Slack has confirmed their email address, and if it is that of exactly
one member of Devin's organization. Only whom Slack itself names is believed: the sender of a
message, or whoever pressed a button. The builder of a workflow can name anybody, and another app
can hold anybody's token, so what comes through either is never sent as a person.
"""

import hashlib
import logging
from dataclasses import replace
from http import HTTPStatus
from typing import TypeGuard

from pydantic import TypeAdapter

from bot.devin.api import Devin, Unread
from bot.model.errors import AccountsDenied, NotIdentified, SlackAway
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Refusal, Reply, ReplyId, Wait
from bot.model.sessions import SessionId
from bot.redis import keep
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import TIER_4, Lookup, Need
from bot.slack.people import identifying
from bot.store.state import State

log = logging.getLogger(__name__)

MEMBERS = "devin.members"

LISTS = 2
"""The reads of a look-up: members with roles of their own, and those by groups."""

DEBT = 10
"""The reads that are owed to the budget, beyond which it is at a pause that Devin has asked for."""

PUT_OFF = "Devin limits reads"

DENIED = "accounts denied just now"
"""The claim that Devin has refused look-ups of members: for a while, nobody is looked up."""

DENIED_REASON = (
    "The accounts of people can't be looked up. Give the key's service user a role with "
    "ViewOrgMembership, and the app the scope users:read.email; `devin-relay doctor` says which "
    "is missing. Until then, "
)

REASON = (
    "Devin doesn't let the relay write as this member. Unless they have left the organization, "
    "give the key's service user a role with ImpersonateOrgSessions, and the members "
    "UseDevinSessions. If the role has that, it may lack ManageOrgSessions. Until then, "
)
NOT_TAKEN = frozenset({OutcomeKind.REFUSED, OutcomeKind.ENDED})

_OTHERWISE = {
    False: "their words are sent under their names, as without ACT_AS.",
    True: "they can't write, since ACT_AS is required.",
}


class Acting:
    """Decides as whom words are sent; each person is looked up once a day, for all processes."""

    def __init__(self, workspace: Workspace, state: State, devin: Devin) -> None:
        self.is_on = workspace.settings.act_as != "off"
        self.is_required = workspace.settings.act_as == "required"
        self._people = workspace.people
        self._devin = devin
        self._claims = state.claims
        self._reads = state.reads
        timing = replace(workspace.timing, look_up_seconds=workspace.timing.member_seconds)
        source = replace(workspace.source, timing=timing)
        self._accounts = Lookup(
            source, MEMBERS, self._look_up, TypeAdapter(str), tier=TIER_4, kept=keep.ACCOUNT
        )

    async def account(self, user: UserId) -> str:
        """Return the id of the account of `user`, "" if they have none; raises `NotIdentified`."""
        person = await self._people.person(user)
        if not person.is_full_member:
            return ""
        try:
            with identifying(MEMBERS):
                found = await self._accounts.get(user)
                is_asked = bool(found) or await self._claims.is_claimed(_asked(user))
                if self.is_required and not is_asked:
                    found = await self._accounts.ask(user, Need.ACT)
        except AccountsDenied as error:
            if await self._claims.claim("accounts denied", keep.ACCOUNT):
                reason = DENIED_REASON + _OTHERWISE[self.is_required]
                told = {"by": user, "why": error.reason, "reason": reason}
                log.error("accounts denied", extra=told)  # noqa: TRY400  (the reason says all)
            raise
        return found or ""

    async def as_whom(
        self, reply: Reply, number: int = 1, *, is_typed: bool = True
    ) -> str | Outcome | Wait:
        """Return the account as which `reply` is sent, "" for none, or why it can't be sent yet.

        It is "" if another person sends it again (as round `number`), or nobody has typed it.
        """
        if not self.is_on:
            return ""
        who = sender(reply) if is_typed else None
        if number > 1 and await self._claims.is_claimed(again(reply.id, number - 1)):
            who = None
        try:
            account = await self.account(who) if who else ""
        except NotIdentified as error:
            if self.is_required and not isinstance(error, AccountsDenied):
                return Wait(f"{MEMBERS}: {error.reason}", error.retry_after)
            log.warning("not sent as the person", extra={"by": who, "reason": str(error)})
            account = ""
        if self.is_required:
            return account or Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.ACTING)
        is_refused = account and await self._claims.is_claimed(_refused(account))
        return "" if is_refused else account

    async def learn(self, reply: Reply, account: str) -> None:
        """Learn that Devin did not let `reply` be sent as `account`: for a day, nothing else is."""
        await self._claims.claim(_refused(account), keep.ACCOUNT)
        if await self._claims.claim("acting refused", keep.ACCOUNT):
            reason = REASON + _OTHERWISE[self.is_required]
            told = {"by": sender(reply), "as_user": account, "reason": reason}
            log.error("acting refused", extra=told)

    async def claim_text(self, session: SessionId, reply: ReplyId, text: str) -> bool:
        """Note that `reply` says `text` to `session`; return False if another one just did."""
        digest = hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
        return await self._claims.claim(f"said:{session}:{digest}", keep.SAME_TEXT, reply)

    async def _member(self, email: str) -> str | Unread | None:
        """Look the address up: that goes before polls, but waits while Devin wants no reads."""
        _, wait = await self._reads.spend(0)
        if wait > DEBT * self._reads.seconds_each:
            return Unread(why=PUT_OFF, retry_after=wait)
        await self._reads.spend(LISTS, is_made=True)
        return await self._devin.member(email)

    async def _look_up(self, user: str) -> str:
        if await self._claims.is_claimed(DENIED):
            raise AccountsDenied("Devin refused that just now", method=MEMBERS)
        email = await self._people.email(UserId(user))
        found = await self._member(email) if email else None
        if isinstance(found, Unread):
            if found.status and found.pause is not None:
                await self._reads.spend(0, pause=found.pause)
            if found.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                await self._claims.claim(DENIED, keep.DENIED)
                raise AccountsDenied(found.reason, method=MEMBERS)
            after = found.retry_after
            raise SlackAway(MEMBERS, found.reason, retry_after=after, maybe_done=False)
        if not found:
            await self._claims.claim(_asked(user), keep.NO_ACCOUNT)
        return found or ""


def sender(reply: Reply) -> UserId | None:
    """Return the person whom Slack names as the sender of `reply`; None if it names none."""
    if reply.sent_by is not None:
        return reply.sent_by
    return None if reply.step or reply.bots or reply.app else reply.author


def again(reply: ReplyId, number: int) -> str:
    """Return the claim that somebody else than its sender sends `reply` again after a round."""
    return f"sent again by another:{reply}:{number}"


def is_about_acting(answer: object, *, is_required: bool) -> TypeGuard[Outcome]:
    """Return True if Devin took nothing, perhaps since nobody may write as that person.

    Devin documents the conditions, but not the status: any 4xx but those of the key and of a limit
    may tell it. Where acting is required, there is no second try, so only a 403 does.
    """
    if not isinstance(answer, Outcome) or answer.kind not in NOT_TAKEN or answer.status is None:
        return False
    if is_required or answer.status == HTTPStatus.FORBIDDEN:
        return answer.status == HTTPStatus.FORBIDDEN
    is_refused = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_refused and answer.status != HTTPStatus.UNAUTHORIZED


def _asked(user: str) -> str:
    return f"account asked:{user}"


def _refused(account: str) -> str:
    return f"acting refused:{account}"
