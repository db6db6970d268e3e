"""The card, which shows a session's state in its thread, edited in place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.model.sessions import (
    Child,
    Follow,
    NamedSession,
    PullRequest,
    Said,
    SaidKind,
    Seen,
    SessionId,
    SessionState,
    Trouble,
    overrun,
)
from bot.model.threads import Link, ThreadRef, link_name
from bot.text.to_slack import cut, disarmed, quiet, shortened
from bot.wording import actions
from bot.wording.delivery_reports import DELIVERED_MARK, SUSPENDED_MARK
from bot.wording.message import (
    Block,
    SlackMessage,
    button,
    opens,
    unlinks,
)
from bot.wording.phrases import (
    acus_of,
    cap_of,
    clock_time,
    codes,
    own_thread,
    plural,
    pull_request_link,
    session_link,
    short_id,
    title_of,
)

MOST_PULL_REQUESTS = 5
PULL_REQUESTS_LIMIT = 800
"""Most characters of their links: the card's text must fit into one section."""

MOST_CHILDREN = 10
STATE_LIMIT = 30
NAME_LIMIT = 40
AGENT_TITLE_LIMIT = 200

CONTINUE = "Continue in a new session"


@dataclass(frozen=True, slots=True)
class Card:
    """What a card shows.

    `is_barred`: Devin's words and titles may not be shown in this channel; `is_unsure`: not yet.
    `chosen` are the options that the session was started with, and `standing_by` the name of who
    set the standing words that its prompt has. `followed` are its children that have a thread in
    the channel, each with that one's address, "" if that is unknown. `offers` are buttons and menus
    that features add, and `beside` is the action and the label of the one beside each other child.
    """

    thread: ThreadRef
    link: Link
    by: str
    session: NamedSession
    seen: Seen
    follow: Follow
    is_barred: bool
    is_unsure: bool = False
    chosen: Sequence[str] = ()
    standing_by: str = ""
    followed: Mapping[SessionId, str] = field(default_factory=dict)
    offers: Sequence[Block] = ()
    beside: tuple[str, str] | None = None


def card(shown: Card) -> SlackMessage:
    """Return the card of a linked thread."""
    if shown.is_barred:
        return _barred(shown)
    arrives = _ARRIVES if reads_replies(shown.seen) and shown.link.takes_replies else ""
    stays = _UNLINK if shown.seen.is_missing else FOLLOWS[shown.follow]
    parts = _cost(shown.seen), codes(shown.chosen), _standing(shown), stays, arrives
    return SlackMessage(
        "\n".join([state_line(shown.seen), _linked(shown), *pull_requests(shown.seen)]),
        advice=_children_head(shown.seen),
        rows=_children(shown),
        buttons=_buttons(shown),
        footer=" · ".join(filter(None, parts)),
    )


def ended_card(session: NamedSession) -> SlackMessage:
    """Return the card of a thread that is not linked any more."""
    return SlackMessage(f"This thread is no longer linked to *{session_link(session)}*.")


def agent_title(session: NamedSession) -> str:
    """Return the title of Slack's own session: plain text."""
    return disarmed(shortened(title_of(session), AGENT_TITLE_LIMIT)) or short_id(session.session)


BARRED = (
    "This conversation is, or may be, shared with another organization, so Devin's messages aren't "
    "posted here. Open the session to read them."
)


def reads_replies(seen: Seen) -> bool:
    """Return True if Devin may read what is written to a session."""
    return seen.state is not SessionState.ENDED and not seen.is_missing


def state_line(seen: Seen) -> str:
    """Say what Devin is doing, and since when."""
    return f":{_state_of(seen)[0]}: Devin {state_words(seen)}."


def state_words(seen: Seen) -> str:
    """Return the predicate of such a sentence: what Devin is since when, or has done when."""
    _, words = _state_of(seen)
    since = "" if "has *" in words else "since "
    return f"{words} ({since}{clock_time(seen.since)})" if seen.since else words


def _state_of(seen: Seen) -> tuple[str, str]:
    """Return a state's symbol, and its predicate."""
    if seen.is_missing:
        return "grey_question", "can't *find* this session"
    if seen.is_at_cap and seen.cap and seen.state is SessionState.SUSPENDED:
        return "no_entry", at_cap(seen.acus or 0.0, seen.cap)
    if seen.trouble is Trouble.LIMIT and seen.state is SessionState.SUSPENDED:
        return "no_entry", "is *stopped* at a usage or billing limit"
    if seen.trouble is Trouble.ERROR:
        is_over = seen.state is SessionState.ENDED
        return "x", _FAILED if is_over else "is *stopped* because of an error"
    return _STATES[seen.state]


def _linked(shown: Card) -> str:
    linked = f"Linked to *{session_link(shown.session)}* by {_by(shown)}."
    return f"{linked} {_MUTED}" if shown.link.muted else linked


_MUTED = "*Muted*: replies here won't be sent to Devin."
_UNLINK = "If its link or ID was mistyped, press *Unlink* and link the right one"
_ARRIVES = f"Replies here are sent to Devin; I'll add :{DELIVERED_MARK}: to each one that arrives"


def _by(shown: Card) -> str:
    return quiet(shown.by) if shown.by else "a workflow"


