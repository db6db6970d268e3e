"""A clock that tests set."""


class SetClock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Return the time, as `time.monotonic` does."""
        return self.now
