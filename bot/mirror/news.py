"""What a poll of a session found that is new, and which threads are shown it. Pure.

Devin's messages come first, in Devin's order, then what the session's state means for people: what
Devin asks, and that it has finished or stopped. States and messages come by different calls, so
either may be read first. People are told of each stay in a state once. A reply ends a stay even if
no poll sees another state in between. `Watched` says how long what Devin asks stays open.

A question and its answer usually come in this order, each with the field that has its time:

    Devin asks                            `last.at`, and `spoke_at`, which any message moves
    a poll begins, and finds that         `began`, kept as `question_at`, and as the state's `since`
    its record owes people the question   `answerable_since`
    a reply is sent to the session        `reply_sent_at`: above `answerable_since`, it is an answer
    Devin has taken it                    `replied`
    Devin says something, and moves on    `last.at` and `spoke_at`, above `replied`
    a poll begins, and finds that         `began`; what it finds within `SETTLING_MS` of `replied`
                                          may be the state from before the reply

The times of messages are Devin's, by Redis's clock, and may be in whole seconds (`RESOLUTION_MS`).

A thread is owed each message once, and at the end of a turn its last message, whether it follows
all or turns by then. What it was owed last is kept for each thread, since it may have followed
otherwise when that was said.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from bot.devin.api import MessagePage, SessionSummary, Source
from bot.mirror.pace import (
    RESOLUTION_MS,
    SETTLING_MS,
    STANDING_MS,
    WAKING_MS,
    pulls_by,
    shown_of,
    sleeps_on,
    until_next,
    updated_of,
)
from bot.model.sessions import (
    CAPS,
    NEAR,
    NEEDS_PERSON,
    Child,
    Follow,
    Said,
    SaidKind,
    Seen,
    SessionState,
    Trouble,
    Watched,
    overrun,
)
from bot.model.threads import ThreadRef, follow_of
from bot.model.times import Millis, as_millis
from bot.store.watches import LinkedThread, Polled, TakenPoll, short_id
from bot.text.questions import parse_question
from bot.wording.mirror.posts import APPROVED, beginning

QUESTION_READ = 4_000
"""The end of a message in which its question is looked for, in characters."""


def events_of(
    poll: TakenPoll, seen: Watched, new: Sequence[Said], page: MessagePage | None
) -> Sequence[Said]:
    """Return what people must know besides Devin's words, which could not be read without page."""
    if page is not None and page.has_more:
        return ()  # the state is that of the end, which was not read
    rest, cap = _at_rest(poll, seen, new, page), of_cap(poll, seen)
    if any(one.kind is SaidKind.CAP_REACHED for one in cap):
        ends = {SaidKind.FINISHED, SaidKind.ENDED}  # which leave it to the cap how to go on
        more = {"cap": seen.cap}
        rest = [one.model_copy(update=more if one.kind in ends else {}) for one in rest]
    asleep = [] if page is None else _asleep(poll, seen)
    return [*_of_pull_requests(poll, seen), *rest, *_in_trouble(poll, seen), *asleep, *cap]


def _of_pull_requests(poll: TakenPoll, seen: Seen) -> Sequence[Said]:
    """Return what was opened, merged and closed; other states are the card's alone."""
    known = {one.url: one.state for one in poll.seen.pull_requests}
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
    return [Said(kind=kind, at=poll.began, text=url) for kind, url in kinds]


_OVER = {"merged": SaidKind.MERGED, "closed": SaidKind.CLOSED}


def _at_rest(
    poll: TakenPoll, seen: Watched, new: Sequence[Said], page: MessagePage | None
) -> Sequence[Said]:
    """Return the event of a turn that is over, if people have not been told of it."""
    before, last, at = poll.seen, None if page is None else seen.last, poll.began
    has_changed = seen.state is not before.state
    is_turn = has_changed or bool(new) or before.has_more or bool(before.unread_since)
    match seen.state:
        case SessionState.WAITING if is_turn and last and _ends_with_devin(page):
            options = parse_question(last.text[-QUESTION_READ:])
            if options is None or _is_settled(poll, last):
                return ()
            id_ = _ask_id(f"{last.id} {at}")
            return [Said(kind=SaidKind.QUESTION, at=at, id=id_, text=last.text, options=options)]
        case SessionState.APPROVAL if _is_new_approval(poll, last, is_turn=is_turn):
            id_, text = _ask_id(f"approval {at}"), last.text if last is not None else ""
            return [Said(kind=SaidKind.APPROVAL, at=at, id=id_, text=text, options=(APPROVED,))]
        case SessionState.FINISHED if has_changed or _has_answered(poll, last):
            return [Said(kind=SaidKind.FINISHED, at=at)]
        case SessionState.ENDED if has_changed:
            return [Said(kind=SaidKind.ENDED, at=at, trouble=seen.trouble)]
    return ()


