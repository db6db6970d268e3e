"""The names of all keys in Redis.

All share one prefix that is also a Cluster hash tag, so that a script may touch several of them.
Every key is named by a builder here, and whoever writes one gives it a TTL.
"""

from typing import NewType

from bot.model.replies import ReplyId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef

Key = NewType("Key", str)
"""A key's name, made by the builders here only."""

PREFIX = "{devin-relay}"

DUE_KEY = Key(f"{PREFIX}:due")
"""Sessions with mail, scored by when (Unix ms) their head may be sent."""

OUTBOX_KEY = Key(f"{PREFIX}:untold")
"""The outbox: what Slack has not taken yet, scored by when (Unix ms) it was due."""

FORMER_GAP_KEY = Key(f"{PREFIX}:gap")
"""`gap_key`, as it was named before it was by team."""

FORMER_BEHIND_KEY = Key(f"{PREFIX}:behind")
"""`behind_key`, as it was named before it was by team."""

FORMER_CATCHING_UP_KEY = Key(f"{PREFIX}:catching-up")
"""`catching_up_key`, as it was named before it was by team."""

ALIVE_KEY = Key(f"{PREFIX}:alive")
"""Written to see whether Redis takes it."""

REPLY_PREFIX = f"{PREFIX}:reply:"


def link_key(thread: ThreadRef) -> Key:
    """The link of a thread."""
    return Key(f"{link_prefix(thread.team)}{thread.channel}:{thread.thread_ts}")


def link_prefix(team: str) -> str:
    """The beginning of the keys of a team's links; `checkpoints.named` has the rest."""
    return f"{PREFIX}:link:{team}:"


def moved_key(team: str, channel: str) -> Key:
    """The new id of a channel whose id has changed."""
    return Key(f"{PREFIX}:moved:{team}:{channel}")


def came_key(team: str, channel: str) -> Key:
    """The id that a channel had before it got this one."""
    return Key(f"{PREFIX}:came:{team}:{channel}")


def changed_key(thread: ThreadRef) -> Key:
    """When somebody last asked to link, unlink, mute or unmute a thread: a `ts` in microseconds."""
    return Key(f"{PREFIX}:changed:{thread.team}:{thread.channel}:{thread.thread_ts}")


def heard_key(thread: ThreadRef) -> Key:
    """Since when and until when a thread's replies were for Devin, when they are no longer."""
    return Key(f"{PREFIX}:heard:{thread.team}:{thread.channel}:{thread.thread_ts}")


def last_key(thread: ThreadRef) -> Key:
    """The last outcome in a thread."""
    return Key(f"{PREFIX}:last:{thread.team}:{thread.channel}:{thread.thread_ts}")


def threads_key(team: str, channel: str) -> Key:
    """The linked threads of a channel, scored by their last traffic (Unix ms)."""
    return Key(f"{PREFIX}:threads:{team}:{channel}")


def gap_key(team: str) -> Key:
    """There while threads have to be read; its value is when that was last wanted (Unix us)."""
    return Key(f"{PREFIX}:gap:{team}")


def behind_key(team: str) -> Key:
    """Sessions with such threads, scored by until when (Unix ms) their mail waits; 0: none."""
    return Key(f"{PREFIX}:behind:{team}")


def catching_up_key(team: str) -> Key:
    """The process that reads them now; expires by itself when that process dies."""
    return Key(f"{PREFIX}:catching-up:{team}")


def recent_key(team: str) -> Key:
    """Threads with traffic within CATCH_UP, scored by its latest `ts` in microseconds."""
    return Key(f"{PREFIX}:recent:{team}")


def unread_key(team: str) -> Key:
    """Threads in which something may be missing, scored by since when: a `ts` in microseconds."""
    return Key(f"{PREFIX}:unread:{team}")


def read_key(team: str) -> Key:
    """Threads that were read, scored by until when: a `ts` in microseconds."""
    return Key(f"{PREFIX}:read:{team}")


def listeners_key(team: str) -> Key:
    """Up to when each process has kept all that Slack brought it, and when it last said so."""
    return Key(f"{PREFIX}:listeners:{team}")


def places_key(team: str) -> Key:
    """The channels of a team with linked threads, scored by their traffic (Unix ms)."""
    return Key(f"{PREFIX}:places:{team}")


def default_key(team: str, channel: str) -> Key:
    """The session that a channel's `/devin-say` means when it names none."""
    return Key(f"{PREFIX}:default:{team}:{channel}")


def subject_key(subject: str) -> Key:
    """The record that an entry of the outbox is about; of a reply, that of `reply_key`."""
    return Key(f"{REPLY_PREFIX}{subject}")


def reply_key(reply: ReplyId) -> Key:
    """One accepted reply: its text while it may be needed, its state, its outcome."""
    return Key(f"{REPLY_PREFIX}{reply}")


def mail_key(session: SessionId) -> Key:
    """The waiting replies of a session, scored by their `ts` in microseconds."""
    return Key(f"{PREFIX}:mail:{session}")


def box_key(session: SessionId) -> Key:
    """What is known of a session's failures: since when, how many."""
    return Key(f"{PREFIX}:box:{session}")


def lease_key(session: SessionId) -> Key:
    """Who delivers for a session now; expires by itself when its holder dies."""
    return Key(f"{PREFIX}:hold:{session}")


def lately_key(session: SessionId) -> Key:
    """What a session is known to have got last, to tell the same words apart."""
    return Key(f"{PREFIX}:lately:{session}")


def once_key(team: str, what: str) -> Key:
    """A thing that must be done by the first comer only."""
    return Key(f"{PREFIX}:once:{team}:{what}")


def former_once_key(what: str) -> Key:
    """The same, as it was named before claims were by team."""
    return Key(f"{PREFIX}:once:{what}")


def ticket_key(kind: str, number: str) -> Key:
    """What a modal, a menu or an offer was opened for."""
    return Key(f"{PREFIX}:ticket:{kind}:{number}")
