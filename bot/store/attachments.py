"""What became of a reply's files, kept with it: uploaded once, however often it is sent.

It is written before the message is sent. So a reply with files that has no such note was certainly
not sent, whoever was about to.
"""

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from bot.model.files import Upload
from bot.model.replies import ReplyId
from bot.redis.connection import Store
from bot.redis.keys import reply_key
from bot.store.lua import replies as lua
from bot.store.lua.reply_fields import ReplyField

_BROUGHT: TypeAdapter[tuple[Upload, ...]] = TypeAdapter(tuple[Upload, ...])


class Attachments:
    """The notes, in Redis; they live as long as their reply."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, reply: ReplyId) -> Sequence[Upload] | None:
        """What became of the files of `reply`; None while that is open."""
        raw = await self._store.field(reply_key(reply), ReplyField.FILES)
        try:
            return _BROUGHT.validate_json(raw) if raw else None
        except ValidationError:
            return None

    async def keep(self, reply: ReplyId, brought: Sequence[Upload]) -> None:
        """Note what became of them."""
        note = _BROUGHT.dump_json(tuple(brought)).decode()
        await lua.keep_files(self._store, reply=reply_key(reply), files=note)
