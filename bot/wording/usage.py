"""Digests, and answers to `digest` and `usage`: what sessions do, and the ACUs that they use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from bot.model.digest import Digest, Often, zone_of
from bot.model.ledger import Use
from bot.model.people import UserId
from bot.model.sessions import NamedSession, SessionId, Started, Watched
from bot.model.threads import is_direct
from bot.model.times import as_millis
from bot.text.to_slack import quiet
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import pull_requests, state_line, state_words
from bot.wording.phrases import (
    acus_of,
    amount,
    as_code,
    fitting,
    linker,
    local_time,
    plural,
    session_link,
)

MOST_LINES = 15
"""The most sessions, and the most people, of a list."""

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
    session: NamedSession, seen: Watched, today: float, started: Started | None, by: str
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


@dataclass(frozen=True, slots=True)
class Item:
    """A session in a list; `address` is that of its thread in Slack, or empty."""

    session: NamedSession
    seen: Watched
    address: str


@dataclass(frozen=True, slots=True)
class Spent:
    """The ACUs that the channel's sessions have used from the day `first` to the day `last`.

    Their children have used `of_children` of them.
    """

    acus: float
    first: date
    last: date
    of_children: float = 0.0


def digest_post(
    digest: Digest,
    by: str,
    *,
    needs: Sequence[Item],
    working: Sequence[Item],
    done: Sequence[Item],
    spent: Spent | None,
) -> SlackMessage:
    """Return a digest, as it is posted; `by` is the name of who set it."""
    need, work, over = map(len, (needs, working, done))
    counts = (
        f"{need:,} {plural(need, 'session needs', 'sessions need')} you" if need else "",
        f"{work:,} working" if work else "",
        f"{over:,} done" if over else "",
        "" if spent is None else f"{acus_of(spent.acus, None)} used",
    )
    groups = (("Needs you", needs), ("Working", working), ("Done", done))
    parts = [listing(title, items) for title, items in groups if items]
    if spent is not None:
        parts.append(f"*Spent*\n{_spent(spent)}")
    return SlackMessage(
        f"*{digest.often.title()} digest*: {', '.join(filter(None, counts))}.",
        rows=tuple((one, None) for one in parts),
        footer=f"Set by {quiet(by)}; mention me with `digest off` to stop it",
    )


def listing(title: str, items: Sequence[Item]) -> str:
    """Return a list of sessions that fits into a section, with what they do and link to."""
    return "\n".join(
        [f"*{title}*", *fitting([_line(one) for one in items[:MOST_LINES]], len(items))]
    )


def _line(item: Item) -> str:
    opens = f" · <{item.address}|Open thread>" if item.address else ""
    said = f"• {session_link(item.session)}: Devin {state_words(item.seen)}{opens}"
    return " · ".join([said, *pull_requests(item.seen)])


def _spent(spent: Spent) -> str:
    days = _day(spent.first)
    if spent.last != spent.first:
        days = f"{days} to {_day(spent.last)}"
    theirs = f", {amount(spent.of_children)} of them by child sessions" if spent.of_children else ""
    return f"{acus_of(spent.acus, None)}{theirs}, {days} (UTC)"


def _day(day: date) -> str:
    return f"{day:%B} {day.day}"


NO_DIGEST = SlackMessage(
    "No digest is posted here. To get one, mention me with `digest daily` or `digest weekly`."
)


def no_digest(by: str) -> SlackMessage:
    """Tell the channel that its digest was ended."""
    return SlackMessage(f"*{quiet(by)}* ended the digest here.")


def digest_refused(why: str) -> SlackMessage:
    """Tell who set a digest that Slack doesn't let the bot post it."""
    return SlackMessage(
        f"I couldn't post the digest that you set here: Slack won't let me ({as_code(why)}). To "
        "stop it, mention me with `digest off`."
    )


def digest_is(digest: Digest, by: str, due: datetime) -> SlackMessage:
    """Say what is set, by whom, and when the next digest is `due`."""
    days = "on Mondays" if digest.often is Often.WEEKLY else "every day"
    zone = quiet(digest.zone) if zone_of(digest.zone) else "UTC, since Slack tells me no time zone"
    return SlackMessage(
        f"{quiet(by)} has set a digest here, {days} at 9:00 AM ({zone}). The next one is due "
        f"{local_time(as_millis(due))}, if anything happens before then. To change that, "
        "mention me with `digest daily`, `digest weekly` or `digest off`."
    )
