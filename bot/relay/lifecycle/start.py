"""A request to start a session, as the outbox keeps it."""

import hashlib
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from bot.model.mirror import Started
from bot.model.options import Options
from bot.model.people import UserId
from bot.model.record import Record
from bot.model.replies import Reply
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.runtime.logs import Event, audit
from bot.store.outbox import KEEP, Owed, OwedKind
from bot.text.options import parse_options
from bot.text.to_slack import escape
from bot.wording.message import SlackMessage

KEEP_CLAIM = KEEP + timedelta(days=1)
"""Longer than an entry that is not tried any more."""


@dataclass(frozen=True, slots=True)
class Made:
    """A session that was started, and how."""

    named: NamedSession
    started: Started


class Start(Record):
    """A session to be started from `message`, in its thread, which is linked to it then.

    `at` is when it was asked for (Unix seconds), and `number` counts the times that people asked.
    If it `reads_thread`, the messages before it are part of the prompt. `by_button`: a press asked
    for it, at the `ts` of `message`, and there is no such message in the thread. `is_talk`: all of
    the message is the prompt, since a press made it one, at the `ts` `pressed`, or a reaction with
    `emoji`. `is_typed`: a form has changed what the message says, which then only has to be there
    still.
    """

    message: Reply
    at: int
    number: int = 1
    reads_thread: bool = False
    by_button: bool = False
    is_talk: bool = False
    is_typed: bool = False
    pressed: str = ""
    emoji: str = ""

    @property
    def is_reaction(self) -> bool:
        """True if nobody has typed anything for it: it has the channel's options alone."""
        return bool(self.emoji) and not self.is_typed

    @property
    def until(self) -> str:
        """The `ts` up to which the messages of the thread are part of the prompt."""
        return self.pressed if self.emoji else self.message.ts

    @property
    def thread(self) -> ThreadRef:
        """The thread that will be linked to the session."""
        return self.message.thread

    @property
    def since(self) -> str:
        """The `ts` from which on what people write in the thread is for the session."""
        return self.pressed or self.message.ts

    @property
    def by(self) -> UserId:
        """The person who asked for it, or `WORKFLOW`; they may send what another one wrote."""
        return self.message.sent_by or self.message.author

    @property
    def owed(self) -> Owed:
        """Its entry in the outbox."""
        where = self.thread
        subject = subject_of(where, self.message.ts, self.number)
        return Owed(subject, 1, OwedKind.START)

    @property
    def tag(self) -> str:
        """The tag by which its session is found again; no other session has it."""
        return f"relay-{hashlib.sha256(self.owed.subject.encode()).hexdigest()[:32]}"

    @property
    def sent(self) -> str:
        """The claim that Devin was asked for its session."""
        return f"start sent:{self.tag}"

    def keep(self, link_ttl: timedelta) -> timedelta:
        """Return how long that claim is kept: with an emoji, as long as the session may be linked.

        Until then, no other reaction to the message starts another session.
        """
        return max(KEEP_CLAIM, link_ttl) if self.emoji else KEEP_CLAIM

    def may_be_repeated(self, told: SlackMessage) -> bool:
        """Return True if another reaction may ask again, as what is `told` has no button for it."""
        return self.is_reaction and not told.buttons

    def started(self, chosen: Options, as_user: str = "") -> Started:
        """Return what is kept of its session, which `chosen` options apply to."""
        return Started(
            by=self.by,
            channel=self.thread.channel,
            thread=self.thread.thread_ts,
            cap=chosen.max_acu,
            chosen=chosen.words(),
            as_user=as_user,
        )

    def again(self, message: Reply) -> Self:
        """Return the next start, which is asked for now, of what its form made of the message."""
        more = {"number": self.number + 1, "message": message, "is_typed": True}
        return self.model_copy(update={**more, "at": int(time.time())})

    @property
    def log_fields(self) -> dict[str, object]:
        """The fields by which the log names it."""
        return {**self.thread.log_fields, "tag": self.tag, "by": self.by}


def subject_of(thread: ThreadRef, ts: str, number: int) -> str:
    """Return the subject of the start that the message `ts` asks for, the `number`th time."""
    return f"{thread.team}:start:{thread.channel}:{ts}:{number}"


def record(start: Start, session: SessionId, started: Started) -> None:
    """Put on record who started `session`, and with which options; a title is people's words."""
    options, _ = parse_options(escape(started.chosen))
    chosen = options.model_copy(update={"title": ""}).words()
    ids = {**start.thread.log_fields, "session_id": session, "tag": start.tag}
    audit(
        Event.STARTED,
        started.by or start.by,
        **ids,
        chosen=chosen,
        as_user=started.as_user,
        step=start.message.step,
    )
