"""A sandbox's Devin in a thread of its own, for tests whose client blocks this one."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox import DevinSandbox


@contextmanager
def serving_in_a_thread(devin: DevinSandbox) -> Iterator[DevinSandbox]:
    """Serve until the block ends; in between, it needs nothing from this thread."""
    ready, leave = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with devin:
            ready.set()
            await leave.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10), "the sandbox's Devin did not start"
        yield devin
    finally:
        loop.call_soon_threadsafe(leave.set)
        thread.join(10)
        loop.close()
