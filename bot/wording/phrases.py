"""Phrases that the sentences of several places share."""

from datetime import timedelta

from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.sessions import SessionId, SessionState
from bot.text.to_devin import to_markdown
from bot.text.to_slack import escape, excerpt


def session_link(id_: SessionId) -> str:
    """Return a session's id as a link to its page in Devin."""
    return f"<{session_address(id_)}|{id_}>"


def session_address(id_: SessionId) -> str:
    """Return the address of a session's page in Devin."""
    return f"https://app.devin.ai/sessions/{id_.removeprefix('devin-')}"


def preview(markup: str) -> str:
    """Return the start of a person's message as one inert line, as it looked to them."""
    return excerpt(to_markdown(markup), limit=80)


def local_time(at: int) -> str:
    """Return a time (Unix seconds) that Slack shows in the reader's own zone."""
    return f"<!date^{at}^{{date_short_pretty}} at {{time}}|some time ago>"


def mail_waiting(mail: int) -> str:
    """Count the waiting replies."""
    if not mail:
        return "No reply waits."
    return f"{mail} {plural(mail, 'reply waits', 'replies wait')}."


def last_ending(last: Outcome | None) -> str:
    """Say how the last delivery ended."""
    if last is None:
        return "No reply has been sent yet."
    if last.is_ended:
        return "The last reply was not read: the session has ended."
    if last.kind is OutcomeKind.SUSPENDED and last.state is not SessionState.SUSPENDED:
        return "The last reply was not confirmed."
    return f"The last reply was {_LAST[last.kind]}."


_LAST = {
    OutcomeKind.DELIVERED: "delivered",
    OutcomeKind.SUSPENDED: "answered with “suspended”",
    OutcomeKind.REFUSED: "refused",
    OutcomeKind.UNCERTAIN: "sent, but without an answer",
    OutcomeKind.GIVEN_UP: "given up",
}


def span(duration: timedelta) -> str:
    """Return a duration in words."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    if minutes >= 120:  # noqa: PLR2004  (two hours: from there on hours read better)
        return f"{minutes // 60} hours"
    if minutes:
        return f"{minutes} {plural(minutes, 'minute', 'minutes')}"
    return f"{seconds} {plural(seconds, 'second', 'seconds')}"


def plural(number: int, one: str, many: str) -> str:
    """Choose between the singular and the plural."""
    return one if number == 1 else many


def as_code(text: str) -> str:
    """Format an error code, or a word of ours, as code."""
    return f"`{escape(text.replace('`', ''))[:120]}`"
