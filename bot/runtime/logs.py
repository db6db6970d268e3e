"""Logging: one line per event, with ids as fields, and without secrets or people's text.

Standard `logging` records go through structlog's renderers. Fields come from `extra=`. A field must
never hold text that people wrote: its length is logged instead.
"""

import json
import logging
import secrets
import sys
from collections.abc import Awaitable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TextIO, TypeVar

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.model.errors import RelayError

T = TypeVar("T")

QUIET = (
    *("slack_bolt", "slack_sdk", "aiohttp", "httpx", "httpcore", "asyncio", "docket", "redis"),
    "markdown_it",
)
"""Their INFO and DEBUG lines print message bodies, tokens and every poll."""


def configure(
    level: str, form: str, secrets: AbstractSet[str], stream: TextIO = sys.stderr
) -> None:
    """Send all logging to `stream`, as `form` ("console" or "json"), without the `secrets`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(form, secrets))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


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
    """Return the result of `work`; every failure of it ends here, and is logged in `log`.

    Raises `foreseen` errors, and a cancellation.
    """
    try:
        return await work
    except foreseen:
        raise
    except Exception as error:  # noqa: BLE001  (nobody else would hear of it)
        return unforeseen(log, error, **ids)


def _formatter(form: str, secrets: AbstractSet[str]) -> logging.Formatter:
    render: list[Processor]
    if form == "json":
        render = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # By default, structlog lets rich print tracebacks, with the values of all local variables.
        plain = structlog.dev.plain_traceback
        console = structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=24, exception_formatter=plain
        )
        render = [console]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *render,
            _without(secrets),
        ],
    )


def _without(secrets: AbstractSet[str]) -> Processor:
    """Return the last step, which removes any secret that got into a line or a traceback."""
    forms = {form for secret in secrets if secret for form in _written(secret)}
    longest_first = sorted(forms, key=len, reverse=True)

    def redact(_: WrappedLogger, __: str, line: EventDict) -> Any:
        text = str(line)
        for secret in longest_first:
            text = text.replace(secret, "[secret]")
        return text

    return redact


def _written(secret: str) -> AbstractSet[str]:
    """Return a secret verbatim, and as a `repr`, a JSON string or both show it."""
    plain = {secret, repr(secret)[1:-1]}
    return plain | {json.dumps(form)[1:-1] for form in plain}
