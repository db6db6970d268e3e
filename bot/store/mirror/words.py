"""What a thread is still to be shown of its session: a queue of items, posted a batch at a time.

A batch is cut before it is posted, and the same batch is tried until Slack took it, so that its key
in the post's metadata means the same words at each try.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.model.errors import SlackAway
from bot.model.mirror import Said
from bot.model.owed import Owed, OwedKind
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.store.lua import outbox as lua
from bot.store.outbox import Begun

MOST_ITEMS = 50
MOST_BYTES = 60_000
"""Most of what one batch holds; a single longer item is a batch of its own."""

PARTS = "parts"
"""The name of the note that counts the posts and files in the thread."""


def words_owed(thread: ThreadRef) -> Owed:
    """Return the outbox entry of what a thread is to be shown."""
    return Owed(words_subject(thread), 1, OwedKind.WORDS)


def words_subject(thread: ThreadRef) -> str:
    """Return the subject of what a thread is to be shown."""
    return f"{thread.team}:words:{thread.channel}:{thread.thread_ts}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Items to post together; `read_at` is when they were read from Redis (Unix ms).

    `notes` say what became of its posts and files, and how many of them are in the thread. `since`
    is a `ts` before which no try has posted it; empty if Slack's time was not known.
    """

    items: Sequence[Said]
    number: int
    read_at: int
    notes: Mapping[str, str]
    since: str = ""

    @property
    def parts(self) -> int:
        """The number of posts and files that are in the thread."""
        return int(self.notes.get(PARTS, 0))


class Words:
    """The queues of all threads, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def cut(self, begun: Begun, thread: ThreadRef, since: str) -> Batch | None:
        """Return the batch to post in `thread`: the one of an earlier try, if there is one.

        `since` is the time at Slack now, as a `ts`, or empty: Redis's clock may be another one.
        """
        found = await lua.cut_words(
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
        items = (Said.parse(item) for item in json.loads(raw))
        return Batch(
            items=[item for item in items if item is not None],
            number=int(number),
            read_at=now,
            notes=json.loads(notes or "{}"),
            since=at_slack,
        )

    async def note(self, begun: Begun, name: str, what: str) -> None:
        """Note under `name` what became of one part of the batch.

        Raises:
            SlackAway: another try has taken the batch over; nothing was noted.
        """
        owed, held = str(begun.owed), begun.held
        if not await lua.note_batch(self._store, owed=owed, held=held, name=name, what=what):
            raise SlackAway("posting", "another try goes on", maybe_done=True)

    async def end(self, begun: Begun, thread: ThreadRef) -> bool:
        """End the batch. Return True if more is to be posted."""
        owed, held = str(begun.owed), begun.held
        return bool(await lua.end_words(self._store, owed=owed, held=held, thread=thread.name))
