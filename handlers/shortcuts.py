"""The message shortcuts: *Send to Devin* and *Link to a Devin session*, and the form they share."""

from functools import partial

from slack_bolt.async_app import AsyncApp

from bot.model.errors import AlreadyDone, EmptyMessage
from bot.model.replies import Change
from bot.relay import UseCases
from bot.wording import actions, forms
from bot.wording.message import View
from handlers.modals import Note, on_submit, opens
from handlers.parse.interactions import Press, Submission, parse_shortcut
from handlers.replies import read_again


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to both, and to the form."""

    @opens(cases, forms.LINK_TITLE, app.shortcut("link_session"), parse=parse_shortcut)
    async def on_link_shortcut(press: Press) -> View | Note:
        return await cases.asking.form(press.thread, press.by, press.said)

    @opens(cases, forms.SEND_TITLE, app.shortcut("send_to_devin"), parse=parse_shortcut)
    async def on_send_shortcut(press: Press) -> View | Note:
        if press.said is None:
            raise EmptyMessage
        sent = await cases.asking.send(press.said, press.by)
        if not isinstance(sent, Change):
            return sent
        if sent is Change.REPEATED:
            raise AlreadyDone
        return Note(forms.SENT, is_seen=True)

    @on_submit(app, cases, actions.ASK_SESSION, forms.problems, actions.TYPED_FIELD)
    async def on_session(form: Submission) -> None:
        session, reread = forms.picked(form.typed), partial(read_again, cases)
        await cases.asking.answer(form.number, form.by, session, reread)
