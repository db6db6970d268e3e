"""The state of a thread: its link, its replies, and what its session does."""

from bot.mirror.audience import Audience
from bot.model.errors import NotLinked
from bot.model.mirror import Follow
from bot.model.people import UserId
from bot.model.threads import ThreadRef
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.slack.lookups import Need
from bot.store.state import State
from bot.wording.commands import Status


class Statuses:
    """Reads the states of threads."""

    def __init__(
        self, state: State, accepting: Accepting, naming: Naming, audience: Audience
    ) -> None:
        self._accepting = accepting
        self._naming = naming
        self._links = state.links
        self._mailbox = state.mailbox
        self._audience = audience
        self._watches = state.watches

    async def of(self, thread: ThreadRef, by: UserId) -> Status:
        """Return the state of `thread`, and of its session, as it was last read.

        Where Devin's words may not go, or Slack does not say whether they may, the state counts as
        barred.

        Raises:
            NotLinked: the thread has no link.
            NotAllowed: `by` may not.
        """
        await self._accepting.check(by, thread.channel)
        link = await self._links.get(thread)
        if link is None:
            raise NotLinked
        heard = await self._audience.at_once(thread, Need.ACT)
        seen = (await self._watches.seen([link.session]))[0]
        return Status(
            link=link,
            session=await self._naming.watched(link.session, seen),
            by=await self._accepting.name(link.by),
            seen=seen,
            follow=Follow.OFF if heard.unsure else heard.follow,
            is_barred=heard.is_barred,
            mail=(await self._mailbox.queues(link.session)).of(thread),
            last=await self._links.last_outcome(thread),
        )
