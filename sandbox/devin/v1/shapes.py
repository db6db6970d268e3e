"""What v1 shows of a session and of its messages (docs.devin.ai, "Retrieve a session")."""

import uuid
from datetime import datetime

from sandbox.devin.catalog import Playbook
from sandbox.devin.sessions import DevinMessage, DevinSession

_STATUSES = {
    "suspended": ("suspended", None),
    "out_of_credits": ("suspended", None),
    "capped": ("suspended", None),
    "finished": ("finished", "finished"),
    "failed": ("expired", "expired"),
    "archived": ("expired", "expired"),
    "blocked": ("blocked", "blocked"),
    "approval": ("blocked", "blocked"),
    "idle": ("blocked", "blocked"),
}
"""A state's `status` and `status_enum`, which has no word for suspended."""


def session_shown(session: DevinSession, now: float) -> dict[str, object]:
    """Return the body of `GET /v1/sessions/{session_id}` at `now` (Unix seconds)."""
    return summary(session) | {"messages": [_message(one) for one in session.listed(now)]}


def summary(session: DevinSession) -> dict[str, object]:
    """Return what a list and `GET` show alike: of several pull requests, only the last."""
    status, status_enum = _STATUSES.get(session.state, ("running", "working"))
    return {
        "session_id": session.session_id,
        "status": status,
        "status_enum": status_enum,
        "title": session.title,
        "created_at": _timestamp(session.created_at),
        "updated_at": _timestamp(session.updated_at),
        "pull_request": {"url": session.pull_requests[-1].url} if session.pull_requests else None,
        "structured_output": None,
        "snapshot_id": None,
        "playbook_id": None,
        "tags": list(session.tags),
        **session.shown_as,
    }


def listed(session: DevinSession) -> dict[str, object]:
    """Return the session as an entry of `GET /v1/sessions`, which names its creator."""
    return summary(session) | {"requesting_user_email": None}


def created(session: DevinSession) -> dict[str, object]:
    """The answer of `POST /v1/sessions`."""
    return {"session_id": session.session_id, "url": session.url, "is_new_session": True}


def playbook_shown(playbook: Playbook) -> dict[str, str | None]:
    """Return a playbook as `GET /v1/playbooks` lists it."""
    texts = {"playbook_id": playbook.id, "title": playbook.title, "macro": playbook.macro}
    about = {"status": "published", "access_type": "org", "org_id": "org-5andb0x"}
    never = dict.fromkeys(("created_at", "updated_at"))
    nobody = dict.fromkeys(
        f"{did}_by_user_{it}" for did in ("created", "updated") for it in ("id", "name")
    )
    return {**texts, "body": f"# {playbook.title}", **about, **never, **nobody}


def _message(message: DevinMessage) -> dict[str, str]:
    """Return the documented fields; only people's messages name a user and an origin."""
    fields = {
        "type": message.kind,
        "event_id": message.event_id,
        "message": message.text,
        "timestamp": _timestamp(message.at),
    }
    if message.kind != "devin_message":
        fields |= {"username": "api", "origin": "api", "user_id": f"user-{uuid.UUID(int=1)}"}
    return fields


def _timestamp(at: datetime) -> str:
    """Format as ISO 8601 with microseconds and an offset, like the documented examples."""
    return at.isoformat(timespec="microseconds")
