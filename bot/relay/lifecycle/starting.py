"""People start sessions: by a mention in a thread, by `/devin-say new`, or by a form.

A start is only written to the outbox here; `starter.py` carries it out. Its options are checked
when a person asks, and again when the prompt is composed from the message as it is then.
"""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field

from bot.model import errors
from bot.model.people import Act, Standing, UserId
from bot.model.record import Record
from bot.model.replies import Reply
from bot.model.sessions import SessionId, Started
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros, Ts, ts_micros
from bot.relay.accept import Accepting
from bot.relay.lifecycle.choosing import Choosing
from bot.relay.naming import Naming
from bot.relay.speaking import Speaking
from bot.slack.app.workspace import Workspace
from bot.store.outbox import Owed, OwedKind, Owing
from bot.store.state import State
from bot.text.to_slack import escape
from bot.wording.lifecycle import starting as words
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)


class Noted(Record):
    """What is noted with the claim that Devin was asked, whose `token` one try has.

    Once Devin answers, it has the `session`, or what is `told` if there is none.
    """

    token: str = Field(default_factory=lambda: secrets.token_hex(8))
    started: Started = Started()
    session: SessionId | None = None
    told: SlackMessage | None = None


class Start(Record):
    """A session to be started from `message`, in its thread, which is linked to it then.

    `asked` is when it was asked for, and `number` counts the times that people asked.
    If it `reads_thread`, the messages before it are part of the prompt. `by_button`: the thread has
    no such message, but a press at its `ts`. It `continues` a session at its cap; it `goes_on` from
    there if the thread is linked to it, with what people write until Devin is asked. `is_talk`: all
    of the message is the prompt, by a press at the `ts` `pressed` or a reaction with `emoji`.
    `is_typed`: a form has changed what the message says. `quotes` is what a person chose about the
    words of those who may not message Devin, in place of `START_QUOTES`.
    """

    message: Reply
    asked: Micros = Micros(0)
    number: int = 1
    reads_thread: bool = False
    by_button: bool = False
    continues: SessionId = SessionId("")
    goes_on: bool = False
    is_talk: bool = False
    is_typed: bool = False
    pressed: Ts = ""
    emoji: str = ""
    quotes: Literal["", "allowed", "all"] = ""

    @property
    def is_reaction(self) -> bool:
        """True if nobody has typed anything for it: it has the channel's options alone."""
        return bool(self.emoji) and not self.is_typed

    @property
    def until(self) -> Ts:
        """The `ts` up to which the messages of the thread are part of the prompt; empty: now."""
        if self.goes_on:
            return ""
        return self.pressed if self.emoji else self.message.ts

    @property
    def thread(self) -> ThreadRef:
        """The thread that will be linked to the session."""
        return self.message.thread

    @property
    def since(self) -> Ts:
        """The `ts` from which on what people write in the thread is for the session."""
        return self.pressed or self.message.ts

    @property
    def by(self) -> UserId:
        """The person who asked for it, or `WORKFLOW`; they may send what another one wrote."""
        return self.message.sent_by or self.message.author

    @property
    def owed(self) -> Owed:
        """Its entry in the outbox."""
        return Owed(subject_of(self.thread, self.message.ts, self.number), 1, OwedKind.START)

    @property
    def tag(self) -> str:
        """The tag by which its session is found again; no other session has it."""
        return f"relay-{hashlib.sha256(self.owed.subject.encode()).hexdigest()[:32]}"

    @property
    def sent(self) -> str:
        """The claim that Devin was asked for its session."""
        return f"start sent:{self.tag}"

    @property
    def only(self) -> str:
        """The claim to continue that session, by the claim `sent` of the one start that does."""
        return f"continued:{self.continues}"

    def may_be_repeated(self, told: SlackMessage) -> bool:
        """Return True if another reaction may ask again, as what is `told` has no button for it."""
        return self.is_reaction and not told.buttons

    def again(self, message: Reply) -> Self:
        """Return the next start, of what its form made of the message."""
        more = {"number": self.number + 1, "message": message, "is_typed": True}
        return self.model_copy(update=more)

    def chosen(self, by: UserId, *, quotes_all: bool) -> Self:
        """Return the next start, which `by` asks for by their choice, of the same message."""
        message = self.message.model_copy(
            update={"sent_by": None if by == self.message.author else by}
        )
        more = {"message": message, "quotes": "all" if quotes_all else "allowed"}
        return self.model_copy(update=more | {"number": self.number + 1})

    @property
    def log_fields(self) -> dict[str, object]:
        """The fields by which the log names it."""
        return {**self.thread.log_fields, "tag": self.tag, "by": self.by}


def subject_of(thread: ThreadRef, ts: str, number: int) -> str:
    """Return the subject of the start that the message `ts` asks for, the `number`th time."""
    return f"{thread.team}:start:{thread.channel}:{ts}:{number}"


