"""Parsers of commands: what a message says to the bot, and what it asks for as it is now.

A message that is no command, and no mistyped one, is talk. Nothing here raises on a malformed
payload, since an exception would have Slack send it again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum, auto

from bot.model.options import BadDefaults
from bot.model.people import Act, UserId
from bot.model.record import string
from bot.model.replies import Reply
from bot.model.sessions import parse_session
from bot.model.threads import ThreadRef
from bot.model.verbs import Command, Takes, Verb
from bot.relay.lifecycle.starting import Start
from bot.slack.app.workspace import Identity
from bot.text.options import parse_changes, parse_rules
from bot.text.to_devin import is_empty, strip_mention
from handlers.parse import messages
from handlers.parse.messages import Payload

COMMAND_SUBTYPES = (None, "", "thread_broadcast", "file_share")
"""Of a command with one of these, the `app_mention` beside it has none, and is obeyed."""


CORE: Mapping[str, Verb] = {
    "start": Verb(takes=Takes.TEXT, act=Act.START, may_be_talk=True),
    "link": Verb(takes=Takes.SESSION, act=Act.START, may_be_talk=True),
    "unlink": Verb(may_be_talk=False, silences=True),
    "status": Verb(may_be_talk=False),
    "adopt": Verb(words=("none",), ends="none", parse=parse_rules, may_be_talk=True),
    "mute": Verb(may_be_talk=False, silences=True),
    "unmute": Verb(may_be_talk=False),
    "follow": Verb(words=("turns",), may_be_talk=False),
    "unfollow": Verb(may_be_talk=False),
    "default": Verb(words=("none",), ends="none", takes=Takes.SESSION, may_be_talk=True),
    "defaults": Verb(words=("none",), ends="none", parse=parse_changes, may_be_talk=True),
    "end": Verb(act=Act.APPROVE, may_be_talk=False),
    "archive": Verb(act=Act.APPROVE, may_be_talk=False),
    "help": Verb(may_be_talk=False),
}

_HELP = frozenset({"help", "help!", "help?", "help."})

_ADDRESS = re.compile("<?https?://", re.IGNORECASE)

LIKENESS = 0.75
"""The likeness from which a word is taken for a mistyped verb: one letter of four, two of six."""


def parse_command(event: Payload, ours: Identity, *, unlinked: bool = False) -> Command | None:
    """Parse a message that begins with a mention of the bot and a verb; None for talk.

    A mention alone asks for help, but not above a file, a forward or a pasted table. In the bot's
    direct message the mention may be left out. Replies in a thread there may be for Devin, so
    unless the thread is known to be `unlinked`, only what can hardly be talk is a command.
    """
    said = _as_command(event, ours)
    if said is None or said.verb not in ours.verbs:
        return None
    argument = _argument(said.verb, said.argument, ours.verbs)
    if argument is None or (not unlinked and _may_be_talk(event, ours, said)):
        return None
    return replace(said, argument=argument)


def parse_guess(event: Payload, ours: Identity, *, unlinked: bool = False) -> Command | None:
    """Parse a mistyped verb, alone or with what it takes, as the command that was meant.

    For `unlinked`, see `parse_command`.
    """
    said = _as_command(event, ours)
    if said is None or said.verb in ours.verbs:
        return None
    if not unlinked and _is_bare(event, ours.user) and messages.is_in_thread(event):
        return None
    if unlinked and not said.argument and parse_session(said.verb):
        return replace(said, verb="link", argument=said.verb)
    for verb in get_close_matches(said.verb, ours.verbs, 1, LIKENESS):
        known = ours.verbs[verb]
        is_session = known.takes is Takes.SESSION and parse_session(said.argument) is not None
        is_slip = unlinked and known.takes is Takes.TEXT and _is_slip(said.verb, verb)
        if is_session or is_slip or said.argument.lower() in ("", *known.words):
            return replace(said, verb=verb)
        meant = "defaults" if verb == "default" else verb
        if _begins_with(ours.verbs[meant], said.argument):
            return replace(said, verb=meant)
    return None


def _is_slip(typed: str, verb: str) -> bool:
    """Return True for a verb with one letter typed twice, or with two in the wrong order."""
    places = range(len(verb))
    twice = {verb[:at] + verb[at] + verb[at:] for at in places}
    swapped = {verb[:at] + verb[at : at + 2][::-1] + verb[at + 2 :] for at in places}
    return typed in twice | swapped


def takes_mention(text: str, verbs: Mapping[str, Verb]) -> str:
    """Return the verb of a `/devin-say` that is hardly a message, but a command by mention."""
    word, *rest = text.split(maxsplit=1) or [""]
    argument = "".join(rest)
    verb = _meant(word.lower(), argument)
    taken = _argument(verb, argument, verbs) if verb in verbs else None
    is_word = verb == "default" and taken not in {"", "none"} and not parse_session(argument)
    return "" if taken is None or not verbs[verb].ends or is_word else verb


class Kind(Enum):
    """What a message is to the bot: a command, one that is mistyped, an aside, or other words."""

    COMMAND = auto()
    NEAR_MISS = auto()
    ASIDE = auto()
    REPLY = auto()
    TALK = auto()


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a person or a bot, and what it is: a `REPLY` answers another, `TALK` doesn't.

    `command` is that of a command, or the one that a near miss stands for. `is_spoken`: a person
    says it to the bot, and it is no aside.
    """

    kind: Kind
    message: Reply
    command: Command | None = None
    is_spoken: bool = False


