"""How sessions are started, but by a mention: forms, buttons, and a reaction.

*Start with it* and *Start without it* answer whether what others wrote is passed on. *Start again*
opens the form for a start that failed, with what was chosen; *Start a new session* follows a
session that has ended, *Continue in a new session* one that has stopped at its cap, and *Change*
opens the form of a channel's defaults.

The shortcut is a global one: Slack tells neither a channel nor a `response_url` with it, nor with a
button in App Home, so whoever gets no form is told in a modal
(docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload).
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.model.errors import Expired, PersonError, RelayError, SlackAway, SlackRefused
from bot.model.people import UserId
from bot.model.record import string
from bot.model.replies import Reply, place_of
from bot.model.threads import ThreadRef
from bot.model.times import Ts
from bot.relay import UseCases
from bot.relay.lifecycle.starting import Start
from bot.wording import actions
from bot.wording.lifecycle import defaults, form, starting
from bot.wording.message import Block, View
from handlers.answering import in_words_by_now, on_press, ours
from handlers.modals import on_submit, opens
from handlers.parse import interactions, messages
from handlers.parse.interactions import Press
from handlers.parse.messages import Payload


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to all of them."""
    opened = app.action(actions.OPEN_START_FORM), app.shortcut("start_session")

    @opens(cases, form.TITLE, *opened, parse=interactions.parse_anywhere)
    async def on_start_shortcut(press: Press) -> View:
        channel = "" if press.thread.is_nowhere else press.channel
        return await cases.start_forms.new(press.by, channel)

    place, problems = actions.CHANNEL_FIELD, partial(form.problems, is_new=True)

    @on_submit(app, cases, actions.START_FORM, problems, actions.PROMPT_FIELD, place=place)
    async def on_start_form(filled: interactions.Submission) -> None:
        channel = filled.typed.get(place, "")
        await cases.start_forms.submit(filled.number, filled.by, channel, filled.typed)

    @app.options(actions.REPO_FIELD)
    @app.options(actions.PLAYBOOK_FIELD)
    async def on_typing(ack: AsyncAck, body: Payload) -> None:
        typing = ours(interactions.parse_typing, body, cases)
        found: Sequence[Block] = ()
        if typing is not None:
            with suppress(RelayError):  # without an option, Slack says that there is none
                found = await cases.start_forms.suggest(*typing)
        await ack(options=[dict(one) for one in found])

    _register_again(app, cases)
    _register_choices(app, cases)
    _register_new(app, cases)
    _register_defaults(app, cases)
    _register_reactions(app, cases)


def _register_again(app: AsyncApp, cases: UseCases) -> None:
    @opens(cases, form.AGAIN_TITLE, app.action(actions.START_AGAIN))
    async def on_start_again(press: Press) -> View:
        (asked, number), thread = interactions.send_again_of(press), press.thread
        _, channel, ts = place_of(asked)
        if channel != thread.channel:
            raise Expired
        pressed = string(press.message, "ts")
        return await cases.start_forms.again(ts, number, thread, press.by, pressed)

    blocks, problems = (actions.PROMPT_FIELD, actions.CAP_FIELD), form.problems

    @on_submit(app, cases, actions.AGAIN_FORM, problems, *blocks)
    async def on_again_form(filled: interactions.Submission) -> None:
        """Start again, and let the button give way to who did it."""
        again = await cases.start_forms.start_again(filled.number, filled.by, filled.typed)
        cases.background.later(_close_button(cases, *again, filled.by))


def _register_choices(app: AsyncApp, cases: UseCases) -> None:

    @on_press(app, cases, actions.START_WITH, actions.START_WITHOUT)
    async def on_choice(press: Press) -> str:
        (asked, number), thread = interactions.send_again_of(press), press.thread
        _, channel, ts = place_of(asked)
        if channel != thread.channel:
            raise Expired
        chosen = starting.CHOSEN[press.button]
        quotes_all = press.button == actions.START_WITH
        await cases.starting.choose(thread, ts, number, press.by, quotes_all=quotes_all)
        return chosen(await cases.workspace.people.name(press.by))


async def _close_button(cases: UseCases, thread: ThreadRef, pressed: Ts, by: UserId) -> None:
    with suppress(SlackRefused):
        if (message := await cases.workspace.threads.message(thread, pressed)) is not None:
            note = starting.started_again(await cases.workspace.people.name(by))
            cases.notices.press(message, thread.channel, note)


def _register_new(app: AsyncApp, cases: UseCases) -> None:

    @on_press(app, cases, actions.START_NEW)
    async def on_start_new(press: Press) -> str:
        if not interactions.session_of(press) or not press.ts:
            raise Expired
        prompt = Reply(thread=press.thread, ts=press.ts, author=press.by, text="")
        await cases.starting.start(Start(message=prompt, reads_thread=True, by_button=True))
        return starting.started_new(await cases.workspace.people.name(press.by))

    @on_press(app, cases, actions.CONTINUE_SESSION)
    async def on_continue(press: Press) -> str | None:
        session, thread = interactions.session_of(press), press.thread
        if not press.ts:
            raise Expired
        link = await cases.starting.go_on(thread, session, press.by, press.ts)
        if link and await cases.state.cards.is_at(thread, link, string(press.message, "ts")):
            return None
        return starting.continued(await cases.workspace.people.name(press.by))


def _register_defaults(app: AsyncApp, cases: UseCases) -> None:

    @opens(cases, defaults.TITLE, app.action(actions.CHANGE_DEFAULTS))
    async def on_change_defaults(press: Press) -> View:
        return await cases.defaults.form(press.thread, press.by)

    @on_submit(app, cases, actions.DEFAULTS_FORM, form.problems, actions.TAGS_FIELD)
    async def on_defaults_form(filled: interactions.Submission) -> None:
        await cases.defaults.submit(filled.number, filled.by, filled.typed)


def _register_reactions(app: AsyncApp, cases: UseCases) -> None:
    """Listen to reactions; Slack sends them only to an app with `manifest --emoji`."""

    @app.event("reaction_added")
    async def on_reaction(event: Payload) -> None:
        if (reaction := messages.parse_reaction(event, cases.workspace)) is None:
            return
        by, ts, at = reaction.by, reaction.ts, reaction.at
        place = cases.workspace.place(reaction.channel)
        try:
            is_bot = (await cases.workspace.people.person(by)).is_bot
            message = None if is_bot else await _message(cases, reaction)
            if message is None:
                return
            place = message.thread
            sent = message if by == message.author else message.model_copy(update={"sent_by": by})
            await cases.starting.start(
                Start(
                    message=sent, reads_thread=True, is_talk=True, pressed=at, emoji=reaction.emoji
                )
            )
        except (PersonError, SlackAway, SlackRefused) as error:
            told = in_words_by_now(cases, error, by, at)
            await cases.notices.whisper(place, by, told, once=f"emoji:{at}", at=ts)


async def _message(cases: UseCases, reaction: messages.Reaction) -> Reply | None:
    """Return the message as it is now; None if it's gone, or our own, or no one's."""
    workspace, ts = cases.workspace, reaction.ts
    place = ThreadRef(team=workspace.team, channel=reaction.channel, thread_ts=ts)
    found = await workspace.threads.message(place, ts)
    if found is None or not messages.is_said(found) or messages.is_own(found, workspace.identity):
        return None
    return messages.parse_message({**found, "channel": reaction.channel}, workspace.team)
