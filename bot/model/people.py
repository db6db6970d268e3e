"""Who writes in Slack, and whether they may steer Devin."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Self

UserId = NewType("UserId", str)

WORKFLOW: UserId = UserId("workflow")
"""Who acts where a workflow's step does, and names nobody; no id of Slack's is lower-case."""

LONGEST_ID = 32
"""Slack's ids have about a dozen characters."""


def is_id(text: str) -> bool:
    """Whether `text` may be one of Slack's ids, of a user, a channel or a team."""
    return text.isascii() and text.isalnum() and len(text) <= LONGEST_ID


class Standing(StrEnum):
    """Whether a person may steer Devin, and if not, why."""

    ALLOWED = "allowed"
    GUEST = "guest"
    EXTERNAL = "external"
    BOT = "bot"
    NOT_LISTED = "not_listed"
    CHANNEL = "channel"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes in Slack, as `users.info` or `bots.info` describes them.

    `unsaid` holds the fields that Slack left out and that could tell a guest, or somebody from
    elsewhere; without its home a person counts as external.
    """

    id: UserId
    name: str
    is_guest: bool = False
    is_external: bool = False
    is_bot: bool = False
    is_known: bool = True
    unsaid: frozenset[str] = frozenset()

    @property
    def is_full_member(self) -> bool:
        """Whether Slack says that they are of this workspace, with all rights of its members."""
        is_described = self.is_known and not self.unsaid
        return is_described and not (self.is_guest or self.is_external or self.is_bot)

    @classmethod
    def unknown(cls, user: UserId) -> Self:
        """Somebody whom Slack does not describe: named by id, allowed nothing."""
        return cls(id=user, name=user, is_known=False)
