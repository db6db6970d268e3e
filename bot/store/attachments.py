"""The uploads of a reply's files are recorded with it, and not repeated when it is sent again.

The record is written before the message is sent. So a reply with files but without this record was
certainly not sent, not even by a process that died meanwhile.
"""

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from bot.model.files import Upload
from bot.model.replies import ReplyId
from bot.redis.connection import Store
from bot.redis.keys import subject_key
from bot.store.lua import replies as lua
from bot.store.lua.reply_fields import ReplyField

_BROUGHT: TypeAdapter[tuple[Upload, ...]] = TypeAdapter(tuple[Upload, ...])


class Attachments:
    """The records of uploads, in Redis; each lives as long as its reply."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, reply: ReplyId) -> Sequence[Upload] | None:
        """Return the uploads of the files of `reply`; None until they are recorded."""
        raw = await self._store.field(subject_key(reply), ReplyField.FILES)
        try:
            return _BROUGHT.validate_json(raw) if raw else None
        except ValidationError:
            return None

    async def keep(self, reply: ReplyId, brought: Sequence[Upload]) -> None:
        """Record the uploads of the files of `reply`."""
        note = _BROUGHT.dump_json(tuple(brought)).decode()
        await lua.note_reply(
            self._store, reply_id=reply, field=ReplyField.FILES, text=note, once=False
        )
