"""Calls Slack's Web API once, and translates its failures into the relay's errors.

slack_sdk's own retries are switched off: its connection handler repeats a `chat.postMessage` whose
answer was lost, which posts twice. Slack limits messages by channel and other methods by workspace
(docs.slack.dev/apis/web-api/rate-limits).
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, cast

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import NO_ACCESS, OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.model.record import string
from bot.model.times import Micros, Ts, micros_ts, ts_micros
from bot.runtime import metrics
from bot.runtime.in_flight import SHORTEST_SECONDS, Limit
from bot.runtime.outgoing import NOT_SENT, broken
from bot.urls import is_secure

log = logging.getLogger(__name__)

SECOND = 1_000_000
DAY = 86_400 * SECOND

MARGIN_SECONDS = 60
"""How far Slack's time may be behind what this process takes it for."""

RECENT_SECONDS = 60.0
"""The time for which a `ts` tells Slack's time, and as long again at most."""

PAGES, PAGE = 10, 1_000

MISSING_SCOPE = "missing_scope"
NO_ANSWER = "unreadable answer"
"""The reason of ours for a body of status 200 that is not a JSON object."""

RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "HTTP 429"})

PASSING = RATE_LIMITED | {
    *("internal_error", "fatal_error", "service_unavailable", "request_timeout"),
    *("team_added_to_org", "accesslimited", "message_limit_exceeded"),
    *("external_channel_migrating", "update_failed", "file_update_failed", "fetch_members_failed"),
}
"""Slack's codes for "not now" in a body of status 200 (docs/architecture/slack-errors.md)."""

_READING = (".get", ".info", ".list", ".history", ".replies", ".members", ".test")
"""The endings of methods that change nothing."""


class SlackClock:
    """The earliest possible time at Slack, as far as it is known.

    It is that of the last `Date`, or of a later `ts` of the last minute or two: this process's
    clock, which carries them on, may run fast, and stands still while the machine is suspended.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._date: int | None = None
        self._latest: tuple[int | None, int | None] = None, None
        """How far the latest `ts` of this minute, and of the one before, are ahead of our clock."""
        self._minute = 0.0

    def note(self, at: Micros) -> None:
        """Note a time that Slack has just given; one a day ahead of its own `Date` is ignored."""
        ahead = int(at) - self._now()
        if self._date is not None and ahead > self._date + DAY:
            return
        latest, before = self._recent()
        self._latest = ahead if latest is None else max(latest, ahead), before

    def dated(self, headers: Mapping[str, str]) -> None:
        """Read the `Date` header of an answer, which is in whole seconds (RFC 9110, 6.6.1)."""
        try:
            date = int(parsedate_to_datetime(_header(headers, "date")).timestamp()) * SECOND
        except (TypeError, ValueError, OverflowError):
            return
        self._date = date - self._now()

    @property
    def now(self) -> Micros:
        """The earliest possible time at Slack; 0 if none is known."""
        known = [one for one in (self._date, *self._recent()) if one is not None]
        return Micros(self._now() + max(known) if known else 0)

    def _recent(self) -> tuple[int | None, int | None]:
        """Return what is known by a `ts`; without a `Date`, nothing is forgotten."""
        now = self._clock()
        if self._date is not None and now - self._minute >= RECENT_SECONDS:
            is_next = now - self._minute < 2 * RECENT_SECONDS
            self._latest = None, self._latest[0] if is_next else None
            self._minute = now
        return self._latest

    def before_now(self) -> Ts:
        """Return a `ts` that is older than whatever is posted from now on."""
        return micros_ts(max(Micros(0), self.now - MARGIN_SECONDS * SECOND))

    @property
    def seconds(self) -> int:
        """That time in Unix seconds; 0 if none is known."""
        return int(self.now) // SECOND

    def age(self, at: Micros) -> timedelta:
        """Return the minimum time since `at`; 0 while that, or Slack's time, is not known."""
        return timedelta(microseconds=self.now - at if at and self.now else 0)

    def _now(self) -> int:
        return int(self._clock() * SECOND)


