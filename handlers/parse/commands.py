"""Parsers of commands in messages for the bot: what is neither one nor a mistyped one is talk."""

import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from bot.model.options import BadDefaults
from bot.model.people import Act
from bot.model.replies import Reply
from bot.model.sessions import parse_session
from bot.model.verbs import Command, Takes, Verb
from bot.slack.app.workspace import Identity
from bot.text.to_devin import is_empty, strip_mention

CORE: Mapping[str, Verb] = {
    "start": Verb(takes=Takes.TEXT, act=Act.START, may_be_talk=True),
    "link": Verb(takes=Takes.SESSION, act=Act.START, may_be_talk=True),
    "unlink": Verb(may_be_talk=False, silences=True),
    "status": Verb(may_be_talk=False),
    "mute": Verb(may_be_talk=False, silences=True),
    "unmute": Verb(may_be_talk=False),
    "follow": Verb(words=("turns",), may_be_talk=False),
    "unfollow": Verb(may_be_talk=False),
    "default": Verb(words=("none",), ends="none", takes=Takes.SESSION, may_be_talk=True),
    "end": Verb(act=Act.APPROVE, may_be_talk=False),
    "archive": Verb(act=Act.APPROVE, may_be_talk=False),
    "help": Verb(may_be_talk=False),
}

_HELP = frozenset({"help", "help!", "help?", "help."})

_ADDRESS = re.compile("<?https?://", re.IGNORECASE)

LIKENESS = 0.75
"""The likeness from which a word is taken for a mistyped verb: one letter of four, two of six."""


def parse_command(message: Reply, ours: Identity, *, unlinked: bool = False) -> Command | None:
    """Parse a person's message that begins with a mention of the bot and a verb; None for talk.

    A mention alone asks for help, but not above a file, a forward or a pasted table. In the bot's
    direct message the mention may be left out. Replies in a thread there may be for Devin, so
    unless the thread is known to be `unlinked`, only what can hardly be talk is a command.
    """
    said = _as_command(message, ours)
    if said is None or said.verb not in ours.verbs:
        return None
    argument = _argument(said.verb, said.argument, ours.verbs)
    if argument is None or (not unlinked and _may_be_talk(message, ours, said)):
        return None
    return replace(said, argument=argument)


def parse_guess(message: Reply, ours: Identity, *, unlinked: bool = False) -> Command | None:
    """Parse a mistyped verb, alone or with what it takes, as the command that was meant.

    For `unlinked`, see `parse_command`.
    """
    said = _as_command(message, ours)
    if said is None or said.verb in ours.verbs:
        return None
    if not unlinked and _is_bare_answer(message, ours):
        return None
    if unlinked and not said.argument and parse_session(said.verb):
        return replace(said, verb="link", argument=said.verb)
    for verb in get_close_matches(said.verb, ours.verbs, 1, LIKENESS):
        known = ours.verbs[verb]
        is_session = known.takes is Takes.SESSION and parse_session(said.argument) is not None
        is_slip = unlinked and known.takes is Takes.TEXT and _is_slip(said.verb, verb)
        if is_session or is_slip or said.argument.lower() in ("", *known.words):
            return replace(said, verb=verb)
        meant = _meant(verb, said.argument, ours.verbs)
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
    verb = _meant(word.lower(), argument, verbs)
    taken = _argument(verb, argument, verbs) if verb in verbs else None
    is_word = verb == "default" and taken not in {"", "none"} and not parse_session(argument)
    return "" if taken is None or not verbs[verb].ends or is_word else verb


def _brings_more(message: Reply) -> bool:
    """Whether a mention stands above anything to read; its own block comes first."""
    return not is_empty(message.model_copy(update={"text": "", "blocks": message.blocks[1:]}))


def _as_command(message: Reply, ours: Identity) -> Command | None:
    """Take the first word of what a person says to the bot for a verb, the rest as argument."""
    after = None if message.bots else strip_mention(message.text, ours.user)
    if after is None and message.thread.is_direct and not message.bots:
        after = message.text.strip() or None
    if after is None or (not after and _brings_more(message)):
        return None
    verb, *rest = after.split(maxsplit=1) or ["help"]
    argument = rest[0] if rest else ""
    verb = "help" if verb.lower() in _HELP else _meant(verb.lower(), argument, ours.verbs)
    return Command(verb, argument, message.thread, message.author, message.ts, message.app)


def _meant(verb: str, argument: str, verbs: Mapping[str, Verb]) -> str:
    """Return the one of `default` and `defaults` that takes the argument."""
    if verb == "default" and (known := verbs.get("defaults")) and _begins_with(known, argument):
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


def _may_be_talk(message: Reply, ours: Identity, said: Command) -> bool:
    """Return True for a reply in a thread, without a mention, that Devin may be meant to read."""
    if not _is_bare_answer(message, ours):
        return False
    if said.verb == "link":
        return parse_session(said.argument) is None
    return ours.verbs[said.verb].may_be_talk


def _is_bare_answer(message: Reply, ours: Identity) -> bool:
    return not message.begins_thread and strip_mention(message.text, ours.user) is None
