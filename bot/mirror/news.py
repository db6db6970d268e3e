"""What a look at a session found that is new, and which threads are shown it. Pure.

Devin's messages come first, in Devin's order, then what the session's state means for people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from bot.devin.api import DevinMessage, MessagePage, SessionSummary, Source
from bot.mirror.pace import RESOLUTION_MS, gist_of, until_next, updated_of
from bot.model.mirror import Follow, Said, SaidKind, Watched
from bot.model.sessions import SessionState
from bot.store.mirror.looks import Follower, Found, Look
from bot.text.questions import parse_question

CAUGHT_UP_MS = 900
"""What is read this soon after a thread was linked is old: nobody has been told of the link yet."""

QUESTION_READ = 4_000
"""The end of a message in which its question is looked for, in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a look has read: the session's state, if known, a page, and the ids read before.

    The page had come `at` that time (Unix ms). `is_adrift` says that it begins where the session
    does, since the cursor was of no use any more: what was said before the last read is known then,
    whatever its id.
    """

    summary: SessionSummary | None
    page: MessagePage
    shown: frozenset[str]
    default: Follow
    at: int
    api: str = ""
    is_adrift: bool = False


def found_in(look: Look, reading: Reading) -> Found:
    """Return what to record of a look."""
    skew = reading.page.skew
    fresh = [
        Said(id=one.id, at=_millis(one.at, skew), text=one.text)
        for one in reading.page.messages
        if one.source is Source.DEVIN and one.id not in reading.shown
    ]
    if reading.is_adrift:
        fresh = [one for one in fresh if one.at + RESOLUTION_MS >= look.seen.read_at]
    is_followed = any(not one.joined for one in look.followers)
    is_history = look.seen.is_new and not is_followed
    seen = _seen(look, reading, fresh, is_history=is_history)
    events = (
        ()
        if is_history
        else _events(look.seen, seen, fresh, ends_with_devin=_ends_with_devin(reading.page))
    )
    asked = next((one for one in events if one.kind in _ASKING), None)
    seen = seen.model_copy(update=_asked(look, seen, asked, has_spoken=bool(fresh)))
    said = [
        (one.thread, item)
        for one in look.followers
        for item in _shown_to(one, reading, seen, fresh, events)
    ]
    if seen.is_at_rest:
        seen = seen.model_copy(update={"is_turn_shown": True})
    is_changed = bool(fresh) or shows(seen) != shows(look.seen)
    step = 1 if is_changed or look.seen.is_new else look.step + 1
    return Found(
        seen=seen,
        after=_until_next(seen, step),
        step=step,
        ids=[one.id for one in reading.page.messages if one.id not in reading.shown],
        said=said,
        joined=[] if seen.has_more else [one for one in look.followers if one.joined],
        cards=[one.thread for one in look.followers] if shows(seen) != shows(look.seen) else (),
        gist=gist_of(seen, look, step),
    )


def shows(seen: Watched) -> tuple[object, ...]:
    """Return what a card shows of a session; its cost counts while Devin rests."""
    cost = seen.acus if seen.is_at_rest else None
    return (seen.state, seen.trouble, seen.pull_requests, seen.title, seen.url, cost)


def _seen(look: Look, reading: Reading, fresh: Sequence[Said], *, is_history: bool) -> Watched:
    """Return the session as it is now."""
    before, page, summary = look.seen, reading.page, reading.summary
    update: dict[str, object] = {
        "api": reading.api,
        "cursor": page.cursor,
        "has_more": page.has_more,
        "read_at": look.began,
        "skew": page.skew // timedelta(milliseconds=1),
    }
    if fresh:
        update |= {"last": fresh[-1], "is_turn_shown": is_history}
    if summary is not None and not page.has_more:
        update |= {
            "title": summary.title or before.title,
            "url": summary.url or before.url,
            "state": summary.state,
            "since": before.since if summary.state is before.state else look.began,
            "trouble": summary.trouble,
            "pull_requests": summary.pull_requests,
            "acus": summary.acus,
            "updated": updated_of(summary),
        }
    return before.model_copy(update=update)


def _events(
    before: Watched, seen: Watched, fresh: Sequence[Said], *, ends_with_devin: bool
) -> Sequence[Said]:
    """Return what people must know besides Devin's words."""
    is_turn = seen.state is not before.state or bool(fresh)
    return [
        *_new_pull_requests(before, seen),
        *(_at_rest(before, seen, ends_with_devin=ends_with_devin) if is_turn else ()),
        *(
            [Said(kind=SaidKind.TROUBLE, at=seen.read_at, trouble=seen.trouble)]
            if seen.trouble
            and seen.trouble is not before.trouble
            and seen.state is not SessionState.ENDED
            else ()
        ),
    ]


