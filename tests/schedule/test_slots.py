"""A delivery begins at once in a free slot, and not at all without one."""

import asyncio

from bot.model.owed import Owed
from bot.model.sessions import SessionId
from bot.runtime.background import Background
from bot.runtime.in_flight import InFlight
from bot.schedule.local import LocalDispatch, Work
from tests.support.waiting import wait_until

SESSIONS = [SessionId(f"devin-{number:012x}") for number in range(4)]


class Slow:
    """A process with two slots, whose deliveries end when the test says so."""

    def __init__(self) -> None:
        background = Background(InFlight())
        self.dispatch = LocalDispatch(background, 2)
        self.begun: list[SessionId] = []
        self.over = asyncio.Event()
        self.dispatch.serve(Work(deliver=self._deliver, tell=self._tell, shed=self._tell))

    async def _deliver(self, session: SessionId) -> None:
        self.begun.append(session)
        await self.over.wait()

    async def _tell(self, _: Owed, __: int) -> None:
        raise AssertionError("nothing is told here")


async def test_a_delivery_begins_at_once_or_not_at_all() -> None:
    """What waited in line with a lease of its own would lose it there."""
    slow = Slow()
    assert slow.dispatch.free_slots == 2
    first, second, third, fourth = SESSIONS
    assert slow.dispatch.begin(first)
    assert slow.dispatch.begin(second)
    assert slow.dispatch.free_slots == 0
    assert not slow.dispatch.begin(third)
    await slow.dispatch.wake(fourth)
    assert not slow.dispatch.begin(fourth), "it waits already, and would wait on"
    await asyncio.sleep(0)
    assert slow.begun == [first, second]
    slow.over.set()
    await wait_until(lambda: slow.dispatch.free_slots == 2, "all is delivered")
    assert slow.begun == [first, second, fourth]
