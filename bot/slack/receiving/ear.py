"""The port through which the two ways in tell what came, and what became of it."""

from collections.abc import Mapping
from typing import Any, Protocol


class Ear(Protocol):
    """Hears of all that comes from Slack. A payload may be anything; nothing here raises."""

    def brought(self, payload: Mapping[str, Any]) -> None:
        """It came; what becomes of it is told later."""

    def ended(self, payload: Mapping[str, Any], *, is_kept: bool) -> None:
        """It was acknowledged; or not, so that Slack brings it again for some minutes at most."""

    def missed(self) -> None:
        """For a while Slack could bring nothing."""
