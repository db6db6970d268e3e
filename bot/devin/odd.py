"""Answers that are not as Devin's documents say: each is logged, and counted by what is odd."""

import logging
from collections.abc import Sequence
from typing import TypeVar

from bot.runtime import metrics

T = TypeVar("T")

log = logging.getLogger(__name__)


def note(what: str, level: int = logging.WARNING) -> None:
    """Log and count an answer that is not as Devin's documents say."""
    log.log(level, "odd answer", extra={"reason": what})
    metrics.ODD_ANSWERS.labels(what).inc()


def usable(found: Sequence[T], listed: Sequence[object]) -> Sequence[T] | None:
    """Return the sessions `found` in a list; None if none of those `listed` has a known id."""
    if found or not listed:
        return found
    note("sessions without ids", logging.ERROR)
    return None