def classify(event: Payload, ours: Identity, *, unlinked: bool = False) -> Said | None:
    """Say what a message is, for whoever reads it; None if neither a person nor a bot wrote it.

    Nothing else decides: an event, one that comes late, the backfill, a start, and an edit ask
    this. For `unlinked`, see `parse_command`.
    """
    message = messages.parse_message(event, ours.tenant) if messages.is_said(event) else None
    if message is None:
        return None
    is_spoken = not message.bots and messages.is_for_bot(
        message.text, message.thread.channel, ours.user
    )
    if command := parse_command(event, ours, unlinked=unlinked):
        return Said(Kind.COMMAND, message, command, is_spoken)
    if guess := parse_guess(event, ours, unlinked=unlinked):
        return Said(Kind.NEAR_MISS, message, guess, is_spoken)
    if messages.is_aside(message):
        return Said(Kind.ASIDE, message)
    kind = Kind.REPLY if messages.is_in_thread(event) else Kind.TALK
    return Said(kind, message, None, is_spoken)


def is_spoken(event: Payload, ours: Identity) -> bool:
    """Whether a person says a message to the bot, as a command or as words."""
    said = classify(event, ours)
    return said is not None and said.is_spoken


def parse_asked(message: Payload, start: Start, ours: Identity) -> Reply | None:
    """Parse the message that asks for `start`, as `conversations.replies` shows it now.

    Its text is the prompt, which is all of it if `start` is talk. None if it asks for none.
    """
    event = {**message, "channel": start.thread.channel}
    said = classify(event, ours, unlinked=True)
    if said is None or said.kind is Kind.ASIDE:
        return None
    prompt, found = None, said.message
    if said.command is None and start.is_talk:
        prompt = strip_mention(found.text, ours.user) or found.text
    elif said.command is not None and said.command.verb == "start":
        prompt = said.command.argument
    return None if prompt is None else found.model_copy(update={"text": prompt})


def parse_earlier(message: Payload, thread: ThreadRef, ours: Identity) -> Reply | None:
    """Parse a message of a thread that Devin may read; None for asides, commands and our posts."""
    event = {**message, "channel": thread.channel}
    said = None if messages.is_own(message, ours) else classify(event, ours)
    return said.message if said is not None and said.kind in {Kind.REPLY, Kind.TALK} else None


def is_left_to_message(event: Payload, kind: str, ours: Identity) -> bool:
    """Whether an `app_mention` has no words: it may lack files, which the `message` event has."""
    is_alone = strip_mention(string(event, "text"), ours.user) == ""
    return kind == "app_mention" and is_alone and not event.get("edited")


def _brings_more(event: Payload, ours: Identity) -> bool:
    """Whether a person's mention stands above anything to read; its own block comes first."""
    said = messages.parse_message(event, ours.tenant)
    return said is not None and not is_empty(
        said.model_copy(update={"text": "", "blocks": said.blocks[1:]})
    )


def _as_command(event: Payload, ours: Identity) -> Command | None:
    """Take the first word of what a person says to the bot for a verb, the rest as argument."""
    thread, user = messages.parse_thread(event, ours.tenant), string(event, "user")
    is_person = bool(user) and not event.get("bot_id")
    if thread is None or not is_person or event.get("subtype") not in COMMAND_SUBTYPES:
        return None
    text = string(event, "text")
    after = strip_mention(text, ours.user)
    if after is None and thread.is_direct:
        after = text.strip() or None
    if after is None or (not after and _brings_more(event, ours)):
        return None
    verb, *rest = after.split(maxsplit=1) or ["help"]
    argument = rest[0] if rest else ""
    verb = "help" if verb.lower() in _HELP else _meant(verb.lower(), argument)
    said_at, app = string(event, "ts"), string(event, "app_id")
    return Command(verb, argument, thread, UserId(user), said_at, app)


def _meant(verb: str, argument: str) -> str:
    """Return the one of `default` and `defaults` that takes the argument."""
    if verb == "default" and _begins_with(CORE["defaults"], argument):
        return "defaults"
    return "default" if verb == "defaults" and parse_session(argument) else verb


def _begins_with(verb: Verb, argument: str) -> bool:
    """Whether an argument is options or rules, as `verb` takes them, be they right or wrong."""
    parse = verb.parse
    try:
        return parse is not None and parse(argument) is not None
    except BadDefaults:
        return True


def _argument(verb: str, rest: str, verbs: Mapping[str, Verb]) -> str | None:
    """Return what a verb takes of the `rest` of a message; None where that makes it talk.

    `link` takes the session that comes first, or one word, which is refused with words. More words
    without a session are talk: "link the PR to …".
    """
    known, (first, *more) = verbs[verb], rest.split() or [""]
    if known.ends and rest and rest.lower() in {one.ends for one in verbs.values()}:
        return known.ends
    match known.takes:
        case Takes.TEXT:
            return rest
        case Takes.SESSION if not more or parse_session(rest):
            return rest
        case Takes.ADDRESS if not more and _ADDRESS.match(first):
            return first
    if verb == "link" and parse_session(first):
        return first
    return rest if _begins_with(known, rest) or rest.lower() in ("", *known.words) else None


def _may_be_talk(event: Payload, ours: Identity, said: Command) -> bool:
    """Return True for a reply in a thread, without a mention, that Devin may be meant to read."""
    if not (_is_bare(event, ours.user) and messages.is_in_thread(event)):
        return False
    if said.verb == "link":
        return parse_session(said.argument) is None
    return ours.verbs[said.verb].may_be_talk


def _is_bare(event: Payload, bot_user: str) -> bool:
    return strip_mention(string(event, "text"), bot_user) is None
