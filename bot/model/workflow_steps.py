"""Workflow Builder steps."""

from enum import StrEnum


class Flaw(StrEnum):
    """What is wrong with a workflow's step."""

    UNKNOWN = "unknown"
    SESSION = "session"
    MESSAGE = "message"
    CHANNEL = "channel"
    THREAD = "thread"
    THREAD_ALONE = "thread_alone"
    NO_THREAD = "no_thread"
    USER = "user"
