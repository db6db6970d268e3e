"""Tells the thread of a session's start about its cap, once no thread is linked to the session."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.mirror.audience import Audience
from bot.model.sessions import Said
from bot.model.threads import ThreadRef
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.state import State
from bot.store.watches import TakenPoll
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import far_cap


class Say(Protocol):
    """Owes words to a thread; of several with the same `once`, only the first."""

    async def __call__(self, thread: ThreadRef, words: SlackMessage, *, once: str) -> None:
        """Owe `words` to everybody in `thread`."""


@dataclass(frozen=True, slots=True)
class FarCaps:
    """Tells of caps before a poll is recorded: a poll that is made again tells nothing twice."""

    workspace: Workspace
    state: State
    audience: Audience
    say: Say

    async def tell(self, poll: TakenPoll, said: Sequence[Said]) -> None:
        """Tell what was `said` of the cap of a session that was started here."""
        start = poll.started
        if start is None or not start.thread or not said:
            return
        thread = self.workspace.place(start.channel).model_copy(update={"thread_ts": start.thread})
        is_allowed = self.workspace.permissions.allows_channel(start.channel)
        if not is_allowed or await self.audience.is_barred(start.channel, start.by, Need.WORDS):
            return
        named = await self.state.names.one(poll.session)
        for one in said:
            words = far_cap(named, one)
            await self.say(thread, words, once=f"{one.kind}:{poll.session}:{poll.seen.read_at}")
