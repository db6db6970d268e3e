"""Response URLs: five uses within thirty minutes, for the interaction they came with."""

import time
from dataclasses import dataclass, field

from sandbox.ids import new_id

MAX_USES = 5
LIFETIME_SECONDS = 30 * 60.0


@dataclass(slots=True)
class ResponseUrl:
    """One response URL: whose interaction it answers, and the message it came from, if any."""

    user: str
    channel: str
    message_ts: str | None = None
    is_ephemeral: bool = False
    uses: int = 0
    expires: float = 0.0


@dataclass(slots=True)
class ResponseUrls:
    """Every response URL that was given out, by its id. A test may shorten `seconds`."""

    seconds: float = LIFETIME_SECONDS
    _issued: dict[str, ResponseUrl] = field(default_factory=dict)

    def issue(self, url: ResponseUrl) -> str:
        """Give one out; returns its id."""
        key = new_id("", 24)
        url.expires = time.monotonic() + self.seconds
        self._issued[key] = url
        return key

    def use(self, key: str) -> tuple[ResponseUrl | None, str | None]:
        """Count one use; returns the URL, or Slack's error when it can be used no more."""
        url = self._issued.get(key)
        if url is None:
            return None, "no_such_url"
        if time.monotonic() > url.expires:
            return None, "expired_url"
        if url.uses >= MAX_USES:
            return None, "used_url"
        url.uses += 1
        return url, None

    def uses(self, key: str) -> int:
        """How often one was used so far."""
        url = self._issued.get(key)
        return 0 if url is None else url.uses
