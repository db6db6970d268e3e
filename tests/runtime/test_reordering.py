"""Deliveries wait for a burst's end while it may be out of order, and no longer."""

import random

import pytest

from bot.runtime.reordering import (
    CROWD,
    FIRST_SECONDS,
    LIMIT_SECONDS,
    MEMORY_SECONDS,
    ORDERLY,
    QUIET_SECONDS,
    ReorderingWindow,
)

STEP = 0.001


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


class Stream:
    """A stream of replies, each a millisecond after the one before."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.bursts = ReorderingWindow(self.clock)

    def come(self, *written: int, every: float = STEP) -> None:
        """Take replies that were written at those times."""
        for one in written:
            self.clock.now += every
            self.bursts.replied(one)

    @property
    def waits(self) -> bool:
        """Return True if deliveries wait now."""
        return self.bursts.is_on(is_crowded=False)


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_ordinary_talk_does_not_wait(stream: Stream) -> None:
    """There are fewer replies in quick succession than in a crowd, and they are in order."""
    stream.come(*range(1, CROWD))
    assert not stream.waits


def test_the_first_moments_of_a_burst_are_waited_for(stream: Stream) -> None:
    """There is no evidence of its order yet."""
    stream.come(*range(1, CROWD + 1))
    assert stream.waits
    stream.clock.now += FIRST_SECONDS + STEP
    assert not stream.waits


def test_a_burst_in_order_costs_no_wait(stream: Stream) -> None:
    """Steady load is a burst that never ends, and must not be slowed down."""
    stream.come(*range(1, ORDERLY + 1))
    for number in range(ORDERLY + 1, 500):
        stream.come(number)
        assert not stream.waits


def test_a_burst_out_of_order_is_waited_for_until_it_is_quiet(stream: Stream) -> None:
    """This includes the middle of steady load."""
    stream.come(*range(1, 100), 50)
    assert stream.waits
    stream.come(*range(100, 200))
    assert stream.waits
    stream.clock.now += QUIET_SECONDS + STEP
    assert not stream.waits


def test_two_replies_in_the_wrong_order_are_enough(stream: Stream) -> None:
    """However few there are, an earlier one may be behind."""
    stream.come(2, 1, every=QUIET_SECONDS / 2)
    assert stream.waits


def test_disorder_without_end_is_not_waited_for_without_end(stream: Stream) -> None:
    """Somebody wants an answer."""
    numbers = list(range(10_000))
    random.Random(1).shuffle(numbers)  # noqa: S311  (an order to repeat)
    waited = 0.0
    for number in numbers:
        waited += stream.waits * STEP
        stream.come(number)
    assert waited == pytest.approx(LIMIT_SECONDS, abs=0.1)


def test_what_was_long_ago_speaks_for_nothing(stream: Stream) -> None:
    """The clock was ahead, or the stream of yesterday was quiet."""
    stream.come(*range(1000, 1000 + ORDERLY))
    stream.clock.now += 2 * MEMORY_SECONDS
    stream.come(1)
    assert not stream.waits
    stream.come(*range(2, CROWD + 1))
    assert stream.waits


def test_a_silence_in_which_this_process_stood_still_is_none(stream: Stream) -> None:
    """Replies sent meanwhile are yet to be received; disorder is remembered as long."""
    stream.come(2, 1)
    since = stream.clock.now
    stream.clock.now += 0.9 * MEMORY_SECONDS
    assert not stream.waits
    stream.bursts.stood_still(since)
    assert stream.waits
    stream.clock.now += 0.9 * QUIET_SECONDS
    stream.bursts.stood_still(stream.clock.now)
    assert stream.waits
    stream.clock.now += QUIET_SECONDS
    assert not stream.waits


def test_however_long_a_process_stands_still_a_burst_has_an_end(stream: Stream) -> None:
    """Deliveries are not delayed forever on an overloaded machine."""
    stream.come(2, 1)
    waited = 0.0
    while stream.waits:
        since = stream.clock.now
        stream.clock.now += 2 * QUIET_SECONDS
        waited += 2 * QUIET_SECONDS
        stream.bursts.stood_still(since)
    assert waited == pytest.approx(LIMIT_SECONDS, abs=4 * QUIET_SECONDS)
