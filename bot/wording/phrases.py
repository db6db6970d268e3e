"""Numbers, times, names, links and words in code, as they are said within a sentence.

Foreign words, which name sessions and pull requests, mislead nobody.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import accumulate
from urllib.parse import urlsplit

from bot.model.files import Forwarded
from bot.model.replies import Outcome, OutcomeKind, Reply
from bot.model.sessions import SHORT, NamedSession, SessionId
from bot.model.times import Millis
from bot.text.to_devin import to_markdown
from bot.text.to_slack import escape, excerpt, head, misleads, quiet, without_pings


def without_mention(markup: str) -> str:
    """Return a sentence of ours as it is said in the bot's direct message."""
    markup = _BY_ANYONE.sub("you write", markup)
    return _BY_MENTION.sub(lambda found: "Write" if found[1] == "M" else "write", markup)


# Commands are in code, so these match our own words only.
_BY_ANYONE = re.compile(r"someone mentions me with(?= `)")
_BY_MENTION = re.compile(
    r"(M|m)ention me(?: (?:again|here|there|in the thread|in a thread))?(?: with(?= `)| for(?= `))"
)


def plain(markup: str) -> str:
    """Strip our own `markup`, where foreign text is quiet: links and mentions become words."""
    markup = _MENTION.sub(ADMIN, markup)
    shown = _LINK.sub(lambda found: found[2] or found[1], markup).translate(_SIGNS)
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


_SIGNS = str.maketrans("", "", "*`")
_MENTION = re.compile(r"<(?:#|@|!subteam\^)[A-Z0-9]+>")
_LINK = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")

ADMIN = "your Devin Relay admin"

_CHANNEL_ID = re.compile("[CG][A-Z0-9]{8,}")
_NOTIFIED_ID = re.compile("([UWS])[A-Z0-9]{8,}")


def preview(markup: str, blocks: Sequence[Mapping[str, object]] = ()) -> str:
    """Return the start of a person's message as one inert line, as it looked to them."""
    return excerpt(to_markdown(markup, blocks), limit=80)


def named_by(message: Reply) -> str:
    """Return the start of a message, or else of what it forwards; empty if neither has words."""
    parts: tuple[Reply | Forwarded, ...] = (message, *message.forwarded)
    return next(filter(None, (preview(one.text, one.blocks) for one in parts)), "")


def local_time(at: Millis) -> str:
    """Return a time that Slack shows in the reader's own zone."""
    return f"<!date^{int(at) // 1000}^{{date_short_pretty}} at {{time}}|earlier>"


def clock_time(at: Millis) -> str:
    """Return such a time for the end of a sentence: "2:31 AM today"."""
    return f"<!date^{int(at) // 1000}^{{time}} {{date_short_pretty}}|earlier>"


def linker(name: str) -> str:
    """Return who linked a thread, at the beginning of a sentence; a workflow has no name."""
    return quiet(name) or "A workflow"


def mail_waiting(mail: int) -> str:
    """Count the queued replies of a session."""
    return f"{mail:,} {plural(mail, 'reply', 'replies')} queued for this session"


def last_ending(last: Outcome | None) -> str:
    """Say how the last delivery ended."""
    return f"Last reply: {_LAST[last.kind]}" if last else "No replies sent yet"


_LAST = {
    OutcomeKind.DELIVERED: "delivered",
    OutcomeKind.UNCONFIRMED: "not confirmed",
    OutcomeKind.SUSPENDED: "session suspended",
    OutcomeKind.ENDED: "session ended",
    OutcomeKind.REFUSED: "rejected",
    OutcomeKind.UNCERTAIN: "not confirmed",
    OutcomeKind.GIVEN_UP: "not sent",
}


def span(duration: timedelta) -> str:
    """Return a duration in the largest unit of which it has exactly one, or more than one."""
    seconds = int(duration.total_seconds())
    for unit, length in _UNITS:
        number, rest = divmod(seconds, length)
        if number > 1 or (number == 1 and not rest):
            about = "about " if rest else ""
            return f"{about}{number} {plural(number, unit, f'{unit}s')}"
    return f"{seconds} seconds"


def in_minutes(wait: timedelta) -> str:
    """Return when a `wait` is over, to the next full minute: "in 12 minutes"."""
    return f"in {span(timedelta(minutes=-(-wait // timedelta(minutes=1))))}"


_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def note(done: str) -> Callable[[str], str]:
    """Return what makes the note in place of a pressed button: what was `done`, and by whom."""
    return lambda by: f"{done} by {quiet(by)}."


GROUP_LIMIT = 2_800
"""The most characters of a list; Slack takes 3,000 in a section."""


def fitting(lines: Sequence[str], count: int) -> Sequence[str]:
    """Return the first of `count` lines, as many as fit into a section, and how many more."""
    lengths = accumulate(len(line) + 1 for line in lines)
    shown = lines[: sum(length <= GROUP_LIMIT for length in lengths)]
    more = count - len(shown)
    return [*shown, f"• {more:,} more"] if more else shown


def plural(number: int, one: str, many: str) -> str:
    """Choose between the singular and the plural."""
    return one if number == 1 else many


