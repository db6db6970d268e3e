"""The ledger: what each session has used in a month, in ACUs, and who started it.

It keeps a session's total at the last poll of each day (UTC), and before the month. So a poll that
is repeated changes nothing, and a total that Devin lowers is right from then on: what a session has
used is never less than nothing, so that it takes nothing from what others used.

A child has totals of its own, and is its parent's account: no document says that a parent's total
has what its children used.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.model.people import UserId
from bot.model.record import Record
from bot.model.sessions import SessionId

BASE = "base"
"""The field of a session's total before the month; those of its days are `01` to `31`."""


class Account(Record):
    """Who started a session, and in which thread; if not by the relay, the first linked one.

    A child's is that of its `parent`.
    """

    by: UserId = UserId("")
    channel: str = ""
    thread: str = ""
    parent: SessionId = SessionId("")


@dataclass(frozen=True, slots=True)
class Use:
    """A session in a month: its total (ACUs) before it, and at the last poll of each day."""

    session: SessionId
    account: Account
    base: float
    totals: Mapping[int, float]

    @property
    def in_month(self) -> float:
        """What it has used in the month."""
        return max(0.0, self.until(31) - self.base)

    def on(self, *days: int) -> float:
        """Return what it used on these days of the month together."""
        return max(0.0, sum(self.until(day) - self.until(day - 1) for day in days))

    def until(self, day: int) -> float:
        """Return its total at the end of a day of the month; of day 0, before the month."""
        days = [one for one in self.totals if one <= day]
        return self.totals[max(days)] if days else self.base


def with_children(
    uses: Sequence[Use],
) -> tuple[Sequence[Use], Mapping[SessionId, Sequence[Use]]]:
    """Return sessions, those that use the most with their children first, and these of each.

    A session of which only a child has used anything is among them.
    """
    sessions = {one.session: one for one in uses if not one.account.parent}
    children: dict[SessionId, list[Use]] = {}
    for one in uses:
        if parent := one.account.parent:
            children.setdefault(parent, []).append(one)
            account = one.account.model_copy(update={"parent": SessionId("")})
            sessions.setdefault(parent, Use(parent, account, 0.0, {}))

    def most(one: Use) -> float:
        return sum((use.in_month for use in children.get(one.session, ())), one.in_month)

    return sorted(sessions.values(), key=most, reverse=True), children


def fields_of(session: SessionId) -> Sequence[str]:
    """Return the names of all fields of a session in a month."""
    return [session, f"{session} {BASE}", *(f"{session} {day:02}" for day in range(1, 32))]


def parse_uses(fields: Mapping[str, str], whose: str = "") -> Iterator[Use]:
    """Parse the fields of a month: an account by each session, a total by `{session} {day}`.

    Only sessions whose account, as it is kept, contains `whose` are parsed, which takes the time.
    Fields of other kinds, which a later version may write, are ignored.
    """
    for name, value in fields.items():
        if " " in name or whose not in value:
            continue
        session, _, *totals = fields_of(SessionId(name))
        days = {int(one[-2:]): float(fields[one]) for one in totals if one in fields}
        base = float(fields.get(f"{name} {BASE}", 0.0))
        yield Use(SessionId(session), Account.parse(value) or Account(), base, days)


def use_in(session: SessionId, fields: Sequence[str | None]) -> Use | None:
    """Parse the fields of a session in a month (`fields_of`); return None without any."""
    kept = zip(fields_of(session), fields, strict=True)
    return next(parse_uses({name: one for name, one in kept if one is not None}), None)
