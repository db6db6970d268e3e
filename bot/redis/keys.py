"""The names of all keys in Redis.

All share one prefix that is also a Cluster hash tag, so that a script may touch several of them.
Every key is named by a builder here, and every write gives it a TTL.
"""

from typing import NewType

from bot.model.replies import ReplyId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef

Key = NewType("Key", str)
"""A key's name; only the builders here make one."""

PREFIX = "{devin-relay}"

DUE_KEY = Key(f"{PREFIX}:due")
"""Sessions with mail, scored by the time (Unix ms) from which their head may be sent."""

OUTBOX_KEY = Key(f"{PREFIX}:untold")
"""The outbox: entries that Slack has not accepted yet, scored by their due time (Unix ms)."""

FORMER_GAP_KEY = Key(f"{PREFIX}:gap")
"""The former name of `gap_key`, without the team."""

FORMER_BEHIND_KEY = Key(f"{PREFIX}:behind")
"""The former name of `behind_key`, without the team."""

FORMER_CATCHING_UP_KEY = Key(f"{PREFIX}:catching-up")
"""The former name of `catching_up_key`, without the team."""

WATCH_KEY = Key(f"{PREFIX}:watch")
"""The watched sessions, scored by the time (Unix ms) of their next look."""

GISTS_KEY = Key(f"{PREFIX}:gists")
"""As much of each session at rest as shows that nothing has changed, with when its look is due.

That time ends in half a millisecond, so a session that was made due otherwise needs more than its
gist. They are in one hash, so that a batch of silent sessions takes no command for each."""

READS_KEY = Key(f"{PREFIX}:reads")
"""The budget of reads: the time (Unix ms) until which it is spent."""

ALIVE_KEY = Key(f"{PREFIX}:alive")
"""A key that is written to see whether Redis accepts a write."""

REPLY_PREFIX = f"{PREFIX}:reply:"


def link_key(thread: ThreadRef) -> Key:
    """The link of a thread."""
    return Key(f"{link_prefix(thread.team)}{thread.channel}:{thread.thread_ts}")


def link_prefix(team: str) -> str:
    """The prefix of the keys of a team's links; `checkpoints.named` gives the rest."""
    return f"{PREFIX}:link:{team}:"


def moved_key(team: str, channel: str) -> Key:
    """The new id of a channel whose id has changed."""
    return Key(f"{PREFIX}:moved:{team}:{channel}")


def came_key(team: str, channel: str) -> Key:
    """The former id of a channel whose id has changed."""
    return Key(f"{PREFIX}:came:{team}:{channel}")


def changed_key(thread: ThreadRef) -> Key:
    """The `ts` (in us) of the last request that changed the link of a thread."""
    return Key(f"{PREFIX}:changed:{thread.team}:{thread.channel}:{thread.thread_ts}")


def heard_key(thread: ThreadRef) -> Key:
    """The last period (two `ts` in us) in which a thread's replies were for Devin."""
    return Key(f"{PREFIX}:heard:{thread.team}:{thread.channel}:{thread.thread_ts}")


def last_key(thread: ThreadRef) -> Key:
    """The last outcome in a thread."""
    return Key(f"{PREFIX}:last:{thread.team}:{thread.channel}:{thread.thread_ts}")


def threads_key(team: str, channel: str) -> Key:
    """The linked threads of a channel, scored by their last traffic (Unix ms)."""
    return Key(f"{PREFIX}:threads:{team}:{channel}")


def gap_key(team: str) -> Key:
    """Exists while threads must be read; its value is the time of the last request (Unix us)."""
    return Key(f"{PREFIX}:gap:{team}")


def behind_key(team: str) -> Key:
    """Sessions with such threads, scored by the time (Unix ms) until which mail waits; 0: none."""
    return Key(f"{PREFIX}:behind:{team}")


def catching_up_key(team: str) -> Key:
    """The lease on the backfill; it expires by itself if its holder dies."""
    return Key(f"{PREFIX}:catching-up:{team}")


