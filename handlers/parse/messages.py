"""Parsers of messages, as Slack's events bring them, and of what they say to the bot: commands.

Each returns a value, or None for a payload that is not ours. Nothing here raises on a malformed
payload, since an exception would have Slack send it again. Shapes: docs.slack.dev/reference/events.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from bot.model.files import AttachedFile, Forwarded
from bot.model.options import BadDefaults
from bot.model.people import UserId, is_id
from bot.model.record import mapping, mappings, string
from bot.model.replies import Reply
from bot.model.sessions import parse_session
from bot.model.threads import ThreadRef, is_direct, is_ts
from bot.relay.lifecycle.starting import Start
from bot.slack.app.workspace import Identity, Workspace
from bot.slack.files import attached
from bot.text import to_devin
from bot.text.content import attachments, content, shared
from bot.text.mrkdwn import one_line
from bot.text.options import parse_changes, parse_rules
from bot.text.to_devin import strip_mention, to_markdown

Payload = Mapping[str, Any]

REPLY_SUBTYPES = ("thread_broadcast", "me_message", "file_share", "bot_message")

# `.invalid` is the local Slack's: nobody can own such an address (RFC 2606).
_PERMALINK = re.compile(
    r"(https://[a-z0-9-]+(?:\.enterprise)?\.(?:slack\.com|slack-gov\.com|slack\.invalid)"
    r"/archives/[A-Za-z0-9_-]{1,80}/p[0-9]{10,20})"
    r"(\?thread_ts=[0-9]{10}\.?[0-9]{6})?(?:&(?:amp;)?cid=[A-Z0-9]{1,30})?"
)


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reaction `by` somebody to the message `ts`, `at` Slack's time, that asks for a session."""

    by: UserId
    emoji: str
    channel: str
    ts: str
    at: str


def parse_reaction(event: Payload, workspace: Workspace) -> Reaction | None:
    """Parse a reaction with START_EMOJI, in any skin tone, where that starts sessions."""
    item, settings = mapping(event.get("item")), workspace.settings
    by, emoji = string(event, "user"), string(event, "reaction").partition("::")[0]
    channel, ts, at = string(item, "channel"), string(item, "ts"), string(event, "event_ts")
    is_start = emoji == settings.start_emoji and channel in settings.start_emoji_channels
    if not (is_start and is_id(by) and is_ts(ts) and is_ts(at)) or by == workspace.identity.user:
        return None
    return Reaction(UserId(by), emoji, channel, ts, at)


def parse_reply(event: Payload, team: str, bot_user: str) -> Reply | None:
    """Parse a threaded reply of a person or a bot; None for any other kind of message event.

    `message_replied` arrives without its subtype, hence the look at the author.
    """
    message = parse_message(event, team) if is_in_thread(event) and is_said(event) else None
    return None if message is None or is_aside(message, bot_user) else message


def is_in_thread(event: Payload) -> bool:
    """Whether a message answers another one, rather than begin a thread."""
    root = event.get("thread_ts")
    return bool(root) and root != event.get("ts")


def is_said(event: Payload) -> bool:
    """Whether a person or a bot wrote a message, and it's still there: no join, no tombstone."""
    subtype = event.get("subtype")
    return not event.get("hidden") and (subtype is None or subtype in REPLY_SUBTYPES)


def is_own(event: Payload, ours: Identity) -> bool:
    """Whether the bot itself wrote a message; Bolt drops its events before any listener."""
    return event.get("user") == ours.user or (bool(ours.bot) and event.get("bot_id") == ours.bot)


