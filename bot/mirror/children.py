"""The children of polled sessions: whose states are asked for, and what is known of each. Pure.

Devin tells a session's children by their ids, so their states come with those of the next poll;
those of new children are asked for at once.
"""

from collections.abc import Collection, Mapping, Sequence

from bot.devin.api import SessionSummary
from bot.model.mirror import Child, Watched
from bot.model.sessions import SessionId, SessionState
from bot.store.mirror.polls import Poll

MOST = 100
"""The sessions that one call returns."""

TITLE_LIMIT = 100
ADDRESS_LIMIT = 300

Sessions = Mapping[SessionId, SessionSummary]


def asked_with(polls: Sequence[Poll]) -> Sequence[SessionId]:
    """Return the sessions, and then those of their children that may still change: one call's.

    A child that Devin did not show to a later poll is not asked for again: looking for an id that
    Devin refuses takes many calls.
    """
    children = (child for one in polls for child in one.seen.children)
    open_ = (
        one.session
        for one in children
        if one.state is not SessionState.ENDED and not one.is_missing
    )
    sessions = [one.session for one in polls]
    return list(dict.fromkeys([*sessions, *open_]))[: max(MOST, len(sessions))]


def new_among(polls: Sequence[Poll], found: Sessions) -> Sequence[SessionId]:
    """Return the children that no earlier poll has known, and this one has not asked for."""
    pairs = [(one.seen.children, found[one.session]) for one in polls if one.session in found]
    new = (
        child
        for known, summary in pairs
        for child in summary.children
        if child not in found and child not in {one.session for one in known}
    )
    return list(dict.fromkeys(new))[:MOST]


def children_of(
    before: Watched, session: SessionId, found: Sessions, missing: Collection[SessionId] = ()
) -> tuple[Child, ...]:
    """Return the children of a session; of one that was not found now, what was known before.

    `missing` were asked for, and not found; a child that is new may only be listed late.
    """
    if session not in found:
        return before.children
    known = {one.session: one for one in before.children}
    return tuple(
        _child(found[one])
        if one in found
        else (known.get(one) or Child(session=one)).model_copy(
            update={"is_missing": one in known and (one in missing or known[one].is_missing)}
        )
        for one in found[session].children
    )


def shown_of(children: Sequence[Child]) -> Sequence[object]:
    """Return what a card shows of children, which is not what they cost."""
    return [(one.session, one.title, one.url, one.state, one.is_missing) for one in children]


def _child(summary: SessionSummary) -> Child:
    return Child(
        session=summary.session,
        title=summary.title[:TITLE_LIMIT],
        url=summary.url if len(summary.url) <= ADDRESS_LIMIT else "",
        state=summary.state,
        acus=summary.acus or 0.0,
    )
