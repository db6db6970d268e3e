"""Replies in linked threads: each is accepted for its session, then acknowledged to Slack.

An exception means that Slack sends the event again. Where somebody posts a session's address in
another thread, they are offered a link. The message shortcuts send or link any message.
"""

from contextlib import suppress
from functools import partial

from slack_bolt.async_app import AsyncApp

from bot.model.errors import AlreadyDone, EmptyMessage, NotIdentified, SlackRefused
from bot.model.replies import Change, Evidence, Reply
from bot.model.verbs import Command
from bot.relay import UseCases
from bot.slack.lookups import Need
from bot.text import to_devin
from bot.wording import actions, delivery_reports, forms, refusals, thread_links
from bot.wording.message import SlackMessage, View
from handlers.answering import on_press
from handlers.modals import Note, on_submit, opens
from handlers.parse import messages
from handlers.parse.interactions import Press, Submission, parse_shortcut
from handlers.parse.messages import Kind, Payload, Said, classify


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to buttons and shortcuts; `events` brings the messages."""
    _register_shortcuts(app, cases)

    @on_press(app, cases, actions.LINK_OFFERED)
    async def on_offer_taken(press: Press) -> SlackMessage:
        await cases.asking.take_up(press.value, press.by, press.channel)
        return thread_links.OFFER_TAKEN

    @on_press(app, cases, actions.SEND_CORRECTION)
    async def on_send_correction(press: Press) -> SlackMessage:
        await cases.edits.send(press.value, press.by, press.channel)
        return delivery_reports.CORRECTION_SENT


def _register_shortcuts(app: AsyncApp, cases: UseCases) -> None:
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


async def receive(cases: UseCases, said: Said) -> Change | Command:
    """Accept a reply as delivered, or, if that may be outdated, as it is in its thread now.

    What is a command by now, or a mistyped one, is returned.
    """
    if said.kind is not Kind.REPLY:
        await _tell_aside(cases, said)
        return Change.UNLINKED
    change = await cases.replies.accept(said.message)
    if change is not Change.OUTDATED:
        return change
    try:
        found = await _now(cases, said.message, Need.LATE)
        now = found and classify(found, cases.workspace.identity)
    except SlackRefused:
        now = said
    if not now or now.kind is Kind.ASIDE:
        return change
    return now.command or await cases.replies.accept(now.message, Evidence.THREAD)


async def read_again(cases: UseCases, message: Reply) -> Reply | None:
    """Return a message as it is now, or as it was if Slack doesn't show it; None if it's gone.

    A person sends it, so it may be an aside.
    """
    try:
        found = await _now(cases, message, Need.ACT)
    except SlackRefused:
        return message
    return messages.parse_message(found, message.thread.team) if found else None


async def _now(cases: UseCases, message: Reply, need: Need) -> Payload | None:
    found = await cases.workspace.threads.message(message.thread, message.ts, need)
    if found is None or found.get("subtype") == "tombstone":
        return None
    return {**found, "channel": message.thread.channel}


async def _tell_aside(cases: UseCases, said: Said) -> None:
    """Tell a person that a reply counts as an aside, unless it begins with the very words."""
    if said.kind is not Kind.ASIDE or said.message.bots:
        return
    one, user = said.message, cases.workspace.identity.user
    is_reply = not one.begins_thread and not to_devin.is_plain(one.text, user)
    if not is_reply or not await cases.replies.is_linked(one.thread):
        return
    with suppress(NotIdentified):  # whoever it is: no mail must wait for an aside
        await cases.accepting.check(one.author, one.thread.channel, reply_id=one.id)
        words, once = refusals.KEPT_ASIDE, f"aside:{one.ts}"
        await cases.notices.whisper(one.thread, one.author, words, once=once)


async def offer_link(cases: UseCases, said: Said) -> bool:
    """Offer the author of a message to link its thread to the session it names, once a thread.

    Return True if that is done, or was done at another event of the same message.
    """
    one, session = said.message, said.names
    return session is not None and await cases.asking.offer_link(
        one.thread, one.author, session, one.ts
    )
