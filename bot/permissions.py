"""Who may steer Devin, by the operator's settings; a look-up that fails means no."""

from collections.abc import Sequence

from bot.models import Person, Standing, UserId
from bot.people import People
from bot.settings import Settings


class Permissions:
    """The rules of `ALLOW_*`."""

    def __init__(self, settings: Settings, people: People) -> None:
        self._settings = settings
        self._people = people

    async def of(self, who: UserId, channel: str, bots: Sequence[str] = ()) -> Standing:
        """Whether `who` may steer Devin in `channel`; `bots` holds a bot's ids, if it is one."""
        allow = self._settings
        if not self.allows_channel(channel):
            return Standing.CHANNEL
        if bots:
            return Standing.ALLOWED if allow.allow_bots.intersection(bots) else Standing.BOT
        return self.anywhere(await self._people.person(who))

    def of_workflow(self, channel: str) -> Standing:
        """Whether a workflow's step may steer Devin in `channel` on nobody's behalf."""
        if not self.allows_channel(channel):
            return Standing.CHANNEL
        return Standing.NOT_LISTED if self._settings.allow_users else Standing.ALLOWED

    def allows_channel(self, channel: str) -> bool:
        """Whether Devin may be steered in `channel` at all."""
        return not self._settings.allow_channels or channel in self._settings.allow_channels

    def anywhere(self, person: Person) -> Standing:
        """Whether `person` may steer Devin where that is allowed."""
        allow = self._settings
        barred = {
            Standing.UNKNOWN: not person.is_known,
            Standing.BOT: person.is_bot and person.id not in allow.allow_bots,
            Standing.EXTERNAL: person.is_external and not allow.allow_external,
            Standing.GUEST: person.is_guest and not allow.allow_guests,
            Standing.NOT_LISTED: bool(allow.allow_users) and person.id not in allow.allow_users,
        }
        return next((why for why, is_so in barred.items() if is_so), Standing.ALLOWED)
