"""What people read of digests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from bot.features.digest.digest import Digest, Often, zone_of
from bot.model.times import as_millis
from bot.text.to_slack import quiet
from bot.wording.listing import Item, listing
from bot.wording.message import SlackMessage
from bot.wording.phrases import acus_of, amount, as_code, local_time, plural

HELP = (
    "• `digest daily`, `digest weekly`, `digest off`: post what this channel's sessions need, do, "
    "have done and have used (`digest` shows what is set)"
)


@dataclass(frozen=True, slots=True)
class Spent:
    """The ACUs that the channel's sessions have used from the day `first` to the day `last`.

    Their children have used `of_children` of them.
    """

    acus: float
    first: date
    last: date
    of_children: float = 0.0


def post(
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


def _spent(spent: Spent) -> str:
    days = _day(spent.first)
    if spent.last != spent.first:
        days = f"{days} to {_day(spent.last)}"
    theirs = f", {amount(spent.of_children)} of them by child sessions" if spent.of_children else ""
    return f"{acus_of(spent.acus, None)}{theirs}, {days} (UTC)"


def _day(day: date) -> str:
    return f"{day:%B} {day.day}"


NONE = SlackMessage(
    "No digest is posted here. To get one, mention me with `digest daily` or `digest weekly`."
)


def ended(by: str) -> SlackMessage:
    """Tell the channel that its digest was ended."""
    return SlackMessage(f"*{quiet(by)}* ended the digest here.")


def refused(why: str) -> SlackMessage:
    """Tell who set a digest that Slack doesn't let the bot post it."""
    return SlackMessage(
        f"I couldn't post the digest that you set here: Slack won't let me ({as_code(why)}). To "
        "stop it, mention me with `digest off`."
    )


def shown(digest: Digest, by: str, due: datetime) -> SlackMessage:
    """Say what is set, by whom, and when the next digest is `due`."""
    days = "on Mondays" if digest.often is Often.WEEKLY else "every day"
    zone = quiet(digest.zone) if zone_of(digest.zone) else "UTC, since Slack tells me no time zone"
    return SlackMessage(
        f"{quiet(by)} has set a digest here, {days} at 9:00 AM ({zone}). The next one is due "
        f"{local_time(as_millis(due))}, if anything happens before then. To change that, "
        "mention me with `digest daily`, `digest weekly` or `digest off`."
    )