class SlackClient(AsyncWebClient):
    """slack_sdk's client, with Slack's clock as `call` reads it."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how, retry_handlers=[])
        # slack_sdk 3.48 takes one from HTTPS_PROXY or HTTP_PROXY, and ignores NO_PROXY. The
        # session has the one that is set.
        self.proxy = None
        self.clock = SlackClock()

    @property
    def web(self) -> aiohttp.ClientSession:
        """The session that the client was given, for what is no call of the Web API."""
        return cast("aiohttp.ClientSession", self.session)


async def respond(client: SlackClient, url: str, answer: Mapping[str, Any]) -> str | None:
    """POST `answer` to a `response_url`; return the reason for a failure, or None.

    Bolt's `respond` would take a proxy from the environment, and follow redirects.
    """
    if not is_secure(url):
        return "no usable address"
    try:
        async with client.web.post(url, json=answer) as response:
            return None if response.status == HTTPStatus.OK else f"HTTP {response.status}"
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return broken(error)


async def call(client: AsyncWebClient, method: str, **params: Any) -> Mapping[str, Any]:
    """Call `method` once and return Slack's answer; raises `SlackRefused` or `SlackAway`."""
    try:
        return await _call(client, method, params)
    except (SlackAway, SlackRefused) as error:
        if isinstance(error, SlackAway) and method.endswith(_READING):
            error.maybe_done = False
        metrics.SLACK_ERRORS.labels(method, error.reason).inc()
        raise


async def pages(client: AsyncWebClient, method: str, key: str, **params: Any) -> list[Any]:
    """Return what all pages of an answer have at `key`; `PAGES` at most. Raises as `call` does."""
    found: list[Any] = []
    cursor: Mapping[str, Any] = {}
    for _ in range(PAGES):
        page = await call(client, method, limit=PAGE, **params, **cursor)
        found += page[key]
        following = (page.get("response_metadata") or {}).get("next_cursor")
        if not following:
            return found
        cursor = {"cursor": following}
    log.warning("more pages than are read", extra={"method": method, **params})
    return found


async def ask_first(
    client: AsyncWebClient, workspaces: Iterable[str], method: str, **params: str
) -> Mapping[str, Any]:
    """Call `method` in one workspace after the other until one answers; raises as `call`."""
    refused = SlackRefused(method, NO_ACCESS)
    for place in workspaces:
        try:
            return await call(client, method, team_id=place, **params)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT - {NO_ACCESS}:
                raise
            refused = error
    raise refused


async def _call(
    client: AsyncWebClient, method: str, params: Mapping[str, Any]
) -> Mapping[str, Any]:
    # slack_sdk knows which methods take JSON and which only a form; users.info, for one, ignores
    # JSON.
    ask = getattr(client, method.replace(".", "_"))
    try:
        response = await ask(**params)
    except SlackApiError as error:
        _tell_time(client, method, error.response)
        raise _translated(method, error) from error
    except NOT_SENT as error:
        raise SlackAway(method, broken(error), maybe_done=False) from error
    except (aiohttp.ClientError, TimeoutError, OSError, SlackClientError, ValueError) as error:
        raise SlackAway(method, broken(error), maybe_done=True) from error
    except AttributeError as error:  # slack_sdk 3.48 takes any JSON and any text for an object
        raise SlackAway(method, NO_ANSWER, maybe_done=True) from error
    if not isinstance(response.data, dict) or response.data.get("ok") is not True:
        raise SlackAway(method, NO_ANSWER, maybe_done=True)
    _tell_time(client, method, response)
    return cast("Mapping[str, Any]", response)


