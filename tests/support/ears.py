"""An `Ear` that records events."""

from collections.abc import Mapping
from typing import Any

Payload = Mapping[str, Any]


class Ears:
    """Records events that were brought, kept and refused, and how often something was missed."""

    def __init__(self) -> None:
        self.came: list[Payload] = []
        self.kept: list[Payload] = []
        self.refused: list[Payload] = []
        self.gaps = 0

    def brought(self, payload: Payload) -> None:
        """Record the event."""
        self.came.append(payload)

    def ended(self, payload: Payload, *, is_kept: bool) -> None:
        """Record how the event ended."""
        (self.kept if is_kept else self.refused).append(payload)

    def missed(self) -> None:
        """Count a possible gap."""
        self.gaps += 1
