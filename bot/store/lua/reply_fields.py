"""The fields of a reply's hash in Redis (`keys.subject_key`), which the Lua files name as literals.

The names are kept in Redis, so they outlive an upgrade: never rename one. In addition,
`begun|<round>|<kind>` has the try that holds an outbox entry about it (`include/try_of.lua`).
"""

from enum import StrEnum


class ReplyField(StrEnum):
    """The fields of a reply."""

    STATE = "state"
    """`waiting`, `sending`, `done`, `withdrawn`, or `ahead`: its edit came before its message."""

    REPLY = "reply"
    """The reply as JSON, as long as it may be needed."""

    SESSION = "session"
    """The session in whose mailbox it was accepted."""

    ACCEPTED = "accepted"
    """The time when it was accepted, or last sent again (Unix ms)."""

    NOT_BEFORE = "not_before"
    """The time before which it is not sent, since an earlier reply may still come (Unix ms)."""

    ROUND = "round"
    """The number of its rounds: 1, and 1 more each time that it is sent again."""

    PRESSED = "pressed"
    """The token of the press that sent it again."""

    TOKEN = "token"  # noqa: S105 - the name of a field
    """The token of the lease under which it was last taken."""

    SENT = "sent"
    """The time when it was first marked as being sent (Unix ms)."""

    FILES = "files"
    """The uploads of its files, as JSON."""

    OUTCOME = "outcome"
    """The outcome as JSON."""

    NOTICE = "notice"
    """Set once a notice that it waits is owed."""

    NOTICED = "noticed"
    """The `ts` of the thread where that notice has been given."""

    EDITED = "edited"
    """The `ts` of the latest edit that counted (microseconds)."""

    MEANWHILE = "meanwhile"
    """A change that came while it was being sent: the new reply, or empty if it is withdrawn."""

    MEANWHILE_AT = "meanwhile_at"
    """The time of that change (microseconds), or 0 for a deletion."""

    MEANWHILE_DROPS = "meanwhile_drops"
    """The field to delete with that change, if any."""

    FOLLOWED = "followed"
    """The time of the last such change that took effect (microseconds)."""

    OFFER = "offer"
    """The number under which a correction of it is offered."""

    ASKED = "asked"
    """The content of an outbox entry that is about no reply, as JSON."""
