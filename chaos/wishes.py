"""What must happen once: sessions that people start, those that a channel adopts, Devin Reviews.

Each wish has a number, which is in its prompt, or in the address of its pull request. The sins:

- **wish: not done**: although it was acknowledged, and nobody was told that it failed;
- **wish: done twice**: two sessions of one message, two reviews of one commit, two threads of one
  session, or a thread of one that the channel must not adopt;
- **wish: untold**, or **told twice**: a session's thread without a card, a review without its
  result, or several of them; or a cap that is used up, told twice;
- **wish: in the wrong name**: with neither the member's account nor their name, or with both;
- **wish: used otherwise**: the relay's ledger has another number than Devin.

The thread of a session that was started or adopted is watched, so its card must be right, too.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

SIGNED = re.compile(r".*\(in Slack\b.*:$", re.MULTILINE)
"""The first line of a text, if it says who speaks (`bot/delivery/compose.py`)."""


class What(StrEnum):
    """The kinds of wishes."""

    EMOJI = "started by an emoji"
    CAPPED = "started with a cap"
    REVIEW = "Devin Reviews"
    ADOPTED = "adopted"
    EARLIER = "not to be adopted"


STARTED = frozenset({What.EMOJI, What.CAPPED})
ELSEWHERE = frozenset({What.ADOPTED, What.EARLIER})
"""Begun by something else than the relay."""

WISH_SINS = (
    *("wish: not done", "wish: done twice", "wish: untold", "wish: told twice"),
    *("wish: in the wrong name", "wish: used otherwise"),
)
NOT_DONE, TWICE, UNTOLD, TOLD_TWICE, NAME, USED = WISH_SINS


@dataclass(slots=True)
class Wish:
    """A wish, by the root messages of its threads.

    `unheard` are the requests that were not acknowledged or answered yet, and `asked_at` is when
    the latest was made (`time.monotonic`). `done` counts what was
    made of it, `told` the cards or results by thread, and `capped` what tells that a cap is used
    up. `is_given_up`: a thread was told that there may be no session. `used` is what the session
    and its children have used by the relay's ledger, and by Devin.
    """

    number: int
    what: What
    roots: list[str] = field(default_factory=list)
    unheard: int = 0
    asked_at: float = 0.0
    done: int = 0
    told: Counter[str] = field(default_factory=Counter)
    capped: int = 0
    is_given_up: bool = False
    is_misnamed: bool = False
    used: tuple[float, float] = 0.0, 0.0

    @property
    def is_over(self) -> bool:
        """True if nothing more is to come of it."""
        is_told = bool(self.done) and all(self.told[root] for root in self.roots)
        is_done = is_told and self.used[0] == self.used[1]
        return not self.unheard and (is_done or self.is_given_up or self.what is What.EARLIER)

    @property
    def sins(self) -> Iterator[str]:
        """The sins, once nothing more is to come of it."""
        is_asked = not (self.unheard or self.what is What.EARLIER)
        if is_asked and not (self.done or self.is_given_up):
            yield NOT_DONE
        if self.done > (self.what is not What.EARLIER):
            yield TWICE
        if is_asked and self.done and not all(self.told[root] for root in self.roots):
            yield UNTOLD
        if any(self.told[root] > 1 for root in self.roots) or self.capped > 1:
            yield TOLD_TWICE
        if self.is_misnamed:
            yield NAME
        if self.used[0] != self.used[1]:
            yield USED


def counts(wishes: list[Wish]) -> dict[str, int]:
    """Return how many wishes of each kind there were, and what came of those to start."""
    found = {what.value: sum(one.what is what for one in wishes) for what in What}
    given_up, capped = sum(one.is_given_up for one in wishes), sum(one.capped for one in wishes)
    return {**found, "starts given up": given_up, "caps used up": capped}