def parse_message(event: Payload, team: str) -> Reply | None:
    """Parse a message, in a thread or as the beginning of one, as it would go to Devin."""
    thread = parse_thread(event, team)
    user, bot = string(event, "user"), string(event, "bot_id")
    if thread is None or not (user or bot):
        return None
    # Where a posting bot is installed; a `bot_message` may leave it out.
    home = string(mapping(event.get("bot_profile")), "team_id") or string(event, "team")
    return Reply(
        thread=thread,
        ts=string(event, "ts"),
        author=UserId(user or bot),
        bots=tuple(filter(None, (bot, string(event, "app_id"), user))) if is_bot(event) else (),
        home=home if is_bot(event) else "",
        app=string(event, "app_id"),
        text=string(event, "text"),
        blocks=content(event, is_typed=not is_bot(event)),
        files=_files(event),
        forwarded=parse_forwarded(event),
    )


def is_bot(event: Payload) -> bool:
    """Whether an app wrote the message, on its own behalf or on a person's."""
    return bool(string(event, "bot_id")) or event.get("subtype") == "bot_message"


def parse_forwarded(event: Payload) -> tuple[Forwarded, ...]:
    """Parse the messages that a person forwards with their own.

    Slack does not document them. Each is an attachment with `is_share`; the preview of a permalink
    has the same fields without it. Captured by others: `share_with_message` and
    `share_without_message` of MercuryTechnologies/slack-web (2022, 2024); exports in r-devel/rcwg
    (2022 to 2025) and de-dale/de-dale.github.io (2017: also an attachment that is itself shared);
    with `blocks` and `files`, NousResearch/hermes-agent#75481 and #96384 (2026).
    """
    return tuple(_forwarded(one) for one in attachments(event) if one.get("is_share") is True)


def parse_thread(event: Payload, team: str) -> ThreadRef | None:
    """The thread an event's message stands in, or would begin."""
    channel, ts = string(event, "channel"), string(event, "ts")
    root = event.get("thread_ts") or ts
    if not is_id(channel) or not is_ts(ts) or not is_ts(root):
        return None
    return ThreadRef(team=team, channel=channel, thread_ts=root)


def brings_more(event: Payload) -> bool:
    """Whether a person's mention stands above a forward or a table; its own block comes first."""
    return bool(parse_forwarded(event) or content(event, is_typed=True)[1:])


def is_aside(message: Reply, bot_user: str) -> bool:
    """Whether a message is not meant for Devin; an app may say so in its blocks alone.

    The first block may be a text that the second one does not show.
    """
    if to_devin.is_aside(message.text, bot_user):
        return True
    is_text = bool(message.text.strip()) and not message.bots
    heads = () if is_text else (to_markdown("", [one]) for one in message.blocks[:2])
    return any(to_devin.is_aside(one, bot_user) for one in heads)


def _forwarded(share: Payload) -> Forwarded:
    author, channel = string(share, "author_id"), string(share, "channel_id")
    subname = "" if is_id(author) else string(share, "author_subname")
    return Forwarded(
        author=author if is_id(author) else "",
        name=one_line(string(share, "author_name") or subname),
        channel=channel if is_id(channel) else "",
        place=one_line(string(share, "channel_name")).removeprefix("#"),
        permalink=_permalink(string(share, "from_url")),
        blocks=shared(share),
        files=_files(share),
    )


def _permalink(address: str) -> str:
    """A permalink without the parts that only the client needs; "" for any other address."""
    found = _PERMALINK.fullmatch(address)
    return f"{found[1]}{found[2] or ''}" if found else ""


def _files(event: Payload) -> tuple[AttachedFile, ...]:
    return tuple(attached(file) for file in mappings(event.get("files")))


COMMAND_SUBTYPES = (None, "thread_broadcast", "file_share")
"""Of a command with one of these, the `app_mention` beside it has none, and is obeyed."""

ARGUMENTS: Mapping[str, Sequence[str]] = {
    "start": [""],
    "link": [""],
    "unlink": [""],
    "status": [""],
    "sessions": [""],
    "usage": [""],
    "digest": ["", "daily", "weekly", "off"],
    "review": [""],
    "adopt": ["", "none"],
    "mute": [""],
    "unmute": [""],
    "follow": ["", "turns"],
    "unfollow": [""],
    "default": ["", "none"],
    "defaults": ["", "none"],
    "end": [""],
    "archive": [""],
    "help": [""],
}
"""What may stand behind a verb; with anything else, it is talk.

`start` also takes a prompt, `link` and `default` take a session, `defaults` options, `adopt` rules,
and `review` an address.
"""

