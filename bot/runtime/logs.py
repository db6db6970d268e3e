"""Logging: one line per event, with ids as fields, and without secrets or people's text.

What repeats itself is written once in a while, with a count (`Repeats`). Fields come from `extra=`.
A field must never hold text that people wrote: its length is logged instead.
"""

import json
import logging
import math
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TextIO, TypeVar

from bot.model.errors import RelayError

T = TypeVar("T")

QUIET = (
    *("slack_bolt", "slack_sdk", "aiohttp", "httpx", "httpcore", "asyncio", "redis"),
    "markdown_it",
)
"""Their INFO and DEBUG lines print message bodies, tokens and every poll."""

REPEAT_SECONDS = 30.0
"""The time in which an identical WARNING or ERROR is written once."""

MOST_KINDS = 1_000


def configure(
    level: str,
    form: str,
    secrets: AbstractSet[str],
    stream: TextIO = sys.stderr,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Send all logging to `stream`, as `form` ("console" or "json"), without the `secrets`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(form, secrets))
    handler.addFilter(Repeats(clock))
    handler.setLevel(level)  # the audit trail is written at its own, for its file
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # No line shows them, and `logging` would make a system call for each record (Python's HOWTO).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


@dataclass(frozen=True, slots=True)
class Unforeseen:
    """A failure that nobody foresaw, with the reference under which it is logged."""

    reference: str


def unforeseen(log: logging.Logger, error: Exception, **ids: object) -> Unforeseen:
    """Log `error`, with its traceback, under a new reference."""
    reference = secrets.token_hex(4)
    what = str(error) if isinstance(error, RelayError) else type(error).__name__
    log.error("unforeseen: %s", what, extra={**ids, "reference": reference}, exc_info=error)
    return Unforeseen(reference)


async def guarded(
    work: Awaitable[T], log: logging.Logger, *foreseen: type[Exception], **ids: object
) -> T | Unforeseen:
    """Return the result of `work`; a failure of it is raised if `foreseen`, or else logged."""
    try:
        return await work
    except foreseen:
        raise
    except Exception as error:  # noqa: BLE001  (nobody else would hear of it)
        return unforeseen(log, error, **ids)


class Repeats(logging.Filter):
    """Lets an identical WARNING or ERROR through once in `REPEAT_SECONDS`, with a count of others.

    What is away for an hour is asked for thousands of times. Lines are identical that differ in
    numbers at most: one that names a reply, a session or a reference has a line of its own.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[tuple[str, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a repetition; the next line that passes has the number `repeated`."""
        if record.levelno < logging.WARNING:
            return True
        fields = (repr(one) for one in _fields(record).values() if not isinstance(one, int | float))
        kind, now = (record.name, record.getMessage(), *fields), self._clock()
        at, repeated = self._seen.get(kind, (-math.inf, 0))
        if now < at + REPEAT_SECONDS:
            self._seen[kind] = at, repeated + 1
            return False
        if repeated:
            record.repeated = repeated
        if len(self._seen) >= MOST_KINDS:
            self._seen.clear()
        self._seen[kind] = now, 0
        return True


class Lines(logging.Formatter):
    """Formats a record with its fields, without the `secrets`, as text or as JSON."""

    def __init__(self, form: str, secrets: AbstractSet[str]) -> None:
        super().__init__()
        forms = {form for secret in secrets if secret for form in _written(secret)}
        self._longest_first = sorted(forms, key=len, reverse=True)
        self._line = self._json if form == "json" else self._text
        # `json.dumps` with a `default` makes an encoder for each call.
        self._encode = json.JSONEncoder(default=repr).encode

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; a traceback in the text adds its own."""
        fields = _fields(record)
        traceback = self.formatException(record.exc_info) if record.exc_info else ""
        text = self._line(record, fields, traceback)
        for secret in self._longest_first:
            text = text.replace(secret, "[secret]")
        return text

    def _json(self, record: logging.LogRecord, fields: Mapping[str, object], traceback: str) -> str:
        line = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            **fields,
            "timestamp": _time(record),
        }
        return self._encode(line | {"exception": traceback} if traceback else line)

    def _text(self, record: logging.LogRecord, fields: Mapping[str, object], traceback: str) -> str:
        level = f"[{record.levelname.lower():<9}]"
        line = f"{_time(record)} {level} {record.getMessage():<24} [{record.name}]"
        shown = "".join(f" {name}={_on_one_line(value)}" for name, value in fields.items())
        return f"{line}{shown}\n{traceback}" if traceback else line + shown


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    standard = _standard()
    return {name: value for name, value in vars(record).items() if name not in standard}


@cache
def _standard() -> AbstractSet[str]:
    """Return what all records have, apart from `extra`. Python 3.12 adds `taskName`."""
    return frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _on_one_line(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(value)


def _written(secret: str) -> AbstractSet[str]:
    """Return a secret verbatim, and as a `repr`, a JSON string or both show it."""
    plain = {secret, repr(secret)[1:-1]}
    return plain | {json.dumps(form)[1:-1] for form in plain}
