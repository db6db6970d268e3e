"""A conversation as Slack describes it, beside what Slack's events told of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.model.record import Record, string
from bot.slack.api import SECOND

FRESH_SECONDS = 60
"""The time for which an answer is used."""

UNREADABLE = "unreadable"
"""A refusal of ours, for an answer without a channel."""


class Channel(Record):
    """A conversation, as Slack described it when it was asked `at` (Slack's time in us).

    `refusal` is Slack's code if it does not show it, `user` the person of a direct message. With
    `is_told`, nothing is known but that it is shared, as an event said.
    """

    at: int = 0
    id: str = ""
    refusal: str = ""
    name: str = ""
    user: str = ""
    is_direct: bool = False
    is_public: bool = False
    is_shared: bool = True
    is_member: bool = True
    is_archived: bool = False
    is_told: bool = False


class Event(Record):
    """When an event told of a channel (Slack's time in us).

    `now` is the channel's new id, if it told that. `is_shown`: its threads have been told.
    """

    at: int
    now: str = ""
    is_shown: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The last events that told of a channel, each of which has a record of its own."""

    shared: Event | None
    moved: Event | None
    changed: Event | None

    def of(self, found: Channel | None) -> Channel | None:
        """Return what holds of an answer beside these events; None if that is nothing."""
        if found is not None and self.changed is not None and found.at <= self.changed.at:
            found = None
        shared = self.moved or self.shared
        if shared is None:
            return found
        if found is None:
            return Channel(at=shared.at, is_told=True)
        # Slack's answers may be older than its events for a while.
        is_later = shared.at and found.at > shared.at + FRESH_SECONDS * SECOND
        is_over = is_later and self.moved is None
        return found if is_over else found.model_copy(update={"is_shared": True})


def read_channel(found: Mapping[str, Any], at: int) -> Channel:
    """Read a conversation object (docs.slack.dev/reference/objects/conversation-object).

    `is_private` says whether it is public, which a group direct message has, too; the id never
    does, since sharing turns a G into a C.
    """
    if not found:
        return Channel(at=at, refusal=UNREADABLE)
    is_group = bool(found.get("is_mpim") or found.get("is_group"))
    is_direct = found.get("is_im") is True
    return Channel(
        at=at,
        id=string(found, "id"),
        name=str(found.get("name") or ""),
        user=string(found, "user"),
        is_direct=is_direct,
        is_public=found.get("is_private") is False and not is_group,
        is_shared=_says_shared(found),
        is_member=found.get("is_member") is not False or is_direct or found.get("is_mpim") is True,
        is_archived=found.get("is_archived") is True,
    )


def _says_shared(found: Mapping[str, Any]) -> bool:
    """Return True if other organizations share it, or are invited to.

    `is_shared` alone says nothing: it is also true for channels within one Grid organization.
    """
    is_shared = found.get("is_shared") is True and found.get("is_org_shared") is not True
    is_ours_to_guess = "is_ext_shared" not in found and is_shared
    return bool(
        found.get("is_ext_shared") or found.get("is_pending_ext_shared") or is_ours_to_guess
    )
