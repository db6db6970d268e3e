"""What people say through the relay is an outbox entry: posted in their name, and then accepted.

The entry is also the claim: of several with one key, the first counts. Each try checks before it
posts that its author still may, and the thread still has its link, or the question its buttons. If
it can't be done, the person is told alone, or the workflow's step fails.
"""

import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import Field

from bot.delivery.compose import markdown_of
from bot.mirror.agents import stopping
from bot.model import errors
from bot.model.people import Act, UserId
from bot.model.record import Record
from bot.model.replies import Change, Evidence, Reply
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.model.times import Ts, micros_ts, ts_micros
from bot.redis import keep
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.reporting.notices import Notices
from bot.reporting.outcomes import Completes
from bot.reporting.reporter import having_posted
from bot.runtime.logs import Event, audit
from bot.slack.app.workspace import Workspace
from bot.store.outbox import (
    MOOT,
    Begun,
    Ended,
    Fate,
    Leaves,
    Owed,
    OwedKind,
    Owing,
    Teller,
    answer_key,
    post_owed,
)
from bot.store.state import State
from bot.text.to_slack import escape
from bot.wording import commands, refusals
from bot.wording.message import SlackMessage, verbatim
from bot.wording.mirror import posts

log = logging.getLogger(__name__)


_MAY_WORK = frozenset({SessionState.WORKING, SessionState.UNKNOWN})


class Spoken(Record):
    """Words of a person, or of a workflow, that are to be posted, and sent to `session`.

    `reply` is what Devin reads, with the `ts` after which the post can be looked for; without a
    `thread_ts`, it is posted as a new thread. Without a session, one is started. If it `links`, the
    thread is linked first. `asked` is the question that it answers, by a button of the message at
    `pressed`; of a *Stop*, that is the time of the press. `key` says what it is about, and `number`
    tells it from one that was refused. Its author must be allowed to do `act`.
    """

    key: str
    number: str = Field(default_factory=lambda: secrets.token_hex(4))
    reply: Reply
    words: SlackMessage
    session: SessionId | None = None
    links: bool = False
    act: Act = Act.MESSAGE
    asked: str = ""
    pressed: Ts = ""

    @property
    def owed(self) -> Owed:
        """Its entry in the outbox."""
        return post_owed(self.reply.thread.team, self.key)

    @property
    def told_in(self) -> ThreadRef:
        """Where its author is: in the thread, or in the channel, where a command was typed."""
        thread = self.reply.thread
        is_in_thread = self.asked or self.reply.is_stop or self.reply.is_correction
        return thread if is_in_thread else thread.model_copy(update={"thread_ts": ""})

    def posted(self, ts: str) -> Reply:
        """Return the reply as it is once it is posted at `ts`."""
        thread = self.reply.thread
        if not thread.thread_ts:
            thread = thread.model_copy(update={"thread_ts": ts})
        return self.reply.model_copy(update={"thread": thread, "ts": ts})


