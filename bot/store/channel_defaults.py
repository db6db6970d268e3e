"""The session that a channel has chosen for its `/devin-say`."""

from datetime import timedelta
from typing import Literal

from bot.model.people import UserId
from bot.model.record import Record
from bot.model.sessions import SessionId
from bot.redis.connection import Store, seconds
from bot.redis.keys import default_key
from bot.redis.scripts import Script

_SET = Script("return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])")
_CLEAR = Script("return redis.call('DEL', KEYS[1])")
_USE = Script("return redis.call('GETEX', KEYS[1], 'EX', ARGV[1])")


class ChannelDefault(Record):
    """A channel's session, and who chose it."""

    v: Literal[1] = 1
    session: SessionId
    by: UserId


class ChannelDefaults:
    """The defaults, in Redis; one that is not used for `ttl` is forgotten."""

    def __init__(self, store: Store, ttl: timedelta) -> None:
        self._store = store
        self._ttl = seconds(ttl)

    async def set(self, team: str, channel: str, default: ChannelDefault) -> None:
        """Choose it, in the place of another one."""
        await self._store.run(_SET, [default_key(team, channel)], [default.to_json(), self._ttl])

    async def clear(self, team: str, channel: str) -> None:
        """Forget it."""
        await self._store.run(_CLEAR, [default_key(team, channel)], [])

    async def get(self, team: str, channel: str) -> ChannelDefault | None:
        """What the channel has chosen; None when it has not."""
        return ChannelDefault.parse(await self._store.get(default_key(team, channel)))

    async def use(self, team: str, channel: str) -> SessionId | None:
        """The session, kept for another `ttl`."""
        raw = await self._store.run(_USE, [default_key(team, channel)], [self._ttl])
        default = ChannelDefault.parse(raw)
        return None if default is None else default.session