def _tell_time(client: AsyncWebClient, method: str, response: Any) -> None:
    if not isinstance(client, SlackClient):
        return
    client.clock.dated(getattr(response, "headers", None) or {})
    if method == "chat.postMessage":
        with suppress(AttributeError, TypeError, ValueError):
            client.clock.note(ts_micros(response.get("ts")))


def _translated(method: str, error: SlackApiError) -> SlackAway | SlackRefused:
    """Return the relay's error: only `"ok": false` with a code is a refusal; else it is a page."""
    response = error.response
    data = getattr(response, "data", None)
    # slack_sdk passes aiohttp's response for a body that it can't parse.
    status = getattr(response, "status_code", 0) or getattr(response, "status", 0)
    headers = getattr(response, "headers", None) or {}
    code = string(data, "error") if isinstance(data, dict) and data.get("ok") is False else ""
    is_limit = status == HTTPStatus.TOO_MANY_REQUESTS or code in RATE_LIMITED
    if code and code not in PASSING and not is_passing(status):
        return SlackRefused(method, code)
    reason, wait = code or f"HTTP {status}", seconds_asked(headers)
    return SlackAway(method, reason, retry_after=wait, maybe_done=not is_limit)


def is_passing(status: int) -> bool:
    """Return True if the same request may get another answer than this status."""
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS


def parse_scopes(scopes: object) -> frozenset[str]:
    """Parse a list of scopes, with commas."""
    names = scopes.split(",") if isinstance(scopes, str) else ()
    return frozenset(name.strip() for name in names) - {""}


LONGEST_ASKED = 120.0
"""The longest wait, in seconds, that Slack or a proxy can ask for: a call after it does no harm."""


def seconds_asked(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait (`Retry-After`); None if it does not."""
    value = _header(headers, "retry-after")
    return min(float(value), LONGEST_ASKED) if value.isascii() and value.isdigit() else None


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


MARKS_A_MINUTE = 40
MINUTE_SECONDS = 60.0

PAUSED = "paused"
"""The `reason` of a call that is not made because of a limit; the log has it."""

STEP_SECONDS = 1.0
"""Between two waiting calls: about what Slack takes."""


class MarkBudget:
    """Counts the first ✅ of this process: `MARKS_A_MINUTE` of some 50 that Slack takes (Tier 3).

    The rest is for marks that are never dropped: ❌, 💤 and ⏳.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent: deque[float] = deque(maxlen=MARKS_A_MINUTE)

    def spend(self) -> bool:
        """Spend one ✅; return False if none is left at the moment."""
        now = self._clock()
        if len(self._spent) == MARKS_A_MINUTE and now - self._spent[0] < MINUTE_SECONDS:
            return False
        self._spent.append(now)
        return True


def asked_wait(error: SlackAway) -> float:
    """Return the seconds for which Slack wants no such call from anybody; 0 if it does not say."""
    if error.reason not in RATE_LIMITED and error.retry_after is None:
        return 0.0
    return max(SHORTEST_SECONDS, error.retry_after or 0.0)


class RateLimits:
    """The limits that Slack has imposed on this process, by method and channel."""

    def __init__(self) -> None:
        self._limits: dict[tuple[str, str], Limit] = {}

    @contextmanager
    def respected(self, method: str, channel: str) -> Iterator[None]:
        """Check and learn the limit of the call that is made inside this context.

        Raises `SlackAway`; those who wait get times a second apart.
        """
        key = method, channel if method == "chat.postMessage" else ""
        limit = self._limits.get(key)
        if limit is not None and limit.is_in_force:
            raise SlackAway(method, PAUSED, retry_after=limit.reserve(), maybe_done=False)
        try:
            yield
        except SlackAway as error:
            if error.reason not in RATE_LIMITED:
                raise
            limit = self._limits.setdefault(key, Limit(STEP_SECONDS))
            limit.extend(error.retry_after or 0.0)
            wait = limit.reserve()
            raise SlackAway(method, error.reason, retry_after=wait, maybe_done=False) from error
