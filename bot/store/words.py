"""What threads are still to be shown of their sessions: queues of items, posted a batch at a time.

A batch is cut before it is posted, and the same batch is tried until Slack took it, so that its key
in the post's metadata means the same words at each try. Once it is posted, the files of its items
are owed, in another queue, and each question that it closes: no words wait for these.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.model.errors import SlackAway
from bot.model.sessions import Said, SessionId
from bot.model.threads import ThreadRef
from bot.model.times import Millis, Ts
from bot.redis.connection import Store
from bot.redis.keep import TRIED
from bot.store.lua import scripts
from bot.store.outbox import Begun, Due, Outbox, Owed, OwedKind, thread_of

log = logging.getLogger(__name__)

MOST_ITEMS = 50
MOST_BYTES = 60_000
"""Most of what one batch holds; a single longer item is a batch of its own."""

PARTS = "parts"
"""The name of the note that counts the posts and files in the thread."""

REFUSED = "refused"
"""The name of the note that has the session of whose words Slack took nothing just before."""


def words_owed(thread: ThreadRef) -> Owed:
    """Return the outbox entry of what a thread is to be shown."""
    return Owed(words_subject(thread), 1, OwedKind.WORDS)


def files_owed(thread: ThreadRef) -> Owed:
    """Return the outbox entry of files that belong to what a thread was shown."""
    return Owed(f"{thread.team}:files:{thread.channel}:{thread.thread_ts}", 1, OwedKind.FILES)


def closing_owed(thread: ThreadRef, closed: Said) -> Owed:
    """Return the outbox entry of a question or approval that is no longer open in a thread."""
    where = f"{thread.channel}:{thread.thread_ts}"
    return Owed(f"{thread.team}:closing:{where}:{closed.id}", 1, OwedKind.CLOSING)


def words_subject(thread: ThreadRef) -> str:
    """Return the subject of what a thread is to be shown."""
    return f"{thread.team}:words:{thread.channel}:{thread.thread_ts}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Items of one session to post together; `read_at` is when they were read from Redis.

    `notes` say what became of its posts and files, and how many of them are in the thread. `since`
    is a time before which no try has posted it.
    """

    items: Sequence[Said]
    number: int
    read_at: Millis
    notes: Mapping[str, str]
    since: Ts = ""

    @property
    def session(self) -> SessionId:
        """The session whose items they are."""
        return next((one.session for one in self.items), SessionId(""))

    @property
    def parts(self) -> int:
        """The number of posts or files that are done: in the thread, or not for it any more."""
        return int(self.notes.get(PARTS, 0))


class Words:
    """The queues of all threads, of words and of files, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def cut(self, begun: Begun, thread: ThreadRef, since: Ts) -> Batch | None:
        """Return the batch to post, perhaps an earlier try's; `since` is the time at Slack."""
        found = await scripts.cut_words(
            self._store,
            owed=str(begun.owed),
            held=begun.held,
            thread=thread.name,
            most=MOST_ITEMS,
            most_bytes=MOST_BYTES,
            since=since,
        )
        if not found:
            return None
        raw, number, notes, at_slack, now = found
        parsed = [Said.parse(item) for item in json.loads(raw)]
        items = [item for item in parsed if item is not None]
        if unreadable := len(parsed) - len(items):
            ids = begun.owed.log_fields | {"items": unreadable, "batch": int(number)}
            log.error("words unreadable", extra=ids)
        return Batch(
            items=items,
            number=int(number),
            read_at=now,
            notes=json.loads(notes or "{}"),
            since=at_slack,
        )

    async def note(self, begun: Begun, name: str, what: str) -> None:
        """Note what became of a part of the batch; raise `SlackAway` if another try has it."""
        owed, held = str(begun.owed), begun.held
        if not await scripts.note_batch(self._store, owed=owed, held=held, name=name, what=what):
            raise SlackAway("posting", "another try goes on", maybe_done=True)


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """A batch ends, shown or not; the `files` of these items are owed then, and what is `closed`.

    Slack may have `refused` what a session said, of which the next batch tells.
    """

    told: bool = True
    refused: SessionId | None = None
    files: Sequence[Said] = ()
    closed: Sequence[Said] = ()

    async def settle(self, store: Store, begun: Begun) -> Sequence[Due]:
        """End it; go on with its files, and with what has come meanwhile."""
        thread = thread_of(begun.owed.subject)
        after, closings = files_owed(thread), [closing_owed(thread, one) for one in self.closed]
        for owed, one in zip(closings, self.closed, strict=True):
            await Outbox(store).owe(owed, one.to_json(), TRIED)
        goes_on = await scripts.end_words(
            store,
            owed=str(begun.owed),
            held=begun.held,
            thread=thread.name,
            notes=json.dumps({REFUSED: self.refused} if self.refused else {}),
            files=[one.to_json() for one in self.files],
            files_owed=str(after),
        )
        due = ((begun.owed, goes_on), (after, self.files), *((one, True) for one in closings))
        return [(one, 0.0) for one, is_due in due if is_due]
