"""Who may steer Devin, and where.

A person whom Slack does not describe may not. A failed look-up is neither yes nor no: it raises.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence

from bot.model.errors import AccountsDenied
from bot.model.people import WORKFLOW, Act, Person, Standing, UserId
from bot.model.replies import Reply
from bot.settings import Settings
from bot.slack.people import GUEST_FLAGS, HOME, People

log = logging.getLogger(__name__)


class Permissions:
    """Applies the rules of the `ALLOW_*` settings; may raise `NotIdentified`.

    Once it has an `account`, only those may whom that knows an account of: nobody can vouch for a
    workflow's step, or for another app.
    """

    def __init__(self, settings: Settings, people: People) -> None:
        self._settings = settings
        self._people = people
        self.account: Callable[[UserId], Awaitable[str]] | None = None
        self._lists = {
            Act.START: (settings.allow_starters, Standing.NOT_STARTER),
            Act.APPROVE: (settings.allow_approvers, Standing.NOT_APPROVER),
        }
        self._is_warned = False

    async def may(
        self, act: Act, who: UserId, channel: str | None, *, by_step: bool = False
    ) -> Standing:
        """Return whether `who` may do `act` in `channel` (None: at all), or the rule against it.

        A workflow's step that names nobody is `WORKFLOW`, and on no list.
        """
        if by_step and self.account is not None:
            return Standing.NO_ACCOUNT
        if who != WORKFLOW:
            standing = await self.of(who, channel)
        elif not self.allows_channel(channel):
            standing = Standing.CHANNEL
        else:
            standing = Standing.NOT_LISTED if self._settings.allow_users else Standing.ALLOWED
        listed, otherwise = self._lists.get(act, (None, standing))
        if standing is Standing.ALLOWED and listed and not await self._is_among(who, listed):
            return otherwise
        return standing

    async def of(
        self, who: UserId, channel: str | None, bots: Sequence[str] = (), home: str = ""
    ) -> Standing:
        """Return whether `who` may message Devin in `channel`, or the rule that forbids it.

        For a bot's post, `bots` are its ids, and `home` is where Slack says that it is installed;
        `who` is the bot user, or the user who posts through it, or else the bot id.
        """
        if not self.allows_channel(channel):
            return Standing.CHANNEL
        if bots:
            return await self._of_bot(who, bots, home)
        standing = self.of_person(await self._people.person(who))
        if self.account is None or standing is not Standing.ALLOWED:
            return standing
        try:
            return standing if await self.account(who) else Standing.NO_ACCOUNT
        except AccountsDenied:
            return Standing.ACCOUNTS_DENIED

    async def of_author(self, message: Reply) -> Standing:
        """Return whether the author of `message` may message Devin where it was written."""
        return await self.of(message.author, message.thread.channel, message.bots, message.home)

    async def _of_bot(self, who: UserId, bots: Sequence[str], home: str) -> Standing:
        """Return whether a listed bot's post may steer Devin; an app's id alone is not enough.

        Bot and user ids belong to one installation; an app has the same id in every workspace.
        """
        allow, has_user = self._settings, not who.startswith("B")
        listed = allow.allow_bots.intersection(bots)
        if not (home or has_user or allow.allow_external):
            listed = frozenset(one for one in listed if not one.startswith("A"))
        if not listed or self.account is not None:
            return Standing.BOT
        if home and not allow.allow_external and not await self._people.is_home(home):
            return Standing.EXTERNAL
        if not has_user:
            return Standing.ALLOWED
        return self.of_person(await self._people.person(who), is_listed=True)

    async def _is_among(self, who: UserId, listed: frozenset[str]) -> bool:
        if who in listed:
            return True
        for group in sorted(one for one in listed if one.startswith("S")):
            if who in await self._people.members(group):
                return True
        return False

    def allows_channel(self, channel: str | None) -> bool:
        """Return True if Devin may be steered in `channel` (None: at all)."""
        allowed = self._settings.allow_channels
        return not allowed or channel is None or channel in allowed

    def of_person(self, person: Person, *, is_listed: bool = False) -> Standing:
        """Return whether `person` may steer Devin in an allowed channel, or the rule against it.

        `is_listed`: if `person` is a bot, `ALLOW_BOTS` names it, perhaps by another of its ids.
        """
        allow = self._settings
        is_listed_bot = person.is_bot and is_listed
        barred = {
            Standing.UNKNOWN: not person.is_known or self._lacks(person),
            Standing.BOT: person.is_bot and not (is_listed or person.id in allow.allow_bots),
            Standing.EXTERNAL: person.is_external and not allow.allow_external,
            Standing.GUEST: person.is_guest and not allow.allow_guests,
            Standing.NOT_LISTED: bool(allow.allow_users)
            and not (is_listed_bot or person.id in allow.allow_users),
        }
        return next((why for why, is_so in barred.items() if is_so), Standing.ALLOWED)

    def _lacks(self, person: Person) -> bool:
        """Return True if Slack left out a deciding field; the first time, the log names it."""
        allow, decides = self._settings, set(person.unsaid)
        if allow.allow_guests:
            decides -= GUEST_FLAGS
        if allow.allow_external:
            decides -= {HOME}
        if decides and not self._is_warned:
            self._is_warned = True
            missing = ", ".join(sorted(decides))
            log.warning("look-up incomplete", extra={"id": person.id, "missing": missing})
        return bool(decides)
