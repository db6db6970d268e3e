"""What Slack sent in a shape that Bolt trips over: known by what was raised, and not by us.

Bolt 1.30 reads a request while it builds it and in middleware of its own, and trusts every shape.
Sent again it would be the same, so it is acknowledged, and the operator hears of it.
"""

import logging
import traceback

log = logging.getLogger(__name__)

TRIPS = (ValueError, LookupError, AttributeError, TypeError, RecursionError)
"""What Python raises on a value that is not of the expected shape, JSON that is none included."""


def is_malformed(error: Exception, **ids: object) -> bool:
    """Whether the request is to blame for `error`, and no code of ours; if so it is in the log.

    Everything of ours that reads a payload is called from `handlers`. The error's text may quote
    the request, so the log has its class only.
    """
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    is_ours = any(str(frame.f_globals.get("__name__")).startswith("handlers.") for frame in frames)
    if is_ours or not isinstance(error, TRIPS):
        return False
    log.error("malformed request acknowledged", extra={**ids, "problem": type(error).__name__})
    return True
