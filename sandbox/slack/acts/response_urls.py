"""Response URLs: five uses within thirty minutes, for the interaction they came with."""

import time
from dataclasses import dataclass, field

from sandbox.ids import new_id

MAX_USES = 5
LIFETIME_SECONDS = 30 * 60.0


@dataclass(slots=True)
class ResponseUrl:
    """One response URL: the user whose interaction it answers, and its message, if any."""

    user: str
    channel: str
    message_ts: str | None = None
    is_ephemeral: bool = False
    uses: int = 0
    expires: float = 0.0


@dataclass(slots=True)
class ResponseUrls:
    """Every issued response URL, by its id. A test may shorten `seconds`."""

    seconds: float = LIFETIME_SECONDS
    _issued: dict[str, ResponseUrl] = field(default_factory=dict)

    def issue(self, url: ResponseUrl) -> str:
        """Issue a response URL; return its id."""
        key = new_id("", 24)
        url.expires = time.monotonic() + self.seconds
        self._issued[key] = url
        return key

    def use(self, key: str) -> tuple[ResponseUrl | None, str | None]:
        """Count one use; return the URL, or Slack's error if it can no longer be used."""
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
        """Return the number of uses so far."""
        url = self._issued.get(key)
        return 0 if url is None else url.uses
