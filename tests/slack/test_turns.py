"""Who is given a turn after a limit of Slack's or Devin's, and what a wrong clock does."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from bot.model.errors import SlackAway
from bot.model.times import Micros, micros_ts
from bot.redis.connection import Store
from bot.runtime.in_flight import LONGEST_LINE, Limit
from bot.slack.api import MARGIN_SECONDS, SECOND, STEP_SECONDS, RateLimits, SlackClock
from bot.slack.lookups import Budget, Need
from bot.slack.threads import REPLIES
from tests.support.clocks import SetClock

ASKED, GONE = 30.0, 200
DAY, HOUR = 86_400, 3_600
Users = dict[str, Callable[[], Awaitable[float]]]


def users(store: Store) -> Users:
    """Return all that give turns, each as a call that is made during a limit, and its wait."""
    limits, limit, budget = RateLimits(), Limit(STEP_SECONDS), Budget(store, REPLIES)

    async def post() -> float:
        with pytest.raises(SlackAway) as away, limits.respected("chat.postMessage", "C0"):
            raise SlackAway("chat.postMessage", "HTTP 429", retry_after=ASKED, maybe_done=False)
        return away.value.retry_after or 0.0

    async def send() -> float:
        if not limit.is_in_force:
            limit.extend(ASKED)
        return limit.reserve()

    async def read(need: Need = Need.ACT) -> float:
        return await budget.spend(need, pause=0.0 if await budget.spend(need) else ASKED)

    return {"post": post, "send": send, "read": read}


@pytest.mark.parametrize("user", ["post", "send", "read"])
async def test_those_who_never_come_back_hold_nobody_up(store: Store, user: str) -> None:
    """After 200 calls of which none returns, one waits as long as was asked, and a minute more."""
    ask = users(store)[user]
    for _ in range(GONE):
        await ask()
    assert await ask() <= ASKED + LONGEST_LINE + STEP_SECONDS


async def test_a_late_event_takes_no_turn_of_those_who_come_back(store: Store) -> None:
    """Its thread is read by the backfill, which waits as long as Slack says."""
    budget = Budget(store, REPLIES)
    with pytest.raises(SlackAway):
        async with budget.spent(Need.LATE):
            raise SlackAway(REPLIES, "ratelimited", retry_after=ASKED, maybe_done=False)
    for _ in range(GONE):
        assert await budget.spend(Need.LATE) > ASKED
    assert await budget.spend(Need.ACT) <= ASKED
    assert await budget.spend(Need.MAIL) <= ASKED + Need.MAIL.after


async def test_a_herd_of_late_events_leaves_reads_for_the_backfill_and_for_people(
    store: Store,
) -> None:
    """They use up their own part of what Slack allows in a minute."""
    one, other = Budget(store, REPLIES), Budget(store, REPLIES)
    read = [await one.spend(Need.LATE) for _ in range(GONE)]
    assert read.count(0.0) == 20
    assert [await other.spend(Need.MAIL) for _ in range(20)] == [0.0] * 20
    assert await other.spend(Need.MAIL) > 0
    assert await other.spend(Need.ACT) == 0.0


@pytest.mark.parametrize("rate", [0.99, 1.0, 1.01])
def test_slack_s_time_stays_right_while_a_clock_runs_wrong(rate: float) -> None:
    """One event and one answer an hour for a day; it was the maximum over the process's life."""
    begin, own = 1_700_000_000, SetClock()
    clock = SlackClock(own)
    for hour in range(DAY // HOUR):
        now = begin + hour * HOUR
        own.now = 1_000.0 + hour * HOUR * rate
        clock.dated({"Date": dated(now)})
        clock.note(Micros(now * SECOND + SECOND // 2))
        assert 0 <= int(clock.now) - now * SECOND <= 2 * SECOND
        assert clock.age(Micros(now * SECOND)).total_seconds() <= 2
        assert clock.before_now() <= micros_ts(Micros((now - MARGIN_SECONDS + 2) * SECOND))


def dated(now: int) -> str:
    """Return a `Date`, in whole seconds."""
    return format_datetime(datetime.fromtimestamp(now, UTC), usegmt=True)
