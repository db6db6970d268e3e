"""What a session's state means for people: what Devin asks, and that it has finished or stopped.

States and messages come by different calls, so either may be read first. People are told of each
stay in a state once, and what Devin asks stays open until somebody replies, Devin asks something
else, or the state changes. A reply ends a stay even if no poll sees another state in between. Pure.
"""

from collections.abc import Sequence
from hashlib import sha256

from bot.devin.api import MessagePage, Source
from bot.mirror.pace import RESOLUTION_MS
from bot.model.mirror import NEAR, NEEDS_PERSON, Said, SaidKind, Watched
from bot.model.sessions import SessionState, Trouble
from bot.store.mirror.watches import Poll
from bot.text.questions import parse_question

ANSWERED_MS = 3_000
"""The time after a reply from which the session's state is Devin's answer to it."""

QUESTION_READ = 4_000
"""The end of a message in which its question is looked for, in characters."""


def events_of(
    poll: Poll, seen: Watched, fresh: Sequence[Said], page: MessagePage
) -> Sequence[Said]:
    """Return what people must know besides Devin's words."""
    if page.has_more:
        return ()  # the state is that of the end, which was not read
    return [
        *_of_pull_requests(poll.seen, seen),
        *_at_rest(poll, seen, fresh, page),
        *_in_trouble(poll, seen),
        *_of_cap(poll, seen),
    ]


def _of_pull_requests(before: Watched, seen: Watched) -> Sequence[Said]:
    """Return what was opened, merged and closed; another state is shown by the card alone."""
    known = {one.url: one.state for one in before.pull_requests}
    kinds = [
        (kind, one.url)
        for one in seen.pull_requests
        for kind, is_so in (
            (SaidKind.PULL_REQUEST, one.url not in known),
            # One whose state was not known before may have been over for long.
            (_OVER.get(one.state), known.get(one.url, "new") not in {"", one.state}),
        )
        if kind is not None and is_so
    ]
    return [Said(kind=kind, at=seen.read_at, text=url) for kind, url in kinds]


_OVER = {"merged": SaidKind.MERGED, "closed": SaidKind.CLOSED}


def _at_rest(poll: Poll, seen: Watched, fresh: Sequence[Said], page: MessagePage) -> Sequence[Said]:
    """Return the event of a turn that is over, if people have not been told of it."""
    before, last, at = poll.seen, seen.last, seen.read_at
    has_changed = seen.state is not before.state
    is_turn = has_changed or bool(fresh) or before.has_more
    match seen.state:
        case SessionState.WAITING if is_turn and last and _ends_with_devin(page):
            options = parse_question(last.text[-QUESTION_READ:])
            if options is None or _is_settled(poll, last):
                return ()
            id_ = _ask_id(f"{last.id} {at}")
            return [Said(kind=SaidKind.QUESTION, at=at, id=id_, text=last.text, options=options)]
        case SessionState.APPROVAL if has_changed or _is_unmoved_by_reply(poll):
            text = last.text if last is not None else ""
            return [Said(kind=SaidKind.APPROVAL, at=at, id=_ask_id(f"approval {at}"), text=text)]
        case SessionState.FINISHED if has_changed or _has_answered(poll, last):
            return [Said(kind=SaidKind.FINISHED, at=at)]
        case SessionState.ENDED if has_changed:
            return [Said(kind=SaidKind.ENDED, at=at, trouble=seen.trouble)]
    return ()


def _is_settled(poll: Poll, question: Said) -> bool:
    """Return True if a question is open, or somebody has replied since it was asked."""
    before = poll.seen
    was_asked = before.question == question.id
    return was_asked and (bool(before.asked) or poll.sent > before.question_at)


def _in_trouble(poll: Poll, seen: Watched) -> Sequence[Said]:
    is_told = seen.trouble is poll.seen.trouble and not _is_unmoved_by_reply(poll)
    if not seen.trouble or seen.state is SessionState.ENDED or is_told or _is_capped(seen):
        return ()
    return [Said(kind=SaidKind.TROUBLE, at=seen.read_at, trouble=seen.trouble)]


def _is_capped(seen: Watched) -> bool:
    """Return True if it is the session's cap that stops it, and not another limit."""
    return seen.is_at_cap and seen.trouble is Trouble.LIMIT


def _of_cap(poll: Poll, seen: Watched) -> Sequence[Said]:
    """Return the event of a cap that is nearly used up, or wholly: each once, and after a reply."""
    told = poll.seen.cap_told
    is_again = _is_capped(seen) and _is_unmoved_by_reply(poll)
    if seen.is_at_cap and (told is not SaidKind.CAP_REACHED or is_again):
        kind = SaidKind.CAP_REACHED
    elif told is None and NEAR <= seen.used < 1:
        kind = SaidKind.CAP_NEAR
    else:
        return ()
    return [Said(kind=kind, at=seen.read_at, acus=seen.acus or 0.0, cap=seen.cap or 0)]


def _has_reply(poll: Poll) -> bool:
    """Return True if a reply that reached the session was sent after people were told of its state.

    One that was under way then, and was confirmed later, is no answer to that.
    """
    return poll.sent > poll.seen.asked_at


def _is_unmoved_by_reply(poll: Poll) -> bool:
    """Return True if the state, as it is by now, is Devin's answer to a reply."""
    return _has_reply(poll) and poll.began - poll.replied >= ANSWERED_MS


def _has_answered(poll: Poll, last: Said | None) -> bool:
    """Return True if Devin has also said something since that reply."""
    is_later = last is not None and last.at + RESOLUTION_MS >= poll.replied
    return is_later and _is_unmoved_by_reply(poll)


_ASKING = frozenset({SaidKind.QUESTION, SaidKind.APPROVAL})


def asked_of(
    poll: Poll, seen: Watched, events: Sequence[Said], page: MessagePage
) -> dict[str, object]:
    """Return what is open: what was just asked, or what was before while nobody has answered."""
    asked = next((one for one in events if one.kind in _ASKING), None)
    update: dict[str, object]
    if asked is not None:
        update = {"asked": asked.id, "asked_at": poll.began, "options": asked.options}
        if asked.kind is SaidKind.QUESTION and seen.last is not None:
            update |= {"question": seen.last.id, "question_at": poll.began}
        return update
    update = {}
    if any(one.kind in NEEDS_PERSON for one in events):
        update["asked_at"] = poll.began
    is_answered = seen.state is SessionState.WAITING and not _ends_with_devin(page)
    if seen.state is not poll.seen.state or _has_reply(poll) or is_answered:
        update |= {"asked": "", "options": ()}
    return update


def closed_by(poll: Poll, seen: Watched, page: MessagePage) -> Sequence[Said]:
    """Return the end of what was open, if its post has buttons that answer it."""
    before = poll.seen
    has_buttons = bool(before.options) or before.state is SessionState.APPROVAL
    if not before.asked or before.asked == seen.asked or not has_buttons:
        return ()
    is_answered = _has_reply(poll) or not _ends_with_devin(page)
    kind = SaidKind.ANSWERED if is_answered else SaidKind.MOVED_ON
    return [Said(kind=kind, id=before.asked, at=before.asked_at)]


def _ask_id(what: str) -> str:
    """Return a short id, which the values of a question's buttons carry."""
    return sha256(what.encode()).hexdigest()[:16]


def _ends_with_devin(page: MessagePage) -> bool:
    """Return True unless a person wrote the last message, so that Devin waits no more."""
    return not page.messages or page.messages[-1].source is Source.DEVIN
