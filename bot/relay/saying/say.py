"""`/devin-say`: a message for Devin from a channel, which is posted there and delivered."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.errors import ChooseSession, NothingToSay
from bot.model.people import UserId
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.relay.accept import Accepting
from bot.relay.asking.session_choices import SessionChoices
from bot.relay.saying.speaking import Speaking
from bot.slack.app.workspace import Workspace
from bot.store.channel_defaults import ChannelDefault
from bot.store.outbox import Owing
from bot.store.state import State

ACTIVE = timedelta(days=7)
"""`/devin-say` without a session ignores sessions without traffic for longer than this."""


class Say:
    """Owes messages of a channel: which session and which thread they are for."""

    def __init__(
        self,
        workspace: Workspace,
        state: State,
        accepting: Accepting,
        choices: SessionChoices,
        speaking: Speaking,
    ) -> None:
        self._accepting = accepting
        self._links = state.links
        self._defaults = state.defaults
        self._choices = choices
        self._speaking = speaking
        self._team = workspace.team

    async def say(
        self, channel: str, by: UserId, session: SessionId | None, text: str, key: str = ""
    ) -> None:
        """Have `text` posted under the person's name, in a thread linked to `session`, and sent.

        Without a session the channel's default is used as if it were named, or else the thread of
        the one session that was active in the channel in the last seven days. `text` is Slack
        markup, and said once for each `key`.

        Raises:
            NothingToSay: `text` is empty.
            ChooseSession: no session was named, and not exactly one is active.
            CannotPost: Slack does not let the relay post there.
            NotAllowed: `by` may not.
        """
        await self._check(channel, by, text)
        if session is not None:
            session = await self._choices.whole(session, channel, by)
        else:
            session = await self._defaults.use(channel)
        if session is not None:
            await self._speaking.command(self._new(channel), by, text, key, session)
            return
        heard = await self._heard(channel)
        if len({link.session for _, link in heard}) != 1:
            raise ChooseSession(heard)
        thread, link = heard[0]
        await self._speaking.command(thread, by, text, key, link.session)

    async def go_on(
        self, channel: str, by: UserId, session: SessionId, text: str, key: str
    ) -> Owing:
        """Say `text` in the channel's latest thread of `session`, or in a new thread without one.

        Raises:
            PersonError: as for `say`.
        """
        await self._check(channel, by, text)
        heard = await self._heard(channel)
        thread = next((one for one, link in heard if link.session == session), None)
        return await self._speaking.command(thread or self._new(channel), by, text, key, session)

    async def default(self, channel: str, by: UserId) -> ChannelDefault | None:
        """Return the channel's default session.

        Raises:
            NotAllowed: `by` may not.
        """
        await self._accepting.check(by, channel)
        return await self._defaults.get(channel)

    async def set_default(self, channel: str, by: UserId, text: str) -> SessionId:
        """Make the session that `text` names the channel's default for `/devin-say`.

        Raises:
            BadSession: `text` does not name a session.
            NotAllowed: `by` may not.
        """
        await self._accepting.check(by, channel)
        session = await self._choices.named(text, channel, by)
        await self._defaults.set(channel, ChannelDefault(session=session, by=by))
        return session

    async def clear_default(self, channel: str, by: UserId) -> None:
        """Forget the channel's default session.

        Raises:
            NotAllowed: `by` may not.
        """
        await self._accepting.check(by, channel)
        await self._defaults.clear(channel)

    async def _check(self, channel: str, by: UserId, text: str) -> None:
        await self._accepting.check(by, channel)
        if not text.strip():
            raise NothingToSay

    async def _heard(self, channel: str) -> Sequence[tuple[ThreadRef, Link]]:
        active = await self._links.active(self._team, channel, ACTIVE)
        return [(thread, link) for thread, link in active if not link.muted]

    def _new(self, channel: str) -> ThreadRef:
        return ThreadRef(team=self._team, channel=channel, thread_ts="")
