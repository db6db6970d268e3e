"""The message shortcuts: *Send to Devin* and *Link to a Devin session*, and the form they share.

Slack waits 3 s for the acknowledgement, so the handler waits for its work for a second only; a form
is answered in place.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond

from bot.model.errors import EmptyMessage
from bot.model.replies import Change
from bot.relay import UseCases
from bot.relay.asking.shortcuts import Linked, Question
from bot.wording import actions, forms, shortcuts, thread_links
from bot.wording.asking import session_picker
from bot.wording.blocks import View
from handlers.askers import Asker
from handlers.failures import ignored
from handlers.modals import Note, Opening, answer, show
from handlers.parse.events import Payload
from handlers.parse.interactions import Shortcut, parse_shortcut, parse_submission
from handlers.replies import read_again

Work = Callable[[UseCases, Shortcut], Coroutine[Any, Any, View | Note]]
Begin = Callable[[Asker, Shortcut], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Act:
    """A shortcut's action: its title, the prefix of its claim in Redis, and its work."""

    title: str
    claim: str
    work: Work


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to both, and to the form."""

    @app.shortcut({"type": "message_action", "callback_id": "send_to_devin"})
    async def on_send(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        await run(body, respond, begin_send)

    @app.shortcut({"type": "message_action", "callback_id": "link_session"})
    async def on_link(ack: AsyncAck, body: Payload, respond: AsyncRespond) -> None:
        await ack()
        await run(body, respond, begin_link)

    async def run(body: Payload, respond: AsyncRespond, begin: Begin) -> None:
        shortcut = parse_shortcut(body, cases.workspace.team)
        if shortcut is None:
            ignored(body)
            return
        channel, where = shortcut.thread.channel, shortcut.answered_in
        asker = Asker(cases, respond, shortcut.by, channel, where)
        await cases.background.soon(begin(asker, shortcut))

    @app.view(actions.ASK_SESSION)
    async def on_session(ack: AsyncAck, body: Payload) -> None:
        form = parse_submission(body, cases.workspace.team)
        if form is None:
            ignored(body)
            await ack()
            return
        session = session_picker.picked(form.typed)
        if session is None:
            await ack(response_action="errors", errors=session_picker.problems(form.typed))
            return
        reread = partial(read_again, cases)
        work = cases.shortcuts.answer(form.number, form.by, session, reread)
        await answer(cases, ack, actions.TYPED_FIELD, work)


async def begin_send(asker: Asker, shortcut: Shortcut) -> None:
    """Send the message to its thread's session, or ask for one."""
    await _begin(asker, shortcut, Act(shortcuts.SEND_TITLE, "shortcut_send", _send))


async def begin_link(asker: Asker, shortcut: Shortcut) -> None:
    """Ask which session the message's thread is to be linked to."""
    await _begin(asker, shortcut, Act(shortcuts.LINK_TITLE, "shortcut_link", _link))


async def _begin(asker: Asker, shortcut: Shortcut, act: Act) -> None:
    """Do the work of a shortcut, and show what it returns."""
    cases, opening = asker.cases, Opening(act.title, shortcut.trigger, asker)
    await show(cases, opening, lambda: _once(cases, shortcut, act))


async def _once(cases: UseCases, shortcut: Shortcut, act: Act) -> View | Note:
    """Do the work, except for a redelivered shortcut, which has the same trigger."""
    thread, message = shortcut.thread, shortcut.message
    place = f"{thread.channel}:{message.ts if message else thread.thread_ts}"
    if not await cases.state.claims.claim(f"{act.claim}:{place}:{shortcut.trigger[:100]}"):
        return Note(forms.ONE_MOMENT, is_seen=True)
    return await act.work(cases, shortcut)


async def _send(cases: UseCases, shortcut: Shortcut) -> View | Note:
    if shortcut.message is None:
        raise EmptyMessage
    sent = await cases.shortcuts.send(shortcut.message, shortcut.by)
    if isinstance(sent, Question):
        return forms.ask_session(sent.number, sent.choices, sent.message)
    if sent is Change.REPEATED:
        return Note(shortcuts.SENT_BEFORE)
    return Note(shortcuts.SENT, is_seen=True)


async def _link(cases: UseCases, shortcut: Shortcut) -> View | Note:
    asked = await cases.shortcuts.ask(shortcut.thread, shortcut.by, shortcut.message)
    if isinstance(asked, Linked):
        words = thread_links.linked_before(asked.session, asked.by)
        return forms.tell(shortcuts.LINK_TITLE, words)
    return forms.ask_session(asked.number, asked.choices, None)
