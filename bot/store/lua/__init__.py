"""Scripts for every atomic change in Redis: what a script checks still holds when it acts."""

from enum import StrEnum


class ReplyField(StrEnum):
    """The fields of a reply's hash (`keys.subject_key`), which the scripts name as literals.

    `docs/architecture/redis.md` says what each one holds.
    """

    STATE = "state"
    REPLY = "reply"
    SESSION = "session"
    ACCEPTED = "accepted"
    NOT_BEFORE = "not_before"
    ROUND = "round"
    PRESSED = "pressed"
    TOKEN = "token"  # noqa: S105 - the name of a field
    SENT = "sent"
    FILES = "files"
    AS_USER = "as_user"
    OUTCOME = "outcome"
    NOTICE = "notice"
    NOTICED = "noticed"
    EDITED = "edited"
    MEANWHILE = "meanwhile"
    MEANWHILE_AT = "meanwhile_at"
    MEANWHILE_DROPS = "meanwhile_drops"
    FOLLOWED = "followed"
    ASKED = "asked"
    """The content of an outbox entry that is about no reply, as JSON."""
