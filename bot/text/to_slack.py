"""Makes foreign text, such as Devin's messages, inert before people read it in Slack.

Foreign text reaches Slack through these functions only: it pings nobody, makes no links out of
angle brackets and takes no formatting. Nothing here does I/O or raises.
"""

import re

from bot.text.characters import whole_characters

_FORMATTING = re.compile(r"[*_~`]|:(?=[\w+'`-]+:)|@(?=(?:here|channel|everyone|group)\b)")
# Slack has no escape for these, so they are shown as look-alikes that have no effect.
_LOOKS_LIKE = {
    "*": "\N{ASTERISK OPERATOR}",
    "_": "\N{MODIFIER LETTER LOW MACRON}",
    "~": "\N{TILDE OPERATOR}",
    "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    ":": "\N{RATIO}",
    "@": "\N{FULLWIDTH COMMERCIAL AT}",
}
# Control characters, and those that change the direction of the text after them.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LONGEST_ENTITY = len("&amp;")
_BROADCAST = re.compile(r"@(?=(?:here|channel|everyone|group)\b)")
_ANGLES = str.maketrans("<>", "‹›")  # noqa: RUF001  (on purpose)


def escape(text: str) -> str:
    """Encode the three characters that control Slack's mrkdwn, and nothing else."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def disarmed(text: str) -> str:
    """Return plain text that pings nobody, even if a message includes it unescaped."""
    return _BROADCAST.sub(_LOOKS_LIKE["@"], text.translate(_ANGLES))


def quoted(text: str, *, limit: int) -> str:
    """Return foreign text as an inert mrkdwn block quote of at most `limit` characters.

    A cut text says how long it was. Limits below ten or so leave no room for any of it.
    """
    lines = [_inert(line).rstrip() for line in whole_characters(text).strip().splitlines()]
    quote = "> " + "\n> ".join(lines)
    if len(quote) <= limit:
        return quote
    note = f"… ({len(text)} characters in all)"
    if limit < len("> ") + len(note):
        note = "…"
    begin = head(quote, limit - len(note)).rstrip("\n> ") or "> "
    return (begin + note)[: max(limit, 0)]


def excerpt(text: str, *, limit: int) -> str:
    """Return foreign text as one inert line of at most `limit` characters, cut with `…`."""
    line = _inert(" ".join(whole_characters(text).split()))
    if len(line) <= limit:
        return line
    # What had no effect within a word may have one at its end.
    shown = _FORMATTING.sub(_look_alike, head(line, limit - 1).rstrip() + "…")
    return shown[: max(limit, 0)]


def _inert(line: str) -> str:
    """Return one line that Slack shows literally: no controls, no formatting, no emoji names."""
    shown = _UNSEEN.sub("", line.replace("\t", " "))
    return escape(_FORMATTING.sub(_look_alike, shown))


def _look_alike(match: re.Match[str]) -> str:
    """Return a harmless look-alike; a marker inside a word stays, since Slack ignores it there."""
    sign, text, at = match[0], match.string, match.start()
    inside = text[max(at - 1, 0) : at].isalnum() and text[at + 1 : at + 2].isalnum()
    return sign if sign in "*_~" and inside else _LOOKS_LIKE[sign]


def head(escaped: str, length: int) -> str:
    """Return the first `length` characters of escaped text; no entity is cut in two."""
    length = max(length, 0)
    entity = escaped.rfind("&", max(0, length - _LONGEST_ENTITY + 1), length)
    if entity >= 0 and ";" not in escaped[entity:length]:
        length = entity
    return escaped[:length]
