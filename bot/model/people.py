"""People who write in Slack, and whether they may steer Devin."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Self

UserId = NewType("UserId", str)

WORKFLOW: UserId = UserId("workflow")
"""The author of a workflow step that names nobody; Slack's own ids are never lower-case."""

NOBODY: UserId = UserId("nobody")
"""Stands in the audit trail for the person where a link ends and nobody has ended it."""


class Act(StrEnum):
    """What a person asks for, as far as the operator may leave it to some.

    `START` is also to link a thread to a session, and `APPROVE` also to end or archive one.
    """

    MESSAGE = "message"
    START = "start"
    APPROVE = "approve"


class Standing(StrEnum):
    """A person's permission to steer Devin, or the reason why they lack it."""

    ALLOWED = "allowed"
    GUEST = "guest"
    EXTERNAL = "external"
    BOT = "bot"
    NOT_LISTED = "not_listed"
    NOT_STARTER = "not_starter"
    NOT_APPROVER = "not_approver"
    CHANNEL = "channel"
    NO_ACCOUNT = "no_account"
    ACCOUNTS_DENIED = "accounts_denied"
    NOT_SENDER = "not_sender"
    REACTION = "reaction"
    UNKNOWN = "unknown"

    @property
    def is_open(self) -> bool:
        """True if nobody could say whether they may: each message that this cost is told."""
        return self in {Standing.UNKNOWN, Standing.ACCOUNTS_DENIED}


@dataclass(frozen=True, slots=True)
class Written:
    """The number of messages by all of one standing, or by an app, with its id and its name."""

    number: int
    standing: Standing
    app: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Others:
    """The messages of a thread by those who may not message Devin, whoever wrote most first."""

    written: Sequence[Written] = ()

    @property
    def number(self) -> int:
        """The number of all these messages."""
        return sum(one.number for one in self.written)


@dataclass(frozen=True, slots=True)
class Person:
    """The author of a message in Slack, as `users.info` or `bots.info` describes them.

    `unsaid` holds the fields that Slack left out and that could mark a guest, or somebody from
    another organization; a person whose home is missing counts as external. `zone` is the name of
    their time zone, or empty. `teams` are their workspaces, in an Enterprise organization.
    """

    id: UserId
    name: str
    is_guest: bool = False
    is_external: bool = False
    is_bot: bool = False
    is_known: bool = True
    unsaid: frozenset[str] = frozenset()
    zone: str = ""
    teams: frozenset[str] | None = None

    @property
    def is_full_member(self) -> bool:
        """True if Slack says that they are a full member of the workspace or organization."""
        is_described = self.is_known and not self.unsaid
        return is_described and not (self.is_guest or self.is_external or self.is_bot)

    @property
    def is_ours(self) -> bool:
        """True if Slack says that they are a full member, or a bot, of this workspace."""
        return self.is_full_member or (
            self.is_bot and self.is_known and not (self.unsaid or self.is_external)
        )

    @classmethod
    def unknown(cls, user: UserId) -> Self:
        """Return a person whom Slack does not describe: named by id, allowed nothing."""
        return cls(id=user, name=user, is_known=False)