def _is_settled(poll: TakenPoll, question: Said) -> bool:
    """Return True if a question is open, or somebody has replied since it was asked."""
    before = poll.seen
    is_open = before.has_open(SessionState.WAITING) or poll.reply_sent_at > before.question_at
    return before.question == question.id and is_open


def _is_new_approval(poll: TakenPoll, last: Said | None, *, is_turn: bool) -> bool:
    """Return True unless the approval that the session needs is one that people were told of.

    Devin's words may be listed later than the state, but what it says that long after people were
    told is about another action: somebody has approved the first one in Devin.
    """
    before = poll.seen
    is_new = before.state is not SessionState.APPROVAL
    if before.has_open(SessionState.APPROVAL):
        is_later = last is not None and last.at > before.answerable_since + SETTLING_MS
        is_new = is_turn and is_later and not _has_reply(poll)
    # What Devin says in answer to a reply, and stands still after, is about another action, too.
    spoke = last.at if last is not None and last.at > poll.replied else poll.began
    has_gone_on = _has_reply(poll) and poll.began - spoke >= STANDING_MS * poll.pause
    return is_new or has_gone_on or _is_unmoved_by_reply(poll)


def _in_trouble(poll: TakenPoll, seen: Seen) -> Sequence[Said]:
    trouble = _trouble_of(seen)
    is_told = trouble is _trouble_of(poll.seen) and not _is_unmoved_by_reply(poll)
    if not trouble or seen.state is SessionState.ENDED or is_told:
        return ()
    return [Said(kind=SaidKind.TROUBLE, at=poll.began, trouble=trouble)]


def _asleep(poll: TakenPoll, seen: Watched) -> Sequence[Said]:
    """Return the event of a session that a reply has not woken, once for each reply."""
    is_late = poll.began - poll.replied >= WAKING_MS * poll.pause
    if not (is_late and _has_reply(poll) and sleeps_on(poll, seen)):
        return ()
    return [Said(kind=SaidKind.TROUBLE, at=poll.began)]


def _trouble_of(seen: Seen) -> Trouble | None:
    """Return the trouble that people are told of as such, which a stop at the cap is not."""
    return None if seen.is_stopped_at_cap else seen.trouble


def of_cap(poll: TakenPoll, seen: Seen) -> Sequence[Said]:
    """Return the event of a cap that is nearly used up, or wholly, at work: each once.

    A stop at it is told once for each stay, and after a reply that moved nothing.
    """
    said = poll.seen.cap_said
    is_again = seen.is_stopped_at_cap and (_has_gone_on(poll, seen) or _is_unmoved_by_reply(poll))
    is_first = said is None and seen.used >= NEAR
    if is_again or (seen.is_at_cap and said is not SaidKind.CAP_REACHED):
        kind = SaidKind.CAP_REACHED
    elif is_first or (said is SaidKind.CAP_NEAR and poll.seen.used < 1 <= seen.used):
        kind = SaidKind.CAP_NEAR
    else:
        return ()
    return [Said(kind=kind, at=poll.began, acus=seen.acus or 0.0, cap=seen.cap or 0)]


def _has_gone_on(poll: TakenPoll, seen: Seen) -> bool:
    """Return True unless the session has stood still at its cap: a total may come in late."""
    more = (seen.acus or 0.0) - (poll.seen.acus or 0.0)
    return not poll.seen.is_at_cap or more > overrun(seen.cap or 0)


def _has_reply(poll: TakenPoll) -> bool:
    """Return True if a reply answers what people were told; one that was under way does not."""
    return poll.reply_sent_at > poll.seen.answerable_since


def _is_unmoved_by_reply(poll: TakenPoll) -> bool:
    """Return True if the state is Devin's answer to a reply: at first, it may be that of before."""
    return _has_reply(poll) and poll.began - poll.replied >= SETTLING_MS * poll.pause


def _has_answered(poll: TakenPoll, last: Said | None) -> bool:
    """Return True if Devin has also said something since that reply."""
    is_later = last is not None and last.at + RESOLUTION_MS >= poll.replied
    return is_later and _is_unmoved_by_reply(poll)


def opened_by(
    poll: TakenPoll, seen: Watched, events: Sequence[Said], page: MessagePage | None
) -> dict[str, object]:
    """Return what is open by now, just asked or still asked, and what was said of the cap."""
    before, update = poll.seen, dict[str, object]()
    if asked := next((one for one in events if one.id), None):
        update = {"asked": asked.id, "asked_in": seen.state, "options": asked.options}
        if asked.kind is SaidKind.QUESTION and seen.last is not None:
            update |= {"question": seen.last.id, "question_at": poll.began}
    elif seen.state not in {before.asked_in, SessionState.SUSPENDED} or _is_answered(poll, page):
        update = {"asked": "", "options": ()}
    if (update or not before.asked) and any(one.kind in NEEDS_PERSON for one in events):
        update["answerable_since"] = poll.began
    caps = [one.kind for one in events if one.kind in CAPS]
    return {**update, "cap_said": caps[0]} if caps else update


