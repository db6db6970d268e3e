"""The ledger at both ends: what people wrote, and what Devin took and the threads were told.

Three things must never be:

- **lost**: acknowledged to Slack, and at the end neither taken by Devin nor spoken of in its thread
  by a report of how it ended;
- **doubled silently**: taken by Devin twice, and its thread was not told that this was uncertain;
- **out of order**: taken after a later reply of its session, although it had been acknowledged
  before that one was on its way to Devin. Whoever delivers takes a reply out of the mailbox a
  moment before Devin sees it: what is acknowledged within that moment could not come first any
  more. It is `ON_ITS_WAY` long, or as long as a process was frozen that went on just then.

A reply that was acknowledged only then, because an outage kept its event, is **late**: counted, and
no fault. Replies whose thread was told that they are uncertain take no part in the order.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

ON_ITS_WAY = 0.25
NUMBERED = re.compile(r"reply (\d{6})")
ENDINGS = {
    "know whether Devin got": "uncertain",
    "*gave up*": "given up",
    "*suspended*": "suspended",
    "*refused*": "refused",
}
"""How a report of each ending reads; what is none of them tells no ending."""


def text_of(number: int) -> str:
    """The words of a reply, by which it is found everywhere."""
    return f"reply {number:06d}"


def number_in(text: str) -> int | None:
    """Which reply a text has the words of."""
    found = NUMBERED.search(text)
    return int(found.group(1)) if found else None


@dataclass(slots=True)
class Entry:
    """A reply: when it was acknowledged, taken, and what its thread was told of it.

    Times are Unix seconds. Numbers grow in the order of writing.
    """

    number: int
    session: str
    acked: float | None = None
    taken: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def is_uncertain(self) -> bool:
        """Whether its thread was told that nobody knows."""
        return "uncertain" in self.told

    @property
    def is_over(self) -> bool:
        """Whether it was acknowledged and ended in something that can be seen."""
        return self.acked is not None and bool(self.taken or self.told)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to: a count for each line, and the replies behind those that matter."""

    counts: Mapping[str, int]
    lost: Sequence[int]
    doubled: Sequence[int]
    out_of_order: Sequence[tuple[int, int]]

    @property
    def is_clean(self) -> bool:
        """Whether none of the three was found."""
        return not (self.lost or self.doubled or self.out_of_order)

    def lines(self) -> list[str]:
        """One line for each count, then the replies concerned."""
        lines = [f"{name:<22}{count:>7}" for name, count in self.counts.items()]
        concerned = {
            "lost": self.lost,
            "doubled silently": self.doubled,
            "out of order (reply, behind)": self.out_of_order,
        }
        return lines + [f"{name}: {list(found)}" for name, found in concerned.items() if found]


class Ledger:
    """All replies of a run."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.thaws: list[float] = []
        self.keys: Counter[str] = Counter()

    def write(self, session: str) -> Entry:
        """A person is about to write the next reply."""
        entry = Entry(len(self.entries), session)
        self.entries.append(entry)
        return entry

    def read(
        self, taken: Iterable[tuple[str, float]], said: Iterable[tuple[str, str | None]]
    ) -> None:
        """Enter, anew, what Devin took (text, time) and what the threads were told (text, key)."""
        self.keys.clear()
        for entry in self.entries:
            entry.taken, entry.told = [], []
        for text, at in taken:
            number = number_in(text)
            if number is not None:
                self.entries[number].taken.append(at)
        for text, key in said:
            self._read_said(text, key)

    def _read_said(self, text: str, key: str | None) -> None:
        if key is not None:
            self.keys[key] += 1
        number = number_in(text)
        if number is not None:
            ends = [ending for words, ending in ENDINGS.items() if words in text]
            self.entries[number].told += ends

    @property
    def is_over(self) -> bool:
        """Whether every reply has come to its end."""
        return all(entry.is_over for entry in self.entries)

    def verdict(self) -> Verdict:
        """Judge what was read last."""
        entries = self.entries
        lost = [e.number for e in entries if e.acked is not None and not (e.taken or e.told)]
        twice = [e for e in entries if len(e.taken) > 1]
        doubled = [e.number for e in twice if not e.is_uncertain]
        wrong, late = self._order()
        counts = {
            "sent": len(entries),
            "accepted": sum(e.acked is not None for e in entries),
            "delivered": sum(bool(e.taken) for e in entries),
            "uncertain and said": sum(e.is_uncertain for e in entries),
            "otherwise said": sum(bool(e.told) and not e.is_uncertain for e in entries),
            "late": len(late),
            "doubled, said": len(twice) - len(doubled),
            "told twice": sum(count - 1 for count in self.keys.values()),
            "never accepted": sum(e.acked is None for e in entries),
            "lost": len(lost),
            "doubled silently": len(doubled),
            "out of order": len(wrong),
        }
        return Verdict(counts, lost, doubled, wrong)

    def _order(self) -> tuple[list[tuple[int, int]], set[int]]:
        """The pairs that are out of order, and the replies that are merely late."""
        wrong: list[tuple[int, int]] = []
        late: set[int] = set()
        for session in {entry.session for entry in self.entries}:
            taken = [e for e in self.entries if e.session == session and e.taken]
            taken = sorted((e for e in taken if not e.is_uncertain), key=lambda e: e.taken[0])
            for place, entry in enumerate(taken):
                behind = [other for other in taken[:place] if other.number > entry.number]
                at_fault = [other for other in behind if not self._is_late(entry, other)]
                wrong += [(entry.number, other.number) for other in at_fault[:1]]
                if behind and not at_fault:
                    late.add(entry.number)
        return wrong, late

    def _is_late(self, entry: Entry, other: Entry) -> bool:
        """Whether `entry` came too late to be taken before the later reply `other`."""
        taken = other.taken[0]
        if entry.acked is None or entry.acked > taken - ON_ITS_WAY:
            return True
        return any(entry.acked < thaw < taken < thaw + 1.0 for thaw in self.thaws)
