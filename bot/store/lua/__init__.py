"""The scripts in these folders: one for every atomic change in Redis.

What a script checks still holds when it acts. Times are milliseconds of Redis's clock, but a `ttl`
is in seconds, and a `ts` in microseconds of Slack's clock.
"""

from enum import StrEnum
from pathlib import Path

from bot.redis.scripts import Scripts

scripts = Scripts(Path(__file__).parent)


class ReplyField(StrEnum):
    """The fields of a reply's hash, which scripts name as literals; `redis.md` explains each."""

    STATE = "state"
    REPLY = "reply"
    SESSION = "session"
    ACCEPTED = "accepted"
    NOT_BEFORE = "not_before"
    ROUND = "round"
    PRESSED = "pressed"
    TOKEN = "token"  # noqa: S105 - the name of a field
    SENDING_SINCE = "sending_since"
    FILES = "files"
    AS_USER = "as_user"
    OUTCOME = "outcome"
    PUT_OFF_AT = "put_off_at"
    DELAY_TOLD_IN = "delay_told_in"
    EDITED = "edited"
    MEANWHILE = "meanwhile"
    MEANWHILE_AT = "meanwhile_at"
    MEANWHILE_DROPS = "meanwhile_drops"
    APPLIED = "applied"
    CONTENT = "content"
    """Of an outbox entry that is about no reply: what is to be told or done, as JSON."""