def pull_requests(seen: Seen) -> Sequence[str]:
    """Return a line for the session's pull requests; none if it has not opened any."""
    if not seen.pull_requests:
        return ()
    shown: list[str] = []
    for one in open_first(seen.pull_requests)[:MOST_PULL_REQUESTS]:
        state = f" ({quiet(cut(one.state, STATE_LIMIT))})" if one.state else ""
        link = f"{pull_request_link(one.url)}{state}"
        if sum(map(len, shown)) + len(link) <= PULL_REQUESTS_LIMIT:
            shown.append(link)
    more = len(seen.pull_requests) - len(shown)
    others = [f"{more} more"] if more else []
    what = plural(len(seen.pull_requests), "Pull request", "Pull requests")
    return [f"{what}: {' and '.join([*filter(None, [', '.join(shown)]), *others])}."]


def open_first(listed: Sequence[PullRequest]) -> Sequence[PullRequest]:
    """Return the open ones first, then the others; Devin lists the latest of them last."""
    latest = listed[::-1]
    return sorted(latest, key=lambda one: not one.is_open)


def children_shown(seen: Seen) -> Sequence[Child]:
    """Return the children that a card has room for, in Devin's order: the latest that go on."""
    latest = list(enumerate(seen.children))[::-1]
    kept = sorted(latest, key=lambda one: one[1].state is SessionState.ENDED)[:MOST_CHILDREN]
    return [child for _, child in sorted(kept, key=lambda one: one[0])]


def _children_head(seen: Seen) -> str:
    more = len(seen.children) > MOST_CHILDREN
    of = f" ({MOST_CHILDREN} of {len(seen.children)})" if more else ""
    return f"*Child sessions*{of}" if seen.children else ""


def _children(shown: Card) -> tuple[tuple[str, Block | None], ...]:
    """Return a row for each child that is shown: its state, and its thread, or a button."""
    rows: list[tuple[str, Block | None]] = []
    for one in children_shown(shown.seen):
        symbol, words = _STATES[one.state]
        link = session_link(NamedSession(one.session, one.title, one.url))
        said, value = f":{symbol}: {link} {words}", link_name(shown.thread, one.session)
        if (address := shown.followed.get(one.session)) is not None:
            rows.append((f"{said}, followed in {own_thread(address)}", None))
        else:
            rows.append((said, button(*shown.beside, value) if shown.beside else None))
    return tuple(rows)


def _cost(seen: Seen) -> str:
    if seen.cap is None:
        return f"{acus_of(seen.acus, None)} used" if seen.acus else ""
    # Version 1 of the API tells no ACUs.
    return f"Cap: {cap_of(seen.cap)}" if seen.acus is None else acus_of(seen.acus, seen.cap)


def _standing(shown: Card) -> str:
    by = quiet(cut(shown.standing_by, NAME_LIMIT))
    return f"With this channel's standing words, set by {by}" if by else ""


def _barred(shown: Card) -> SlackMessage:
    plain = NamedSession(shown.link.session, "", shown.session.url)
    why = "" if shown.is_unsure else f" {BARRED}"
    return SlackMessage(
        f"Linked to *{session_link(plain)}* by {_by(shown)}. "
        f"{_MUTED if shown.link.muted else f'{_ARRIVES}.'}{why}",
        buttons=(opens(shown.session), unlinks(shown.thread, shown.link.session)),
    )


def _buttons(shown: Card) -> tuple[Block, ...]:
    link = shown.thread, shown.link.session
    is_followed = shown.follow is not Follow.OFF
    follow = (actions.UNFOLLOW, "Unfollow") if is_followed else (actions.FOLLOW, "Follow")
    more = [*([continues(*link)] if shown.seen.is_at_cap else []), *shown.offers]
    return (*more, opens(shown.session), button(*follow, link_name(*link)), unlinks(*link))


def at_cap(acus: float, cap: int) -> str:
    """Return the predicate of a sentence about a session that has stopped at its cap."""
    if cap <= acus <= cap + overrun(cap):
        return f"has *used up its cap* of {cap_of(cap)}"
    return f"has *stopped* at {acus_of(acus, cap)}, probably because of its cap"


def far_cap(session: NamedSession, one: Said) -> SlackMessage:
    """Tell the thread of a session's start of its cap; no thread is linked to it any more."""
    used = f"It has used *{acus_of(one.acus, one.cap)}*, and stops once its cap is used up."
    if one.kind is SaidKind.CAP_REACHED:
        used = f"It {at_cap(one.acus, one.cap)}."
    return SlackMessage(
        f"*{session_link(session)}*, which was started here, isn't linked anymore, but went on. "
        f"{used}",
        buttons=(opens(session),),
    )


def continues(thread: ThreadRef, session: SessionId) -> Block:
    """Return the button that starts a session which goes on from one at its cap."""
    return button(actions.CONTINUE_SESSION, CONTINUE, link_name(thread, session))


_FAILED = "can't continue: the session has *failed*"
_STATES = {
    SessionState.WORKING: ("large_green_circle", "is *working*"),
    SessionState.WAITING: ("large_yellow_circle", "is *waiting for you*"),
    SessionState.APPROVAL: ("large_yellow_circle", "is *waiting for approval*"),
    SessionState.FINISHED: ("white_circle", "has *finished*"),
    SessionState.SUSPENDED: (SUSPENDED_MARK, "is *suspended*"),
    SessionState.ENDED: ("black_circle", "can't continue: the session has *ended*"),
    SessionState.UNKNOWN: ("grey_question", "is in an *unknown* state"),
}

FOLLOWS = {
    Follow.ALL: "All of Devin's messages are posted in the thread",
    Follow.TURNS: "Only the last message of each turn is posted in the thread",
    Follow.OFF: "Devin's messages aren't posted in the thread",
}
"""How much of a session its thread shows, as a sentence without a period."""
