"""Phrases that the sentences of several places share."""

import re
from datetime import timedelta

from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.sessions import NamedSession, SessionId, SessionState
from bot.text.to_devin import to_markdown
from bot.text.to_slack import escape, excerpt

TITLE_LIMIT = 60
TITLE_READ = 300
"""The part of a title that is looked at: it may begin with much that is invisible."""

ADDRESS_LIMIT = 2_000
"""Less than the 3,000 characters that Slack takes for the address of a button, or in a section."""

_WEB_ADDRESS = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*(?::[0-9]{1,5})?"
    r"(?:[/?#](?:(?![<>|`])[!-~])*)?",
    re.IGNORECASE | re.ASCII,
)
_PULL_REQUEST = re.compile(
    r"https://[^/]+/([\w.-]{1,100}/[\w.-]{1,100})/(?:-/)?(?:pull|merge_requests)/([0-9]{1,9})/?",
    re.ASCII,
)
_SEPARATOR = str.maketrans("|", "\N{BROKEN BAR}")


def session_link(named: NamedSession) -> str:
    """Return a session's title as a link to its page in Devin, and its short id behind it.

    Without a title, the link is the whole id.
    """
    address = escape(session_address(named))
    title = excerpt(title_of(named).translate(_SEPARATOR), limit=TITLE_LIMIT)
    if not title:
        return f"<{address}|{named.session}>"
    return f"<{address}|{title}> ({short_id(named.session)})"


def session_address(named: NamedSession) -> str:
    """Return the address of a session's page in Devin: Devin's own, if it is usable."""
    if len(escape(named.url)) <= ADDRESS_LIMIT and _WEB_ADDRESS.fullmatch(named.url):
        return named.url
    return f"https://app.devin.ai/sessions/{named.session.removeprefix('devin-')}"


def pull_request_link(address: str) -> str:
    """Return the address of a pull request as a link that names its repository and number."""
    named = _PULL_REQUEST.fullmatch(address)
    return web_link(address, "#".join(named.groups()) if named else address)


def web_link(address: str, label: str) -> str:
    """Return foreign text as a link to an address, or as code if the address is not usable."""
    if len(escape(address)) > ADDRESS_LIMIT or not _WEB_ADDRESS.fullmatch(address):
        return as_code(label)
    shown = excerpt(label.translate(_SEPARATOR), limit=TITLE_LIMIT)
    return f"<{escape(address)}|{shown}>"


def title_of(named: NamedSession) -> str:
    """Return a session's title as one line of visible characters, which may contain markup."""
    shown = (c if c.isprintable() else " " for c in named.title[:TITLE_READ])
    return " ".join("".join(shown).split())


def short_id(session: SessionId) -> str:
    """Return the beginning of a session's id, which tells sessions of the same title apart."""
    return session[: len("devin-01234567")]


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
