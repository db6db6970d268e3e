"""Cuts text to a length and repairs broken characters, for Devin and Slack alike."""

import re

_LINE_BREAKS = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_NEVER = (
    "\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Controls, and what Unicode calls default-ignorable, but joiners and the selectors of emoji."""

_JOINERS, _SELECTORS = "\u200c\u200d", "\ufe0e\ufe0f"
_SHOWN = f"[^\x00-\x7f{_NEVER}{_JOINERS}{_SELECTORS}]"
_UNSEEN = re.compile(
    f"[{_NEVER}]"
    f"|[{_JOINERS}](?!{_SHOWN})|(?<!{_SHOWN})(?<!{_SHOWN}[{_SELECTORS}])[{_JOINERS}]"
    f"|(?<!{_SHOWN})[{_SELECTORS}](?!\u20e3)"
)


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`; a cut text says how long it was."""
    if len(text) <= limit:
        return text
    told = f"… ({len(text):,} characters in all)"
    return text[: limit - len(told)] + told


def shortened(text: str, limit: int) -> str:
    """Return whole characters of `text` in at most `limit` UTF-16 units, cut with `…`.

    Slack does not say what its limits count. An emoji has two units, and one label that is too long
    breaks its form for everyone.
    """
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) // 2 <= limit:
        return text
    return units[: 2 * limit - 2].decode("utf-16-le", "ignore").rstrip() + "…"


def whole_characters(text: str) -> str:
    """Join surrogate pairs and replace lone ones, which no encoding can carry."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def seen(text: str) -> str:
    """Return `text` without characters that have no look of their own.

    Controls, zero-width characters and those that turn the direction of text go: they hide what a
    reader should see. The joiners and selectors that emoji and some scripts need stay behind such
    characters.
    Tabs and newlines stay; the other kinds of line break become blanks.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return _UNSEEN.sub("", _LINE_BREAKS.sub(" ", text))
