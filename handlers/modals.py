"""Modals, opened and answered within Slack's 3 s; what takes longer is finished all the same."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.model.errors import CannotPost, NotAllowed, PassingError, RelayError, SlackRefused
from bot.model.options import BadOptions
from bot.model.people import Standing, UserId
from bot.model.record import mapping, string
from bot.relay import UseCases
from bot.slack.api import call
from bot.slack.app.workspace import Identity
from bot.wording import forms
from bot.wording.lifecycle.options import errors_of
from bot.wording.message import SlackMessage, View
from bot.wording.phrases import plain
from handlers.answering import Asker, Listener, acting, caught, in_words, ours
from handlers.parse.interactions import Press, Submission, parse_press, parse_submission
from handlers.parse.messages import Payload

log = logging.getLogger(__name__)

LONGEST_ERROR = 300

Problems = Callable[[Mapping[str, str]], Mapping[str, str]]
"""Maps the inputs of a modal that was filled in to what is wrong with them."""

Work = Callable[[Submission], Coroutine[Any, Any, None]]
Opened = Callable[[Press], Coroutine[Any, Any, "View | Note"]]


@dataclass(frozen=True, slots=True)
class Note:
    """A message for one person; `is_seen` if Slack shows the result without words."""

    words: SlackMessage
    is_seen: bool = False


async def show(
    asker: Asker,
    title: str,
    trigger: str,
    work: Callable[[], Coroutine[Any, Any, View | Note]],
) -> None:
    """Open the modal that `work` returns, or tell the person alone its note or its failure.

    Work that takes longer than a second is waited for in a modal with that title. One who asked
    from nowhere is told in a modal, too. Of deliveries with the same trigger, the first is done.
    """
    cases = asker.cases

    async def do() -> View | Note:
        if not trigger or await cases.state.claims.claim(f"opened:{trigger[:100]}"):
            return await work()
        return Note(forms.ONE_MOMENT, is_seen=True)

    task = asyncio.create_task(do())
    await asyncio.wait({task}, timeout=cases.workspace.timing.modal_seconds)
    one_moment = forms.tell(title, forms.ONE_MOMENT)
    waiting = None if task.done() else await _open(cases, trigger, one_moment)

    async def tell(note: Note) -> None:
        told, is_told = forms.tell(title, note.words), note.is_seen and waiting is None
        if waiting is not None:
            with suppress(PassingError):  # the modal goes on to say to wait
                is_told = await _replace(cases, waiting, told)
        if is_told:
            return
        if asker.thread.is_nowhere:
            await _open(cases, trigger, told)
        else:
            await asker.tell(note.words)

    async with caught(lambda error: tell(Note(in_words(error, cases.workspace.admin, asker.by)))):
        shown = await task
        if isinstance(shown, Note):
            await tell(shown)
        elif waiting is None:
            await call(cases.workspace.client, "views.open", trigger_id=trigger, view=shown)
        else:
            await _replace(cases, waiting, shown)


def opens(
    cases: UseCases,
    title: str,
    *listens: Callable[[Listener], object],
    parse: Callable[[Payload, Identity], Press | None] = parse_press,
) -> Callable[[Opened], Opened]:
    """Open the modal that the decorated function returns, as `show` does.

    `listens` are Bolt's decorators, such as `app.action(…)`.
    """

    def register(work: Opened) -> Opened:
        async def do(press: Press) -> None:
            await show(Asker.of(cases, press), title, press.trigger, partial(work, press))

        for listen in listens:
            listen(acting(cases, work.__name__, parse, do))
        return work

    return register


def on_submit(
    app: AsyncApp, cases: UseCases, view: str, problems: Problems, *blocks: str, place: str = ""
) -> Callable[[Work], Work]:
    """Have the decorated function do the work of a submitted modal in which are no `problems`.

    The modal closes once that is done, or says under the first input of `blocks` that it has why it
    failed: under `place` what is wrong with the channel, and under an option's input what is wrong
    with that. Work that takes too long goes on while the person is asked to try again, so it must
    be idempotent.
    """

    def register(work: Work) -> Work:
        async def listener(ack: AsyncAck, body: Payload) -> None:
            filled = ours(parse_submission, body, cases)
            errors = filled and dict(problems(filled.typed))
            if filled and not errors:
                block = next((one for one in blocks if one in filled.typed), blocks[-1])
                errors = await _failure(cases, work, filled, block, place)
            if errors:
                await ack(response_action="errors", errors=errors)
            else:
                await ack()

        listener.__name__ = work.__name__  # Bolt logs it
        app.view(view)(listener)
        return work

    return register


async def _failure(
    cases: UseCases, work: Work, filled: Submission, block: str, place: str
) -> dict[str, str]:
    """Do the work of a modal, and return what is to be said under its inputs."""
    task = asyncio.ensure_future(work(filled))
    done, _ = await asyncio.wait({task}, timeout=cases.workspace.timing.form_seconds)
    if not done:
        cases.background.later(_outlast(task, filled.by))
        return {block: plain(forms.SLOW.text)}
    if (error := task.exception()) is None:
        return {}
    if not isinstance(error, Exception):
        raise error
    if isinstance(error, BadOptions):
        told = errors_of(error, filled.typed, block)
    else:
        is_closed = isinstance(error, NotAllowed) and error.standing is Standing.CHANNEL
        about_place = is_closed or isinstance(error, CannotPost)
        words = in_words(error, cases.workspace.admin, filled.by)
        told = {place if place and about_place else block: plain(words.text)}
    return {at: said[:LONGEST_ERROR] for at, said in told.items()}


async def _open(cases: UseCases, trigger: str, view: View) -> str | None:
    """Open a modal, and return its id, if Slack tells one; a failure is only logged."""
    try:
        answer = await call(cases.workspace.client, "views.open", trigger_id=trigger, view=view)
        return string(mapping(answer.get("view")), "id") or None
    except RelayError as error:
        log.warning("modal not opened", extra={"reason": str(error)})
        return None


async def _replace(cases: UseCases, waiting: str, view: View) -> bool:
    """Show `view` in the waiting modal; return False if the person has closed it."""
    try:
        await call(cases.workspace.client, "views.update", view_id=waiting, view=view)
    except SlackRefused as error:
        log.info("the modal is gone", extra={"reason": str(error)})
        return False
    return True


async def _outlast(task: "asyncio.Task[None]", by: UserId) -> None:
    """Keep late work alive; the person was asked to try again, so a failure is only logged."""
    try:
        await task
    except RelayError as error:
        log.warning("late submission failed", extra={"by": by, "reason": str(error)})
