"""Pages of v3: a cursor is opaque, of one list, and null on the last page.

Only a cursor that a page gave is accepted; clients have found that an event id is not
(docs.devin.ai, pagination).
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sandbox.devin.bodies import RejectedError, invalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list in its order; `key` names an item for good, and `name` the list in its cursors."""

    name: str
    items: Sequence[T]
    key: Callable[[T], str]

    def page(
        self,
        first: int,
        after: str | None,
        shown: Callable[[T], dict[str, object]],
        matches: Callable[[T], bool] = lambda _item: True,
    ) -> dict[str, object]:
        """Return a page of what matches, behind the cursor; raises 422 for any other string."""
        start = 0 if after is None else self._place(after) + 1
        behind = [item for item in self.items[start:] if matches(item)]
        has_next_page = len(behind) > first
        return {
            "items": [shown(item) for item in behind[:first]],
            "end_cursor": self._cursor(behind[first - 1]) if has_next_page else None,
            "has_next_page": has_next_page,
            "total": sum(1 for item in self.items if matches(item)),
        }

    def _cursor(self, item: T) -> str:
        return base64.urlsafe_b64encode(f"{self.name}\n{self.key(item)}".encode()).decode()

    def _place(self, cursor: str) -> int:
        try:
            name, _, key = base64.urlsafe_b64decode(cursor.encode()).decode().partition("\n")
        except (binascii.Error, UnicodeError) as error:
            raise _refused(cursor) from error
        keys = [self.key(item) for item in self.items]
        if name != self.name or key not in keys:
            raise _refused(cursor)
        return keys.index(key)


def _refused(cursor: str) -> RejectedError:
    return invalid("value_error", ["query", "after"], "Value error, invalid cursor", given=cursor)