def _is_answered(poll: TakenPoll, page: MessagePage | None) -> bool:
    """Return True if somebody has replied to what was open; to a question, also in Devin."""
    is_question = poll.seen.has_open(SessionState.WAITING)
    return _has_reply(poll) or (is_question and not _ends_with_devin(page))


def closed_by(poll: TakenPoll, seen: Watched, page: MessagePage | None) -> Sequence[Said]:
    """Return the end of what was open, if its post has buttons."""
    before = poll.seen
    if before.asked == seen.asked or not before.options:
        return ()
    asked_at, spoke_at = before.answerable_since, seen.spoke_at
    by_person = not _ends_with_devin(page) and spoke_at + RESOLUTION_MS > asked_at
    kind = SaidKind.ANSWERED if _has_reply(poll) or by_person else SaidKind.MOVED_ON
    return [Said(kind=kind, id=before.asked, at=asked_at)]


def _ask_id(what: str) -> str:
    """Return a short id, which the values of a question's buttons carry."""
    return sha256(what.encode()).hexdigest()[:16]


def _ends_with_devin(page: MessagePage | None) -> bool:
    """Return True unless a person wrote the last message, so that Devin waits no more."""
    return page is None or not page.messages or page.messages[-1].source is Source.DEVIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a poll has read: the session's state, if known, and a page.

    `untold` are threads whose link nobody has been told of yet: what is read is old for them.
    `is_reread`: the page begins where the session does, since the cursor was of no use any more.
    `is_too_long`: there is no page, since it would be longer than what is read of one. `children`
    are those of the session by now.
    """

    summary: SessionSummary | None
    page: MessagePage
    default: Follow
    untold: frozenset[ThreadRef] = frozenset()
    is_reread: bool = False
    is_too_long: bool = False
    children: tuple[Child, ...] = ()


def found_in(poll: TakenPoll, reading: Reading) -> Polled:
    """Return what to record of a poll."""
    skew = reading.page.skew // timedelta(milliseconds=1)
    new = [
        Said(id=one.id, at=as_millis(one.at) - skew, text=beginning(one.text))
        for one in reading.page.messages
        if one.source is Source.DEVIN and not poll.knows(one.id)
    ]
    reread_since = poll.seen.reread_since or (poll.seen.read_at if reading.is_reread else Millis(0))
    unknown = len(new)
    if reread_since:
        # What was said before the last read is known, whatever its id.
        new = [one for one in new if one.at + RESOLUTION_MS >= reread_since]
    is_followed = any(one.is_caught_up for one in poll.threads)
    is_history = poll.seen.is_new and not is_followed
    seen = _seen(poll, reading, new, reread_since, is_history=is_history)
    events = () if is_history else events_of(poll, seen, new, reading.page)
    seen = seen.model_copy(update=opened_by(poll, seen, events, reading.page))
    events = [*closed_by(poll, seen, reading.page), *events]
    said = [
        (one.thread, item)
        for one in poll.threads
        for item in (
            *_shown_to(one, reading, seen, new, events),
            *_unreadable(one, poll, reading),
        )
    ]
    if is_turn_over(seen):
        seen = seen.model_copy(update={"is_turn_shown": True})
    return Polled(
        seen=seen,
        after=timedelta(0) if seen.has_more else until_next(poll, seen),
        ids=[one.id for one in reading.page.messages if not poll.knows(one.id)],
        said=said,
        left_out=_left_out(poll, reading, new, unknown - len(new)),
        caught_up=[] if seen.has_more else [one for one in poll.threads if not one.is_caught_up],
        cards=poll.threads if shows(seen) != shows(poll.seen) else (),
    )


def shows(seen: Watched) -> tuple[object, ...]:
    """Return what a card shows of a session; while Devin works, its cost by tenths of its cap."""
    cost = seen.acus if seen.is_at_rest else int(10 * seen.used)
    named, opened = (seen.title, seen.url), (seen.pull_requests, shown_of(seen.children))
    state = seen.state, seen.is_missing, seen.waits, seen.trouble
    return (state, opened, named, cost, seen.is_at_cap)


def _seen(
    poll: TakenPoll, reading: Reading, new: Sequence[Said], reread: Millis, *, is_history: bool
) -> Watched:
    before, page, summary = poll.seen, reading.page, reading.summary
    skew = page.skew // timedelta(milliseconds=1)
    update: dict[str, object] = {
        "cursor": page.cursor,
        "has_more": page.has_more,
        "read_at": poll.began,
        "spoke_at": max([before.spoke_at, *(as_millis(one.at) - skew for one in page.messages)]),
        "skew": skew,
        "is_too_long": reading.is_too_long,
        "unread_since": Millis(0),
        "is_unread_told": False,
        "is_unlinked": False,
        "reread_since": reread if page.has_more or page.is_hidden else Millis(0),
    }
    if reading.is_too_long or (page.is_hidden and is_history):
        update["reread_since"] = reread or before.read_at or poll.began
    if poll.started is not None:
        update["cap"] = poll.started.cap
    if new:
        update |= {"last": new[-1], "is_turn_shown": is_history}
    if summary is not None and not page.has_more:
        update |= told_by(summary, poll, reading.children)
    return before.model_copy(update=update)


def told_by(
    summary: SessionSummary, poll: TakenPoll, children: tuple[Child, ...]
) -> dict[str, object]:
    """Return the fields of what is seen that a survey tells."""
    before = poll.seen
    return {
        "title": summary.title or before.title,
        "url": summary.url or before.url,
        "state": summary.state,
        "is_missing": False,
        "since": before.since if summary.state is before.state else poll.began,
        "trouble": summary.trouble,
        "limit": summary.limit,
        "pull_requests": pulls_by(before, summary),
        "children": children,
        "parent": summary.parent or before.parent,
        "acus": before.acus if summary.acus is None else summary.acus,
        "updated": updated_of(summary),
    }


def _unreadable(one: LinkedThread, poll: TakenPoll, reading: Reading) -> Sequence[Said]:
    """Return what tells a thread, once, that the session can't be read."""
    is_told = poll.seen.is_too_long and one.is_caught_up
    is_silent = follow_of(one.link, reading.default) is Follow.OFF
    if not reading.is_too_long or is_told or is_silent:
        return ()
    return [Said(kind=SaidKind.TOO_LONG, at=poll.began)]


