"""Answers to what Devin asks, chosen by a button; each question gets one.

An answer is a reply of the person who pressed: it is posted in the thread under their name and
accepted like any other. Devin's option is read from what the watch has kept, never from the button.
The choice is noted before it is posted. If its process dies, the next press looks for the post: if
it is there, that answer counts, else the new one.
"""

import asyncio
import logging
import secrets
import time

from bot.model.errors import (
    AnsweredAlready,
    CannotPost,
    IsMuted,
    LinkedElsewhere,
    MovedOn,
    NotLinked,
    NotTaken,
    SlackRefused,
    StillSending,
)
from bot.model.mirror import Answer, Watched
from bot.model.people import UserId
from bot.model.replies import Change, Reply
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.relay.accept import Accepting
from bot.relay.naming import Naming
from bot.relay.workspace import Workspace
from bot.store.links import Links
from bot.store.mirror.answers import Begun, KeptAnswers, Question
from bot.store.mirror.watches import Watches
from bot.text.to_slack import escape
from bot.wording.blocks import literally
from bot.wording.mirror import notices as mirror_notices

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05


class Answers:
    """Sends the answers that people choose."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        accepting: Accepting,
        naming: Naming,
        links: Links,
        watches: Watches,
        kept: KeptAnswers,
    ) -> None:
        self._accepting = accepting
        self._naming = naming
        self._links = links
        self._watches = watches
        self._kept = kept
        self._threads = workspace.threads
        self._claim_seconds = workspace.timing.claim_seconds

    async def answer(
        self, thread: ThreadRef, session: SessionId, asked: str, number: int, by: UserId
    ) -> Answer:
        """Answer what was `asked` with the option `number`, once; return the answer.

        An approval has the one option 0.

        Raises:
            AnsweredAlready: somebody has chosen an answer before.
            MovedOn: the question is not open any more.
            StillSending: an earlier press is under way, or its process died a moment ago.
            NotLinked, LinkedElsewhere, IsMuted: the thread sends nothing to the session.
            NotTaken: it was posted, but its thread was unlinked or muted before it was sent.
            NotAllowed: `by` may not.
            CannotPost: Slack does not let the relay post there.
            SlackAway: it may have been posted; the next press looks for it.
        """
        await self._accepting.check(by, thread.channel)
        await self._check_link(thread, session)
        question = Question(session, asked, secrets.token_hex(8))
        before = await self._begin(question)
        if before.is_sent and before.answer is not None:
            raise await self._already(before.answer)
        try:
            return await self._send(question, before.answer, thread, number, by)
        finally:
            await self._kept.let_go(question)

    async def _begin(self, question: Question) -> Begun:
        """Begin to answer; wait a moment for an earlier press that is under way."""
        deadline = time.monotonic() + self._claim_seconds
        while (before := await self._kept.begin(question)) is None:
            if time.monotonic() > deadline:
                raise StillSending
            await asyncio.sleep(LOOK_SECONDS)
        return before

    async def _check_link(self, thread: ThreadRef, session: SessionId) -> None:
        link = await self._links.get(thread)
        if link is None:
            raise NotLinked
        if link.session != session:
            named = await self._naming.one(link.session)
            raise LinkedElsewhere(named, await self._accepting.name(link.by))
        if link.muted:
            raise IsMuted

    async def _send(
        self,
        question: Question,
        before: Answer | None,
        thread: ThreadRef,
        number: int,
        by: UserId,
    ) -> Answer:
        """Send the answer of an earlier press that posted it, or else this one."""
        text = await self._option(question, number)
        ts = None if before is None else await self._find(question, before)
        if before is not None and ts is not None:
            await self._accept(question, before, ts)
            if before.by != by or before.text != text:
                raise await self._already(before)
            return before
        mine = Answer(thread=thread, by=by, text=text, number=secrets.token_hex(4))
        if not await self._kept.choose(question, mine):
            raise StillSending
        await self._accept(question, mine, await self._post(question, mine))
        return mine

    async def _option(self, question: Question, number: int) -> str:
        """Return the text of an option of the open question."""
        seen, stirred = await self._watches.asking(question.session)
        is_open = seen.asked == question.asked and stirred <= seen.asked_at
        text = _text_of(seen, number) if is_open else None
        if text is None:
            raise MovedOn
        return text

    async def _post(self, question: Question, mine: Answer) -> str:
        words = mirror_notices.answers(await self._accepting.name(mine.by), mine.text)
        try:
            return await self._threads.post(mine.thread, words, _key(question, mine))
        except SlackRefused as error:
            raise CannotPost(error.reason) from error

    async def _find(self, question: Question, before: Answer) -> str | None:
        try:
            return await self._threads.find(before.thread, _key(question, before))
        except SlackRefused as error:
            log.warning("thread not readable", extra={"reason": str(error)})
            raise StillSending from error

    async def _accept(self, question: Question, answer: Answer, ts: str) -> None:
        reply = Reply(
            thread=answer.thread,
            ts=ts,
            author=answer.by,
            text=escape(answer.text),
            blocks=(dict(literally(answer.text)),),
        )
        change = await self._accepting.accept(reply, question.session)
        if change in {Change.UNLINKED, Change.MUTED}:
            raise NotTaken(change)
        await self._kept.sent(question)
        log.info("answered", extra={"reply_id": reply.id, "session_id": question.session})

    async def _already(self, answer: Answer) -> AnsweredAlready:
        return AnsweredAlready(await self._accepting.name(answer.by), answer.text)


def _text_of(seen: Watched, number: int) -> str | None:
    if seen.state is SessionState.APPROVAL:
        return mirror_notices.APPROVED if number == 0 else None
    return seen.options[number] if number < len(seen.options) else None


def _key(question: Question, answer: Answer) -> str:
    """Return the key of an answer's post."""
    return f"answer:{question.session}:{question.asked}:{answer.number}"
