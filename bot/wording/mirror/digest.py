"""A channel's digest, and the answers to `digest`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from bot.model.digest import Digest, Often, zone_of
from bot.model.sessions import NamedSession, Watched
from bot.text.to_slack import quiet
from bot.wording.message import SlackMessage, context, section
from bot.wording.mirror.card import pull_requests, state_words
from bot.wording.phrases import acus_of, as_code, fitting, local_time, plural, session_link

MOST_LINES = 15
"""The most sessions of a group."""


@dataclass(frozen=True, slots=True)
class Item:
    """A session in a digest; `address` is that of its thread in Slack, or empty."""

    session: NamedSession
    seen: Watched
    address: str


@dataclass(frozen=True, slots=True)
class Spent:
    """The ACUs that the channel's sessions have used from the day `first` to the day `last`."""

    acus: float
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class DigestPost:
    """A digest, as it is posted; `by` is the name of who set it."""

    digest: Digest
    by: str
    needs: Sequence[Item]
    working: Sequence[Item]
    done: Sequence[Item]
    spent: Spent | None

    def params(self) -> Mapping[str, Any]:
        """Return the arguments of Slack's posting methods: blocks, and a fallback text."""
        head = f"*{self.digest.often.title()} digest*: {self._counts()}."
        groups = (("Needs you", self.needs), ("Working", self.working), ("Done", self.done))
        parts = [listing(title, items) for title, items in groups if items]
        if self.spent is not None:
            parts.append(f"*Spent*\n{_spent(self.spent)}")
        stop = "mention me with `digest off` to stop it"
        footer = context(f"Set by {quiet(self.by)}; {stop}")
        return {"text": head, "blocks": [*map(section, [head, *parts]), footer]}

    def _counts(self) -> str:
        need, work, done = map(len, (self.needs, self.working, self.done))
        counts = [
            f"{need:,} {plural(need, 'session needs', 'sessions need')} you" if need else "",
            f"{work:,} working" if work else "",
            f"{done:,} done" if done else "",
            "" if self.spent is None else f"{acus_of(self.spent.acus, None)} used",
        ]
        return ", ".join(filter(None, counts))


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
    return f"{acus_of(spent.acus, None)}, {days} (UTC)"


def _day(day: date) -> str:
    return f"{day:%B} {day.day}"


NO_DIGEST = SlackMessage(
    "No digest is posted here. To get one, mention me with `digest daily` or `digest weekly`."
)


def refused(why: str) -> SlackMessage:
    """Tell who set a digest that Slack doesn't let the bot post it."""
    return SlackMessage(
        f"I couldn't post the digest that you set here: Slack won't let me ({as_code(why)}). To "
        "stop it, mention me with `digest off`."
    )


def digest_is(digest: Digest, by: str, due: datetime) -> SlackMessage:
    """Say what is set, by whom, and when the next digest is `due`."""
    days = "on Mondays" if digest.often is Often.WEEKLY else "every day"
    zone = quiet(digest.zone) if zone_of(digest.zone) else "UTC, since Slack tells me no zone"
    return SlackMessage(
        f"{quiet(by)} has set a digest here, {days} at 9:00 AM ({zone}). The next one is due "
        f"{local_time(int(due.timestamp()))}, if anything happens before then. To change that, "
        "mention me with `digest daily`, `digest weekly` or `digest off`."
    )
