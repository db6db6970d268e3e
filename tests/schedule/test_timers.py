"""Work for later begins once, at its time, in the process that asked for it."""

from bot.model.replies import ReplyId
from bot.model.sessions import SessionId
from bot.runtime.in_flight import Background, InFlight
from bot.schedule import LocalDispatch, Timers
from bot.store.outbox import Owed, OwedKind
from tests.support.schedules import Outcomes
from tests.support.waiting import wait_until

SESSION = SessionId("devin-0123456789ab")
OTHER = SessionId("devin-ffffffffffff")
REPORT = Owed(ReplyId("T0:C0:1764000000.000100"), 1, OwedKind.OUTCOME)
LONG = 600.0


class Process:
    """A process that notes what it does."""

    def __init__(self) -> None:
        self.in_flight = InFlight()
        self.done: list[object] = []
        self.dispatch = LocalDispatch(Background(self.in_flight), 2)
        tellers = {OwedKind.OUTCOME.value: Outcomes()}
        self.dispatch.serve(self._note, self._note, tellers)

    async def _note(self, what: object, *_: object) -> None:
        self.done.append(what)


async def test_work_for_later_is_done_at_its_time() -> None:
    """It is done here, unless this process ends before."""
    process = Process()
    await process.dispatch.wake(SESSION, 0.001)
    await process.dispatch.tell(REPORT, 0.001, 2)
    await wait_until(lambda: {SESSION, REPORT} == {*process.done}, "both are done")


async def test_the_earliest_of_several_requests_counts() -> None:
    """A delivery that comes too early for another request learns from Redis when to come again."""
    process = Process()
    await process.dispatch.wake(SESSION, LONG)
    await process.dispatch.wake(SESSION, 0.001)
    await process.dispatch.wake(SESSION, LONG)
    await wait_until(lambda: process.done, "it is woken")
    assert process.done == [SESSION]


async def test_a_process_that_ends_begins_no_delivery() -> None:
    """The mail stays due in Redis, for another process; a report that is due is still told."""
    process = Process()
    await process.dispatch.wake(SESSION, 0.001)
    process.in_flight.is_closing = True
    await process.dispatch.wake(OTHER)
    await process.dispatch.tell(REPORT)
    await wait_until(lambda: process.done, "the report is told")
    assert process.dispatch.capacity == 0
    assert process.done == [REPORT]


async def test_timers_are_bounded() -> None:
    """What waits already needs no capacity; the rest stays due in Redis."""
    timers: Timers[str] = Timers(Background(InFlight()), 2)
    begun: list[str] = []

    async def begin(what: str) -> None:
        begun.append(what)

    for what in "abc":
        timers.add(what, LONG, lambda what=what: begin(what))  # type: ignore[misc]
    for what in "cba":
        timers.add(what, 0.001, lambda what=what: begin(what))  # type: ignore[misc]
    await wait_until(lambda: len(begun) == 2, "both begin")
    assert begun == ["b", "a"]