def _new_pull_requests(before: Watched, seen: Watched) -> Sequence[Said]:
    known = {one.url for one in before.pull_requests}
    return [
        Said(kind=SaidKind.PULL_REQUEST, at=seen.read_at, text=one.url)
        for one in seen.pull_requests
        if one.url not in known
    ]


def _at_rest(before: Watched, seen: Watched, *, ends_with_devin: bool) -> Sequence[Said]:
    """Return the event of a turn that is over, if there is one."""
    last, at, has_changed = seen.last, seen.read_at, seen.state is not before.state
    match seen.state:
        case SessionState.WAITING if last is not None and ends_with_devin:
            question, id_ = parse_question(last.text[-QUESTION_READ:]), _ask_id(last.id)
            if question is None or before.asked == id_:
                return ()
            options = question.options
            return [Said(kind=SaidKind.QUESTION, at=at, id=id_, text=last.text, options=options)]
        case SessionState.APPROVAL if has_changed:
            text = last.text if last is not None else ""
            return [Said(kind=SaidKind.APPROVAL, at=at, id=_ask_id(f"approval {at}"), text=text)]
        case SessionState.FINISHED:
            return [Said(kind=SaidKind.FINISHED, at=at)]
        case SessionState.ENDED if has_changed:
            return [Said(kind=SaidKind.ENDED, at=at, trouble=seen.trouble)]
    return ()


_ASKING = frozenset({SaidKind.QUESTION, SaidKind.APPROVAL})


def _asked(look: Look, seen: Watched, asked: Said | None, *, has_spoken: bool) -> dict[str, object]:
    """Return the open question: the one just asked, or the one before while nothing moved on."""
    if asked is not None:
        return {"asked": asked.id, "asked_at": look.began, "options": asked.options}
    is_over = has_spoken or seen.state not in {SessionState.WAITING, SessionState.APPROVAL}
    return {"asked": "", "options": ()} if is_over else {}


def _ask_id(what: str) -> str:
    """Return a short id for a question, which the values of its buttons carry."""
    return sha256(what.encode()).hexdigest()[:16]


def _shown_to(
    one: Follower,
    reading: Reading,
    seen: Watched,
    fresh: Sequence[Said],
    events: Sequence[Said],
) -> Sequence[Said]:
    """Return the items for a thread."""
    if one.joined:
        is_caught_up = reading.at - one.joined < CAUGHT_UP_MS
        fresh = [] if is_caught_up else [m for m in fresh if m.at + RESOLUTION_MS >= one.joined]
        events = ()
    match follow_of(one, reading.default):
        case Follow.ALL:
            return [*fresh, *events]
        case Follow.TURNS:
            is_due = seen.is_at_rest and not seen.is_turn_shown and seen.last is not None
            turn = [seen.last] if is_due and seen.last and not one.joined else []
            return [*turn, *events]
        case _:
            return ()


def follow_of(one: Follower, default: Follow) -> Follow:
    """Return how much a thread follows: its own choice, or the setting's."""
    return follow_in(one.link.follow, default)


def follow_in(chosen: str, default: Follow) -> Follow:
    """Return the choice that a link holds, or `default`; a newer version's choice shows nothing."""
    if not chosen:
        return default
    return Follow(chosen) if chosen in set(Follow) else Follow.OFF


def _until_next(seen: Watched, step: int) -> timedelta | None:
    if seen.has_more:
        return timedelta(0)
    return until_next(seen.state, step)


def _ends_with_devin(page: MessagePage) -> bool:
    """Return True unless a person wrote the last message, so that Devin waits no more."""
    last: DevinMessage | None = page.messages[-1] if page.messages else None
    return last is None or last.source is Source.DEVIN


def _millis(at: datetime, skew: timedelta) -> int:
    return int((at - skew).timestamp() * 1000)
