"""The status line under a thread, which an app sets while it works.

It goes when the app posts in the thread, and after two minutes without a new one
(docs.slack.dev/reference/methods/assistant.threads.setStatus).
"""

from dataclasses import dataclass

from sandbox.ids import Clock

LIFETIME_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Status:
    """One call that set a status; empty text cleared it. `at` is in Unix seconds."""

    channel: str
    thread: str
    text: str
    loading_messages: tuple[str, ...]
    at: float


class Statuses:
    """Every status that was set, and those that are shown now, by the thread's `ts`."""

    def __init__(self, clock: Clock) -> None:
        self.history: list[Status] = []
        self._clock = clock
        self._current: dict[str, Status] = {}

    def put(self, channel: str, thread: str, text: str, loading_messages: tuple[str, ...]) -> None:
        """Show a status in a thread from now on, or none for an empty text."""
        status = Status(channel, thread, text, loading_messages, self._clock.now())
        self.history.append(status)
        self._current[thread] = status

    def clear(self, thread: str) -> bool:
        """Remove the status of a thread, in which the app has posted; return True if it had one."""
        had_one = self.shown(thread) != ""
        self.drop(thread)
        return had_one

    def drop(self, thread: str) -> None:
        """Give the status's place in the thread to something else."""
        self._current.pop(thread, None)

    def shown(self, thread: str) -> str:
        """Return the text that is shown in a thread now, or an empty one."""
        status = self._current.get(thread)
        if status is None or self._clock.now() - status.at >= LIFETIME_SECONDS:
            return ""
        return status.text
