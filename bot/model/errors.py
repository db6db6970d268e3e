"""What can go wrong, told apart by who must act.

RelayError
├── PersonError        the person who asked must act; the words are in `wording/refusals.py`
│   ├── BadSession         what was typed names no Devin session
│   ├── NotLinked          the thread has no session
│   ├── LinkedElsewhere    the thread already has another session
│   ├── NotAllowed         this person or channel may not steer Devin here
│   ├── NothingToSay       the message is empty
│   ├── NotTaken           the thread was unlinked or muted after the message was posted
│   ├── EmptyMessage       a message has nothing in it that Devin could read
│   ├── IsMuted            the thread's link is muted
│   ├── Outdated           what was asked for comes after a later change of the thread's link
│   ├── FormGone           a form or menu of `/devin-say` is too old, or somebody else's
│   ├── StillSaying        a message is being posted, or nobody knows whether it was
│   ├── TicketGone         a form or an offer is too old, or somebody else's
│   ├── NoSuchReply        a button's reply is gone, or was sent again already
│   ├── AlreadySent        an offer was taken up before
│   ├── StillSending       the same, and nobody knows whether it was posted
│   ├── BadStep            a workflow's step cannot be run as it was filled in
│   ├── ChooseSession      the channel has no session, or several
│   └── CannotPost         Slack does not let the relay post into the channel
├── OperatorError      whoever runs the relay must act; said in the log and by `check`
│   ├── SettingsError      settings are missing or malformed, all of them at once
│   ├── EmbeddedValkeyError  the embedded Valkey cannot run here
│   └── SlackRefused       Slack said no, and will say no again
├── FileLeftOut        nobody: a link takes the place of a file, and its author is told
└── PassingError       nobody needs to act yet; it is tried again
    ├── SlackAway          Slack cannot be reached, or asks for patience
    │   └── NotIdentified      the same, when it was asked who somebody is
    ├── UnderWay           another process is doing the same at this moment
    └── StoreAway          Redis cannot be reached, or cannot write
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.model.files import WhyLink
    from bot.model.people import Standing
    from bot.model.replies import Change
    from bot.model.threads import Link, ThreadRef
    from bot.model.workflow_steps import Flaw


class RelayError(Exception):
    """Anything the relay raises on purpose."""


class PersonError(RelayError):
    """The person who asked must act."""


class BadSession(PersonError):
    """The text names no Devin session; it has not been put into any URL."""

    def __init__(self, text: str) -> None:
        super().__init__("not a Devin session")
        self.text = text


class NotLinked(PersonError):
    """The thread is linked to no session."""


class LinkedElsewhere(PersonError):
    """The thread is linked to another session already; `by` is the name of who did that."""

    def __init__(self, link: "Link", by: str = "") -> None:
        super().__init__("linked elsewhere")
        self.link = link
        self.by = by


class NotAllowed(PersonError):
    """This person, in this channel, may not steer Devin; `standing` says why."""

    def __init__(self, standing: "Standing") -> None:
        super().__init__(standing.value)
        self.standing = standing


class NothingToSay(PersonError):
    """There is no text to send."""


class NotTaken(PersonError):
    """The message was posted, but its thread was unlinked or muted before it was taken."""

    def __init__(self, change: "Change") -> None:
        super().__init__(change.value)
        self.change = change


class FormGone(PersonError):
    """What a form or a menu of `/devin-say` was opened for is no longer kept for this person."""


class StillSaying(PersonError):
    """A message of `/devin-say` is being posted, or was by a process that died over it."""


class EmptyMessage(PersonError):
    """A message has no text, no files and no forwarded message that Devin could read."""


class IsMuted(PersonError):
    """The thread's link is muted, so nothing of it goes to Devin."""


class Outdated(PersonError):
    """The thread's link was changed after this was asked for, and before it was heard."""


class TicketGone(PersonError):
    """What a form or a button was made for is no longer kept, or was kept for somebody else."""


class NoSuchReply(PersonError):
    """The reply of a button is no longer kept, or was already sent again."""

    def __init__(self, *, already_sent: bool) -> None:
        super().__init__("already sent again" if already_sent else "no longer kept")
        self.already_sent = already_sent


class AlreadySent(PersonError):
    """What was offered has been sent before."""


class StillSending(PersonError):
    """What was offered is being posted, or was by a process that died over it."""


class BadStep(PersonError):
    """A workflow's step cannot be run as its author filled it in; `flaw` says why."""

    def __init__(self, flaw: "Flaw") -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


class ChooseSession(PersonError):
    """A command named no session, and the channel does not have exactly one that is active."""

    def __init__(self, links: "Sequence[tuple[ThreadRef, Link]]") -> None:
        super().__init__(f"{len(links)} active sessions")
        self.links = links


class CannotPost(PersonError):
    """Slack does not let the relay post into the channel; `reason` is Slack's error code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OperatorError(RelayError):
    """Whoever runs the relay must act."""


class SettingsError(OperatorError):
    """Settings are missing or malformed: one plain sentence each, never a value."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class EmbeddedValkeyError(OperatorError):
    """The embedded Valkey cannot run here; the message says what to do instead."""


class SlackRefused(OperatorError):
    """Slack answered with an error that the same call will meet again; `reason` is its code."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(f"{method}: {reason}")
        self.method = method
        self.reason = reason


class FileLeftOut(RelayError):
    """A file does not go to Devin; `hitch` says why, `detail` is Slack's or Devin's code for it."""

    def __init__(self, hitch: "WhyLink", detail: str = "") -> None:
        super().__init__(f"{hitch.value} {detail}".strip())
        self.hitch = hitch
        self.detail = detail


OPERATOR_MUST_ACT = frozenset(
    {
        *("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"),
        *("team_access_not_granted", "org_login_required", "ekm_access_denied"),
        "team_added_to_org",
    }
)
"""Slack's codes for a token that does not serve now; what is owed waits for one that does."""


class PassingError(RelayError):
    """Worth another try, later and unchanged."""


class SlackAway(PassingError):
    """Slack could not be reached, failed, or asked to wait `retry_after` seconds.

    `maybe_done` is True where the call may have taken effect although no answer came.
    """

    def __init__(
        self, method: str, reason: str, *, retry_after: float | None = None, maybe_done: bool
    ) -> None:
        super().__init__(f"{method}: {reason}")
        self.method = method
        self.reason = reason
        self.retry_after = retry_after
        self.maybe_done = maybe_done


class NotIdentified(SlackAway):
    """Slack did not say who somebody is, so nothing was decided and nothing done."""

    def __init__(self, reason: str) -> None:
        super().__init__("users.info", reason, maybe_done=False)


class UnderWay(PassingError):
    """Another process, or another event of the same message, is doing this at this moment."""


class TooMuch(PassingError):
    """This process has so much under way that Slack cannot be told more."""


class StoreAway(PassingError):
    """Redis could not be reached or could not write; nothing may be acknowledged."""
