"""The session that a channel has chosen for its `/devin-say`."""

from datetime import timedelta

from bot.model.people import UserId
from bot.model.record import Record
from bot.model.sessions import SessionId
from bot.redis.connection import Store
from bot.redis.keys import default_key


class ChannelDefault(Record):
    """A channel's session, and the user who chose it."""

    session: SessionId
    by: UserId


class ChannelDefaults:
    """The defaults, in Redis; one that is not used for `ttl` is forgotten."""

    def __init__(self, store: Store, ttl: timedelta) -> None:
        self._store = store
        self._ttl = ttl

    async def set(self, channel: str, default: ChannelDefault) -> None:
        """Set the channel's default, in place of any other."""
        await self._store.put(default_key(channel), default.to_json(), self._ttl)

    async def clear(self, channel: str) -> None:
        """Forget the channel's default."""
        await self._store.delete(default_key(channel))

    async def get(self, channel: str) -> ChannelDefault | None:
        """Return the channel's default; None if it has not chosen one."""
        return ChannelDefault.parse(await self._store.get(default_key(channel)))

    async def use(self, channel: str) -> SessionId | None:
        """Return the default session, and keep it for another `ttl`."""
        default = ChannelDefault.parse(await self._store.get(default_key(channel), keep=self._ttl))
        return None if default is None else default.session
