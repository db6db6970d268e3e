"""Parts of sentences that are read in several places."""

from datetime import timedelta

from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.sessions import SessionId
from bot.text.to_devin import to_markdown
from bot.text.to_slack import escape, excerpt


def session_link(id_: SessionId) -> str:
    """A session's id as a link to its page in Devin."""
    return f"<{session_address(id_)}|{id_}>"


def session_address(id_: SessionId) -> str:
    """The address of a session's page in Devin."""
    return f"https://app.devin.ai/sessions/{id_.removeprefix('devin-')}"


def preview(markup: str) -> str:
    """The beginning of what somebody wrote, as it looked to them, in one inert line."""
    return excerpt(to_markdown(markup), limit=80)


def local_time(at: int) -> str:
    """A time in Unix seconds, in the reader's own zone."""
    return f"<!date^{at}^{{date_short_pretty}} at {{time}}|some time ago>"


def mail_waiting(mail: int) -> str:
    """How many replies wait."""
    if not mail:
        return "No reply waits."
    return f"{mail} {plural(mail, 'reply waits', 'replies wait')}."


def last_ending(last: Outcome | None) -> str:
    """How the last reply ended."""
    return f"The last reply was {_LAST[last.kind]}." if last else "No reply has been sent yet."


_LAST = {
    OutcomeKind.DELIVERED: "delivered",
    OutcomeKind.SUSPENDED: "answered with “suspended”",
    OutcomeKind.REFUSED: "refused",
    OutcomeKind.UNCERTAIN: "sent, but without an answer",
    OutcomeKind.GIVEN_UP: "given up",
}


def span(duration: timedelta) -> str:
    """A duration in words."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    if minutes >= 120:  # noqa: PLR2004  (two hours: from there on hours read better)
        return f"{minutes // 60} hours"
    if minutes:
        return f"{minutes} {plural(minutes, 'minute', 'minutes')}"
    return f"{seconds} {plural(seconds, 'second', 'seconds')}"


def plural(number: int, one: str, many: str) -> str:
    """The word that goes with `number`."""
    return one if number == 1 else many


def as_code(text: str) -> str:
    """One of the few words that are ours or an error code, as code."""
    return f"`{escape(text.replace('`', ''))[:120]}`"
