"""Links of threads, as commands and buttons make, end, mute, follow and show them."""

from dataclasses import dataclass

from bot.delivery.acting import Acting
from bot.mirror.audience import Audience, Heard
from bot.model.errors import LinkChanged, LinkedElsewhere, NotLinked
from bot.model.mirror import Follow
from bot.model.people import Act, UserId
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.relay.accept import Accepting
from bot.relay.naming import Naming, SessionChoices
from bot.runtime.logs import Event, audit
from bot.slack.lookups import Need
from bot.store.state import State
from bot.wording.commands import Status


@dataclass(frozen=True, slots=True)
class Linking:
    """Changes and describes the links of threads."""

    state: State
    accepting: Accepting
    naming: Naming
    choices: SessionChoices
    audience: Audience
    acting: Acting

    async def link(self, thread: ThreadRef, by: UserId, text: str, at: int) -> tuple[Link, bool]:
        """Link `thread` to the session that `text` names; return the link, and True if it existed.

        `at` is the `ts` of the message that asks for it, in microseconds.

        Raises:
            BadSession: `text` does not name a session.
            LinkedElsewhere: the thread has another session.
        """
        await self.accepting.check(by, thread.channel, Act.START)
        session = await self.choices.named(text, thread.channel, by)
        link, is_new = await self.accepting.link(thread, by, session, at)
        if link.session != session:
            raise LinkedElsewhere(*await self.naming.linked(link))
        return link, not is_new

    async def unlink(self, thread: ThreadRef, by: UserId, session: SessionId | None = None) -> Link:
        """End the link of `thread`; mail that was accepted is still delivered.

        Raises:
            NotLinked: the thread has no link.
            LinkChanged: `session` is given, and the link leads to another one.
        """
        await self.accepting.check(by, thread.channel)
        link = await self.state.links.remove(thread, session)
        return await self._changed(link, thread, by, session, Event.UNLINKED)

    async def mute(
        self,
        thread: ThreadRef,
        by: UserId,
        at: int,
        session: SessionId | None = None,
        *,
        muted: bool,
    ) -> Link:
        """Stop or resume sending the replies of `thread` to Devin; the link stays.

        Raises:
            NotLinked, LinkChanged: as for `unlink`.
        """
        await self.accepting.check(by, thread.channel)
        changed = await self.state.links.mute(thread, at, session, muted=muted)
        event = Event.MUTED if muted else Event.UNMUTED
        link = await self._changed(changed, thread, by, session, event)
        if not muted:
            await self.accepting.read_since(thread, at)
        return link

    async def follow(
        self, thread: ThreadRef, by: UserId, how: Follow, session: SessionId | None = None
    ) -> Heard:
        """Choose how much of its session `thread` is shown from now on; idempotent.

        Raises:
            NotLinked, LinkChanged: as for `unlink`.
            SlackAway: the choice is made, but Slack does not say who shares the channel.
        """
        await self.accepting.check(by, thread.channel)
        changed = await self.state.links.follow(thread, how, session, self.audience.default)
        link = await self._changed(changed, thread, by, session, Event.FOLLOWED, follow=how.value)
        return Heard(link, how, await self.audience.is_barred(thread.channel, link))

    async def status(self, thread: ThreadRef, by: UserId) -> Status:
        """Return the state of `thread`, and of its session, as it was last read.

        Where Devin's words may not go, or Slack does not say whether they may, the state counts as
        barred.

        Raises:
            NotLinked: the thread has no link.
        """
        await self.accepting.check(by, thread.channel)
        link = await self.state.links.get(thread)
        if link is None:
            raise NotLinked
        heard = await self.audience.at_once(thread, Need.ACT)
        (seen,) = await self.state.watches.seen([link.session])
        account = await self.acting.as_whom(Reply(thread=thread, ts="", author=by))
        return Status(
            link=link,
            session=await self.naming.one(link.session),
            by=await self.naming.people.name(link.by),
            seen=seen,
            follow=Follow.OFF if heard.unsure else heard.follow,
            is_barred=heard.is_barred,
            mail=(await self.state.mailbox.queues(link.session)).of(thread),
            last=await self.state.watches.last_outcome(link.session, thread),
            as_self=isinstance(account, str) and bool(account),
        )

    async def _changed(
        self,
        link: Link | None,
        thread: ThreadRef,
        by: UserId,
        session: SessionId | None,
        event: Event,
        **ids: str,
    ) -> Link:
        """Put a change on record, and have the card say it; raise if it found no such `link`."""
        if link is None:
            other = None if session is None else await self.state.links.get(thread)
            if other is None:
                raise NotLinked
            raise LinkChanged(*await self.naming.linked(other))
        audit(event, by, **thread.log_fields, session_id=link.session, **ids)
        await self.accepting.refresh_card(thread, link)
        return link
