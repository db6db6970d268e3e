"""The steps of Workflow Builder send a message to a session, link a thread to one, or start one.

An event only writes the step to the outbox, and `reporting/reporter.py` carries it out. So all of
this may run a second time after a crash, and then finds the traces of the first run.
"""

import logging
from dataclasses import dataclass
from typing import Self

from bot.delivery.compose import markdown_of
from bot.features.workflow_steps import words
from bot.features.workflow_steps.steps import LINK, SEND, START, BadStep, Flaw, StepAsked
from bot.model import errors
from bot.model.people import WORKFLOW, Act, Standing, UserId
from bot.model.replies import Change, Reply
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.model.times import micros_ts, ts_micros
from bot.relay import UseCases
from bot.relay.accept import Accepting
from bot.relay.lifecycle.choosing import Choosing
from bot.relay.naming import Naming
from bot.relay.speaking import Speaking, Spoken
from bot.reporting.outcomes import ReplyResult
from bot.reporting.reporter import having_posted
from bot.slack.api import call
from bot.slack.app.workspace import Workspace
from bot.store.outbox import Begun, Ended, Fate, Leaves, Owed, OwedKind, Teller
from bot.store.state import State
from bot.text.content import section
from bot.text.options import parse_options
from bot.text.to_slack import escape
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)

STEP_OVER = frozenset({"execution_not_in_running_state", "function_execution_not_found"})
"""Slack's codes for a step that was already completed, or whose workflow was canceled."""


