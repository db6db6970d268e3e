"""Detects requests whose shape makes Bolt fail, by the exception and where it was raised.

Bolt 1.30 reads a request while it builds it and in middleware of its own, and trusts every shape. A
redelivery would fail the same way, so the request is acknowledged, and the operator is told.
"""

import logging
import traceback

log = logging.getLogger(__name__)

TRIPS = (ValueError, LookupError, AttributeError, TypeError, RecursionError)
"""Exceptions that Python raises on a value of an unexpected shape, including invalid JSON."""


def is_malformed(error: Exception, **ids: object) -> bool:
    """Return True, and log it, if the request caused `error` and our own code did not.

    All of our code that reads a payload is called from `handlers`. The error's text may quote the
    request, so only its class is logged.
    """
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    is_ours = any(str(frame.f_globals.get("__name__")).startswith("handlers.") for frame in frames)
    if is_ours or not isinstance(error, TRIPS):
        return False
    log.error("malformed request acknowledged", extra={**ids, "problem": type(error).__name__})
    return True
