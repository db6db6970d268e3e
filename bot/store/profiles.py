"""The profiles of channels: what their starts use, and the session of their `/devin-say`.

Of two people who change one at the same moment, each changes their own fields: a profile is written
if it still is what it was, and else read again.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from bot.model.options import Profile
from bot.model.people import UserId
from bot.redis.connection import Store
from bot.redis.keys import profile_key

KEEP = timedelta(days=3650)
"""A channel must not lose its cap because nobody changed it for long."""


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
            new = "" if profile == Profile() else profile.to_json()
            if await self._store.swap(key, raw, new, KEEP):
                return profile

    async def clear(self, channel: str) -> None:
        """Forget the channel's profile."""
        await self._store.delete(profile_key(channel))

    async def move(self, channel: str, to: str) -> None:
        """Give the profile to the new id `to`, without session, digest and rules. Idempotent."""
        was = await self.get(channel)
        ended = {"session": None, "session_by": UserId(""), "digest": None, "rules": ()}
        kept = {**dict(was), **ended}
        await self.change(to, lambda there: kept if there == Profile() else {})
        await self.clear(channel)
