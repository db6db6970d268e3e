"""Answers to `usage`: the ACUs that sessions have used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.model.ledger import Use
from bot.model.people import UserId
from bot.model.sessions import NamedSession, Seen, SessionId, Started
from bot.model.threads import is_direct
from bot.wording.listing import MOST_LINES
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import state_line
from bot.wording.phrases import (
    acus_of,
    amount,
    fitting,
    linker,
    plural,
    session_link,
)

HELP = (
    "• `usage`: show what the session has used; outside a linked thread, what the channel's "
    "sessions have; in our direct message, what yours have used"
)

SAY_HELP = "• `/devin-say usage`: see what the sessions that you started have used this month"

UNTOLD = SlackMessage(
    "I use version 1 of Devin's API, which doesn't tell how many ACUs sessions use. See *Usage* in "
    "Devin's settings."
)

ELSEWHERE = SlackMessage(
    "This conversation is, or may be, shared with another organization, so I don't say here what "
    "sessions cost. `/devin-say usage` tells only you."
)

UTC = "Days and months are in UTC."
FOOTER = f"{UTC} Sessions that weren't started here are counted from when they were linked."


@dataclass(frozen=True, slots=True)
class MonthUse:
    """What some sessions have used in a month, the most first; `places` if they are to be named.

    `children` are what the child sessions of some have used then.
    """

    month: str
    uses: Sequence[Use]
    sessions: Mapping[SessionId, NamedSession]
    names: Mapping[UserId, str] = field(default_factory=dict)
    places: bool = False
    children: Mapping[SessionId, Sequence[Use]] = field(default_factory=dict)

    def total(self, uses: Sequence[Use]) -> float:
        """Return what these sessions have used with their children."""
        return sum(_total([one, *self.children.get(one.session, ())]) for one in uses)


def of_session(
    session: NamedSession, seen: Seen, today: float, started: Started | None, by: str
) -> SlackMessage:
    """Tell what a session has used in all and today; `by` names who `started` it, if known."""
    link, cap = f"*{session_link(session)}*", None if started is None else started.cap
    who = "I didn't start it." if started is None else f"Started by {linker(by)}."
    what = f"I don't know what {link} has used."
    if seen.acus is not None:
        of_today = f", {amount(max(0.0, today))} today" if seen.acus else ""
        what = f"{link} has used *{acus_of(seen.acus, cap)}*{of_today}."
    children = f"{_children('Its', [one.acus for one in seen.children])}." if seen.children else ""
    advice = "\n".join(filter(None, [state_line(seen) if seen.is_missing else "", children]))
    footer = FOOTER if started is None else UTC
    return SlackMessage(f"{what} {who}", advice=advice, footer=footer)


def _children(its: str, acus: Sequence[float]) -> str:
    have = plural(len(acus), "session has", "sessions have")
    return f"{its} {len(acus)} child {have} used *{acus_of(sum(acus), None)}*"


def of_channel(used: MonthUse) -> SlackMessage:
    """Tell what a channel's sessions have used in the month, by session and by person."""
    if not used.uses:
        return SlackMessage(f"This channel's sessions haven't used any ACUs in {used.month}.")
    head = f"This channel's sessions{_and_children(used)} in {used.month}."
    people = "\n".join(_by_person(used))
    return SlackMessage(
        head, advice="\n".join(_by_session(used)), rows=((people, None),), footer=FOOTER
    )


def of_person(used: MonthUse) -> SlackMessage:
    """Tell a person what the sessions that they started have used in the month."""
    if not used.uses:
        return SlackMessage(f"Sessions that you started haven't used any ACUs in {used.month}.")
    head = f"Sessions that you started{_and_children(used)} in {used.month}."
    return SlackMessage(head, advice="\n".join(_by_session(used)), footer=UTC)


def _and_children(used: MonthUse) -> str:
    theirs = " and their children" if used.children else ""
    return f"{theirs} have used *{acus_of(used.total(used.uses), None)}*"


def _by_session(used: MonthUse) -> Sequence[str]:
    lines = []
    for one in used.uses[:MOST_LINES]:
        channel = one.account.channel
        place = "our direct message" if is_direct(channel) else f"<#{channel}>"
        where = f" in {place}" if used.places else ""
        others = used.children.get(one.session, ())
        more = f"; {_children('its', [each.in_month for each in others])}" if others else ""
        own = acus_of(one.in_month, None)
        lines.append(f"• {session_link(used.sessions[one.session])}{where}: {own}{more}")
    return fitting(lines, len(used.uses))


@dataclass(frozen=True, slots=True)
class Part:
    """What `count` sessions that a person started (`who`, or empty) have used with children."""

    who: UserId
    count: int
    acus: float


def by_person(used: MonthUse) -> Sequence[Part]:
    """Return what each person's sessions have used, the most first."""
    found: dict[UserId, list[Use]] = {}
    for one in used.uses:
        found.setdefault(one.account.by, []).append(one)
    parts = (Part(who, len(uses), used.total(uses)) for who, uses in found.items())
    return sorted(parts, key=lambda one: -one.acus)


def _by_person(used: MonthUse) -> Sequence[str]:
    ranked, lines = by_person(used), []
    for one in ranked[:MOST_LINES]:
        name = linker(used.names.get(one.who, "")) if one.who else "Not started by me"
        count = f"{one.count:,} {plural(one.count, 'session', 'sessions')}"
        lines.append(f"• {name}: {acus_of(one.acus, None)} in {count}")
    return fitting(lines, len(ranked))


def _total(uses: Sequence[Use]) -> float:
    return sum(one.in_month for one in uses)
