"""Who may call v3: a key of its own generation, an organization of its own, a permission."""

from aiohttp import web

from sandbox.devin.bodies import RejectedError
from sandbox.devin.record import Record
from sandbox.devin.wire import bearer, check_key

VIEW = "ViewOrgSessions"
MANAGE = "ManageOrgSessions"
USE = "UseDevinSessions"
IMPERSONATE = "ImpersonateOrgSessions"
REPOSITORIES, PLAYBOOKS = "Read", "ManageAccountPlaybooks"
MEMBERS, REVIEW = "ViewOrgMembership", "UseReviewManual"
"""What the lists and Devin Review require (docs.devin.ai, "List repositories available to an
organization", "List organization-level playbooks", "List organization users", "Trigger Devin
Review")."""


def check_credential(record: Record, request: web.Request) -> None:
    """Raise 401 for a wrong or missing key, and 403 for one of v1 (observed by other clients)."""
    if (bearer(request) or "").startswith("apk_"):
        raise RejectedError(403, "This API key cannot be used with API v3")
    check_key(request, record.keys["v3"])


def admit(record: Record, request: web.Request, permission: str) -> None:
    """Check the key, then the organization of the path, then the permission in it."""
    check_credential(record, request)
    if request.match_info["org_id"] != record.org_id:
        raise RejectedError(403, "Not authorized to access this organization")
    require(record, permission)


def require(record: Record, permission: str) -> None:
    """Raise 403 for a permission that the credential lacks."""
    if permission not in record.permissions:
        raise RejectedError(403, f"Missing permission: {permission}")


def may_speak_for(record: Record, user: str | None) -> None:
    """Raise where nobody may act as `user`, who has to be a member (docs.devin.ai)."""
    if user is None:
        return
    if IMPERSONATE not in record.permissions:
        raise RejectedError(record.acting_refused, f"Missing permission: {IMPERSONATE}")
    if not record.members.has(user):
        raise RejectedError(record.acting_refused, "The user is not a member of this organization")


def self_shown(record: Record) -> dict[str, object]:
    """Return the body of `GET /v3/self`; enterprise credentials have no organization there."""
    if record.principal == "pat_user":
        who = {
            "user_id": "user-5andb0x",
            "user_name": "Sandbox",
            "api_key_id": "key-5andb0x",
            "api_key_name": "Devin Relay",
        }
    else:
        who = {"service_user_id": "service-user-5andb0x", "service_user_name": "Devin Relay"}
    return {"principal_type": record.principal, **who, "org_id": record.self_org}
