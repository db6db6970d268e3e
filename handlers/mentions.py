"""Commands by mention: `@Devin Relay link …` and the others.

Slack sends a mention twice, as `message` and as `app_mention` (in a direct message only the first,
and the mention may be left out); the event that comes first is answered.

Other words to the bot are a reply, a mistyped command, or ask for nothing yet. Each ends in
something that its author sees: it reaches Devin, or the bot asks back with buttons.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

from slack_bolt.async_app import AsyncApp

from bot.model.errors import AlreadyDone, NotAllowed, NotIdentified, NotLinked, PersonError
from bot.model.people import Act, Standing
from bot.model.replies import Change, Edit, Reply, reply_id
from bot.model.sessions import Closing, Follow
from bot.model.threads import ThreadRef
from bot.model.times import ts_micros
from bot.model.verbs import Command, Verb
from bot.relay import UseCases
from bot.relay.accept import FRESH
from bot.relay.edits import may_come
from bot.relay.lifecycle.starting import Start, subject_of
from bot.reporting.notices import Notices
from bot.wording import actions, commands, delivery_reports, forms, thread_links
from bot.wording.message import SlackMessage, View
from handlers import replies
from handlers.answering import on_press, refuse
from handlers.modals import opens
from handlers.parse.interactions import Press
from handlers.parse.messages import (
    Kind,
    Payload,
    Said,
    classify,
    is_left_to_message,
    parse_thread,
)


def register(app: AsyncApp, cases: UseCases) -> None:
    """Listen to the buttons; `events` brings the words."""

    @on_press(app, cases, actions.START_SPOKEN)
    async def on_start_spoken(press: Press) -> SlackMessage:
        await cases.asking.start(press.value, press.by, press.channel, press.ts)
        return thread_links.STARTING

    @opens(cases, forms.LINK_TITLE, app.action(actions.LINK_SPOKEN))
    async def on_link_spoken(press: Press) -> View:
        message = (await cases.asking.read(press.value, press.by, press.channel)).message
        return await cases.asking.form(message.thread, press.by, message)

    @on_press(app, cases, actions.RUN_SPOKEN)
    async def on_run_spoken(press: Press) -> SlackMessage:
        meant = await cases.asking.read(press.value, press.by, press.channel)
        thread = meant.message.thread
        # What was written before the press was not for Devin. A start is about its own message.
        ts = meant.message.ts if meant.verb == "start" else press.ts or meant.message.ts
        verb, argument, app = meant.verb, meant.argument, meant.message.app
        command = Command(verb, argument, thread, press.by, ts, app)
        words = await obey(cases, command)
        # A whisper must know the message that it answers, which may have no replies.
        asked = replace(command, ts=meant.message.ts)
        await _tell(cases, asked, words, f"ran:{press.value}")
        return thread_links.command_run(verb, argument)

    @on_press(app, cases, actions.SEND_SPOKEN)
    async def on_send_spoken(press: Press) -> SlackMessage:
        reread = partial(replies.read_again, cases)
        change = await cases.asking.send_asked(press.value, press.by, press.channel, reread)
        if change is Change.REPEATED:
            raise AlreadyDone
        return forms.SENT


async def answer(cases: UseCases, command: Command, event: str) -> None:
    """Run a command, once for both kinds of `event`, and tell the thread the result.

    The command is claimed once it is done and its answer is in the outbox. Until then it may run
    again, after a crash or an outage, and be answered differently: an `unlink` finds no link.
    """
    claim = claim_of(command.thread, command.ts)
    async with cases.state.claims.alone(claim, event):
        if await _begins(cases, command, event):
            await _carry_out(cases, command, claim)
            await cases.state.claims.claim(claim)


async def _carry_out(cases: UseCases, command: Command, claim: str) -> None:
    thread = command.thread
    try:
        if not cases.accepting.is_old(command.ts):
            words = await obey(cases, command)
        else:  # others may have followed it
            await cases.accepting.check(command.by, thread.channel, act_of(cases, command))
            words = delivery_reports.late(0, [command.verb], silenced=False)
    except NotIdentified:
        # Slack would bring it again, but in a minute, or never: they have an answer now.
        unknown = NotAllowed(Standing.UNKNOWN)
        await refuse(cases, thread, command.ts, command.by, unknown, each=True)
    except PersonError as error:
        is_private = _verb(cases, command).is_private
        await refuse(cases, thread, command.ts, command.by, error, each=True, is_private=is_private)
    else:
        await _tell(cases, command, words, claim)


async def _tell(cases: UseCases, command: Command, words: SlackMessage | None, once: str) -> None:
    """Tell the thread what came of a command, or only its author, if it is a private one."""
    thread, by, ts = command.thread, command.by, command.ts
    if words is None:
        return
    if _verb(cases, command).is_private:
        await cases.notices.whisper(thread, by, words, once=once, at=ts)
    else:
        await cases.notices.say(thread, words, once=once)


async def is_missed(cases: UseCases, command: Command) -> bool:
    """Return True if no event brought a command, and its author may give it; else they are told.

    From now on, `answer` ignores the command; the event of a fresh one is waited for first.
    """
    if cases.accepting.is_fresh(command.ts):
        await asyncio.sleep(FRESH.total_seconds())
    if not await _begins(cases, command, "catch-up"):
        return False
    thread = command.thread
    try:
        await cases.accepting.check(command.by, thread.channel, act_of(cases, command))
    except NotAllowed as error:
        refused = error
    except NotIdentified:
        message = reply_id(thread.team, thread.channel, command.ts)
        if not await cases.accepting.is_given_up(message):
            raise
        refused = NotAllowed(Standing.UNKNOWN)
    else:
        return True
    await refuse(cases, thread, command.ts, command.by, refused, each=True)
    await cases.state.claims.claim(claim_of(thread, command.ts))
    return False


async def _begins(cases: UseCases, command: Command, event: str) -> bool:
    """Return True if a command is to be run, and no other event of it has begun that."""
    thread, claim = command.thread, claim_of(command.thread, command.ts)
    if not await cases.state.claims.begin(claim, event):
        return False
    if await cases.state.mailbox.is_known(reply_id(thread.team, thread.channel, command.ts)):
        await cases.state.claims.leave(claim)
        return False  # a reply that was edited: `events` tells what that does
    return True


def act_of(cases: UseCases, command: Command) -> Act:
    """Return what a command asks for: its use case checks the same, if it is carried out."""
    verb, argument = _verb(cases, command), command.argument.lower()
    sets = verb.ends and argument and (command.verb, argument) != ("default", "none")
    return Act.START if sets else verb.act


def _verb(cases: UseCases, command: Command) -> Verb:
    return cases.workspace.identity.verbs[command.verb]


async def obey(cases: UseCases, command: Command) -> SlackMessage | None:
    """Carry out a command, of the core or of a feature; return what to say, if no card says it."""
    if (obey := OBEYS.get(command.verb)) is not None:
        return await obey(cases, command)
    return await cases.obeys[command.verb](command)


def claim_of(thread: ThreadRef, ts: str) -> str:
    """Name the claim on the mention at `ts`."""
    return f"command:{thread.channel}:{ts}"


async def _help(cases: UseCases, command: Command) -> SlackMessage:
    await cases.accepting.check(command.by, command.thread.channel)
    return commands.helped(cases.helps, has_form=cases.workspace.identity.has_form)


async def _status(cases: UseCases, command: Command) -> SlackMessage | None:
    try:
        return await cases.linking.status(command.thread, command.by)
    except NotLinked:
        if not command.thread.is_direct or (lists := cases.obeys.get("sessions")) is None:
            raise
        return await lists(command)


async def _unlink(cases: UseCases, command: Command) -> SlackMessage:
    link = await cases.linking.unlink(command.thread, command.by)
    # Devin is not asked: a process that dies meanwhile would leave the unlinking untold.
    channel = command.thread.channel
    return thread_links.unlinked(await cases.audience.named(link.session, channel, link.by))


async def _mute(cases: UseCases, command: Command) -> SlackMessage:
    at, muted = ts_micros(command.ts), command.verb == "mute"
    link = await cases.linking.mute(command.thread, command.by, at, muted=muted)
    return thread_links.muted(link)


async def _follow(cases: UseCases, command: Command) -> SlackMessage:
    how = Follow.TURNS if command.argument else Follow.ALL
    how = Follow.OFF if command.verb == "unfollow" else how
    heard = await cases.linking.follow(command.thread, command.by, how)
    return commands.following(heard.follow, is_barred=heard.is_barred)


async def _link(cases: UseCases, command: Command) -> SlackMessage | None:
    if not command.argument:
        asks = Reply(thread=command.thread, ts=command.ts, author=command.by, text="")
        await cases.asking.ask_session(asks)
        return None
    at = ts_micros(command.ts)
    link, already = await cases.linking.link(command.thread, command.by, command.argument, at)
    if not already:
        return None
    return thread_links.linked_already(*await cases.naming.linked(link, command.thread.channel))


async def _start(cases: UseCases, command: Command) -> None:
    thread, text, app = command.thread, command.argument, command.app
    prompt = Reply(thread=thread, ts=command.ts, author=command.by, app=app, text=text)
    await cases.starting.start(Start(message=prompt, reads_thread=True))


async def _default(cases: UseCases, command: Command) -> SlackMessage:
    channel, by, argument = command.thread.channel, command.by, command.argument
    if argument:
        text = "" if argument.lower() == "none" else argument
        await cases.say.set_default(channel, by, text)
    profile = await cases.say.default(channel, by)
    if profile.session is None:
        cleared = commands.default_cleared(await cases.workspace.people.name(by))
        await announce(cases.notices, command, cleared)
        return commands.NO_DEFAULT
    named = await cases.naming.one(profile.session, channel, by)
    words = commands.default_is(named, await cases.workspace.people.name(profile.session_by))
    await announce(cases.notices, command, words)
    return words


async def announce(notices: Notices, command: Command, words: SlackMessage) -> None:
    """Tell the channel what a command that has an argument changed in it, if it is in a thread."""
    thread = command.thread
    if command.argument and command.ts != thread.thread_ts and not thread.is_direct:
        await notices.say(thread.in_channel, words, once=claim_of(thread, command.ts))


def told_in(command: Command) -> ThreadRef:
    """Return where a change by a command is told: its thread, or the channel if it begins one."""
    begins = command.ts == command.thread.thread_ts and not command.thread.is_direct
    return command.thread.in_channel if begins else command.thread


OBEYS: Mapping[str, Callable[[UseCases, Command], Awaitable[SlackMessage | None]]] = {
    "start": _start,
    "link": _link,
    "unlink": _unlink,
    "status": _status,
    "mute": _mute,
    "unmute": _mute,
    "follow": _follow,
    "unfollow": _follow,
    "default": _default,
    "end": lambda cases, asked: cases.ending.ask(Closing.END, asked.thread, asked.by),
    "archive": lambda cases, asked: cases.ending.ask(Closing.ARCHIVE, asked.thread, asked.by),
    "help": _help,
}
"""What carries out each of the verbs of the core."""


async def respond(cases: UseCases, said: Said, event: Payload, kind: str) -> None:
    """Obey a command of an event of that `kind`, or respond to other words to the bot."""
    if said.kind is Kind.COMMAND and said.command is not None:
        await answer(cases, said.command, kind)
    else:
        await _respond_to_words(cases, said, event, kind)


async def _respond_to_words(cases: UseCases, said: Said, event: Payload, kind: str) -> None:
    """Accept words to the bot as a reply, or ask their author what they are to be."""
    spoken, ours = said.message, cases.workspace.identity
    claim, state = claim_of(spoken.thread, spoken.ts), cases.state
    if event.get("edited") and (
        await state.claims.is_claimed(claim) or await state.mailbox.is_known(spoken.id)
    ):
        return  # `events` tells what an edit does
    if said.kind is not Kind.NEAR_MISS and await _is_taken(cases, said, kind):
        return
    there = classify(event, ours, unlinked=True)
    meant = None if there is None else there.command
    if there is not None and there.kind is Kind.COMMAND and meant is not None:
        await answer(cases, meant, kind)
    elif meant is not None:
        await cases.asking.ask_command(spoken, meant.verb, meant.argument)
        # The backfill would ask for the command that it stands for.
        await cases.state.claims.claim(claim)
    elif not await replies.offer_link(cases, said):
        await cases.asking.offer(spoken)


async def is_answered(cases: UseCases, edit: Edit, event: Payload) -> bool:
    """Return True if the bot acts on no edit of a message, and its author may expect it to.

    That is neither a reply nor a start's prompt, and was answered; or it's in a linked thread, and
    was for no session. So is a reply that is edited into a command, which takes the reply back,
    also if its own event is still to come. In a direct message, all messages were answered.
    """
    message = edit.reply
    state, thread, ours = cases.state, message.thread, cases.workspace.identity
    prompt, said = subject_of(thread, message.ts, 1), classify(event, ours)
    is_command = said is not None and said.command is not None
    if await state.mailbox.is_known(message.id):
        return is_command
    if await state.outbox.content(prompt) is not None:
        return False
    if await state.claims.is_claimed(claim_of(thread, message.ts)):
        return True
    link = await state.links.get(thread)
    if link is not None and said is not None and said.is_spoken:
        return is_command or not may_come(edit, link)
    if not thread.is_direct:
        return False
    asked = classify(event, ours, unlinked=link is None)
    return asked is not None and asked.command is not None


async def is_left(cases: UseCases, event: Payload) -> bool:
    """Whether an `app_mention` is left to the `message` event beside it, which may have more.

    Of an edited message in a linked thread, that is the edit: `is_answered` decides. Slack sends no
    `app_mention` in a direct message.
    """
    if is_left_to_message(event, cases.workspace.identity):
        return True
    thread = parse_thread(event, cases.workspace.team)
    if not event.get("edited") or thread is None:
        return False
    return await cases.state.links.get(thread) is not None


async def _is_taken(cases: UseCases, said: Said, kind: str) -> bool:
    """Accept words in a linked thread as a reply; return False if they are none.

    An `app_mention` may lack the files of its message, so that is left to the `message` event.
    """
    if kind == "app_mention" and await cases.replies.is_linked(said.message.thread):
        return True
    change = await replies.receive(cases, said)
    if isinstance(change, Command):
        await answer(cases, change, kind)
        return True
    if change is Change.MUTED:
        await cases.asking.offer(said.message)
    return change not in {Change.UNLINKED, Change.EARLIER}
