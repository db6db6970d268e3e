"""The message shortcuts: *Send to Devin* and *Link to a Devin session*, and the form they share.

Slack waits 3 s for the acknowledgement, so the handler waits for its work for a second only; a form
is answered in place.
"""

from functools import partial

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.model.errors import EmptyMessage
from bot.model.record import string
from bot.model.replies import Change
from bot.relay import UseCases
from bot.wording import actions, forms
from bot.wording.message import View
from handlers.answering import Asker, ours
from handlers.modals import Note, Opening, answer, show
from handlers.parse.events import Payload
from handlers.parse.interactions import Shortcut, parse_shortcut, parse_submission
from handlers.replies import read_again

SEND, LINK = "send_to_devin", "link_session"


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to both, and to the form."""

    @app.shortcut({"type": "message_action", "callback_id": SEND})
    @app.shortcut({"type": "message_action", "callback_id": LINK})
    async def on_message_shortcut(ack: AsyncAck, body: Payload) -> None:
        await ack()
        shortcut = ours(parse_shortcut, body, cases)
        if shortcut is not None:
            thread = shortcut.thread
            if not shortcut.has_replies:
                thread = thread.model_copy(update={"thread_ts": ""})
            asker = Asker(cases, string(body, "response_url"), shortcut.by, thread)
            await cases.background.soon(begin(asker, shortcut, body["callback_id"]))

    @app.view(actions.ASK_SESSION)
    async def on_session(ack: AsyncAck, body: Payload) -> None:
        form = ours(parse_submission, body, cases)
        if form is None:
            await ack()
            return
        session = forms.picked(form.typed)
        if session is None:
            await ack(response_action="errors", errors=forms.problems(form.typed))
            return
        reread = partial(read_again, cases)
        work = cases.link_form.answer(form.number, form.by, session, reread)
        await answer(cases, ack, actions.TYPED_FIELD, work)


async def begin(asker: Asker, shortcut: Shortcut, which: str) -> None:
    """Do the work of a shortcut, `SEND` or `LINK`, and show its result."""
    title = forms.SEND_TITLE if which == SEND else forms.LINK_TITLE
    opening = Opening(title, shortcut.trigger, asker)
    await show(opening, lambda: _once(asker.cases, shortcut, which))


async def _once(cases: UseCases, shortcut: Shortcut, which: str) -> View | Note:
    """Do the work, except for a redelivered shortcut, which has the same trigger."""
    thread, message = shortcut.thread, shortcut.message
    place = f"{thread.channel}:{message.ts if message else thread.thread_ts}"
    if not await cases.state.claims.claim(f"{which}:{place}:{shortcut.trigger[:100]}"):
        return Note(forms.ONE_MOMENT, is_seen=True)
    if which == LINK:
        return await cases.link_form.ask(thread, shortcut.by, message)
    if message is None:
        raise EmptyMessage
    sent = await cases.link_form.send(message, shortcut.by)
    if not isinstance(sent, Change):
        return sent
    return Note(forms.SENT_BEFORE) if sent is Change.REPEATED else Note(forms.SENT, is_seen=True)