NAMES_SESSION = frozenset({"link", "default"})

_PARSERS: Mapping[str, Callable[[str], object]] = {"defaults": parse_changes, "adopt": parse_rules}

_HELP = frozenset({"help", "help!", "help?", "help."})

_ADDRESS = re.compile("<?https?://", re.IGNORECASE)

LIKENESS = 0.75
"""The likeness from which a word is taken for a mistyped verb: one letter of four, two of six."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command by mention: `verb`, and its argument, if any."""

    verb: str
    argument: str
    thread: ThreadRef
    by: UserId
    ts: str


def parse_command(
    event: Payload, team: str, bot_user: str, *, unlinked: bool = False
) -> Command | None:
    """Parse a message that begins with a mention of the bot and a verb; None for talk.

    A mention alone asks for help, but not above a forward or a pasted table. In the bot's direct
    message the mention may be left out. Replies in a thread there may be for Devin, so unless the
    thread is known to be `unlinked`, only a message that can hardly be talk is a command.
    """
    said = _first_words(event, team, bot_user)
    if said is None:
        return None
    argument = _argument(said.verb, said.argument)
    if argument is None or (not unlinked and _may_be_talk(event, bot_user, said)):
        return None
    return replace(said, argument=argument)


def parse_guess(
    event: Payload, team: str, bot_user: str, *, unlinked: bool = False
) -> Command | None:
    """Parse a mistyped verb, alone or with what it takes, as the command that was meant.

    For `unlinked`, see `parse_command`.
    """
    said = _first_words(event, team, bot_user)
    if said is None or said.verb in ARGUMENTS:
        return None
    if not unlinked and _is_bare(event, bot_user) and is_in_thread(event):
        return None
    if unlinked and not said.argument and parse_session(said.verb):
        return replace(said, verb="link", argument=said.verb)
    for verb in get_close_matches(said.verb, ARGUMENTS, 1, LIKENESS):
        is_session = verb in NAMES_SESSION and parse_session(said.argument) is not None
        if is_session or said.argument.lower() in ARGUMENTS[verb]:
            return replace(said, verb=verb)
        meant = "defaults" if verb == "default" else verb
        if _begins_with(meant, said.argument):
            return replace(said, verb=meant)
    return None


def is_for_bot(text: str, channel: str, bot_user: str) -> bool:
    """Whether a message names the bot, or is in its direct message."""
    return f"<@{bot_user}>" in text or f"<@{bot_user}|" in text or is_direct(channel)


def takes_mention(text: str) -> str:
    """Return `digest` or `adopt` if `/devin-say` was given that command, which takes a mention."""
    verb, _, rest = text.strip().lower().partition(" ")
    is_one = verb in {"digest", "adopt"} and _argument(verb, rest.strip()) is not None
    return verb if is_one else ""


def is_about_defaults(text: str) -> bool:
    """Whether a `/devin-say` can hardly be a message, but is `default` or `defaults`."""
    word, *rest = text.split(maxsplit=1) or [""]
    argument = "".join(rest)
    verb = _meant(word.lower(), argument)
    if verb == "default" and argument and not parse_session(argument):
        return argument.lower() == "none"
    return verb in {"default", "defaults"} and _argument(verb, argument) is not None


def parse_spoken(event: Payload, team: str, bot_user: str) -> Reply | None:
    """Parse a person's message that is for the bot: it names it, or is in its direct message."""
    if not is_for_bot(string(event, "text"), string(event, "channel"), bot_user):
        return None
    message = parse_message(event, team) if is_said(event) else None
    return None if message is None or message.bots or is_aside(message, bot_user) else message


