"""Words to the bot that are no command: a reply, a mistyped command, or somebody's first words.

Each ends in something that its author sees: it reaches Devin, or the bot asks back with buttons.
"""

from slack_bolt.async_app import AsyncApp

from bot.model.errors import IsMuted
from bot.model.replies import Change, Reply
from bot.relay import UseCases
from bot.wording import actions, forms, refusals, thread_links
from bot.wording.message import SlackMessage
from handlers import mentions, replies
from handlers.answering import Asker, on_press
from handlers.parse.commands import Command, parse_command, parse_guess
from handlers.parse.events import Payload
from handlers.parse.interactions import Press, Shortcut
from handlers.shortcuts import LINK, begin


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to the buttons; `events` brings the words."""

    @on_press(app, cases, actions.START_SPOKEN)
    async def on_start_spoken(press: Press) -> SlackMessage:
        await cases.first_words.start(press.value, press.by, press.channel, press.ts)
        return thread_links.STARTING

    @on_press(app, cases, actions.LINK_SPOKEN)
    async def on_link_spoken(press: Press) -> None:
        message = (await cases.first_words.read(press.value, press.by, press.channel)).message
        asker = Asker(cases, press.response_url, press.by, press.answered_in)
        await begin(asker, Shortcut(press.by, message.thread, message, press.trigger), LINK)

    @on_press(app, cases, actions.RUN_SPOKEN)
    async def on_run_spoken(press: Press) -> SlackMessage:
        meant = await cases.first_words.read(press.value, press.by, press.channel)
        thread = meant.message.thread
        # What was written before the press was not for Devin. A start is about its own message.
        ts = meant.message.ts if meant.verb == "start" else press.ts or meant.message.ts
        command = Command(meant.verb, meant.argument, thread, press.by, ts)
        words = await mentions.obey(cases, command)
        if words is not None:
            await cases.notices.say(thread, words, once=f"ran:{press.value}")
        return thread_links.command_run(meant.verb, meant.argument)

    @on_press(app, cases, actions.SEND_SPOKEN)
    async def on_send_spoken(press: Press) -> SlackMessage:
        change = await cases.first_words.send(press.value, press.by, press.channel)
        return forms.SENT_BEFORE if change is Change.REPEATED else forms.SENT


async def hear(cases: UseCases, spoken: Reply, event: Payload, kind: str) -> None:
    """Accept words to the bot as a reply, or ask their author what they are to be."""
    identity = cases.workspace.identity
    words = event, identity.tenant, identity.user
    guess = parse_guess(*words)
    if guess is None:
        if await _is_taken(cases, spoken, event, kind):
            return
        command = parse_command(*words, unlinked=True)
        if command is not None:
            await mentions.answer(cases, command, kind)
            return
        guess = parse_guess(*words, unlinked=True)
    if guess is not None:
        await cases.first_words.ask(spoken, guess.verb, guess.argument)
        # The backfill would ask for the command that it stands for.
        await cases.state.claims.claim(mentions.claim_of(spoken.thread, spoken.ts))
    elif not (
        replies.names_session(event) and await replies.offer_link(cases, event, identity.user)
    ):
        await cases.first_words.offer(spoken)


async def _is_taken(cases: UseCases, spoken: Reply, event: Payload, kind: str) -> bool:
    """Accept words in a linked thread as a reply; return False in any other place.

    An `app_mention` may lack the files of its message, so that is left to the `message` event.
    """
    if kind == "app_mention" and await cases.replies.is_linked(spoken.thread):
        return True
    change = await replies.take(cases, event, cases.workspace.identity.user)
    if change is Change.MUTED:
        await tell_muted(cases, spoken)
    return change is not Change.UNLINKED


async def tell_muted(cases: UseCases, spoken: Reply) -> None:
    """Tell the author of words to the bot that their thread sends nothing to Devin."""
    muted, once = refusals.sorry(IsMuted()), f"muted:{spoken.ts}"
    await cases.notices.whisper(spoken.thread, spoken.author, muted, once=once, at=spoken.ts)
