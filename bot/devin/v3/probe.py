"""Tests a key of version 3 for `python -m bot check`, by reads only."""

from collections.abc import Sequence
from http import HTTPStatus

from bot.devin.api import Unread
from bot.devin.http import LOOK_SECONDS, DevinHttp
from bot.devin.v3.organization import MISSING, REJECTED, Caller, Organization, ask, foreign
from bot.devin.v3.paths import organization_path
from bot.devin.v3.sessions import parse_list
from bot.devin.wire import Answer, Read
from bot.model.findings import Finding

KEY, ORGANIZATION, SESSIONS = "Devin key", "Devin organization", "Devin sessions"


async def probed(http: DevinHttp, organization: Organization) -> Sequence[Finding]:
    """Ask who is calling, then list one session of the organization."""
    caller = await ask(http)
    key = _key(caller)
    if not key.is_good:
        return [key]
    id_ = organization.configured or (caller.organization if isinstance(caller, Caller) else "")
    if not id_:
        return [key, Finding(ORGANIZATION, is_good=False, says=MISSING)]
    path = organization_path(id_, "sessions")
    found = await http.get(Read.LIST, path, LOOK_SECONDS, {"first": 1})
    sessions = _sessions(found)
    says = foreign(caller, id_) if isinstance(caller, Caller) else ""
    if says and not sessions.is_good:
        return [key, Finding(ORGANIZATION, is_good=False, says=says)]
    source = "as DEVIN_ORG_ID says" if organization.configured else "as Devin says"
    return [key, Finding(ORGANIZATION, is_good=True, says=f"{id_}, {source}"), sessions]


def _key(caller: Caller | Unread) -> Finding:
    if isinstance(caller, Caller):
        return Finding(KEY, is_good=True, says=f"of {caller.name or 'somebody'}, for API v3")
    if caller.status == HTTPStatus.UNAUTHORIZED:
        return Finding(KEY, is_good=False, says=REJECTED)
    if caller.status == HTTPStatus.FORBIDDEN:
        return Finding(KEY, is_good=True, says="for API v3; Devin does not say whose it is (403)")
    says = f"no usable answer ({caller.reason}): {_remedy(caller)}"
    return Finding(KEY, is_good=False, says=says)


def _sessions(found: Answer | Unread) -> Finding:
    if isinstance(found, Answer) and parse_list(found.body) is None:
        found = Unread(found.status)
    if isinstance(found, Answer):
        says = (
            "can be read (ViewOrgSessions); only a message can prove ManageOrgSessions, which "
            "sending needs, and only a file UseDevinSessions"
        )
        return Finding(SESSIONS, is_good=True, says=says)
    status = found.status
    denied = (
        f"cannot be read ({status}): correct DEVIN_ORG_ID, or give the key's service user a role "
        "with ViewOrgSessions and ManageOrgSessions"
    )
    other = f"cannot be read ({found.reason}): {_remedy(found)}"
    is_denied = status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
    return Finding(SESSIONS, is_good=False, says=denied if is_denied else other)


def _remedy(found: Unread) -> str:
    return "try again later" if found.status and found.is_passing else "look at DEVIN_API_URL"
