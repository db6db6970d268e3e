"""The port through which both transports report incoming payloads and their fate."""

from collections.abc import Mapping
from typing import Any, Protocol


class Ear(Protocol):
    """Is notified of everything from Slack. A payload may be anything; nothing here raises."""

    def brought(self, payload: Mapping[str, Any]) -> None:
        """Note that a payload arrived; its fate is reported later."""

    def ended(self, payload: Mapping[str, Any], *, is_kept: bool) -> None:
        """Note that it was acknowledged; if not, Slack redelivers it for some minutes at most."""

    def missed(self) -> None:
        """Note that Slack could not deliver anything for a while."""
