"""An `Observer` that records events."""

from collections.abc import Mapping
from typing import Any

Payload = Mapping[str, Any]


class Observed:
    """Records events that were brought, kept and refused, and how often something was missed."""

    def __init__(self) -> None:
        self.came: list[Payload] = []
        self.kept: list[Payload] = []
        self.refused: list[Payload] = []
        self.gaps = 0
        self.calls_all_foreign = False

    def brought(self, payload: Payload) -> None:
        """Record the event."""
        self.came.append(payload)

    async def is_foreign(self, payload: Payload) -> bool:  # noqa: ARG002  (the port's)
        """Leave every payload to Bolt, unless told otherwise."""
        return self.calls_all_foreign

    def ended(self, payload: Payload, *, is_kept: bool) -> None:
        """Record how the event ended."""
        (self.kept if is_kept else self.refused).append(payload)

    def missed(self) -> None:
        """Count a possible gap."""
        self.gaps += 1
