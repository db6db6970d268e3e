"""Devin's sessions as the page shows them: each a state, its pull requests, and a conversation."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.devin.answers import Api
from sandbox.devin.record import Record
from sandbox.devin.sessions import DevinMessage, DevinRequest, DevinSession, name_in
from sandbox.devin.v1 import shapes as v1
from sandbox.devin.v3 import shapes as v3
from sandbox.page.markdown import tree

Shown = dict[str, Any]

MOST_REQUESTS = 50


def session_shown(session: DevinSession, record: Record) -> Shown:
    """Return a session with its newest requests, and the newest of what was written in it."""
    names = {one.user_id: one.name for one in record.members.all}
    reviews = {one.pr_url: one.status for one in record.reviews.all}
    entries = sorted(_entries(session, names), key=lambda entry: float(entry["at"]))
    return {
        "session_id": session.session_id,
        "title": session.title,
        "state": session.state,
        "status": _status(session, record.api),
        "origin": session.origin,
        "tags": session.tags,
        "repos": session.repos,
        "parent": session.parent,
        "times": session.times,
        "in_flight": session.in_flight,
        "received": session.received()[-MOST_REQUESTS:],
        "requests": [_request(request) for request in session.requests[-MOST_REQUESTS:]],
        "request_count": len(session.requests),
        "entries": entries[-MOST_REQUESTS:],
        "entry_count": len(entries),
        "pull_requests": [
            {"url": one.url, "state": one.state, "review": reviews.get(one.url)}
            for one in session.pull_requests
        ],
    }


def _status(session: DevinSession, api: Api) -> str:
    """Return the words that the API has for the state, e.g. `running, waiting_for_user`."""
    if api == "v1":
        shown = v1.session_shown(session, now=0.0)
        words = [shown["status"], shown["status_enum"]]
    else:
        shown = v3.session_shown(session, "")
        words = [shown["status"], shown["status_detail"]]
    return ", ".join(dict.fromkeys(str(word) for word in words if word))


def _entries(session: DevinSession, names: Mapping[str, str]) -> Iterator[Shown]:
    """Yield every request, and every message that came with none; `as` is the member's name."""
    taken = Counter(request.message for request in session.requests if request.taken)
    for request in session.requests:
        yield _request(request) | {
            "by": "people",
            "at": request.noted_at,
            "as": names.get(request.body.get("message_as_user_id") or ""),
            "tree": tree(request.message),
        }
    for message in session.messages:
        if message.kind == "user_message" and taken[message.text]:
            taken[message.text] -= 1
        else:
            is_first = message.kind == "initial_user_message"
            starter = session.body.get("create_as_user_id") if is_first else None
            yield _message(message) | {"as": names.get(starter or "")}


def _request(request: DevinRequest) -> Shown:
    return {
        "message": request.message,
        "status": request.status,
        "taken": request.taken,
        "attachments": _attachments(request.attachments),
    }


def _message(message: DevinMessage) -> Shown:
    return {
        "by": "devin" if message.kind == "devin_message" else "people",
        "at": message.at.timestamp(),
        "message": message.text,
        "tree": tree(message.text),
        "status": None,
        "attachments": _attachments(message.attachments),
    }


def _attachments(urls: tuple[str, ...]) -> list[Shown]:
    return [{"name": name_in(url), "url": url} for url in urls]
