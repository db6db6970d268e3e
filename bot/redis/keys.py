"""The names of all keys in Redis.

Each is named by a builder here, within its workspace: the workspace's `Store` puts a prefix before
it, which is also a Cluster hash tag. So a script may touch several keys of a workspace, and the
workspaces share the nodes of a Cluster. Every write gives its key a TTL.

A builder `x_key` and a constant `X_KEY` have the names of kind `x`, which scripts call `key.x`.
"""

from typing import NewType

from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef

Key = NewType("Key", str)
"""A key's name within its workspace; only the builders here make one."""

SHARED_PREFIX = "{devin-relay}:"
"""The prefix of the key that is written before the workspace is known."""

DUE_KEY = Key("due")
"""Sessions with mail, scored by the time (`Millis`) from which their head may be sent."""

OUTBOX_KEY = Key("outbox")
"""The outbox: entries that Slack has not accepted yet, scored by their due time (`Millis`)."""

THREADS_KEY = Key("threads")
"""The linked threads, scored by the time (`Millis`) of their latest traffic in either direction."""

WATCH_KEY = Key("watch")
"""The watched sessions, scored by the time (`Millis`) of their next poll."""

HEARD_KEY = Key("heard")
"""The checkpoint, up to which everything that Slack brought was kept; and what is to be read."""

READ_FIRST_KEY = Key("read_first")
"""Sessions whose mail waits for such threads, scored by until when (`Millis`); 0: none waits."""

UNREAD_KEY = Key("unread")
"""Threads in which messages may be missing, scored by the time to read from (`Micros`)."""

SCHEMA_KEY = Key("schema")
"""The version of all keys and records; see `redis/connection.py`."""


def prefix_of(team: str) -> str:
    """The prefix of a workspace's keys; what is in braces decides on their slot in a Cluster."""
    return f"{{devin-relay:{team}}}:"


def link_key(thread: ThreadRef) -> Key:
    """The link of a thread."""
    return Key(f"link:{thread.name}")


def known_key(method: str, about: str) -> Key:
    """Slack's last answer to a look-up, or what an event last told of a channel."""
    return Key(f"known:{method}:{about}")


def calls_key(method: str) -> Key:
    """The latest calls of a method, starts of a person, or reads of Devin, by when (`Millis`)."""
    return Key(f"calls:{method}")


def profile_key(channel: str) -> Key:
    """What the starts of a channel use, and the session that its `/devin-say` means."""
    return Key(f"profile:{channel}")


def subject_key(subject: str) -> Key:
    """The record that an outbox entry is about; one of them is a reply, whose id is its subject."""
    return Key(f"subject:{subject}")


def mail_key(session: SessionId) -> Key:
    """The waiting replies of a session, scored by their `ts` (`Micros`)."""
    return Key(f"mail:{session}")


def lease_key(session: SessionId) -> Key:
    """The lease on a session, or on the backfill; it expires by itself if its holder dies."""
    return Key(f"lease:{session}")


def once_key(what: str) -> Key:
    """A claim on work that only the first caller may do; `alive` shows that Redis takes writes."""
    return Key(f"once:{what}")


def ticket_key(kind: str, number: str) -> Key:
    """The context of a modal or an offer."""
    return Key(f"ticket:{kind}:{number}")


def watched_key(session: SessionId) -> Key:
    """What is known of a session, watched or not, and which threads follow it."""
    return Key(f"watched:{session}")


def words_key(thread: ThreadRef) -> Key:
    """What a session says that its thread has not been shown yet, in order.

    With `:files` after it: messages whose files the thread has not been shown yet.
    """
    return Key(f"words:{thread.name}")


def ledger_key(month: str) -> Key:
    """What sessions have used in a month of UTC, as in `2026-11`, and who started them."""
    return Key(f"ledger:{month}")
