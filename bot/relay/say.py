"""`/devin-say`: a message for Devin from a channel, posted there and delivered."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.errors import (
    CannotPost,
    ChooseSession,
    NothingToSay,
    NotTaken,
    SlackRefused,
)
from bot.model.people import UserId
from bot.model.replies import Change, Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef, ts_micros
from bot.relay.accept import Accepting
from bot.relay.asking.session_choices import SessionChoices
from bot.relay.speaking import begin_thread
from bot.relay.workspace import Workspace
from bot.store.channel_defaults import ChannelDefault, ChannelDefaults
from bot.store.links import Links
from bot.wording import devin_say

ACTIVE = timedelta(days=7)
"""`/devin-say` without a session ignores sessions without traffic for longer than this."""


class Say:
    """Posts messages in a channel and accepts them for a session."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        accepting: Accepting,
        links: Links,
        defaults: ChannelDefaults,
        choices: SessionChoices,
    ) -> None:
        self._accepting = accepting
        self._links = links
        self._defaults = defaults
        self._choices = choices
        self._team = workspace.team
        self._threads = workspace.threads
        self._workspace = workspace

    async def say(self, channel: str, by: UserId, session: SessionId | None, text: str) -> None:
        """Post `text` under the person's name, in a thread linked to `session`, and send it.

        Without a session the channel's default is used as if it were named, or else the thread of
        the one session that was active in the channel in the last seven days. `text` is Slack
        markup.

        Raises:
            NothingToSay: `text` is empty.
            ChooseSession: no session was named, and not exactly one is active.
            CannotPost: Slack does not let the relay post there.
            NotTaken: it was posted, but its thread was unlinked or muted before it was sent.
            NotAllowed: `by` may not.
        """
        await self._check(channel, by, text)
        if session is not None:
            session = await self._choices.whole(session, channel, by)
        else:
            session = await self._defaults.use(self._team, channel)
        if session is not None:
            await self._begin(channel, by, session, text)
            return
        heard = await self._heard(channel)
        if len({link.session for _, link in heard}) != 1:
            raise ChooseSession(heard)
        thread, link = heard[0]
        await self._go_on(thread, by, link.session, text)

    async def go_on(self, channel: str, by: UserId, session: SessionId, text: str) -> None:
        """Say `text` in the channel's latest thread of `session`, or in a new thread without one.

        Raises:
            PersonError: as for `say`.
        """
        await self._check(channel, by, text)
        heard = await self._heard(channel)
        thread = next((one for one, link in heard if link.session == session), None)
        if thread is None:
            await self._begin(channel, by, session, text)
        else:
            await self._go_on(thread, by, session, text)

    async def default(self, channel: str, by: UserId) -> ChannelDefault | None:
        """Return the channel's default session.

        Raises:
            NotAllowed: `by` may not.
        """
        await self._accepting.check(by, channel)
        return await self._defaults.get(self._team, channel)

    async def set_default(self, channel: str, by: UserId, text: str) -> SessionId:
        """Make the session that `text` names the channel's default for `/devin-say`.

        Raises:
            BadSession: `text` does not name a session.
            NotAllowed: `by` may not.
        """
        await self._accepting.check(by, channel)
        session = await self._choices.named(text, channel, by)
        await self._defaults.set(self._team, channel, ChannelDefault(session=session, by=by))
        return session

    async def clear_default(self, channel: str, by: UserId) -> None:
        """Forget the channel's default session.

        Raises:
            NotAllowed: `by` may not.
        """
        await self._accepting.check(by, channel)
        await self._defaults.clear(self._team, channel)

    async def _check(self, channel: str, by: UserId, text: str) -> None:
        await self._accepting.check(by, channel)
        if not text.strip():
            raise NothingToSay

    async def _heard(self, channel: str) -> Sequence[tuple[ThreadRef, Link]]:
        active = await self._links.active(self._team, channel, ACTIVE)
        return [(thread, link) for thread, link in active if not link.muted]

    async def _begin(self, channel: str, by: UserId, session: SessionId, text: str) -> None:
        root = await begin_thread(self._workspace, self._accepting, channel, by, text)
        await self._accepting.link(root.thread, by, session, ts_micros(root.ts), root=root)
        await self._accept(root, session)

    async def _go_on(self, thread: ThreadRef, by: UserId, session: SessionId, text: str) -> None:
        words = devin_say.said(await self._accepting.name(by), devin_say.harmless(text))
        try:
            ts = await self._threads.post(thread, words)
        except SlackRefused as error:
            raise CannotPost(error.reason) from error
        await self._accept(Reply(thread=thread, ts=ts, author=by, text=text), session)

    async def _accept(self, reply: Reply, session: SessionId) -> None:
        change = await self._accepting.accept(reply, session)
        if change in {Change.UNLINKED, Change.MUTED}:
            raise NotTaken(change)
