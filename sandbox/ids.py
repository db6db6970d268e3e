"""Fake Slack identifiers of the real shape, and clocks whose timestamps never repeat."""

import random
import string
import time
from email.utils import formatdate

from aiohttp import web

_ALPHABET = string.ascii_uppercase + string.digits


def new_id(prefix: str, length: int = 9) -> str:
    """Return a fresh id such as `Ev0K3…`: the prefix and `length` capitals or digits."""
    return prefix + "".join(random.choices(_ALPHABET, k=length))


def named_id(prefix: str, name: str) -> str:
    """Return the id of a fixture, e.g. `U0ADA00000`: readable, and of a real id's length."""
    letters = "".join(letter for letter in name.upper() if letter in _ALPHABET)
    return f"{prefix}0{letters:0<8.8}"


def is_ts(text: object) -> bool:
    """Tell whether `text` has the form of a message timestamp, `seconds.microseconds`."""
    if not isinstance(text, str):
        return False
    seconds, dot, micros = text.partition(".")
    return bool(dot) and seconds.isdigit() and micros.isdigit()


class Clock:
    """A server's clock, `ahead` of the true time by that many seconds (or behind it)."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._last = 0

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return time.time() + self.ahead

    async def date(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Set the `Date` of a response that is about to be sent, as HTTP servers do."""
        response.headers["Date"] = formatdate(self.now(), usegmt=True)

    def next_ts(self) -> str:
        """Return now as `seconds.microseconds`, at least a microsecond after the last one."""
        self._last = max(self._last + 1, int(self.now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"
