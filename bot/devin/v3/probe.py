"""Tests a key of version 3 for `devin-relay doctor`, by reads only."""

from collections.abc import Sequence
from http import HTTPStatus

from bot.devin.advice import CHECK_URL, KEY, NEW_KEY, REJECTED, unusable
from bot.devin.answers import Answer, Read
from bot.devin.api import Unread
from bot.devin.http import DevinHttp
from bot.devin.v3.organization import (
    LEAVE_EMPTY,
    MISSING,
    SET_ORGANIZATION,
    Caller,
    Organization,
    ask,
    foreign,
    organization_path,
)
from bot.devin.v3.sessions import parse_list
from bot.model.findings import Finding

ORGANIZATION, SESSIONS = "Devin organization", "Devin sessions"


async def probed(http: DevinHttp, organization: Organization) -> Sequence[Finding]:
    """Ask who is calling, then list one session of the organization."""
    caller = await ask(http)
    key = _key(caller)
    if not key.is_good:
        return [key]
    id_ = organization.configured or (caller.organization if isinstance(caller, Caller) else "")
    if not id_:
        return [key, Finding(ORGANIZATION, is_good=False, says=MISSING, fix=SET_ORGANIZATION)]
    path = organization_path(id_, "sessions")
    found = await http.get(Read.LIST, path, http.timing.read_seconds, {"first": 1})
    sessions = _sessions(found)
    says = foreign(caller, id_) if isinstance(caller, Caller) else ""
    if says and not sessions.is_good:
        return [key, Finding(ORGANIZATION, is_good=False, says=says, fix=LEAVE_EMPTY)]
    source = "from DEVIN_ORG_ID" if organization.configured else "the key's own"
    return [key, Finding(ORGANIZATION, is_good=True, says=f"{id_}, {source}"), sessions]


def _key(caller: Caller | Unread) -> Finding:
    if isinstance(caller, Caller):
        name = f", as {caller.name}" if caller.name else ""
        return Finding(KEY, is_good=True, says=f"accepted, for API v3{name}")
    if caller.status == HTTPStatus.UNAUTHORIZED:
        return Finding(KEY, is_good=False, says=REJECTED, fix=NEW_KEY)
    if caller.status == HTTPStatus.FORBIDDEN:
        says = "accepted, for API v3; Devin doesn't say whose it is (403)"
        return Finding(KEY, is_good=True, says=says)
    return Finding(KEY, is_good=False, says=unusable(caller.reason), fix=_fix(caller))


def _sessions(found: Answer | Unread) -> Finding:
    if isinstance(found, Answer) and parse_list(found.body) is None:
        found = Unread(found.status)
    if isinstance(found, Answer):
        says = (
            "readable (ViewOrgSessions). Not tested: ManageOrgSessions, to send messages, and "
            "UseDevinSessions, to send files"
        )
        return Finding(SESSIONS, is_good=True, says=says)
    says = f"can't be read ({found.reason})"
    denied = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
    fix = ROLE if found.status in denied else _fix(found)
    return Finding(SESSIONS, is_good=False, says=says, fix=fix)


ROLE = (
    "Correct DEVIN_ORG_ID, or give the key's service user a role with ViewOrgSessions and "
    "ManageOrgSessions."
)


def _fix(found: Unread) -> str:
    return "Try again later." if found.status and found.is_passing else CHECK_URL
