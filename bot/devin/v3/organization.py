"""The organization that the key belongs to: configured, or asked for once.

`GET /v3/self` answers with the caller, of a kind by `principal_type`; its `org_id` is null for
service users of a whole enterprise (docs.devin.ai, "Authentication").
"""

import asyncio
import logging
import re
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from bot.devin.advice import CHECK_URL, NEW_KEY, REJECTED
from bot.devin.answers import Read
from bot.devin.api import Failure, Unread
from bot.devin.http import DevinHttp
from bot.model.errors import OperatorError
from bot.model.record import parse_object, string
from bot.model.replies import Outcome, OutcomeKind, Refusal, Wait

log = logging.getLogger(__name__)


def organization_path(organization: str, *segments: str, version: str = "v3") -> str:
    """Return the path of a resource; no segment can leave its place."""
    places = (quote(one, safe="") for one in (organization, *segments))
    return "/".join((f"/{version}/organizations", *places))


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the key belongs to; `organization` is empty for a whole enterprise."""

    name: str
    organization: str
    is_service: bool


async def ask(http: DevinHttp) -> Caller | Unread:
    """Ask Devin who is calling; `Unread` also for an answer that cannot be read."""
    answer = await http.get(Read.SELF, "/v3/self", http.timing.read_seconds)
    if isinstance(answer, Unread):
        return answer
    return parse_caller(answer.body) or Unread(answer.status)


def parse_caller(body: bytes) -> Caller | None:
    """Parse one of the callers; None if the body is anything else. Never raises."""
    found = parse_object(body)
    if found is None:
        return None
    names = (string(found, name) for name in ("service_user_name", "user_name", "principal_type"))
    organization = string(found, "org_id")
    return Caller(
        name=next(filter(None, names), ""),
        organization=organization if _ID.fullmatch(organization) else "",
        is_service=found.get("principal_type") == "service_user",
    )


_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", re.ASCII)
"""An id begins with `org-` or `org_`; any other that stays in its segment of a path is accepted."""


class Organization:
    """The id of the organization whose sessions the relay reaches.

    `is_foreign` is True once Devin has said that the key belongs to another one.
    """

    def __init__(self, http: DevinHttp, configured: str | None) -> None:
        self._http = http
        self._asking = asyncio.Lock()
        self.configured = configured
        self.is_foreign = False
        self._id = configured or ""

    async def id(self) -> str | Failure:
        """Return the id, or why a call that needs it has to fail or to wait."""
        if self._id:
            return self._id
        async with self._asking:
            try:
                return self._id or await self._find()
            except OperatorError as error:
                why = {"reason": str(error)}
                log.error("organization not known", extra=why)  # noqa: TRY400  (the reason is all)
                return Wait("DEVIN_ORG_ID is not set")

    async def begin(self) -> None:
        """Find the organization now if Devin can be reached, or else at the first call.

        A key that Devin rejects ends no start, nor does one that may belong elsewhere: threads are
        told of it, reply by reply.

        Raises:
            OperatorError: Devin answers, but not with an organization.
        """
        if self.configured is None:
            await self._find()
            return
        found = await ask(self._http)
        if isinstance(found, Unread):
            _log_rejected(found)
        elif says := foreign(found, self.configured):
            self.is_foreign = True
            reason = f"{says}. {LEAVE_EMPTY}"
            log.error("organization of another key", extra={"reason": reason})

    async def _find(self) -> str | Failure:
        found = await ask(self._http)
        if isinstance(found, Unread):
            if found.status == HTTPStatus.UNAUTHORIZED:
                _log_rejected(found)
                rejected = Refusal.KEY_REJECTED
                return Outcome(kind=OutcomeKind.REFUSED, refusal=rejected, status=found.status)
            if not found.is_passing:
                raise OperatorError(_untold(found.status), f"{CHECK_URL} {SET_ORGANIZATION}")
            log.warning("organization not known yet", extra={"reason": found.reason})
            return Wait(found.reason, found.retry_after)
        if not found.organization:
            raise OperatorError(MISSING, SET_ORGANIZATION)
        self._id = found.organization
        return self._id


def foreign(caller: Caller, configured: str) -> str:
    """Say that the key belongs to another organization than DEVIN_ORG_ID; "" if it may not.

    A person's key may reach several organizations.
    """
    if not caller.is_service or caller.organization in {"", configured}:
        return ""
    return f"DEVIN_ORG_ID is {configured}, but DEVIN_API_KEY belongs to {caller.organization}"


def _log_rejected(found: Unread) -> None:
    if found.status == HTTPStatus.UNAUTHORIZED:
        log.error("Devin rejects the key", extra={"reason": f"{REJECTED}. {NEW_KEY}"})


def _untold(status: int) -> str:
    return f"Devin doesn't say which organization DEVIN_API_KEY belongs to (HTTP {status})"


MISSING = "DEVIN_ORG_ID is missing, and DEVIN_API_KEY belongs to a whole enterprise"
SET_ORGANIZATION = (
    "Set DEVIN_ORG_ID to the organization whose sessions the relay uses. Find it in Devin's "
    "settings, under Service users; it starts with org-."
)
LEAVE_EMPTY = "Leave DEVIN_ORG_ID empty, or use a key that belongs to that organization."
