"""Points in time: each type is in one unit and of one clock, and mypy finds where two are mixed.

At run time, they are integers; 0 stands for a time that isn't known. To mypy they aren't, as a
`NewType` of `int` would be, since any of those may be compared with any other. Seconds by a
process's own clock stay numbers, with which mypy lets nothing here be compared, and so do
durations, unless they are a `timedelta`.
"""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeGuard, overload

if TYPE_CHECKING:

    class _Time:
        """The arithmetic of times: what is added, and a difference, are numbers of the unit."""

        def __init__(self, at: float | str) -> None: ...
        def __int__(self) -> int: ...
        def __bool__(self) -> bool: ...
        def __lt__(self, other: Self) -> bool: ...
        def __le__(self, other: Self) -> bool: ...
        def __add__(self, passed: int) -> Self: ...
        @overload
        def __sub__(self, other: Self) -> int: ...
        @overload
        def __sub__(self, other: int) -> Self: ...
        def __sub__(self, other: Any) -> Any: ...

    class Micros(_Time):
        """Microseconds by Slack's clock: a `ts` as a number."""

    class Millis(_Time):
        """Milliseconds by Redis's clock, which all processes share."""

    class DevinMillis(_Time):
        """Milliseconds by Devin's clock, not shifted to Redis's."""

else:
    Micros = Millis = DevinMillis = int

Ts: TypeAlias = str
"""A time as Slack writes it, "1712345678.000100", which names a message as well; "" for none."""

_TS = re.compile(r"([0-9]{1,10})(?:\.([0-9]{0,6}))?")  # until the year 2286


def micros_ts(at: Micros) -> Ts:
    """Format a time by Slack's clock as it writes it in a `ts`."""
    return f"{int(at) // 1_000_000}.{int(at) % 1_000_000:06d}"


def ts_micros(ts: Ts) -> Micros:
    """Parse a `ts` of Slack's, so that it can be compared; raises `ValueError`."""
    found = _TS.fullmatch(ts)
    if found is None:
        raise ValueError("not a Slack ts")
    return Micros(int(found[1]) * 1_000_000 + int((found[2] or "").ljust(6, "0")))


def as_millis(at: datetime) -> Millis:
    """Return a time of the calendar as one by Redis's clock, to be compared with others."""
    return Millis(at.timestamp() * 1000)


def as_datetime(at: Millis) -> datetime:
    """Return a time by Redis's clock as one of the calendar, in UTC."""
    return datetime.fromtimestamp(int(at) / 1000, UTC)


def is_ts(value: Any) -> TypeGuard[Ts]:
    """Whether `value` is a `ts` of Slack."""
    return isinstance(value, str) and _TS.fullmatch(value) is not None