@dataclass(frozen=True, slots=True)
class Speaking:
    """Owes what people say."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming

    async def say(self, spoken: Spoken) -> Owing:
        """Owe `spoken`, and have it posted soon, once for each key; may raise `TooManyStarts`."""
        if spoken.session is None:
            reply = spoken.reply
            channel = reply.thread.channel
            await self.accepting.count_start(reply.author, channel, spoken.key, reply.step)
        kept = keep.ANSWERED if spoken.asked else keep.TRIED
        return await self.accepting.owe(spoken.owed, spoken.to_json(), kept)

    async def command(
        self,
        thread: ThreadRef,
        by: UserId,
        text: str,
        key: str,
        session: SessionId | None = None,
        act: Act = Act.MESSAGE,
    ) -> None:
        """Owe the `text` (markup) of a command or a form; of a `key`, the same words only once.

        Without a `thread_ts` it begins a thread. Raises `CannotPost`, and what `say` does.
        """
        await self.workspace.channels.check_in(thread.channel)
        reply = Reply(thread=thread, ts=self.workspace.clock.before_now(), author=by, text=text)
        words = commands.said(await self.workspace.people.name(by), text)
        # A form that Slack brings again says the same; one that a person submits again may not.
        made = hashlib.sha256(f"{session} {text}".encode()).hexdigest()[:16]
        key = f"say:{key}:{made}" if key else f"say:{secrets.token_hex(16)}"
        links = session is not None and not thread.thread_ts
        spoken = Spoken(key=key, reply=reply, words=words, session=session, links=links, act=act)
        await self.say(spoken)

    async def answer(
        self,
        thread: ThreadRef,
        pressed: Ts,
        session: SessionId,
        asked: str,
        number: int,
        by: UserId,
    ) -> None:
        """Answer what was `asked` with the option `number`, as it was read, once: the first wins.

        An approval has the one option 0, and is an act of its own. The buttons of the message at
        `pressed` then give way. Raises `AnsweredAlready`, `MovedOn`, and as `check_link` does.
        """
        await self.accepting.check(by, thread.channel)
        await self.check_link(thread, session)
        key, people = answer_key(session, asked), self.workspace.people
        before = await self.said(key)
        if before is None:
            seen = await self.state.watches.asking(session, asked)
            if seen is None or number >= len(seen.options):
                raise errors.MovedOn
            text, is_approval = seen.options[number], seen.asked_in is SessionState.APPROVAL
            act = Act.APPROVE if is_approval else Act.MESSAGE
            await self.accepting.check(by, thread.channel, act)
            words = posts.answers(await people.name(by), text)
            since = self.workspace.clock.before_now()
            chosen = dict(verbatim(text, "rich_text_section"))
            reply = Reply(thread=thread, ts=since, author=by, text=escape(text), blocks=(chosen,))
            mine = Spoken(key=key, reply=reply, words=words, session=session, act=act)
            mine = mine.model_copy(update={"asked": asked, "pressed": pressed})
            before = mine if await self.say(mine) is Owing.NEW else await self.said(key)
            if before is None:
                raise errors.UnderWay("answer")
            if before.number == mine.number:
                event = Event.APPROVED if is_approval else Event.ANSWERED
                audit(event, by, **thread.log_fields, session_id=session)
                return
        raise errors.AnsweredAlready(await people.name(before.reply.author), before.words.quote)

    async def refuse(self, key: str) -> bool:
        """Have nothing said under `key`; return False if something was, or will be."""
        owed = post_owed(self.workspace.team, key)
        await self.accepting.owe(owed, "")
        return await self.state.outbox.content(owed.subject) == ""

    async def said(self, key: str) -> Spoken | None:
        """Return what was said under `key`, while that is kept."""
        owed = post_owed(self.workspace.team, key)
        return Spoken.parse(await self.state.outbox.content(owed.subject))

    async def check_link(
        self, thread: ThreadRef, session: SessionId | None, *, stops: bool = False
    ) -> None:
        """Raise as `Naming.check`, or `IsMuted`, if replies of `thread` don't go to `session`."""
        link = await self.naming.check(await self.state.links.get(thread), session, thread.channel)
        if not (link.takes_replies or stops):
            raise errors.IsMuted

    async def check_stop(self, session: SessionId, pressed: Ts) -> None:
        """Raise `NotStopped` if a *Stop* would wake Devin, or comes too late."""
        if self.accepting.is_old(pressed):
            raise errors.NotStopped
        (seen,) = await self.state.watches.seen([session])
        if seen.trouble is not None or seen.state not in _MAY_WORK:
            raise errors.NotStopped


