"""Answers to `usage`: the ACUs of a session, of a channel and of a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.model.ledger import Use
from bot.model.people import UserId
from bot.model.sessions import NamedSession, SessionId, Watched
from bot.model.threads import is_direct
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import state_line
from bot.wording.phrases import acus_of, amount, fitting, linker, plural, session_link

MOST_LINES = 10
"""The most sessions, and the most people, that an answer lists."""

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
class SessionUse:
    """What a session has used in all and today, of which cap; `by` is who started it here."""

    session: NamedSession
    seen: Watched
    today: float
    cap: int | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class MonthUse:
    """What some sessions have used in a month, the most first; `places` if they are to be named.

    `children` are what the child sessions of some have used in all, each.
    """

    month: str
    uses: Sequence[Use]
    sessions: Mapping[SessionId, NamedSession]
    names: Mapping[UserId, str]
    places: bool = False
    children: Mapping[SessionId, Sequence[float]] = field(default_factory=dict)


def of_session(used: SessionUse) -> SlackMessage:
    """Tell what a session has used."""
    seen, session = used.seen, f"*{session_link(used.session)}*"
    today = f", {amount(max(0.0, used.today))} today" if seen.acus else ""
    by = "It wasn't started by me." if used.by is None else f"Started by {linker(used.by)}."
    what = f"I don't know what {session} has used."
    if seen.acus is not None:
        what = f"{session} has used *{acus_of(seen.acus, used.cap)}*{today}."
    children = f"{_children('Its', [one.acus for one in seen.children])}." if seen.children else ""
    advice = "\n".join(filter(None, [state_line(seen) if seen.is_missing else "", children]))
    footer = FOOTER if used.by is None else UTC
    return SlackMessage(f"{what} {by}", advice=advice, footer=footer)


def _children(its: str, acus: Sequence[float]) -> str:
    have = plural(len(acus), "session has", "sessions have")
    return f"{its} {len(acus)} child {have} used *{acus_of(sum(acus), None)}*"


def of_channel(used: MonthUse) -> SlackMessage:
    """Tell what a channel's sessions have used in the month, by session and by person."""
    if not used.uses:
        return SlackMessage(f"This channel's sessions haven't used any ACUs in {used.month}.")
    head = f"This channel's sessions have used *{_sum(used.uses)}* in {used.month}."
    people = "\n".join(_by_person(used))
    return SlackMessage(
        head, advice="\n".join(_by_session(used)), rows=((people, None),), footer=FOOTER
    )


def of_person(used: MonthUse) -> SlackMessage:
    """Tell a person what the sessions that they started have used in the month."""
    if not used.uses:
        return SlackMessage(f"Sessions that you started haven't used any ACUs in {used.month}.")
    head = f"Sessions that you started have used *{_sum(used.uses)}* in {used.month}."
    return SlackMessage(head, advice="\n".join(_by_session(used)), footer=UTC)


def _by_session(used: MonthUse) -> Sequence[str]:
    lines = []
    for one in used.uses[:MOST_LINES]:
        channel = one.account.channel
        place = "our direct message" if is_direct(channel) else f"<#{channel}>"
        where = f" in {place}" if used.places else ""
        others = used.children.get(one.session, ())
        more = f"; {_children('its', others)} in all" if others else ""
        lines.append(f"• {session_link(used.sessions[one.session])}{where}: {_sum([one])}{more}")
    return fitting(lines, len(used.uses))


def by_person(uses: Sequence[Use]) -> Sequence[tuple[UserId, Sequence[Use]]]:
    """Return what each person's sessions have used, the most first."""
    found: dict[UserId, list[Use]] = {}
    for one in uses:
        found.setdefault(one.account.by, []).append(one)
    return sorted(found.items(), key=lambda one: -_total(one[1]))


def _by_person(used: MonthUse) -> Sequence[str]:
    ranked, lines = by_person(used.uses), []
    for who, uses in ranked[:MOST_LINES]:
        name = linker(used.names.get(who, "")) if who else "Not started by me"
        count = f"{len(uses):,} {plural(len(uses), 'session', 'sessions')}"
        lines.append(f"• {name}: {_sum(uses)} in {count}")
    return fitting(lines, len(ranked))


def _sum(uses: Sequence[Use]) -> str:
    return acus_of(_total(uses), None)


def _total(uses: Sequence[Use]) -> float:
    return sum(one.in_month for one in uses)
