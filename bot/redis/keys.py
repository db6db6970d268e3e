"""The names of all keys in Redis.

All share one prefix that is also a Cluster hash tag, so that a script may touch several of them.
Every key is named by a builder here, and whoever writes one gives it a TTL.
"""

from bot.model.replies import ReplyId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef

PREFIX = "{devin-relay}"

DUE_KEY = f"{PREFIX}:due"
"""Sessions with mail, scored by when (Unix ms) their head may be sent."""

OUTBOX_KEY = f"{PREFIX}:untold"
"""The outbox: what Slack has not taken yet, scored by when (Unix ms) it was due."""

GAP_KEY = f"{PREFIX}:gap"
"""There while threads have to be read; its value is when that was last wanted (Unix us)."""

BEHIND_KEY = f"{PREFIX}:behind"
"""Sessions with such threads, scored by until when (Unix ms) their mail waits for that; 0: none."""

ALIVE_KEY = f"{PREFIX}:alive"
"""Written to see whether Redis takes it."""

CATCHING_UP_KEY = f"{PREFIX}:catching-up"
"""Who looks for them now; expires by itself when that process dies."""

REPLY_PREFIX = f"{PREFIX}:reply:"


def link_key(thread: ThreadRef) -> str:
    """The link of a thread."""
    return f"{link_prefix(thread.team)}{thread.channel}:{thread.thread_ts}"


def link_prefix(team: str) -> str:
    """The beginning of the keys of a team's links; `gaps.named` has the rest."""
    return f"{PREFIX}:link:{team}:"


def moved_key(team: str, channel: str) -> str:
    """The new id of a channel whose id has changed."""
    return f"{PREFIX}:moved:{team}:{channel}"


def came_key(team: str, channel: str) -> str:
    """The id that a channel had before it got this one."""
    return f"{PREFIX}:came:{team}:{channel}"


def changed_key(thread: ThreadRef) -> str:
    """When somebody last asked to link, unlink, mute or unmute a thread: a `ts` in microseconds."""
    return f"{PREFIX}:changed:{thread.team}:{thread.channel}:{thread.thread_ts}"


def heard_key(thread: ThreadRef) -> str:
    """Since when and until when a thread's replies were for Devin, when they are no longer."""
    return f"{PREFIX}:heard:{thread.team}:{thread.channel}:{thread.thread_ts}"


def last_key(thread: ThreadRef) -> str:
    """The last outcome in a thread."""
    return f"{PREFIX}:last:{thread.team}:{thread.channel}:{thread.thread_ts}"


def threads_key(team: str, channel: str) -> str:
    """The linked threads of a channel, scored by their last traffic (Unix ms)."""
    return f"{PREFIX}:threads:{team}:{channel}"


def recent_key(team: str) -> str:
    """Threads with traffic within CATCH_UP, scored by its latest `ts` in microseconds."""
    return f"{PREFIX}:recent:{team}"


def unread_key(team: str) -> str:
    """Threads in which something may be missing, scored by since when: a `ts` in microseconds."""
    return f"{PREFIX}:unread:{team}"


def read_key(team: str) -> str:
    """Threads that were read, scored by until when: a `ts` in microseconds."""
    return f"{PREFIX}:read:{team}"


def listeners_key(team: str) -> str:
    """Up to when each process has kept all that Slack brought it, and when it last said so."""
    return f"{PREFIX}:listeners:{team}"


def places_key(team: str) -> str:
    """The channels of a team with linked threads, scored by their traffic (Unix ms)."""
    return f"{PREFIX}:places:{team}"


def default_key(team: str, channel: str) -> str:
    """The session that a channel's `/devin-say` means when it names none."""
    return f"{PREFIX}:default:{team}:{channel}"


def subject_key(subject: str) -> str:
    """The record that an entry of the outbox is about; of a reply, that of `reply_key`."""
    return f"{REPLY_PREFIX}{subject}"


def reply_key(reply: ReplyId) -> str:
    """One accepted reply: its text while it may be needed, its state, its outcome."""
    return f"{REPLY_PREFIX}{reply}"


def mail_key(session: SessionId) -> str:
    """The waiting replies of a session, scored by their `ts` in microseconds."""
    return f"{PREFIX}:mail:{session}"


def box_key(session: SessionId) -> str:
    """What is known of a session's failures: since when, how many."""
    return f"{PREFIX}:box:{session}"


def lease_key(session: SessionId) -> str:
    """Who delivers for a session now; expires by itself when its holder dies."""
    return f"{PREFIX}:hold:{session}"


def lately_key(session: SessionId) -> str:
    """What a session is known to have got last, to tell the same words apart."""
    return f"{PREFIX}:lately:{session}"


def once_key(team: str, what: str) -> str:
    """A thing that must be done by the first comer only."""
    return f"{PREFIX}:once:{team}:{what}"


def former_once_key(what: str) -> str:
    """The same, as it was named before claims were by team."""
    return f"{PREFIX}:once:{what}"


def ticket_key(kind: str, number: str) -> str:
    """What a modal, a menu or an offer was opened for."""
    return f"{PREFIX}:ticket:{kind}:{number}"
