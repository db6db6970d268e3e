"""Posts what people say through the relay, once, and has it accepted or a session started.

Whoever asked may have lost the permission since, the thread its link, or the question its buttons:
each try checks that before it posts. A try after one that may have posted looks for the post first.
If it can't be done, the person is told alone, or the workflow's step fails.
"""

import logging
import time
from dataclasses import dataclass, replace

from bot.mirror.agents import stopping
from bot.model.errors import (
    OPERATOR_MUST_ACT,
    CannotPost,
    MovedOn,
    NotTaken,
    PersonError,
    SlackRefused,
)
from bot.model.replies import Change, Evidence, Reply
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, micros_ts, ts_micros
from bot.relay.accept import Accepting
from bot.relay.lifecycle.starting import Start, Starting
from bot.relay.saying.speaking import Speaking, Spoken
from bot.reporting.reporter import Notices, having_posted
from bot.slack.app.workspace import Workspace
from bot.store.lua import ReplyField
from bot.store.outbox import Begun
from bot.store.state import State
from bot.wording import refusals, workflows
from bot.wording.mirror.posts import chosen

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Speaker:
    """The teller of posts in a person's name."""

    fields = (ReplyField.ASKED,)

    workspace: Workspace
    state: State
    accepting: Accepting
    speaking: Speaking
    starting: Starting
    notices: Notices

    async def tell(self, begun: Begun) -> bool:
        """Post the words and send them on; return False if they were refused.

        Raises:
            SlackAway, SlackRefused, StoreAway: as for any entry.
        """
        raw = begun.record[ReplyField.ASKED]
        if not raw:
            return False
        spoken = Spoken.model_validate_json(raw)
        try:
            await self._say(spoken, again=begun.again)
        except PersonError as error:
            log.info("not said", extra=begun.owed.log_fields | {"reason": str(error)})
            with having_posted():
                await self._explain(spoken, error)
            return False
        return True

    async def end(self, begun: Begun, *, told: bool) -> None:
        """End the entry; one that was refused may be said again."""
        spoken = Spoken.parse(begun.record[ReplyField.ASKED])
        await self.speaking.end(begun, spoken, told=told)

    async def _say(self, spoken: Spoken, *, again: bool) -> None:
        reply = spoken.reply
        await self.accepting.check(reply.author, reply.thread.channel, spoken.act, step=reply.step)
        posted = spoken.posted(await self._posted(spoken, again=again))
        with having_posted():
            if spoken.session is None:
                await self.starting.begin(Start(message=posted, at=int(time.time())))
            else:
                await self._send(spoken, posted, spoken.session, again=again)

    async def _posted(self, spoken: Spoken, *, again: bool) -> str:
        """Return the `ts` of the post; it is made unless an earlier try has made it."""
        thread = spoken.reply.thread
        try:
            if again:
                found = await self.workspace.threads.look(thread, spoken.post, spoken.reply.ts)
                if found is not None:
                    return found
            await self._check(spoken, thread)
            return await self.workspace.threads.post(thread, spoken.words, spoken.post)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise
            raise CannotPost(error.reason) from error

    async def _check(self, spoken: Spoken, thread: ThreadRef) -> None:
        """Check that what was asked for is still so; a thread that it `links` is checked then."""
        session = spoken.session
        if not thread.thread_ts:
            await self.workspace.threads.check_in(thread.channel)
        if session is None or spoken.links:
            return
        await self.speaking.check_link(thread, session, stops=spoken.stops)
        if spoken.asked and await self.state.watches.asking(session, spoken.asked) is None:
            raise MovedOn

    async def _send(
        self, spoken: Spoken, posted: Reply, session: SessionId, *, again: bool
    ) -> None:
        """Have the post accepted, unless an earlier try has: Devin may have refused it since."""
        if not (again and await self.state.mailbox.is_known(posted.id)):
            await self._accept(spoken, posted, session)
        if spoken.pressed:
            await self._replace_buttons(spoken)

    async def _accept(self, spoken: Spoken, posted: Reply, session: SessionId) -> None:
        if spoken.links:
            thread, at = posted.thread, ts_micros(posted.ts)
            root = posted if posted.ts == thread.thread_ts else None
            link, _ = await self.accepting.link(
                thread, posted.author, session, at, root=root, step=posted.step
            )
            if link.session != session:
                await self.speaking.check_link(thread, session)
        evidence = Evidence.STOP if spoken.stops else Evidence.PERSON
        change = await self.accepting.accept(posted, session, evidence)
        if change in {Change.UNLINKED, Change.MUTED}:
            raise NotTaken(change)

    async def _replace_buttons(self, spoken: Spoken) -> None:
        reply = spoken.reply
        note = chosen(await self.workspace.people.name(reply.author), spoken.words.quote)
        ids, since = reply.thread.log_fields, micros_ts(ts_micros(spoken.pressed) - 1)
        await self.workspace.threads.close(reply.thread, spoken.asked, note, ids=ids, since=since)

    async def _explain(self, spoken: Spoken, error: PersonError) -> None:
        """Tell the person, with the words that would be lost, or the workflow."""
        reply = spoken.reply
        if reply.step:
            await self.workspace.functions.fail(reply.step, workflows.step_failed(error))
            return
        if spoken.stops and spoken.session is not None:
            # Devin was not asked to stop, so the next press asks it.
            await self.state.claims.disclaim(stopping(reply.thread, spoken.session))
        words = refusals.sorry(error, self.workspace.admin)
        words = replace(words, quote=await self.accepting.shown(reply))
        once = f"unsaid:{spoken.number}"
        await self.notices.whisper(spoken.told_in, reply.author, words, once=once)
