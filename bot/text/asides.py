"""Recognizes asides by what people see: a message that begins with `(aside)` or `!aside`.

What people meant to keep among themselves cannot be recalled, so marks, emoji, quotes and invisible
characters in front don't count, nor does the width or the kind of a bracket. The two words are
Devin's own convention (docs.devin.ai/integrations/slack).
"""

import re
import unicodedata

from bot.text.markdown import is_readable
from bot.text.mrkdwn import unescape
from bot.text.to_devin import strip_mention

_READ = 2_000
"""The part of a message that is looked at: much may stand in front that is not seen."""

_PLAIN = ("(aside)", "!aside")
_MARKS = str.maketrans("[{]}", "(())", "*_~`")
_BRACKETS = {"Ps": "(", "Pe": ")"}
_LETTERED = re.compile("[0-9#*]\ufe0f?\u20e3|\u2139")  # keycaps, and the sign for information
_ASIDE = re.compile(
    r"(?:<@bot(?:\|[^<>]*)?>|@bot\b|:[\w+'-]+:|[^\w(!<@])*+(?:\(+\s*aside\s*\)|!aside\b)"
)


def is_aside(text: str, bot_user: str) -> bool:
    """True if people see an aside, even behind a mention of the bot."""
    head = unescape(text[:_READ])
    if not head.isascii():
        head = unicodedata.normalize("NFKC", "".join(map(_but_symbols, _LETTERED.sub("", head))))
        head = "".join(map(_as_seen, head))
    head = head.translate(_MARKS).lower()
    return "aside" in head and _ASIDE.match(head.replace(bot_user.lower(), "bot")) is not None


def is_plain(text: str, bot_user: str) -> bool:
    """True if it begins with the very words, so that its author cannot have meant otherwise."""
    after = strip_mention(text, bot_user)
    return (text if after is None else after).lstrip().lower().startswith(_PLAIN)


def _but_symbols(char: str) -> str:
    """Drop emoji and other symbols, some of which would be normalized to letters, such as ™."""
    return "" if unicodedata.category(char) == "So" else char


def _as_seen(char: str) -> str:
    if char.isspace():
        return " "
    return _BRACKETS.get(unicodedata.category(char), char) if is_readable(char) else ""
