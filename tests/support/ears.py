"""An `Ear` that writes down what it hears."""

from collections.abc import Mapping
from typing import Any

Payload = Mapping[str, Any]


class Ears:
    """What was brought, kept and refused, and how often something was missed."""

    def __init__(self) -> None:
        self.came: list[Payload] = []
        self.kept: list[Payload] = []
        self.refused: list[Payload] = []
        self.gaps = 0

    def brought(self, payload: Payload) -> None:
        """As `Ear`."""
        self.came.append(payload)

    def ended(self, payload: Payload, *, is_kept: bool) -> None:
        """As `Ear`."""
        (self.kept if is_kept else self.refused).append(payload)

    def missed(self) -> None:
        """As `Ear`."""
        self.gaps += 1
