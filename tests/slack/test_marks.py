"""First ✅ are paced below Slack's limit, and a quiet workspace gets all of them."""

from bot.slack.api import MARKS_A_MINUTE, MINUTE_SECONDS, MarkBudget
from tests.support.clocks import SetClock


def test_a_minute_has_only_so_many_marks() -> None:
    """It does not matter how they are spread; the next one comes when the first is a minute old."""
    clock = SetClock()
    budget = MarkBudget(clock)
    for _ in range(MARKS_A_MINUTE):
        assert budget.spend()
        clock.now += MINUTE_SECONDS / MARKS_A_MINUTE / 2
    assert not budget.spend()
    clock.now += MINUTE_SECONDS / 2
    assert budget.spend()
    assert not budget.spend(), "the second one is not a minute old yet"
