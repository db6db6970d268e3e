"""Profiles have what the starts in a channel use.

Of two people who change one profile at the same moment, each changes their own fields.
"""

from collections.abc import Callable, Mapping

from bot.model.options import Profile
from bot.redis.connection import Store
from bot.redis.keep import FOREVER
from bot.redis.keys import profile_key


class Profiles:
    """The profiles, in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, channel: str) -> Profile:
        """Return the channel's profile, which is empty unless somebody has chosen something."""
        return Profile.parse(await self._store.get(profile_key(channel))) or Profile()

    async def change(
        self, channel: str, change: Callable[[Profile], Mapping[str, object]]
    ) -> Profile:
        """Set the fields that `change` makes, for each profile that others change meanwhile."""
        key = profile_key(channel)
        while True:
            raw = await self._store.get(key) or ""
            was = Profile.parse(raw or None) or Profile()
            profile = was.model_copy(update=dict(change(was)))
            new = "" if profile.is_empty else profile.to_json()
            if await self._store.swap(key, raw, new, FOREVER):
                return profile

    async def move(self, channel: str, to: str) -> None:
        """Give what starts use to the new id `to`, and end the rest. Idempotent."""
        was = await self.get(channel)
        kept = {name: getattr(was, name) for name in ("options", "preface", "by", "preface_by")}
        await self.change(to, lambda there: kept if there.is_empty else {})
        await self._store.delete(profile_key(channel))