@dataclass(frozen=True, slots=True)
class Starting:
    """Keeps the starts that people ask for."""

    workspace: Workspace
    state: State
    accepting: Accepting
    choosing: Choosing
    naming: Naming
    speaking: Speaking

    async def start(self, start: Start) -> None:
        """Start a session from a message, whose text is the prompt, and the thread before it.

        Idempotent. Raises `AlreadyDone` for the reaction of another, `BadOptions`,
        `LinkedElsewhere` and `TooManyStarts`.
        """
        await self.accepting.check(start.by, start.thread.channel, Act.START)
        if start.emoji and self.workspace.settings.act_as == "required":
            raise await self.accepting.turn_away(
                start.by, start.thread.channel, Standing.REACTION, reply_id=start.message.id
            )
        await self.ask(start, start.by)

    async def say(self, channel: str, by: UserId, text: str, key: str = "") -> None:
        """Have `text` posted under the person's name, and a session started in that new thread.

        `text` is Slack markup, and said once for each `key`. Raises `NoTask`, `BadOptions`,
        `CannotPost` and `TooManyStarts`.
        """
        await self.accepting.check(by, channel, Act.START)
        if not (await self.choosing.of(channel, text)).prompt.strip():
            raise errors.NoTask
        await self.speaking.command(self.workspace.place(channel), by, text, key, act=Act.START)

    async def go_on(
        self, thread: ThreadRef, session: SessionId, by: UserId, pressed: Ts
    ) -> Link | None:
        """Start a session that goes on from `session`, which is at its cap, with its options.

        Return the link of `thread` to `session`, which gives way, or None. Raises as `ask` does.
        """
        await self.accepting.check(by, thread.channel, Act.START)
        started = await self.state.watches.started(session) or Started()
        before = await self.state.names.one(session)
        options = await self.choosing.going_on(thread.channel, started.chosen)
        text = f"{escape(options.written())} {words.going_on(before)}".strip()
        asks = Reply(thread=thread, ts=pressed, author=by, text=text)
        found = await self.state.links.get(thread)
        link = found if found and found.session == session else None
        start = Start(message=asks, reads_thread=True, by_button=True, continues=session)
        takes = link is not None and link.takes_replies
        await self.ask(start.model_copy(update={"goes_on": takes}), by)
        return link

    async def choose(
        self, thread: ThreadRef, ts: Ts, number: int, by: UserId, *, quotes_all: bool
    ) -> None:
        """Start after all what the message `ts` of `thread` asked for the `number`th time, once.

        Raises `Expired`, `AlreadyDone` if another choice was first, and what `ask` does.
        """
        await self.accepting.check(by, thread.channel, Act.START)
        asked = Start.parse(await self.state.outbox.content(subject_of(thread, ts, number)))
        if asked is None or asked.thread != thread:
            raise errors.Expired
        if await self.ask(asked.chosen(by, quotes_all=quotes_all), by) is not Owing.NEW:
            raise errors.AlreadyDone

    async def begin_with(self, posted: Reply) -> None:
        """Keep a start whose prompt was posted in a person's name."""
        await self.begin(Start(message=posted))

    async def begin(self, start: Start) -> Owing:
        """Keep a start, which is asked for now, and carry it out soon; a repeat changes nothing."""
        start = start.model_copy(update={"asked": self.workspace.clock.now})
        owing = await self.accepting.owe(start.owed, start.to_json())
        log.info("start", extra=start.log_fields)
        return owing

    async def ask(self, start: Start, by: UserId) -> Owing:
        """Begin a start that `by` asks for, once, unless its thread's link doesn't give way.

        Raises what `start` does, and `ContinuedAlready`, or `UnderWay` until that session is there.
        """
        if start.continues:
            await self._check_continued(start)
        text = "" if start.is_reaction else start.message.text
        await self.choosing.of(start.thread.channel, text)
        link = await self.state.links.get(start.thread)
        is_repeat = link is not None and link.since == ts_micros(start.since)
        gives_way = link is None or await self.accepting.gives_way(start.thread, link)
        if link is not None and not (is_repeat or gives_way):
            raise errors.LinkedElsewhere(*await self.naming.linked(link, start.thread.channel))
        # The claim that Devin was asked lasts longer than the entry in the outbox.
        if start.is_reaction and not is_repeat and await self.state.claims.is_claimed(start.sent):
            raise errors.AlreadyDone
        if await self.state.outbox.content(start.owed.subject) is None:  # the first one pays
            await self.accepting.count_start(by, start.thread.channel, start.owed.subject)
        return await self.begin(start)

    async def _check_continued(self, start: Start) -> None:
        """Raise if another start continues the session, or has continued it."""
        sent = await self.state.claims.noted(start.only)
        if sent is None or sent == start.sent:
            return
        noted = Noted.parse(await self.state.claims.noted(sent))
        if noted is None or noted.session is None:
            raise errors.UnderWay
        raise errors.ContinuedAlready(
            await self.naming.one(noted.session, start.thread.channel, start.by)
        )
