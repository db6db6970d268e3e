"""The port through which both transports report incoming payloads and their fate.

It also tells them which payloads nobody would act on.
"""

from collections.abc import Mapping
from typing import Any, Protocol


class Observer(Protocol):
    """Is notified of everything from Slack. A payload may be anything; nothing here raises."""

    def brought(self, payload: Mapping[str, Any]) -> None:
        """Note that a payload arrived; its fate is reported later."""

    async def is_foreign(self, payload: Mapping[str, Any]) -> bool:
        """Return True if the payload is to be acknowledged as it is, without Bolt."""

    def ended(self, payload: Mapping[str, Any], *, is_kept: bool) -> None:
        """Note that it was acknowledged; if not, Slack redelivers it for some minutes at most."""

    def missed(self) -> None:
        """Note that Slack could not deliver anything for a while."""
