"""Which sessions a list of v3 shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.devin.v3.requests import SessionsQuery

_ONE_OF = {
    "session_ids": "session_id",
    "user_ids": "user_id",
    "service_user_ids": "service_user_id",
    "origins": "origin",
}
_SAME = ("category", "is_archived", "playbook_id")
_NEVER = "schedule_id"
"""A filter by what no session of the sandbox has."""


def matches(query: SessionsQuery, shown: Mapping[str, Any], repos: Sequence[str]) -> bool:
    """Whether a session, as it is shown, passes every filter that was given.

    Its `repos` are not shown. No document says whether a session needs one or all of the given.
    """
    given = query.model_dump(exclude_none=True)
    return (
        _NEVER not in given
        and ("repo_names" not in given or not set(given["repo_names"]).isdisjoint(repos))
        and all(shown[field] in given[name] for name, field in _ONE_OF.items() if name in given)
        and all(shown[name] == given[name] for name in _SAME if name in given)
        and set(given.get("tags", ())) <= set(shown["tags"])
        and all(_is_between(given, shown, name) for name in ("created", "updated"))
    )


def _is_between(given: Mapping[str, Any], shown: Mapping[str, Any], name: str) -> bool:
    """Whether the time is after and before those that were given, and at neither."""
    at = shown[f"{name}_at"]
    after, before = given.get(f"{name}_after"), given.get(f"{name}_before")
    return (after is None or at > after) and (before is None or at < before)
