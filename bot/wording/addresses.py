"""How sessions, threads and pull requests are named and linked; foreign words mislead nobody."""

import re
from urllib.parse import urlsplit

from bot.model.sessions import SHORT, NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.text.commonmark.inline import misleads
from bot.text.to_slack import escape, excerpt
from bot.wording.actions import OPEN_SESSION, UNLINK, link_value
from bot.wording.message import Block, button
from bot.wording.phrases import as_code


def opens(session: NamedSession) -> Block:
    """Return the button that opens a session in Devin; Slack tells of its press all the same."""
    return button(OPEN_SESSION, "Open session", url=session_address(session))


def unlinks(thread: ThreadRef, session: SessionId) -> Block:
    """Return the button that ends a thread's link to a session."""
    return button(UNLINK, "Unlink", link_value(thread, session))


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