def amount(acus: float) -> str:
    """Return a number of ACUs, with one digit behind the point at most."""
    return f"{acus:z,.1f}".removesuffix(".0")


def acus_of(acus: float, cap: int | None) -> str:
    """Return what a session has used, of its cap if it has one: "4.2 of 10 ACUs"."""
    if cap is not None:
        part = acus if acus >= cap else min(acus, cap - 0.1)  # which isn't rounded up to all of it
        return f"{amount(part)} of {cap_of(cap)}"
    used = amount(acus)
    return f"{used} {'ACU' if used == '1' else 'ACUs'}"


def cap_of(cap: int) -> str:
    """Return a cap with its unit."""
    return f"{cap:,} {plural(cap, 'ACU', 'ACUs')}"


def admin_named(contact: str, *, mentions: bool = True) -> str:
    """Return `ADMIN_CONTACT` as Slack markup in a sentence; without `mentions`, it pings nobody."""
    if _CHANNEL_ID.fullmatch(contact):
        return f"<#{contact}>"
    if found := _NOTIFIED_ID.fullmatch(contact):
        mention = f"<!subteam^{contact}>" if found[1] == "S" else f"<@{contact}>"
        return mention if mentions else ADMIN
    return quiet(contact) or ADMIN


def as_code(text: str) -> str:
    """Format an error code, or a word of ours, as code."""
    return without_pings(f"`{head(escape(text.replace('`', '')), 120)}`")


MOST_CODES = 8


def codes(listed: Sequence[str]) -> str:
    """List options or other words of ours as code; of many, the first."""
    more = len(listed) - MOST_CODES
    named = " ".join(as_code(one) for one in listed[:MOST_CODES])
    return f"{named} and {more} more" if more > 0 else named


TITLE_LIMIT = 60
ADDRESS_LIMIT = 2_000
"""Less than the 3,000 characters that Slack takes for the address of a button, or in a section."""

_WEB_ADDRESS = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*(?::[0-9]{1,5})?"
    r"(?:[/?#](?:(?![<>|`])[!-~])*)?",
    re.IGNORECASE | re.ASCII,
)
_PULL_REQUEST = re.compile(
    r"https://([^/]+)/([\w.-]{1,100}/[\w.-]{1,100})"
    r"/(?:-/)?(?:pull|merge_requests|pull-requests)/([0-9]{1,9})/?",
    re.ASCII,
)
_KNOWN_HOSTS = frozenset({"github.com", "gitlab.com", "bitbucket.org"})

HOST_LIMIT = 45
"""The part of a long host that a link shows."""

SEPARATOR = str.maketrans("|", "\N{BROKEN BAR}")
"""Keeps foreign text within the label of its link."""


def session_link(named: NamedSession) -> str:
    """Return a session's title as a link to its page, and its short id, which may be the link."""
    address, short = session_address(named), short_id(named.session)
    title = excerpt(title_of(named).translate(SEPARATOR), limit=TITLE_LIMIT)
    link = f"<{escape(address)}|{short}>"
    if not title:
        return link
    is_honest = not misleads(title, address)
    return f"<{escape(address)}|{title}> ({short})" if is_honest else f"{title} ({link})"


def own_thread(address: str) -> str:
    """Say "a thread of its own" with a link to it, if its address is known."""
    return f"<{address}|a thread of its own>" if address else "a thread of its own"


def session_address(named: NamedSession) -> str:
    """Return the address of a session's page in Devin: Devin's own, if it is usable."""
    if len(escape(named.url)) <= ADDRESS_LIMIT and _WEB_ADDRESS.fullmatch(named.url):
        return named.url
    return f"https://app.devin.ai/sessions/{named.session.removeprefix('devin-')}"


def pull_request_link(address: str) -> str:
    """Return a link that names a pull request's repository and number, and a host few know."""
    named = _PULL_REQUEST.fullmatch(address)
    if named is None:
        return web_link(address, address)
    host, repository, number = named.groups()
    where = "" if host.lower() in _KNOWN_HOSTS else f" ({host})"
    return web_link(address, f"{repository}#{number}{where}")


def web_link(address: str, label: str) -> str:
    """Return foreign text as a link whose label misleads nobody, or as code without one."""
    if len(escape(address)) > ADDRESS_LIMIT or not _WEB_ADDRESS.fullmatch(address):
        return as_code(label)
    shown = excerpt(label.translate(SEPARATOR), limit=TITLE_LIMIT)
    host = urlsplit(address).netloc
    if label == address or misleads(label, address) or misleads(shown, address):
        # A long host is cut at its beginning, which anybody can choose.
        is_short = len(host) < HOST_LIMIT
        shown = excerpt(address, limit=TITLE_LIMIT) if is_short else f"…{host[-HOST_LIMIT:]}"
    return f"<{escape(address)}|{shown}>"


def title_of(named: NamedSession) -> str:
    """Return a session's title as one line of visible characters, which may contain markup."""
    begin = named.title[:300]  # much of it may be invisible
    return " ".join("".join(c if c.isprintable() else " " for c in begin).split())


def short_id(session: SessionId) -> str:
    """Return the beginning of a session's id, which tells sessions of the same title apart."""
    return session[:SHORT]
