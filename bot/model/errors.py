"""The relay's errors, grouped by who must act.

RelayError
├── PersonError: who asked must act; `wording/refusals.py` has the words
│   ├── about what they typed or wrote: BadSession, ChooseSession, EmptyMessage, NoTask,
│   │   NothingToSay; BadOptions, and of a channel's defaults BadDefaults (`options.py`)
│   ├── about the thread or the channel: BeingStarted, CannotPost, IsMuted, LinkedElsewhere,
│   │   NotLinked, NotTaken
│   ├── about what they may: NotAllowed, TooManyStarts
│   └── about what comes too late: AlreadyDone, AnsweredAlready, ContinuedAlready, Expired,
│       MessageGone, MovedOn, NotStopped
├── OperatorError: the operator must act; the log and `doctor` have the words
│   └── EmbeddedValkeyError, SettingsError, SlackRefused
├── FileLeftOut (`files.py`): nobody must act, since a link replaces the file
└── PassingError: nobody needs to act yet, since the work is retried
    ├── DevinAway, StoreAway, TooMuch, UnderWay
    └── SlackAway, and while looking up who somebody is NotIdentified
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.model.people import Standing
    from bot.model.sessions import NamedSession
    from bot.model.threads import Link, ThreadRef


class RelayError(Exception):
    """Base class of every error that the relay raises on purpose."""


class PersonError(RelayError):
    """The person who asked must act."""


class BadSession(PersonError):
    """The `text` names no session, or is a short ID that isn't that of one session alone."""

    def __init__(self, text: str, *, is_short: bool = False) -> None:
        super().__init__("not a Devin session")
        self.text = text
        self.is_short = is_short


class NotLinked(PersonError):
    """The thread is not linked to a session."""


class BeingStarted(PersonError):
    """The thread is not linked to a session yet; one is being started in it."""


class LinkedElsewhere(PersonError):
    """The thread is linked `to` another session than is meant; `by` is who linked it."""

    def __init__(self, to: "NamedSession", by: str) -> None:
        super().__init__("linked elsewhere")
        self.to = to
        self.by = by


class NotAllowed(PersonError):
    """This person, in this channel, may not steer Devin, or not so; `standing` says why."""

    def __init__(self, standing: "Standing") -> None:
        super().__init__(standing.value)
        self.standing = standing


class TooManyStarts(PersonError):
    """So many sessions were started within an hour; `wait` is until the next may be.

    `most` are this person's, or those that workflows may start together, or, if that `is_overall`,
    everybody's.
    """

    def __init__(self, most: int, wait: timedelta, *, is_overall: bool = False) -> None:
        super().__init__("too many starts" + (" by everybody" if is_overall else ""))
        self.most = most
        self.wait = wait
        self.is_overall = is_overall


class NothingToSay(PersonError):
    """There is no text to send."""


class NoTask(PersonError):
    """There is no prompt for a new session: only its options, at most."""


class NotStopped(PersonError):
    """Devin was not asked to stop: it isn't working, or *Stop* was pressed over a minute ago."""


class NotTaken(PersonError):
    """The message was posted, but its thread was unlinked or muted before it was accepted."""


class EmptyMessage(PersonError):
    """The message has no text, no files and no forwarded message that Devin could read."""


class MessageGone(PersonError):
    """The message was deleted, or made an aside or a command, before it was sent to Devin."""


class IsMuted(PersonError):
    """The thread's link is muted, so nothing in the thread goes to Devin."""


class Expired(PersonError):
    """The record behind a form or a button is no longer kept, or belongs to somebody else."""


class AlreadyDone(PersonError):
    """What a form, a press or a reaction asks for was done before."""


class AnsweredAlready(PersonError):
    """Devin's question has an answer: `text`, chosen by the person whose name is `by`."""

    def __init__(self, by: str, text: str) -> None:
        super().__init__("answered already")
        self.by = by
        self.text = text


class MovedOn(PersonError):
    """What Devin asked is not open any more: it went on, or somebody has replied since."""


class ContinuedAlready(PersonError):
    """The session at its cap is continued in another one."""

    def __init__(self, to: "NamedSession") -> None:
        super().__init__("continued already")
        self.to = to


class ChooseSession(PersonError):
    """A command named no session, and not exactly one is active in threads that aren't muted."""

    def __init__(self, links: "Sequence[tuple[ThreadRef, Link]]") -> None:
        super().__init__(f"{len(links)} active sessions")
        self.links = links


CHANNEL_MOVED = "channel_moved"
"""The relay's own code for a channel that has another id, since outsiders read along."""


class CannotPost(PersonError):
    """Slack does not let the relay post into the channel; `reason` is Slack's error code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OperatorError(RelayError):
    """The operator must act: `says` is what happened, without a period, and `fix` what to do."""

    def __init__(self, says: str, fix: str = "") -> None:
        super().__init__(f"{says}. {fix}" if fix else says)
        self.says = says
        self.fix = fix


class SettingsError(OperatorError):
    """Settings are missing or malformed; each problem is one sentence that shows no value."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class EmbeddedValkeyError(OperatorError):
    """The embedded Valkey cannot run here; the message says what to do instead."""


class SlackRefused(OperatorError):
    """Slack answered with an error that the same call would get again; `reason` is its code."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(f"{method}: {reason}")
        self.method = method
        self.reason = reason


NO_ACCESS = "team_access_not_granted"
"""Slack's code for a call about a workspace to which an org-wide app was not added."""

OPERATOR_MUST_ACT = frozenset(
    {
        *("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"),
        *(NO_ACCESS, "org_login_required", "ekm_access_denied", "team_added_to_org"),
        "two_factor_setup_required",
    }
)
"""Slack's codes for a token that does not work at present; the outbox waits for one that does."""


class PassingError(RelayError):
    """The same work may succeed if it is retried later, unchanged.

    `went_on` is True if this try has got further than those before it.
    """

    went_on = False


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
    """Slack did not say who somebody is, so nothing was decided and nothing was done."""

    def __init__(
        self, reason: str, *, retry_after: float | None = None, method: str = "users.info"
    ) -> None:
        super().__init__(method, reason, retry_after=retry_after, maybe_done=False)


class AccountsDenied(NotIdentified):
    """Accounts in Devin can't be looked up until the operator acts: `reason` says on what."""


class DevinAway(PassingError):
    """Devin started nothing, or could not be asked; `retry_after` is in seconds."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"Devin: {reason}")
        self.reason = reason
        self.retry_after = retry_after


class UnderWay(PassingError):
    """Another process, or another event of the same message, is doing this at this moment."""


class TooMuch(PassingError):
    """This process has so much work in progress that it cannot accept more from Slack."""


class StoreAway(PassingError):
    """Redis is out of reach, or refuses to write (`is_refused`); nothing may be acknowledged."""

    def __init__(self, reason: str = "", *, is_refused: bool = False) -> None:
        super().__init__(reason)
        self.is_refused = is_refused