def recent_key(team: str) -> Key:
    """Threads with traffic within CATCH_UP, scored by its latest `ts` in microseconds."""
    return Key(f"{PREFIX}:recent:{team}")


def unread_key(team: str) -> Key:
    """Threads in which messages may be missing, scored by the `ts` to read from (microseconds)."""
    return Key(f"{PREFIX}:unread:{team}")


def read_key(team: str) -> Key:
    """Threads that were read, scored by the `ts` up to which they were (microseconds)."""
    return Key(f"{PREFIX}:read:{team}")


def listeners_key(team: str) -> Key:
    """The checkpoint of each process, and the time when it was last written."""
    return Key(f"{PREFIX}:listeners:{team}")


def places_key(team: str) -> Key:
    """The channels of a team with linked threads, scored by their traffic (Unix ms)."""
    return Key(f"{PREFIX}:places:{team}")


def shared_key(team: str, channel: str) -> Key:
    """Exists for a while after Slack told that another organization shares a channel."""
    return Key(f"{PREFIX}:shared:{team}:{channel}")


def default_key(team: str, channel: str) -> Key:
    """The session that a channel's `/devin-say` means when it names none."""
    return Key(f"{PREFIX}:default:{team}:{channel}")


def subject_key(subject: str) -> Key:
    """The record that an outbox entry is about; for a reply, the same key as `reply_key`."""
    return Key(f"{REPLY_PREFIX}{subject}")


def reply_key(reply: ReplyId) -> Key:
    """One accepted reply: its text while it may be needed, its state, its outcome."""
    return subject_key(reply)


def mail_key(session: SessionId) -> Key:
    """The waiting replies of a session, scored by their `ts` in microseconds."""
    return Key(f"{PREFIX}:mail:{session}")


def box_key(session: SessionId) -> Key:
    """A session's failures, with their beginning and number, and its reordering window."""
    return Key(f"{PREFIX}:box:{session}")


def lease_key(session: SessionId) -> Key:
    """The lease on a session; it expires by itself if its holder dies."""
    return Key(f"{PREFIX}:hold:{session}")


def name_key(session: SessionId) -> Key:
    """The title and the web address of a session."""
    return Key(f"{PREFIX}:name:{session}")


def lately_key(session: SessionId) -> Key:
    """The last messages that a session is known to have received, to tell copies apart."""
    return Key(f"{PREFIX}:lately:{session}")


def once_key(team: str, what: str) -> Key:
    """A claim on work that only the first caller may do."""
    return Key(f"{PREFIX}:once:{team}:{what}")


def former_once_key(what: str) -> Key:
    """The former name of the same claim, without the team."""
    return Key(f"{PREFIX}:once:{what}")


def ticket_key(kind: str, number: str) -> Key:
    """The context of a modal, a menu or an offer."""
    return Key(f"{PREFIX}:ticket:{kind}:{number}")


def watched_key(session: SessionId) -> Key:
    """What is known of a watched session, and who looks at it."""
    return Key(f"{PREFIX}:watched:{session}")


def followers_key(session: SessionId) -> Key:
    """The threads of a session, each with when it joined (Unix ms), or 0 once it was caught up."""
    return Key(f"{PREFIX}:followers:{session}")


def shown_key(session: SessionId) -> Key:
    """The ids of the latest messages of a session that were read."""
    return Key(f"{PREFIX}:shown:{session}")


def answer_key(session: SessionId, asked: str) -> Key:
    """The answer that somebody has chosen to a question of a session."""
    return Key(f"{PREFIX}:answer:{session}:{asked}")


def words_key(thread: ThreadRef) -> Key:
    """What a session says that its thread has not been shown yet, in order."""
    return Key(f"{words_prefix()}{thread.name}")


def words_prefix() -> str:
    """The prefix of these keys; the thread's name is the rest."""
    return f"{PREFIX}:words:"


def status_line_key(thread: ThreadRef) -> Key:
    """Exists while the thread's status line need not be set again."""
    return Key(f"{PREFIX}:status:{thread.name}")
