"""The message shortcuts: *Send to Devin* and *Link to a Devin session*, and the form they share."""

from functools import partial

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.model.errors import EmptyMessage
from bot.model.record import string
from bot.model.replies import Change
from bot.relay import UseCases
from bot.wording import actions, forms
from bot.wording.message import View
from handlers.answering import Asker, ours
from handlers.modals import Note, on_submit, show
from handlers.parse.interactions import Shortcut, Submission, parse_shortcut
from handlers.parse.messages import Payload
from handlers.replies import read_again

SEND, LINK = "send_to_devin", "link_session"


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to both, and to the form."""

    @app.shortcut({"type": "message_action", "callback_id": SEND})
    @app.shortcut({"type": "message_action", "callback_id": LINK})
    async def on_message_shortcut(ack: AsyncAck, body: Payload) -> None:
        await ack()
        if (shortcut := ours(parse_shortcut, body, cases)) is not None:
            thread = shortcut.thread
            if not shortcut.has_replies:
                thread = thread.model_copy(update={"thread_ts": ""})
            asker = Asker(cases, string(body, "response_url"), shortcut.by, thread)
            title, work = forms.SEND_TITLE, partial(_send, cases, shortcut)
            if body["callback_id"] == LINK:
                title, work = forms.LINK_TITLE, partial(_link, cases, shortcut)
            await cases.background.soon(show(asker, title, shortcut.trigger, work))

    @on_submit(app, cases, actions.ASK_SESSION, forms.problems, actions.TYPED_FIELD)
    async def on_session(form: Submission) -> None:
        session, reread = forms.picked(form.typed), partial(read_again, cases)
        await cases.asking.answer(form.number, form.by, session, reread)


async def _link(cases: UseCases, shortcut: Shortcut) -> View | Note:
    return await cases.asking.form(shortcut.thread, shortcut.by, shortcut.message)


async def _send(cases: UseCases, shortcut: Shortcut) -> View | Note:
    if shortcut.message is None:
        raise EmptyMessage
    sent = await cases.asking.send(shortcut.message, shortcut.by)
    if not isinstance(sent, Change):
        return sent
    return Note(forms.SENT_BEFORE) if sent is Change.REPEATED else Note(forms.SENT, is_seen=True)
