"""The organization that the key belongs to: configured, or asked for once.

`GET /v3/self` answers with the caller, of a kind by `principal_type`; its `org_id` is null for
service users of a whole enterprise (docs.devin.ai, "Authentication").
"""

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus

from bot.devin.api import Unread
from bot.devin.http import LOOK_SECONDS, DevinHttp
from bot.model.errors import OperatorError
from bot.model.lenient import parse_object, string
from bot.model.outcomes import Outcome, OutcomeKind, Refusal, Wait

log = logging.getLogger(__name__)

WHERE = "it is shown in Devin's settings, under Service users, and begins with org-"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the key belongs to; `organization` is empty for a whole enterprise."""

    name: str
    organization: str


async def ask(http: DevinHttp) -> Caller | Unread:
    """Ask Devin who is calling; `Unread` also for an answer that cannot be read."""
    answer = await http.get("/v3/self", LOOK_SECONDS)
    if isinstance(answer, Unread):
        return answer
    return parse_caller(answer.body) or Unread(answer.status)


def parse_caller(body: bytes) -> Caller | None:
    """Parse one of the callers; None if the body is anything else. Never raises."""
    found = parse_object(body)
    if found is None:
        return None
    names = (string(found, name) for name in ("service_user_name", "user_name", "principal_type"))
    return Caller(next(filter(None, names), ""), string(found, "org_id"))


class Organization:
    """The id of the organization whose sessions the relay reaches."""

    def __init__(self, http: DevinHttp, configured: str | None) -> None:
        self._http = http
        self._asking = asyncio.Lock()
        self.configured = configured
        self._id = configured or ""

    async def id(self) -> str | Outcome | Wait:
        """Return the id, or why a call that needs it has to fail or to wait."""
        if self._id:
            return self._id
        async with self._asking:
            if self._id:
                return self._id
            found = await ask(self._http)
            if isinstance(found, Caller) and found.organization:
                self._id = found.organization
                return self._id
        if isinstance(found, Caller):
            return Wait("DEVIN_ORG_ID is not set")
        if found.status == HTTPStatus.UNAUTHORIZED:
            rejected = Refusal.KEY_REJECTED
            return Outcome(kind=OutcomeKind.REFUSED, refusal=rejected, status=found.status)
        return Wait(found.reason)

    async def begin(self) -> None:
        """Find the organization now if Devin can be reached, or else at the first call.

        A key that Devin rejects ends no start: threads are told of it, reply by reply.

        Raises:
            OperatorError: Devin answers, but not with an organization.
        """
        if self._id:
            return
        found = await ask(self._http)
        if isinstance(found, Unread):
            if found.status == HTTPStatus.UNAUTHORIZED:
                log.error("Devin rejects the key", extra={"reason": REJECTED})
            elif found.is_passing:
                log.warning("organization not known yet", extra={"reason": found.reason})
            else:
                raise OperatorError(_untold(found.status))
            return
        if not found.organization:
            raise OperatorError(
                "DEVIN_ORG_ID is missing: DEVIN_API_KEY belongs to a whole enterprise, so set the "
                f"id of the organization whose sessions the relay reaches; {WHERE}"
            )
        self._id = found.organization


def _untold(status: int) -> str:
    """Explain that Devin did not say whose key it is."""
    return (
        f"Devin does not say which organization DEVIN_API_KEY belongs to (HTTP {status}): look at "
        f"DEVIN_API_URL, and set DEVIN_ORG_ID; {WHERE}"
    )


REJECTED = (
    "Devin rejects DEVIN_API_KEY (401): check that it was copied whole and has not expired, or "
    "make a new one (cog_…) in Devin's settings, under Service users"
)
