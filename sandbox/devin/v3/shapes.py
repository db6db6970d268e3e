"""What v3 shows of a session, of its messages and of its files: times are Unix seconds."""

from collections.abc import Sequence

from sandbox.devin.catalog import Playbook
from sandbox.devin.organization import Member, Review
from sandbox.devin.sessions import DevinAttachment, DevinMessage, DevinSession, name_in

_STATUSES = {
    "blocked": ("running", "waiting_for_user"),
    "approval": ("running", "waiting_for_approval"),
    "idle": ("running", "finished"),
    "suspended": ("suspended", "inactivity"),
    "out_of_credits": ("suspended", "out_of_credits"),
    "capped": ("suspended", "usage_limit_exceeded"),
    "archived": ("suspended", "user_request"),
    "finished": ("exit", None),
    "failed": ("error", None),
}
"""A state's `status` and `status_detail`.

No document says which of the limits stands for a session's own `max_acu_limit`.
"""


def session_shown(session: DevinSession, org_id: str) -> dict[str, object]:
    """Return a `SessionResponse` as `GET` and the list show it."""
    status, status_detail = _STATUSES.get(session.state, ("running", "working"))
    is_ours = session.origin == "api"
    return {
        "session_id": session.session_id,
        "url": session.url,
        "org_id": org_id,
        "title": session.title or None,
        "status": status,
        "status_detail": status_detail,
        "structured_output": None,
        "acus_consumed": session.acus,
        "created_at": int(session.created_at.timestamp()),
        "updated_at": int(session.updated_at.timestamp()),
        "is_archived": session.is_archived,
        "origin": session.origin,
        "pull_requests": [
            {"pr_url": one.url, "pr_state": one.state} for one in session.pull_requests
        ],
        "tags": list(session.tags),
        "playbook_id": None,
        "parent_session_id": session.parent,
        "child_session_ids": session.children or None,
        "user_id": session.body.get("create_as_user_id"),
        "service_user_id": "service-user-5andb0x" if is_ours else None,
        "category": None,
        "subcategory": None,
        **session.shown_as,
    }


def written(session: DevinSession, org_id: str, *, resumes: bool = False) -> dict[str, object]:
    """Return a `SessionResponse` as a write answers it, which fills no `status_detail`."""
    shown = session_shown(session, org_id) | {"status_detail": None}
    return shown | {"status": "resuming"} if resumes else shown


def message_shown(message: DevinMessage) -> dict[str, object]:
    """Return a `SessionMessage`, which names neither its author nor its files."""
    return {
        "event_id": message.event_id,
        "source": "devin" if message.kind == "devin_message" else "user",
        "message": message.text,
        "created_at": int(message.at.timestamp()),
    }


def attachments_shown(
    session: DevinSession, uploaded: Sequence[DevinAttachment]
) -> list[dict[str, object]]:
    """Return the `SessionAttachment`s of a session, in the order of its messages."""
    known = {one.url: one for one in uploaded}
    return [
        {
            "attachment_id": known[url].id if url in known else url,
            "name": known[url].name if url in known else name_in(url),
            "source": "devin" if message.kind == "devin_message" else "user",
            "url": url,
            "content_type": known[url].content_type if url in known else None,
        }
        for message in session.messages
        for url in message.attachments
    ]


def repository_shown(path: str, *, is_indexed: bool) -> dict[str, object]:
    """Return a repository as the list shows it."""
    owner, _, name = path.partition("/")
    return {
        "git_connection_host": "github.com",
        "git_connection_id": f"git-connection-{owner}",
        "indexing_status": {"indexing_enabled": False} if is_indexed else None,
        "last_updated_at": None,
        "provider_repository_id": path,
        "repo_description": None,
        "repo_language": None,
        "repo_name": name,
        "repo_path": path,
    }


def playbook_shown(playbook: Playbook, org_id: str) -> dict[str, object]:
    """Return a `PlaybookResponse`."""
    return {
        "access_type": "org",
        "body": f"# {playbook.title}",
        "created_at": 1_700_000_000,
        "created_by": "user-5andb0x",
        "macro": playbook.macro,
        "org_id": org_id,
        "playbook_id": playbook.id,
        "title": playbook.title,
        "updated_at": 1_700_000_000,
        "updated_by": "user-5andb0x",
    }


def uploaded(attachment: DevinAttachment) -> dict[str, str]:
    """Return an `AttachmentResponse`."""
    return {"attachment_id": attachment.id, "name": attachment.name, "url": attachment.url}


def member_shown(member: Member, org_id: str) -> dict[str, object]:
    """Return a `User`, or an `IdpGroupUser`."""
    role = {"role": {"role_id": "role-member", "role_name": "Member"}, "org_id": org_id}
    by_group = {"idp_role_assignments": [{"idp_group_name": "engineering", **role}]}
    return {
        "user_id": member.user_id,
        "email": member.email,
        "name": member.name,
        **(by_group if member.by_group else {"role_assignments": [role]}),
    }


def review_shown(review: Review) -> dict[str, object]:
    """Return a `PrReviewResponse`."""
    return {
        "commit_sha": review.commit_sha,
        "created_at": review.created_at.isoformat(),
        "pr_number": review.pr_number,
        "repo_path": review.repo_path,
        "status": review.status,
    }
