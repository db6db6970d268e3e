"""Judges the addresses of files that Devin sent, before anything is asked for them.

The address stands in Devin's text, which whoever steers Devin may have chosen. So:

- The first one is at the API's own origin, or by https at a host of Devin's (`HOSTS`). If the API
  is on this machine, as the sandbox is, any other port of it will do.
- The key goes only to the API's own origin, for a path that ends in `/attachments/…`: with it, any
  other path would bring what the thread may not see. After a redirect to another origin, no
  request carries it any more, not even one that leads back.
- A redirect leads to the API's own origin, or by https to any host that is not written as an
  address of this machine, a link or a private network. Names are not resolved to check where they
  lead: Devin's own hosts choose them, and a dedicated deployment may store its files in a private
  network.

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
_FILE = re.compile(r"/(?:.*/)?attachments/[^/]+(?:/[^/]+)?")


@dataclass(frozen=True, slots=True)
class Place:
    """An address that may be asked; `is_own` if all that led to it are at the API's origin."""

    url: URL
    is_own: bool

    @property
    def gets_key(self) -> bool:
        """True if the path is that of an attachment, also for a server that decodes it."""
        path = unquote(self.url.raw_path)
        is_inside = not {".", ".."} & set(path.split("/"))
        return self.is_own and is_inside and _FILE.fullmatch(path) is not None


class Places:
    """The addresses that may be asked by the key of one API."""

    def __init__(self, api: str) -> None:
        url = URL(api)
        self._origin = _origin(url)
        self._is_local = is_loopback(url.host or "")

    def first(self, text: str) -> Place | None:
        """Return the place that Devin's text names, if it is one of Devin's."""
        url = _parsed(text)
        if url is None:
            return None
        if _origin(url) == self._origin:
            return Place(url, is_own=True)
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
            return Place(url, before.is_own)
        is_public = url.scheme == "https" and not is_written_as_private(url.host or "")
        return Place(url, is_own=False) if is_public or self._is_near(url) else None

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


def _origin(url: URL) -> tuple[str, str, int | None]:
    return url.scheme, (url.host or "").lower(), url.port
