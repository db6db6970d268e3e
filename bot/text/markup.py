"""What crosses between Slack and Devin as text, made safe and readable for the side that reads it.

Devin reads Markdown: `to_markdown`. People in Slack read what Devin says through `quoted` and
`excerpt`, and foreign text reaches Slack through these or `escape` only: it pings nobody, makes
no link out of angle brackets and takes no formatting. Nothing here does I/O or raises.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bot.model.people import is_id
from bot.model.replies import Reply
from bot.text import mrkdwn, rich_text
from bot.text.markdown import NO_NAMES, Names, is_readable

__all__ = [
    "NO_NAMES",
    "Mentioned",
    "Names",
    "disarmed",
    "escape",
    "excerpt",
    "is_empty",
    "mentioned",
    "neutralise_attachments",
    "quoted",
    "says_something",
    "strip_mention",
    "to_markdown",
]

_ATTACHMENT = re.compile(r'\b(attachment)([\s*~`]*:[\s*~`]*["“”][^"“”\n]*/)', re.IGNORECASE)
_FORMATTING = re.compile(r"[*_~`]|:(?=[\w+'-]+:)|@(?=(?:here|channel|everyone|group)\b)")
# Slack has no escape for these, so they are shown by signs that look alike and do nothing.
_LOOKS_LIKE = {
    "*": "\N{ASTERISK OPERATOR}",
    "_": "\N{MODIFIER LETTER LOW MACRON}",
    "~": "\N{TILDE OPERATOR}",
    "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    ":": "\N{RATIO}",
    "@": "\N{FULLWIDTH COMMERCIAL AT}",
}
# Control characters, and those that turn the direction of what follows them.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LONGEST_ENTITY = len("&amp;")
_EMPTY_FRAME = str.maketrans("", "", "`>")  # all that is left of empty code or an empty quote
_BROADCAST = re.compile(r"@(?=(?:here|channel|everyone|group)\b)")
_ANGLES = str.maketrans("<>", "‹›")  # noqa: RUF001  (on purpose)
_NEXT_LINE = "\n> "


@dataclass(frozen=True)
class Mentioned:
    """The ids in a message whose names have to be asked for."""

    users: frozenset[str]
    channels: frozenset[str]
    groups: frozenset[str]

    def __or__(self, other: "Mentioned") -> "Mentioned":
        """Return the ids of both."""
        return Mentioned(
            users=self.users | other.users,
            channels=self.channels | other.channels,
            groups=self.groups | other.groups,
        )


def mentioned(text: str, blocks: Sequence[Mapping[str, object]] = ()) -> Mentioned:
    """Return the ids that `to_markdown` needs names for; not those that `text` itself names."""
    found: dict[str, set[str]] = {"user": set(), "channel": set(), "group": set()}
    for kind, ident in chain(mrkdwn.ids(text), rich_text.ids(blocks)):
        if is_id(ident):
            found[kind].add(ident)
    known = mrkdwn.labels(text)
    return Mentioned(
        users=frozenset(found["user"].difference(known.users)),
        channels=frozenset(found["channel"].difference(known.channels)),
        groups=frozenset(found["group"].difference(known.groups)),
    )


def to_markdown(
    text: str, blocks: Sequence[Mapping[str, object]] = (), names: Names = NO_NAMES
) -> str:
    """Return a Slack message as the Markdown that Devin reads.

    From the blocks when a `rich_text` one says anything, else from `text`, which loses structure
    but names ids that blocks leave bare. An id nobody names stays an id. No line of the result is
    an attachment reference, and it can always be encoded as UTF-8.
    """
    names = names.over(mrkdwn.labels(text))
    markdown = rich_text.to_markdown(blocks, names) if rich_text.says_something(blocks) else ""
    if not markdown.strip():
        markdown = mrkdwn.to_markdown(text, names)
    return neutralise_attachments(_whole_characters(markdown))


def says_something(text: str, blocks: Sequence[Mapping[str, object]] = ()) -> bool:
    """Return whether a reader would see anything of what `to_markdown` makes of both."""
    if rich_text.says_something(blocks):
        return True
    return is_readable(mrkdwn.to_markdown(text, NO_NAMES).translate(_EMPTY_FRAME))


def is_empty(reply: Reply) -> bool:
    """Return whether `reply` has no words, no files and no forwarded message to read."""
    if reply.all_files or says_something(reply.text, reply.blocks):
        return False
    return not any(says_something(one.text, one.blocks) for one in reply.forwarded)


def neutralise_attachments(text: str) -> str:
    """Return `text` with `ATTACHMENT:"<url>"` written `ATTACHMENT (typed):"<url>"`.

    Devin takes such a line for a file of the message (docs.devin.ai, uploading files), so only the
    relay may write one. In any case, spacing and place, since what Devin makes of variants is not
    known; applying it again changes nothing. Quoted values without a slash are no address.
    """
    return _ATTACHMENT.sub(r"\1 (typed)\2", text)


def strip_mention(text: str, bot_user_id: str) -> str | None:
    """Return the text after a leading mention of the bot, or None when it does not begin so."""
    found = re.match(rf"\s*<@{re.escape(bot_user_id)}(?:\|[^<>]*)?>", text)
    return text[found.end() :].strip() if found else None


def escape(text: str) -> str:
    """Encode the three characters that control Slack's mrkdwn, and nothing else."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def disarmed(text: str) -> str:
    """Return plain text that pings nobody, whoever puts it into a message unescaped."""
    return _BROADCAST.sub(_LOOKS_LIKE["@"], text.translate(_ANGLES))


def quoted(text: str, *, limit: int) -> str:
    """Return foreign text as an inert mrkdwn block quote of at most `limit` characters.

    A cut text says how long it was. Limits below ten or so leave no room for any of it.
    """
    lines = [_inert(line).rstrip() for line in _whole_characters(text).strip().splitlines()]
    quote = "> " + _NEXT_LINE.join(lines)
    if len(quote) <= limit:
        return quote
    note = f"… ({len(text)} characters in all)"
    if limit < len("> ") + len(note):
        note = "…"
    head = _head(quote, limit - len(note)).rstrip(_NEXT_LINE) or "> "
    return (head + note)[: max(limit, 0)]


def excerpt(text: str, *, limit: int) -> str:
    """Return foreign text as one inert line of at most `limit` characters, cut with `…`."""
    line = _inert(" ".join(_whole_characters(text).split()))
    if len(line) <= limit:
        return line
    return (_head(line, limit - 1).rstrip() + "…")[: max(limit, 0)]


def _inert(line: str) -> str:
    """Return one line that Slack shows as it is: no controls, no formatting, no emoji names."""
    shown = _UNSEEN.sub("", line.replace("\t", " "))
    return escape(_FORMATTING.sub(_look_alike, shown))


def _look_alike(match: re.Match[str]) -> str:
    """Return a harmless stand-in, but leave a marker inside a word, where Slack ignores it."""
    sign, text, at = match[0], match.string, match.start()
    inside = text[max(at - 1, 0) : at].isalnum() and text[at + 1 : at + 2].isalnum()
    return sign if sign in "*_~" and inside else _LOOKS_LIKE[sign]


def _head(escaped: str, length: int) -> str:
    """Return the beginning of escaped text, cut before an entity rather than inside it."""
    length = max(length, 0)
    entity = escaped.rfind("&", max(0, length - _LONGEST_ENTITY + 1), length)
    if entity >= 0 and ";" not in escaped[entity:length]:
        length = entity
    return escaped[:length]


def _whole_characters(text: str) -> str:
    """Join surrogate pairs and replace lone ones, which no encoding can carry."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
