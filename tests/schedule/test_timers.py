"""Work for later begins once, at its time, or is passed on."""

import asyncio
from datetime import timedelta

from bot.model.owed import Owed, OwedKind
from bot.model.replies import ReplyId
from bot.model.schedule import PASS_ON_SECONDS
from bot.model.sessions import SessionId
from bot.runtime.background import Background
from bot.runtime.in_flight import InFlight
from bot.schedule.local import LocalDispatch, Work
from bot.schedule.timers import Timers
from tests.support.schedules import Planned
from tests.support.waiting import wait_until

SESSION = SessionId("devin-0123456789ab")
REPORT = Owed(ReplyId("T0:C0:1764000000.000100"), 1, OwedKind.OUTCOME)
LONG = 600.0


class Process:
    """A process that notes what it does, and whose work for others is planned."""

    def __init__(self) -> None:
        self.planned = Planned()
        self.in_flight = InFlight()
        self.done: list[object] = []
        background = Background(self.in_flight)
        self.dispatch = LocalDispatch(self.planned, background, 2)
        self.dispatch.serve(
            Work(
                deliver=self._note,
                abandoned=self._nothing,
                tell=self._note,
                shed=self._note,
            )
        )

    async def _note(self, what: object, *_: object) -> None:
        self.done.append(what)

    async def _nothing(self, _: timedelta, __: int) -> list[SessionId]:
        return []


async def test_a_process_keeps_its_own_delays() -> None:
    """Nothing is asked of the scheduler, and the work is done here."""
    process = Process()
    await process.dispatch.wake(SESSION, 0.001)
    await process.dispatch.tell(REPORT, 0.001, 2)
    await wait_until(lambda: {SESSION, REPORT} == {*process.done}, "both are done")
    assert (process.planned.woken, process.planned.told) == ([], [])


async def test_repeated_requests_for_later_are_one() -> None:
    """A flood of replies to a session asks for the same wake-up again and again."""
    process = Process()
    for _ in range(100):
        await process.dispatch.wake(SESSION, LONG)
        await process.dispatch.tell(REPORT, LONG, 3)
    await process.dispatch.pass_on()
    assert len(process.planned.woken) <= 2, "the requests fall on one beat, or on two"
    assert len(process.planned.told) == 1


async def test_a_process_that_ends_passes_on_what_it_has_for_later() -> None:
    """Each with the time that is left; what is due in a moment not to itself."""
    process = Process()
    await process.dispatch.wake(SESSION, LONG)
    await process.dispatch.tell(REPORT, LONG, 2)
    process.in_flight.is_closing = True
    await process.dispatch.wake(SessionId("devin-ffffffffffff"), LONG)
    await process.dispatch.pass_on()
    (_, at_once), (session, after) = process.planned.woken
    assert (at_once, session) == (LONG, SESSION)
    assert PASS_ON_SECONDS < LONG - 60 < after <= LONG + 1
    ((owed, later),) = process.planned.told
    assert owed == REPORT
    assert 2 * (LONG - 60) < later <= 2 * LONG
    assert process.done == []


async def test_what_fires_while_the_process_ends_is_passed_on() -> None:
    """It is delivered by another process."""
    process = Process()
    await process.dispatch.wake(SESSION, 0.001)
    process.in_flight.is_closing = True
    await wait_until(lambda: process.planned.woken, "it is passed on")
    assert process.done == []


async def test_timers_are_bounded() -> None:
    """What waits already needs no room."""
    timers: Timers[str] = Timers(Background(InFlight()), 2)

    async def nothing() -> None:
        await asyncio.sleep(0)

    assert [timers.add(one, LONG, nothing) for one in "aabbcac"] == [True] * 4 + [
        False,
        True,
        False,
    ]
    assert timers.take_all().keys() == {"a", "b"}
    assert timers.take_all() == {}
