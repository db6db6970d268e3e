"""Converts Slack messages to the Markdown that Devin reads.

No line of the result is an attachment reference, and it can always be encoded as UTF-8. Nothing
here does I/O or raises.

The line that says who speaks ends in `Ada Lovelace, U0ADA (in Slack):`. The name is what a person
chose (`names`); the ID is Slack's. In the rest of a message, such an end is marked (`typed`).

An aside is recognized by what people see, too: a message that begins with `(aside)` or `!aside`,
Devin's own convention (docs.devin.ai/integrations/slack). What people meant to keep among
themselves cannot be recalled, so what says nothing in front doesn't count: marks, emoji, quotes,
the marks of list items, invisible characters, and whom the message is for. Nor does the width or
the kind of a bracket, and words may follow in it. But `(aside from that)` is no aside.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from bot.model.record import encodable, string
from bot.model.replies import Reply
from bot.model.threads import TOPIC_LIMIT, is_id
from bot.text import content, mrkdwn, rich_text
from bot.text.mrkdwn import NO_NAMES, Mention, Names, unescape
from bot.text.speakers import is_readable
from bot.text.to_slack import seen

_ATTACHMENT = re.compile(
    r'(?<![^\W_])(attachment)([\s*_~`]*:[\s*_~`]*["“”][^"“”\n]*/)', re.IGNORECASE
)


def _ids(blocks: object) -> Iterator[Mention]:
    """Yield each mention, however deeply nested."""
    waiting: list[object] = [blocks]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, dict):
            if string(part, "type") == "mrkdwn":
                yield from mrkdwn.ids(string(part, "text"))
            if found := rich_text.mention(part):
                yield found
            waiting += part.values()


def mentioned(text: str, blocks: Sequence[Mapping[str, object]] = ()) -> frozenset[Mention]:
    """Return what `to_markdown` needs names for, except what `text` itself names."""
    found = {one for one in chain(mrkdwn.ids(text), _ids(blocks)) if is_id(one[1])}
    return frozenset(found.difference(mrkdwn.places(text)))


def to_markdown(
    text: str, blocks: Sequence[Mapping[str, object]] = (), names: Names = NO_NAMES
) -> str:
    """Return a Slack message as the Markdown that Devin reads.

    It comes from the blocks if they say anything, else from `text`, which loses structure, but
    names ids that blocks leave bare. An id without a name stays an id.
    """
    markdown = content.to_markdown(blocks, {**mrkdwn.places(text), **names})
    return neutralise_attachments(encodable(markdown or mrkdwn.to_markdown(text, names)))


def says_something(text: str, blocks: Sequence[Mapping[str, object]] = ()) -> bool:
    """Return True if a reader would see anything of what `to_markdown` makes of both."""
    # The text first: it mostly says something, and takes half as long.
    is_said = mrkdwn.says_something(encodable(mrkdwn.to_markdown(text, NO_NAMES)))
    return is_said or content.to_markdown(blocks, NO_NAMES) != ""


TEXT_READ = 1_000
"""The part of a message that is converted for `topic_of`: much in front may not be seen."""

_AT_START = re.compile(r"^\|(?: --- \|)++$|^(?:> ?)*+(?:(?:[-•◦▪]|\d++\.) (?=\S))?", re.MULTILINE)
_ID = re.compile(r" \([UW][A-Z0-9]+\)")
_LINK = re.compile(r"\[([^\[\]\n]{1,200}+)\]\([A-Za-z][\w+.-]*+:[^()\s]++\)")
_CODE = re.compile(r"`++([^`]++)`++")
_PAIRS = [
    re.compile(rf"(?<![\w/]){mark}(?=[^\s*_~])([^*~\n]*[^\s*_~/]){mark}(?![\w*])")
    for mark in ("_", r"\*\*", r"(?<!\*)\*", "~~")
]


def topic_of(markdown: str) -> str:
    """Return the start of a message, by `to_markdown`, as a line with few of the marks of that.

    People tell threads apart by it. It is not parsed, which takes long for some texts, and would
    make more of what they typed than Slack has shown.
    """
    text = _ID.sub("", _AT_START.sub("", markdown[: 2 * TEXT_READ]))
    for mark in (_CODE, _LINK, *_PAIRS):
        text = mark.sub(r"\1", text)
    line = " ".join(seen(text).split())
    return line if len(line) <= TOPIC_LIMIT else line[: TOPIC_LIMIT - 1].rstrip() + "…"


def is_empty(reply: Reply) -> bool:
    """Return True if `reply` has no words, no files and no forwarded message to read."""
    is_there = any(not one.is_hidden for one in reply.all_files)
    if is_there or says_something(reply.text, reply.blocks):
        return False
    return not any(says_something(one.text, one.blocks) for one in reply.forwarded)


def neutralise_attachments(text: str) -> str:
    """Return `text` with `ATTACHMENT:"<url>"` written `ATTACHMENT (typed):"<url>"`.

    Devin reads such a line as a file of the message (docs.devin.ai, uploading files), so only the
    relay may write one. Any case, spacing and place is covered, since it is unknown what Devin
    makes of variants; applying it twice changes nothing. Quoted values without a slash are not
    addresses.
    """
    return _ATTACHMENT.sub(r"\1 (typed)\2", text)


def strip_mention(text: str, bot_user_id: str) -> str | None:
    """Return the text after mentions of the bot at its beginning; None if it begins with none."""
    mention = rf"\s*<@{re.escape(bot_user_id)}(?:\|[^<>]*)?>(?:,|:(?!\w))*"
    found = re.match(rf"(?:{mention})+", text)
    return text[found.end() :].strip() if found else None


_READ = 2_000
"""The part of a message that is looked at: much may stand in front that is not seen."""

_PLAIN = ("(aside)", "!aside")
_MARKS = str.maketrans("[{]}", "(())", "*_~`")
_BRACKETS = {"Ps": "(", "Pe": ")"}
# A date is a control, too, but one that people read. Blocks show mentions as `@U0ADA`.
_NO_WORD = r"<(?:[@#]|!(?!date\b))[^<>]*>|[@#][^\W\d][\w.-]*|:[\w+'-]+:"
_ITEM = r"(?:\d+[.)]|(?:[a-z]|[ivxl]{2,5})[.)](?=\s))"
_ASIDE = re.compile(
    rf"(?:{_NO_WORD}|{_ITEM}|[^\w(!<@])*+"
    rf"(?:\((?:{_NO_WORD}|[^\w)!<@])*+aside\b(?!\s+from\b)(?:\s*[:,]|[^)]*\))|!aside\b)"
)


def is_aside(text: str) -> bool:
    """Return True if people see an aside, whomever it is for."""
    head = unescape(text[:_READ])
    if not head.isascii():
        head = "".join(map(_as_seen, head))
    head = head.translate(_MARKS).lower()
    return "aside" in head and _ASIDE.match(head) is not None


def is_plain(text: str, bot_user: str) -> bool:
    """True if it begins with the very words, so that its author cannot have meant otherwise."""
    after = strip_mention(text, bot_user)
    return (text if after is None else after).lstrip().lower().startswith(_PLAIN)


def _as_seen(char: str) -> str:
    """Return a character as ASCII has it, if it does; nothing for emoji, or what is not seen."""
    if char.isspace():
        return " "
    category = unicodedata.category(char)
    if category == "So" or not is_readable(char):
        return ""
    return _BRACKETS.get(category) or unicodedata.normalize("NFKC", char)
