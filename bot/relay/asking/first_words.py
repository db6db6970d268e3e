"""Asks people who spoke to the bot, but gave no command, what their words are to be.

Nothing is started, run or sent before they press a button, and only they can press it.
"""

from dataclasses import dataclass
from typing import ClassVar

from bot.model.errors import NotLinked, TicketGone
from bot.model.people import Act, UserId
from bot.model.replies import Change, Reply
from bot.relay.accept import Accepting
from bot.relay.asking.link_form import LinkForm
from bot.relay.lifecycle.starting import Start, Starting
from bot.reporting.reporter import Notices
from bot.slack.app.workspace import Workspace
from bot.store.claims import Ticket
from bot.store.state import State
from bot.text.to_devin import strip_mention
from bot.wording import thread_links
from bot.wording.message import SlackMessage


class WordsAsked(Ticket):
    """A message to the bot, and the command that it may mean, if any."""

    kind: ClassVar[str] = "WordsAsked"

    message: Reply
    verb: str = ""
    argument: str = ""


@dataclass(frozen=True, slots=True)
class FirstWords:
    """Makes the offers, and carries out those that don't belong to another use case."""

    workspace: Workspace
    state: State
    accepting: Accepting
    starting: Starting
    link_form: LinkForm
    notices: Notices

    async def offer(self, message: Reply) -> None:
        """Offer the author of `message`, in an unlinked thread or as its start, to begin there.

        Raises:
            NotAllowed: its author may neither start nor link a session there.
        """
        await self.accepting.check(
            message.author, message.thread.channel, Act.START, reply_id=message.id
        )
        number = await self.state.tickets.issue(WordsAsked(by=message.author, message=message))
        await self._tell(
            message, thread_links.not_linked(number, is_direct=message.thread.is_direct)
        )

    async def ask_session(self, message: Reply) -> None:
        """Ask the author of `message` which session its thread is to be linked to.

        Raises:
            NotAllowed: as for `offer`.
        """
        await self.accepting.check(message.author, message.thread.channel, Act.START)
        number = await self.state.tickets.issue(WordsAsked(by=message.author, message=message))
        await self._tell(message, thread_links.which_session(number))

    async def ask(self, message: Reply, verb: str, argument: str) -> None:
        """Ask the author of `message` whether they meant the command.

        Raises:
            NotAllowed: its author may not message Devin there.
        """
        await self.accepting.check(message.author, message.thread.channel, reply_id=message.id)
        is_linked = await self.state.links.get(message.thread) is not None
        asked = WordsAsked(by=message.author, message=message, verb=verb, argument=argument)
        number = await self.state.tickets.issue(asked)
        words = thread_links.did_you_mean(verb, argument, number, is_linked=is_linked)
        await self._tell(message, words)

    async def read(self, number: str, by: UserId, channel: str) -> WordsAsked:
        """Return what `by` was asked about in `channel`.

        Raises:
            TicketGone: they were not asked, or it was too long ago.
        """
        asked = await self.state.tickets.read(WordsAsked, number, by)
        if asked is None or asked.message.thread.channel != channel:
            raise TicketGone
        return asked

    async def start(self, number: str, by: UserId, channel: str, at: str) -> None:
        """Start a session with the message, as if it were a `start`. Idempotent.

        What was written before the press, whose `ts` is `at`, doesn't go to Devin.

        Raises:
            TicketGone: as for `read`.
            LinkedElsewhere: as for `Starting.start`.
        """
        message = (await self.read(number, by, channel)).message
        said = strip_mention(message.text, self.workspace.identity.user)
        prompt = message.text if said is None else said
        message = message.model_copy(update={"text": prompt, "blocks": ()})
        start = Start(message=message, reads_thread=True, is_talk=True, pressed=at)
        await self.starting.start(start)

    async def send(self, number: str, by: UserId, channel: str) -> Change:
        """Send the message to Devin after all. Idempotent.

        Raises:
            TicketGone: as for `read`.
            NotLinked: its thread was unlinked meanwhile.
            IsMuted: as for `LinkForm.send`.
        """
        message = (await self.read(number, by, channel)).message
        sent = await self.link_form.send(message, by)
        if not isinstance(sent, Change):
            raise NotLinked
        return sent

    async def _tell(self, message: Reply, words: SlackMessage) -> None:
        # Slack may send the message as two events, and each of them again.
        once = f"asked:{message.ts}"
        await self.notices.whisper(message.thread, message.author, words, once=once, at=message.ts)
