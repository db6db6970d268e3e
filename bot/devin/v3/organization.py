"""The organization that the key belongs to: configured, or asked for once.

`GET /v3/self` answers with the caller, of a kind by `principal_type`; its `org_id` is null for
service users of a whole enterprise (docs.devin.ai, "Authentication").
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from bot.devin.answers import CHECK_URL, KEY, NEW_KEY, REJECTED, Read, parsed, remedy, untested
from bot.devin.api import SessionSummary, Unread
from bot.devin.http import DevinHttp, Path, path_of
from bot.devin.v3.sessions import parse_list
from bot.model.errors import OperatorError
from bot.model.findings import Finding
from bot.model.record import parse_object, string

log = logging.getLogger(__name__)


ORGANIZATION, SESSIONS = "Devin organization", "Devin sessions"
MISSING = "DEVIN_ORG_ID is missing, and DEVIN_API_KEY belongs to a whole enterprise"
SET_ORGANIZATION = (
    "Set DEVIN_ORG_ID to the organization whose sessions the relay uses. Find it in Devin's "
    "settings, under Service users; it starts with org-."
)
LEAVE_EMPTY = "Leave DEVIN_ORG_ID empty, or use a key that belongs to that organization."
ROLE = (
    "Correct DEVIN_ORG_ID, or give the key's service user a role with ViewOrgSessions and "
    "ManageOrgSessions."
)

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", re.ASCII)
"""An id begins with `org-` or `org_`; any other that stays in its segment of a path is accepted."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom the key belongs to; `organization` is empty for a whole enterprise."""

    name: str
    organization: str
    is_service: bool


async def ask(http: DevinHttp) -> Caller | Unread:
    """Ask Devin who is calling; `Unread` also for an answer that cannot be read."""
    return parsed(await http.get(Read.SELF, "/v3/self", http.timing.read_seconds), parse_caller)


def parse_caller(body: bytes) -> Caller | None:
    """Parse one of the callers; None if the body is anything else."""
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


class Organization:
    """The `id` of the organization whose sessions the relay reaches; empty until it is found."""

    def __init__(self, http: DevinHttp, configured: str | None) -> None:
        self._http = http
        self._asking = asyncio.Lock()
        self.configured = configured
        self.id = configured or ""

    async def find(self) -> Path:
        """Return the id, or why Devin does not tell it."""
        async with self._asking:
            try:
                return self.id or await self._find()
            except OperatorError as error:
                why = {"reason": str(error)}
                log.error("organization not known", extra=why)  # noqa: TRY400  (the reason is all)
                return Unread(why="DEVIN_ORG_ID is not set")

    async def begin(self) -> None:
        """Find the organization now if Devin can be reached, or else at the first call.

        A key that Devin rejects, or of another organization, ends no start: threads are told. An
        answer without an organization is an `OperatorError`.
        """
        if self.configured is None:
            await self._find()
            return
        found = await ask(self._http)
        if isinstance(found, Unread):
            _log_rejected(found)
        elif says := foreign(found, self.configured):
            log.error("organization of another key", extra={"reason": f"{says}. {LEAVE_EMPTY}"})

    async def _find(self) -> Path:
        found = await ask(self._http)
        if isinstance(found, Unread):
            if found.status == HTTPStatus.UNAUTHORIZED:
                _log_rejected(found)
            elif found.is_passing:
                log.warning("organization not known yet", extra={"reason": found.reason})
            else:
                says = "Devin doesn't say which organization DEVIN_API_KEY belongs to "
                says += f"(HTTP {found.status})"
                raise OperatorError(says, f"{CHECK_URL} {SET_ORGANIZATION}")
            return found
        if not found.organization:
            raise OperatorError(MISSING, SET_ORGANIZATION)
        self.id = found.organization
        return self.id

    async def probe(self) -> Sequence[Finding]:
        """Test the key: ask who is calling, then list one session of the organization."""
        caller = await ask(self._http)
        key = _key(caller)
        if not key.is_good:
            return [key]
        id_ = self.configured or (caller.organization if isinstance(caller, Caller) else "")
        if not id_:
            return [key, Finding(ORGANIZATION, is_good=False, says=MISSING, fix=SET_ORGANIZATION)]
        path = path_of("v3", "organizations", id_, "sessions")
        listed = await self._http.get(Read.LIST, path, self._http.timing.read_seconds, {"first": 1})
        sessions = _sessions(parsed(listed, parse_list))
        says = foreign(caller, id_) if isinstance(caller, Caller) else ""
        if says and not sessions.is_good:
            return [key, Finding(ORGANIZATION, is_good=False, says=says, fix=LEAVE_EMPTY)]
        source = "from DEVIN_ORG_ID" if self.configured else "the key's own"
        return [key, Finding(ORGANIZATION, is_good=True, says=f"{id_}, {source}"), sessions]


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


def _key(caller: Caller | Unread) -> Finding:
    if isinstance(caller, Caller):
        name = f", as {caller.name}" if caller.name else ""
        return Finding(KEY, is_good=True, says=f"accepted, for API v3{name}")
    if caller.status == HTTPStatus.FORBIDDEN:
        says = "accepted, for API v3; Devin doesn't say whose it is (403)"
        return Finding(KEY, is_good=True, says=says)
    return untested(caller)


def _sessions(found: Sequence[SessionSummary] | Unread) -> Finding:
    if not isinstance(found, Unread):
        says = (
            "readable (ViewOrgSessions). Not tested: ManageOrgSessions, to send messages, and "
            "UseDevinSessions, to send files"
        )
        return Finding(SESSIONS, is_good=True, says=says)
    says = f"can't be read ({found.reason})"
    denied = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
    fix = ROLE if found.status in denied else remedy(found)
    return Finding(SESSIONS, is_good=False, says=says, fix=fix)
