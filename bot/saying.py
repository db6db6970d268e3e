"""`/devin-say`: a message for Devin from a channel, posted there and delivered."""

from collections.abc import Sequence
from datetime import timedelta

from bot import messages
from bot.accepting import Accepting
from bot.errors import CannotPost, ChooseSession, NothingToSay, SlackRefused
from bot.links import Links
from bot.models import Link, Reply, SessionId, ThreadRef, UserId
from bot.threads import Threads

ACTIVE = timedelta(days=7)
"""A session without traffic for longer is not what `/devin-say` without a session means."""


class Saying:
    """Brings what is said in a channel to a session."""

    def __init__(self, *, accepting: Accepting, links: Links, threads: Threads, team: str) -> None:
        self._accepting = accepting
        self._links = links
        self._threads = threads
        self._team = team

    async def say(self, channel: str, by: UserId, session: SessionId | None, text: str) -> None:
        """Post `text` in the person's name, in a thread that is linked to `session`, and send it.

        Without a session it goes into the thread of the channel's one session that was active in
        the last seven days. `text` is Slack markup.

        Raises:
            NothingToSay: it is empty.
            ChooseSession: no session was named, and not exactly one is active.
            CannotPost: Slack does not let us post there.
            NotAllowed: `by` may not.
        """
        await self._accepting.check(by, channel)
        if not text.strip():
            raise NothingToSay
        words = messages.said(await self._accepting.name(by), messages.harmless(text))
        try:
            if session is None:
                thread, link = self._only(await self._links.active(self._team, channel, ACTIVE))
                session, ts = link.session, await self._threads.post(thread, words)
            else:
                ts = await self._threads.open(channel, words)
                thread = ThreadRef(team=self._team, channel=channel, thread_ts=ts)
                await self._accepting.link(thread, by, session)
        except SlackRefused as error:
            raise CannotPost(error.reason) from error
        await self._accepting.take(Reply(thread=thread, ts=ts, author=by, text=text), session)

    def _only(self, active: Sequence[tuple[ThreadRef, Link]]) -> tuple[ThreadRef, Link]:
        heard = [(thread, link) for thread, link in active if not link.muted]
        if len({link.session for _, link in heard}) != 1:
            raise ChooseSession(heard)
        return heard[0]