def _shown_to(
    one: LinkedThread, reading: Reading, seen: Watched, new: Sequence[Said], events: Sequence[Said]
) -> Sequence[Said]:
    if not one.is_caught_up:
        new = since_link(one, reading.untold, new)
        changed = Millis(int(seen.updated) - seen.skew)
        is_older = one.thread in reading.untold or changed + RESOLUTION_MS < one.follows_from
        events = [] if is_older else [event for event in events if event.kind in NEEDS_PERSON]
    return shown_to(one, follow_of(one.link, reading.default), seen, new, events)


def _left_out(
    poll: TakenPoll, reading: Reading, new: Sequence[Said], read_before: int
) -> Mapping[str, int]:
    """Count, for the log, new messages of Devin's that threads don't follow, over all threads.

    Of a turn's messages, that counts each, also the one that is shown at its end.
    """
    counts = Counter(read_before=read_before)
    for one in poll.threads:
        later, follow = since_link(one, reading.untold, new), follow_of(one.link, reading.default)
        counts["before_link"] += len(new) - len(later)
        counts[f"follows_{follow}"] += 0 if follow is Follow.ALL else len(later)
    return +counts


def since_link(
    one: LinkedThread, untold: Collection[ThreadRef], new: Sequence[Said]
) -> Sequence[Said]:
    """Return what is new for a thread: for one that has just been linked, what came after that."""
    if one.is_caught_up:
        return new
    is_told = one.thread not in untold
    return [m for m in new if is_told and m.at + RESOLUTION_MS >= one.follows_from]


def is_turn_over(seen: Watched) -> bool:
    """Return True if no message of a turn is to come; more pages may have some."""
    return seen.is_at_rest and not seen.has_more


def shown_to(
    one: LinkedThread, follow: Follow, seen: Watched, new: Sequence[Said], events: Sequence[Said]
) -> Sequence[Said]:
    """Return what a thread is owed of what is new for it, and of a turn that is over."""
    turn = _turn(one, seen, new)
    match follow:
        case Follow.ALL:
            return [*(m for m in turn if m not in new), *new, *events]
        case Follow.TURNS:
            return [*turn, *events]
        case _:
            return [one for one in events if one.kind in CAPS]


def _turn(one: LinkedThread, seen: Watched, new: Sequence[Said]) -> Sequence[Said]:
    """Return the last message of a turn that is over, unless the thread was owed that before."""
    last = seen.last
    if last is None or not is_turn_over(seen) or one.owed == short_id(last.id):
        return ()
    is_due = last in new or (one.is_caught_up and not seen.is_turn_shown)
    return [last] if is_due and last.at + RESOLUTION_MS >= one.follows_from else ()
