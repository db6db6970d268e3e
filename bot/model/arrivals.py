"""Messages that Devin is known to have received, used to tell copies of the same text apart."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that Devin has received: its digest, and when it was sent and answered."""

    digest: str
    sent: datetime
    answered: datetime


def digest(message: str) -> str:
    """Return a short digest of a message's words; two messages share one once in 16 million."""
    return hashlib.blake2b(
        " ".join(message.split()).encode(errors="surrogatepass"), digest_size=3
    ).hexdigest()


def parse_arrivals(text: str) -> Sequence[Arrival]:
    """Read the arrivals that FINISH wrote: `digest:sent:took`, in Unix ms and ms, one or more."""
    return [_arrival(*one.split(":")) for one in text.split()]


def _arrival(name: str, sent: str, took: str) -> Arrival:
    at = datetime.fromtimestamp(int(sent) / 1000, UTC)
    return Arrival(name, at, at + timedelta(milliseconds=int(took)))
