"""What people say through the relay is an outbox entry: posted in their name, and then accepted.

`/devin-say`, answers by a button, corrections, and the steps of workflows only owe it, and
`speaker.py` carries it out. The entry is also the claim: of several with one key, the first counts.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from bot.model.errors import IsMuted
from bot.model.people import Act, UserId
from bot.model.record import Record
from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, micros_ts
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.slack.app.workspace import Workspace
from bot.store.outbox import KEEP, Begun, Owed, OwedKind, Owing, Schedule
from bot.store.state import State
from bot.wording import commands
from bot.wording.message import SlackMessage

KEEP_ANSWER = timedelta(days=30)
"""The time for which the answer to a question is known."""

MARGIN = 60_000_000
"""How far Slack's time may be behind what this process takes it for, in microseconds."""


class Spoken(Record):
    """Words of a person, or of a workflow, that are to be posted, and sent to `session`.

    `reply` is what Devin reads, with the `ts` after which the post can be looked for; it is posted
    in its thread, or as a new thread if that has no `thread_ts`. Without a session, one is started.
    If it `links`, the thread is linked first. `asked` is the question that it answers, by a button
    of the message at `pressed`. `key` says what it is about, once, and `number` tells it from one
    that was refused. `act` is what its author must be allowed to do. What `stops` Devin is sent
    from a muted thread as well.
    """

    key: str
    number: str
    reply: Reply
    words: SlackMessage
    session: SessionId | None = None
    links: bool = False
    act: Act = Act.MESSAGE
    asked: str = ""
    pressed: str = ""
    stops: bool = False

    @property
    def owed(self) -> Owed:
        """Its entry in the outbox."""
        return _owed(self.reply.thread.team, self.key)

    @property
    def post(self) -> str:
        """The key of its post."""
        return f"{self.key}:{self.number}"

    @property
    def told_in(self) -> ThreadRef:
        """Where its author is: in the thread, or in the channel, where a command was typed."""
        thread = self.reply.thread
        is_in_thread = self.asked or self.stops or self.reply.is_correction
        return thread if is_in_thread else thread.model_copy(update={"thread_ts": ""})

    def posted(self, ts: str) -> Reply:
        """Return the reply as it is once it is posted at `ts`."""
        thread = self.reply.thread
        if not thread.thread_ts:
            thread = thread.model_copy(update={"thread_ts": ts})
        return self.reply.model_copy(update={"thread": thread, "ts": ts})

    @classmethod
    def of(cls, key: str, reply: Reply, words: SlackMessage, **more: object) -> Self:
        """Return a new one."""
        fields = {"key": key, "number": secrets.token_hex(4), "reply": reply, "words": words}
        return cls.model_validate({**fields, **more})


@dataclass(frozen=True, slots=True)
class Speaking:
    """Owes what people say."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    schedule: Schedule

    async def say(self, spoken: Spoken) -> Owing:
        """Owe `spoken`, and have it posted soon; of several with one key, only the first.

        Raises:
            TooManyStarts: it starts a session, and its author has asked for too many.
        """
        if spoken.session is None:
            reply = spoken.reply
            channel = reply.thread.channel
            await self.accepting.count_start(reply.author, channel, spoken.key, reply.step)
        keep = KEEP_ANSWER if spoken.asked else KEEP
        owing = await self.state.outbox.owe(spoken.owed, spoken.to_json(), keep)
        if owing:
            await self.schedule.tell(spoken.owed)
        return owing

    async def command(
        self,
        thread: ThreadRef,
        by: UserId,
        text: str,
        key: str,
        session: SessionId | None = None,
        act: Act = Act.MESSAGE,
    ) -> Owing:
        """Owe what a person says by a command or a form; `key` is new unless it has a ticket.

        Without a `thread_ts` it begins a thread. `text` is Slack markup.

        Raises:
            CannotPost: Slack would not let the relay post there, or the channel has moved.
            TooManyStarts: as for `say`.
        """
        await self.workspace.threads.check_in(thread.channel)
        reply = Reply(thread=thread, ts=self.since(), author=by, text=text)
        words = commands.said(await self.workspace.people.name(by), commands.harmless(text))
        links = session is not None and not thread.thread_ts
        about = {"session": session, "links": links, "act": act}
        return await self.say(Spoken.of(command_key(key), reply, words, **about))

    async def refuse(self, key: str) -> bool:
        """Have nothing said under `key`; return False if something was, or will be."""
        owed = _owed(self.workspace.team, key)
        await self.state.outbox.owe(owed, "", KEEP)
        return await self.state.outbox.asked(owed.subject) == ""

    async def said(self, key: str) -> Spoken | None:
        """Return what was said under `key`, while that is kept."""
        return Spoken.parse(await self.state.outbox.asked(_owed(self.workspace.team, key).subject))

    async def end(self, begun: Begun, spoken: Spoken | None, *, told: bool) -> None:
        """End an entry; what was not `told` may be said again.

        Of what was told, only an answer stays known, and with it whose it is.
        """
        if told or spoken is None:
            await self.state.outbox.end(begun, forget=spoken is not None and not spoken.asked)
        else:
            await self.state.outbox.take_back(begun)

    async def check_link(
        self, thread: ThreadRef, session: SessionId | None, *, stops: bool = False
    ) -> None:
        """Check that the replies of `thread` go to `session`, or what `stops` it.

        Raises:
            NotLinked, LinkChanged, IsMuted: they do not.
        """
        link = await self.naming.check(await self.state.links.get(thread), session)
        if link.muted and not stops:
            raise IsMuted

    def since(self) -> str:
        """Return a `ts` that is older than whatever is posted from now on."""
        return micros_ts(max(0, self.workspace.clock.now - MARGIN))


def command_key(number: str) -> str:
    """Return the key of what is said by the ticket `number`, or by a command without one."""
    return f"say:{number or secrets.token_hex(16)}"


def _owed(team: str, key: str) -> Owed:
    return Owed(f"{team}:post:{key}", 1, OwedKind.POST)