@dataclass(frozen=True, slots=True)
class WorkflowSteps(Teller):
    """The workflow steps, from Slack's request to their end; it is also their teller."""

    workspace: Workspace
    state: State
    accepting: Accepting
    naming: Naming
    choosing: Choosing
    speaking: Speaking
    kind = "step"

    @classmethod
    def of(cls, core: UseCases) -> Self:
        """Build it on the core."""
        parts = core.accepting, core.naming, core.starting.choosing, core.speaking
        return cls(core.workspace, core.state, *parts)

    async def start(self, step: StepAsked) -> None:
        """Keep a step that Slack has started, and begin it soon; a repeat changes nothing."""
        owed = Owed(f"{self.workspace.team}:step:{step.execution}", 1, self.kind)
        step = step.model_copy(update={"at": step.at or micros_ts(self.workspace.clock.now)})
        await self.accepting.owe(owed, step.to_json())
        log.info("step", extra={"execution": step.execution, "callback": step.callback})

    async def tell(self, begun: Begun) -> Fate:
        """Carry out a step, perhaps again; an error that its author must know about fails it."""
        if not (raw := begun.record["content"]):
            return Ended()
        step = StepAsked.model_validate_json(raw)
        with having_posted():  # as far as this knows: an attempt has several parts
            try:
                await self._carry_out(step)
            except errors.PersonError as error:
                log.info("step failed", extra={"execution": step.execution, "reason": str(error)})
                await self._fail(step.execution, error)
        return Ended(Leaves.FACT)

    async def complete(self, reply: Reply, result: ReplyResult) -> None:
        """Complete the step that waits for what comes of a reply, or fail it."""
        if isinstance(result, errors.PersonError | SlackMessage):
            await self._fail(reply.step, result)
            return
        thread = "" if reply.thread.is_nowhere else reply.thread.thread_ts
        outputs = words.outputs(result) | {"thread": thread}
        try:
            await self._end(reply.step, "functions.completeSuccess", outputs=outputs)
        except errors.SlackRefused as error:
            if error.reason in errors.OPERATOR_MUST_ACT or isinstance(result, NamedSession):
                raise
            ids = {"reply_id": reply.id, "kind": str(OwedKind.OUTCOME), "reason": str(error)}
            log.error("step not completed", extra=ids)  # noqa: TRY400  (Slack's code says all)

    async def _fail(self, execution: str, why: errors.PersonError | SlackMessage) -> None:
        """Tell the workflow's author, in a sentence, that a step cannot be done."""
        await self._end(execution, "functions.completeError", error=words.step_failed(why))

    async def _end(self, execution: str, method: str, **how: object) -> None:
        """End a step by the app's own token: a step's expires after 15 min (bolt-python#1075)."""
        try:
            await call(self.workspace.client, method, function_execution_id=execution, **how)
        except errors.SlackRefused as error:
            if error.reason not in STEP_OVER:
                raise

    async def _carry_out(self, step: StepAsked) -> None:
        if step.callback not in {SEND, LINK, START}:
            raise BadStep(Flaw.UNKNOWN)
        if step.flaw is not None:
            raise BadStep(step.flaw)
        await {SEND: self._send, LINK: self._link, START: self._start}[step.callback](step)

    async def _send(self, step: StepAsked) -> None:
        """Have the message posted, and sent to the session; its outcome ends the step."""
        by = await self._check(step)
        session = await self.naming.named(step.session, step.channel, by)
        act = await self.naming.act_for(session, step.channel)
        await self._check(step, act)
        thread = await self._thread(step, session) if step.channel else None
        reply, said = await self._reply(step, thread, by)
        if not said:
            raise errors.NothingToSay
        if step.channel:
            await self._say(step, reply, said, act, session)
            return
        change = await self.accepting.accept(reply, session)
        if change in {Change.UNLINKED, Change.MUTED}:
            raise errors.NotTaken

    async def _say(
        self, step: StepAsked, reply: Reply, said: str, act: Act, session: SessionId | None = None
    ) -> None:
        by = await self.workspace.people.name(UserId(step.user)) if step.user else ""
        said_by = words.said_by_workflow(by, said)
        key, links = f"step:{step.execution}", session is not None
        spoken = Spoken(key=key, reply=reply, words=said_by, session=session, links=links, act=act)
        await self.speaking.say(spoken)

    async def _link(self, step: StepAsked) -> None:
        by = await self._check(step, Act.START)
        session = await self.naming.named(step.session, step.channel, by)
        thread = await self._thread(step, session)
        if thread is None:
            raise BadStep(Flaw.THREAD)
        at = max(ts_micros(step.at), self.workspace.clock.now)
        link, _ = await self.accepting.link(thread, by, session, at, step=step.execution)
        await self.naming.check(link, session, thread.channel)
        outputs = {"outcome": "linked", "detail": words.LINKED, "thread": thread.thread_ts}
        await self._end(step.execution, "functions.completeSuccess", outputs=outputs)

    async def _start(self, step: StepAsked) -> None:
        """Have the prompt posted, and a session started, which ends the step."""
        by = await self._check(step, Act.START)
        if not step.channel:
            raise BadStep(Flaw.CHANNEL)
        options, _ = parse_options(step.options)
        written = escape(options.written())
        reply, said = await self._reply(step, None, by)
        if not said:
            raise BadStep(Flaw.PROMPT)
        # Somebody else may have written the prompt: it's a block, and only the inputs are options.
        await self.choosing.of(step.channel, written)
        reply = reply.model_copy(update={"text": written, "blocks": tuple(section(reply.text))})
        await self._say(step, reply, f"{options.written()} {said}".strip(), Act.START)

    async def _reply(
        self, step: StepAsked, thread: ThreadRef | None, by: UserId
    ) -> tuple[Reply, str]:
        """Return the message as it is not posted yet, and its text for people."""
        if thread is None and step.channel:
            thread = self.workspace.place(step.channel)
        reply = Reply(
            thread=thread or ThreadRef.nowhere(self.workspace.team, step.execution, step.at),
            ts=step.at,
            author=by,
            text=step.text,
            step=step.execution,
        )
        return reply, await markdown_of(reply, self.workspace.people)

    async def _check(self, step: StepAsked, act: Act = Act.MESSAGE) -> UserId:
        """Return the acting user; raise `NotAllowed` unless they may do `act` in the channel.

        A step whose person Slack doesn't identify waits for as long as its message would.
        """
        by = UserId(step.user) if step.user else WORKFLOW
        try:
            await self.accepting.check(by, step.channel, act, step=step.execution)
        except errors.NotIdentified as error:
            if not self.accepting.is_old(step.at, self.workspace.settings.give_up_after):
                raise
            raise errors.NotAllowed(Standing.UNKNOWN) from error
        return by

    async def _thread(self, step: StepAsked, session: SessionId) -> ThreadRef | None:
        """Return the thread that the step names, by its first message; None if it names none."""
        if not step.thread_ts:
            return None
        await self.workspace.channels.check_in(step.channel)
        named = ThreadRef(team=self.workspace.team, channel=step.channel, thread_ts=step.thread_ts)
        try:
            message = await self.workspace.threads.message(named, named.thread_ts)
        except errors.SlackRefused as error:
            if error.reason in errors.OPERATOR_MUST_ACT:
                raise
            raise errors.CannotPost(error.reason) from error
        if not message:
            raise BadStep(Flaw.NO_THREAD)
        # The step may name a reply; Slack then shows that message alone, with its thread.
        root = str(message.get("thread_ts") or step.thread_ts)
        thread = named.model_copy(update={"thread_ts": root})
        if (link := await self.state.links.get(thread)) is not None:
            await self.naming.check(link, session, thread.channel)
            if not link.takes_replies and step.callback == SEND:
                raise errors.IsMuted
        return thread
