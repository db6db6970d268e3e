"""The ledger in Redis: one hash a month, which the polls write; see `bot/model/ledger.py`."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.model.ledger import Account, Use, parse_uses
from bot.model.mirror import Watched
from bot.redis.connection import Store
from bot.store.lua import ledger as lua
from bot.store.mirror.polls import Poll

MONTH = "%Y-%m"


class Ledger:
    """Reads the ledger."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def month(self, of: datetime) -> Sequence[Use]:
        """Return what sessions have used in the month of that time, which is in UTC."""
        found = await lua.read_ledger(self._store, month=of.strftime(MONTH))
        return list(parse_uses(dict(zip(found[::2], found[1::2], strict=True))))


def entry_of(poll: Poll, seen: Watched) -> Sequence[str]:
    """Return what `RECORD_POLL` enters of a session: nothing, if its total has not moved."""
    before = base_of(poll, seen)
    if seen.acus is None or before == seen.acus:
        return ()
    at = datetime.fromtimestamp(poll.began / 1000, UTC)
    account, day = _account(poll).to_json(), at.strftime("%d")
    return (at.strftime(MONTH), account, str(before), day, str(seen.acus))


def base_of(poll: Poll, seen: Watched) -> float:
    """Return the total from which what a poll has `seen` counts.

    What a session had used before it was first seen counts only if the relay started it: else it
    was used at another time, and perhaps for others.
    """
    if poll.seen.acus is not None:
        return poll.seen.acus
    return (seen.acus or 0.0) if poll.started is None else 0.0


def _account(poll: Poll) -> Account:
    if (start := poll.started) is not None:
        return Account(by=start.by, channel=start.channel, thread=start.thread)
    if not poll.followers:
        return Account()
    first = min(poll.followers, key=lambda one: one.link.at).thread
    return Account(channel=first.channel, thread=first.thread_ts)
