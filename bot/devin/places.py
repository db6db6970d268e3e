"""Judges the addresses of files that Devin sent, before anything is asked for them.

The address stands in Devin's text, which whoever steers Devin may have chosen. So:

- The first one is at the API's own origin, or by https at a host of Devin's (`HOSTS`). If the API
  is on this machine, as the sandbox is, any other port of it will do.
- The key goes only to the API's own origin, for the path of an attachment (`_FILE`), and of the
  organization that is set: with it, any other path would bring what the thread may not see. After a
  redirect to another origin, no request carries it any more, not even one that leads back.
- A redirect leads to the API's own origin, or by https to any host that is not written as an
  address of this machine, a link or a private network. Names are not resolved to check where they
  lead: Devin's own hosts choose them, perhaps in a private network of a dedicated deployment.

Devin's API redirects to a short-lived address elsewhere, which needs no key (seen by a client,
github.com/vasturnonthegas/devin-mobile).
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urljoin

from yarl import URL

from bot.urls import is_loopback, is_written_as_private

HOSTS = ("devin.ai", "devinenterprise.com")
"""Devin's domains: wherever the API is, its files are below one of them."""

_ADDRESS = re.compile(r"https?://[!-\[\]-~]{1,8000}", re.IGNORECASE)
_FILE = re.compile(
    r"/(?:v1/|v3/organizations/(?P<organization>\w[\w.-]*)/)?attachments/[\w-]+(?:/(?P<name>[^/]+))?",
    re.ASCII,
)
"""The paths of attachments, as they are sent (docs.devin.ai, v1 and v3; the sandbox has both).

They name no session, so whoever knows an address gets that file shown.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """An address that may be asked; `is_own` if all that led to it are at the API's origin.

    It `gets_key` if, besides, it is that of an attachment.
    """

    url: URL
    is_own: bool
    gets_key: bool = False


class Places:
    """The addresses that may be asked by the key of one API, and of an organization if given."""

    def __init__(self, api: str, organization: str | None = None) -> None:
        url = URL(api)
        self._organization = organization
        self._origin = _origin(url)
        self._is_local = is_loopback(url.host or "")

    def first(self, text: str) -> Place | None:
        """Return the place that Devin's text names, if it is one of Devin's."""
        url = _parsed(text)
        if url is None:
            return None
        if _origin(url) == self._origin:
            return self._own(url)
        host = (url.host or "").lower()
        is_devin = any(host == one or host.endswith(f".{one}") for one in HOSTS)
        is_known = url.scheme == "https" and is_devin
        return Place(url, is_own=False) if is_known or self._is_near(url) else None

    def next(self, before: Place, location: str) -> Place | None:
        """Return the place that a redirect leads to, unless it is a private one."""
        try:
            url = _parsed(urljoin(str(before.url), location))
        except ValueError:
            return None
        if url is None:
            return None
        if _origin(url) == self._origin:
            return self._own(url) if before.is_own else Place(url, is_own=False)
        is_public = url.scheme == "https" and not is_written_as_private(url.host or "")
        return Place(url, is_own=False) if is_public or self._is_near(url) else None

    def _own(self, url: URL) -> Place:
        """Return a place at the API's origin, to which only such places led."""
        found = _FILE.fullmatch(url.raw_path)
        if found is None or not _is_plain(found["name"] or ""):
            return Place(url, is_own=True)
        is_theirs = found["organization"] not in {None, self._organization}
        return Place(url, is_own=True, gets_key=not (is_theirs and self._organization))

    def _is_near(self, url: URL) -> bool:
        """Return True for this machine's addresses, if the API is here, too."""
        return self._is_local and is_loopback(url.host or "")


def _parsed(text: str) -> URL | None:
    """Parse an address exactly as it is written: a signature in it may cover each character."""
    if not _ADDRESS.fullmatch(text):
        return None
    try:
        url = URL(text, encoded=True)
        is_bare = url.host and url.port and url.user is None and url.password is None
    except ValueError:
        return None
    return url if is_bare else None


def _is_plain(name: str) -> bool:
    """Return True if a name stays in its segment, however often a server decodes it."""
    while (decoded := unquote(name)) != name:
        name = decoded
    return re.match(r"\.{1,2}(?:;|$)", name) is None and not {"/", "\\"} & set(name)


def _origin(url: URL) -> tuple[str, str, int | None]:
    return url.scheme, (url.host or "").lower(), url.port
