"""When a session's messages are worth a read."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.devin.api import DevinMessage, MessagePage, SessionSummary, Source
from bot.mirror.pace import is_unmoved
from bot.model.mirror import Watched
from bot.model.sessions import SessionId, SessionState
from bot.store.mirror.looks import Look

SESSION = SessionId("devin-0123")
NOW = 1_764_000_000


@pytest.mark.parametrize(
    ("later", "shown", "expected"),
    [(0, set(), False), (1, set(), True), (1, {"m"}, False)],
    ids=["in the same second", "later", "later, but known"],
)
def test_only_a_message_of_a_later_second_shows_that_updated_at_stands_still(
    later: int, shown: set[str], *, expected: bool
) -> None:
    """`updated_at` is in whole seconds, so a second message of one second cannot move it."""
    at = datetime.fromtimestamp(NOW, UTC)
    summary = SessionSummary(SESSION, "Release notes", SessionState.WORKING, at)
    seen = Watched(state=SessionState.WORKING, updated=NOW * 1000, read_at=NOW * 1000)
    look = Look(SESSION, "t", (NOW + 5) * 1000, seen, 0, 0, [])
    said = DevinMessage("m", Source.DEVIN, "Done.", at + timedelta(seconds=later))
    page = MessagePage([said], None, timedelta(0))
    assert is_unmoved(look, summary, page, frozenset(shown)) is expected
