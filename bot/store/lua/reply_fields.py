"""The fields of a reply's hash in Redis (`keys.reply_key`), which the Lua files name as literals.

The names are kept in Redis, so they outlive an upgrade: never rename one. Beside these,
`begun:<round>:<kind>` holds until when a report is being told (Unix ms; `store/outbox.py`).
"""

from enum import StrEnum


class ReplyField(StrEnum):
    """The fields of a reply."""

    STATE = "state"
    """`waiting`, `sending`, `done`, `withdrawn` for good, or `ahead` of its message."""

    REPLY = "reply"
    """The reply as JSON, while it may be needed."""

    SESSION = "session"
    """The session in whose mailbox it was accepted."""

    ACCEPTED = "accepted"
    """When it was accepted, or sent again (Unix ms)."""

    ROUND = "round"
    """The number of its sendings: 1, and 1 more each time that it is sent again."""

    PRESSED = "pressed"
    """The token of the press that sent it again."""

    TOKEN = "token"  # noqa: S105 - the name of a field
    """The token of the lease under which it was last taken."""

    SENT = "sent"
    """When it was first marked as being sent (Unix ms)."""

    FILES = "files"
    """What became of its files, as JSON."""

    OUTCOME = "outcome"
    """The outcome as JSON."""

    NOTICE = "notice"
    """There once a notice that it waits is owed."""

    NOTICED = "noticed"
    """There once that notice was given."""

    EDITED = "edited"
    """The `ts` of the latest edit that counted (microseconds)."""

    MEANWHILE = "meanwhile"
    """A change that came while it was being sent: the new reply, or nothing if it is taken back."""

    MEANWHILE_AT = "meanwhile_at"
    """The time of that edit (microseconds), or 0 for a deletion."""

    MEANWHILE_DROPS = "meanwhile_drops"
    """The field to forget with that change, if any."""

    FOLLOWED = "followed"
    """The time of the last edit that counted so (microseconds)."""

    OFFER = "offer"
    """The number under which a correction of it is offered."""

    ASKED = "asked"
    """Of a record that is owed without being a reply: what was asked for, as JSON."""