def parse_asked(message: Payload, start: Start, ours: Identity) -> Reply | None:
    """Parse the message that asks for `start`, as `conversations.replies` shows it now.

    Its text is the prompt, which is all of it if `start` is talk. None if it asks for none.
    """
    thread = start.thread
    event = {**message, "channel": thread.channel}
    found = parse_message(event, thread.team)
    if found is None or is_aside(found, ours.user):
        return None
    words = event, thread.team, ours.user
    said = parse_command(*words, unlinked=True) or parse_guess(*words, unlinked=True)
    prompt = said.argument if said is not None and said.verb == "start" else None
    if said is None and start.is_talk:
        prompt = strip_mention(found.text, ours.user) or found.text
    return None if prompt is None else found.model_copy(update={"text": prompt})


def parse_earlier(message: Payload, thread: ThreadRef, ours: Identity) -> Reply | None:
    """Parse a message of a thread that Devin may read; None for asides, commands and our posts."""
    event = {**message, "channel": thread.channel}
    if is_own(message, ours) or not is_said(message):
        return None
    words = event, thread.team, ours.user
    if parse_command(*words) is not None or parse_guess(*words) is not None:
        return None
    found = parse_message(event, thread.team)
    return None if found is None or is_aside(found, ours.user) else found


def _first_words(event: Payload, team: str, bot_user: str) -> Command | None:
    """Take the first word of what a person says to the bot for a verb, the rest as argument."""
    thread, user = parse_thread(event, team), string(event, "user")
    is_person = bool(user) and not event.get("bot_id")
    if thread is None or not is_person or event.get("subtype") not in COMMAND_SUBTYPES:
        return None
    text = string(event, "text")
    after = strip_mention(text, bot_user)
    if after is None and thread.is_direct:
        after = text.strip() or None
    if after is None or (not after and brings_more(event)):
        return None
    verb, *rest = after.split(maxsplit=1) or ["help"]
    argument = rest[0] if rest else ""
    verb = "help" if verb.lower() in _HELP else _meant(verb.lower(), argument)
    return Command(verb, argument, thread, UserId(user), string(event, "ts"))


def _meant(verb: str, argument: str) -> str:
    """Return the one of `default` and `defaults` that takes the argument."""
    if verb == "default" and _begins_with("defaults", argument):
        return "defaults"
    return "default" if verb == "defaults" and parse_session(argument) else verb


def _begins_with(verb: str, argument: str) -> bool:
    """Whether an argument is options or rules, as `verb` takes them, be they right or wrong."""
    parse = _PARSERS.get(verb)
    try:
        return parse is not None and parse(argument) is not None
    except BadDefaults:
        return True


def _argument(verb: str, rest: str) -> str | None:
    """Return what a verb takes of the `rest` of a message; None where that makes it talk.

    `link` takes the session that comes first, or one word, which is refused with words. More words
    without a session are talk: "link the PR to …".
    """
    first, *more = rest.split() or [""]
    if verb == "start" or (verb in NAMES_SESSION and (not more or parse_session(rest))):
        return rest
    if verb == "link" and parse_session(first):
        return first
    if _begins_with(verb, rest):
        return rest
    if verb == "review" and not more and _ADDRESS.match(first):
        return first
    return rest if rest.lower() in ARGUMENTS.get(verb, ()) else None


def _may_be_talk(event: Payload, bot_user: str, said: Command) -> bool:
    """Return True for a reply in a thread, without a mention, that Devin may be meant to read."""
    if not (_is_bare(event, bot_user) and is_in_thread(event)):
        return False
    if said.verb == "link":
        return parse_session(said.argument) is None
    return said.verb in {"start", "default", "defaults", "adopt", "review", "sessions"}


def _is_bare(event: Payload, bot_user: str) -> bool:
    return strip_mention(string(event, "text"), bot_user) is None