@dataclass(frozen=True, slots=True)
class Speaker(Teller):
    """The teller of posts in a person's name."""

    workspace: Workspace
    state: State
    accepting: Accepting
    speaking: Speaking
    notices: Notices
    begin_start: Callable[[Reply], Awaitable[None]]
    completes: Completes
    kind = OwedKind.POST
    refused: ClassVar[Fate] = Ended(Leaves.NOTHING)

    async def tell(self, begun: Begun) -> Fate:
        """Post the words and send them on; return False if they were refused."""
        if not (raw := begun.record["content"]):
            return MOOT
        spoken = Spoken.model_validate_json(raw)
        try:
            await self._say(spoken, again=begun.again)
        except errors.PersonError as error:
            log.info("not said", extra=begun.owed.log_fields | {"reason": str(error)})
            with having_posted():
                await self._explain(spoken, error)
            return Ended(Leaves.NOTHING, told=False)
        return Ended(Leaves.ALL if spoken.asked else Leaves.FACT)

    async def _say(self, spoken: Spoken, *, again: bool) -> None:
        reply = spoken.reply
        await self.accepting.check(reply.author, reply.thread.channel, spoken.act, step=reply.step)
        posted = spoken.posted(await self._posted(spoken, again=again))
        with having_posted():
            if spoken.session is None:
                await self.begin_start(posted)
            else:
                # An earlier try may have had it accepted, and Devin may have refused it since.
                if not (again and await self.state.mailbox.is_known(posted.id)):
                    await self._accept(spoken, posted, spoken.session)
                if spoken.asked:
                    by = await self.workspace.people.name(reply.author)
                    await self._close(spoken, posts.chosen(by, spoken.words.quote))

    async def _close(self, spoken: Spoken, note: str) -> None:
        """Let the buttons of what was asked give way to `note`, where one was pressed."""
        since = micros_ts(ts_micros(spoken.pressed) - 1)
        threads = self.workspace.threads
        await threads.close(spoken.reply.thread, spoken.asked, note, since=since)

    async def _posted(self, spoken: Spoken, *, again: bool) -> str:
        """Return the `ts` of the post; it is made unless an earlier try has made it."""
        thread, key = spoken.reply.thread, f"{spoken.key}:{spoken.number}"
        try:
            if again:
                found = await self.workspace.threads.look(thread, key, spoken.reply.ts)
                if found is not None:
                    return found
            await self._check(spoken, thread)
            return await self.workspace.threads.post(thread, spoken.words, key)
        except errors.SlackRefused as error:
            if error.reason in errors.OPERATOR_MUST_ACT:
                raise
            raise errors.CannotPost(error.reason) from error

    async def _check(self, spoken: Spoken, thread: ThreadRef) -> None:
        """Check that what was asked for is still so; a thread that it `links` is checked then."""
        session = spoken.session
        if not thread.thread_ts:
            await self.workspace.channels.check_in(thread.channel)
        if session is None or spoken.links:
            return
        await self.speaking.check_link(thread, session, stops=spoken.reply.is_stop)
        if spoken.reply.is_stop:
            await self.speaking.check_stop(session, spoken.pressed)
        if spoken.asked and await self.state.watches.asking(session, spoken.asked) is None:
            raise errors.MovedOn

    async def _accept(self, spoken: Spoken, posted: Reply, session: SessionId) -> None:
        if spoken.links:
            thread, at = posted.thread, ts_micros(posted.ts)
            link, _ = await self.accepting.link(
                thread, posted.author, session, at, near=posted, step=posted.step
            )
            if link.session != session:
                await self.speaking.check_link(thread, session)
        evidence = Evidence.STOP if spoken.reply.is_stop else Evidence.PERSON
        change = await self.accepting.accept(posted, session, evidence)
        if change in {Change.UNLINKED, Change.MUTED}:
            raise errors.NotTaken

    async def _explain(self, spoken: Spoken, error: errors.PersonError) -> None:
        """Tell the person, with the words that would be lost, or the workflow."""
        reply = spoken.reply
        if reply.step:
            await self.completes(reply, error)
            return
        if spoken.reply.is_stop and spoken.session is not None:
            # Devin was not asked to stop, so the next press asks it.
            await self.state.claims.disclaim(stopping(reply.thread, spoken.session))
        words = refusals.sorry(error, self.workspace.admin)
        words = replace(words, quote=await markdown_of(reply, self.workspace.people))
        once = f"unsaid:{spoken.number}"
        await self.notices.whisper(spoken.told_in, reply.author, words, once=once)
        if isinstance(error, errors.MovedOn):  # whose answer does not wait for an edit
            await self._close(spoken, posts.MOVED_ON)
