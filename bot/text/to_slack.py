"""Cuts and repairs text, and makes foreign text inert before people read it in Slack.

Foreign text, such as Devin's messages, reaches Slack through these functions only: it pings nobody,
makes no links out of angle brackets and takes no formatting, and the label of a link names no other
address. Nothing here does I/O or raises.
"""

import re
import unicodedata
from urllib.parse import unquote, urlsplit

from bot.model.record import encodable

_PING = r"@(?=(?:here|channel|everyone|group)\b)"
_ADDRESS = r"<(?:https?:|mailto:)[^\s<>|]*(?=[|>])|[a-z0-9]@(?=\w+\.[a-z0-9])"
_BROADCAST = re.compile(rf"(?P<address>{_ADDRESS})|{_PING}", re.IGNORECASE)
_FORMATTING = re.compile(rf"[*_~`]|:(?=[\w+'`-]+:)|{_PING}", re.IGNORECASE)
# Slack has no escape for these, so they are shown as look-alikes that have no effect.
_LOOKS_LIKE = {
    "*": "\N{ASTERISK OPERATOR}",
    "_": "\N{MODIFIER LETTER LOW MACRON}",
    "~": "\N{TILDE OPERATOR}",
    "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    ":": "\N{RATIO}",
    "@": "\N{FULLWIDTH COMMERCIAL AT}",
}
_LONGEST_ENTITY = len("&amp;")
_ANGLES = str.maketrans("<>", "‹›")  # noqa: RUF001  (on purpose)


def escape(text: str) -> str:
    """Encode the three characters that control Slack's mrkdwn, and nothing else."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def without_pings(markup: str) -> str:
    """Break each plain `@here` and its like, which Slack makes a ping of, even in code.

    Email addresses stay as they are, and so do the addresses of links.
    """
    return _BROADCAST.sub(lambda found: found["address"] or _LOOKS_LIKE["@"], markup)


def quiet(text: str) -> str:
    """Encode plain text, such as a person's name, so that it pings nobody."""
    return without_pings(escape(text))


def disarmed(text: str) -> str:
    """Return plain text that pings nobody, even if a message includes it unescaped."""
    return without_pings(text.translate(_ANGLES))


def quoted(text: str, *, limit: int) -> str:
    """Return foreign text as an inert block quote of at most `limit` characters."""
    lines = encodable(text).strip().splitlines()
    quote = "\n".join(f"> {_inert(line).rstrip()}" for line in lines)
    # A longer word may be `@here` once it is cut.
    return quote if len(quote) <= limit else without_pings(head(quote, limit - 1) + "…")


def excerpt(text: str, *, limit: int) -> str:
    """Return foreign text as one inert line of at most `limit` characters, cut with `…`."""
    line = _inert(" ".join(encodable(text).split()))
    if len(line) <= limit:
        return line
    # What had no effect within a word may have one at its end.
    return _FORMATTING.sub(_look_alike, head(line, limit - 1).rstrip() + "…")


def _inert(line: str) -> str:
    return escape(_FORMATTING.sub(_look_alike, seen(line.replace("\t", " "))))


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


_DOTS = re.compile("[。．｡․‧∙·・⸱ꓸ٠۔۰᛫⋅ꞏᐧ܁܂꘎⸳·𐄁𐤟𐩐𝅭⸼﮳ㆍ•]")  # noqa: RUF001  (look-alikes)
_COLONS = re.compile("[ː˸։׃܃܄᛬᠃᠉⁚∶ꓽ꞉︰]")  # noqa: RUF001  (look-alikes)
_THIN = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000"
_AROUND_DOT = re.compile(
    rf"\s+(?=\.)|(?<=\.)[{_THIN}]+"
    r"|(?<=\.)\s+(?=(?:com|org|net|edu|gov|mil|int|io|ai|app|dev|info|biz|[a-z]{2}\.[a-z]{2})\b)"
)
"""Blanks that leave an address looking like one."""

_NO_LOOK = frozenset({"Cf", "Mn", "Me"})
"""Categories of characters that are not seen, or change little of the one before."""

_NAME = re.compile(r"(?<![\w-])(?:[\w-]++(?:\.[\w-]++)+|localhost(?![\w-]))")
_DOMAIN_END = re.compile(r"xn--[a-z0-9-]+|[^\W\d_]{2,}")
_FOUR_NUMBERS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_SCHEME = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]++:\s*+[/\\⁄∕⧸]")  # noqa: RUF001  (look-alikes)
_NO_DOMAIN = re.compile(
    "c|cfg|class|cpp|cs|css|csv|env|go|gz|h|hpp|html|ini|ipynb|jpg|js|json|jsx|kt|lock|log"
    "|patch|pdf|php|png|rb|scss|sql|svg|toml|ts|tsx|txt|vue|xml|yaml|yml"
)
"""Ends of file names that are no top-level domains (IANA's list)."""

_SOURCE_FILES = frozenset({"java", "md", "pl", "py", "rs", "sh", "tf"})
"""Ends of file names that are top-level domains as well."""


def misleads(label: str, address: str) -> bool:
    """Return True if `label` looks like another address than `address`, an http(s) address."""
    shown = _as_seen(label).strip().lower()
    if unquote(shown).lower().rstrip("/") == unquote(address).lower().rstrip("/"):
        return False
    if _SCHEME.search(shown):
        return True
    parts = urlsplit(address)
    host = (parts.hostname or "").removeprefix("www.")
    last = unquote(parts.path).rstrip("/").rpartition("/")[2].lower()
    return any(
        name.removeprefix("www.") != host and not _is_file(name, last) for name in _hosts_in(shown)
    )


def _as_seen(label: str) -> str:
    """Return what a reader may take a label for, in plain characters."""
    dotted = _COLONS.sub(":", _DOTS.sub(".", seen(label)))
    visible = (one for one in dotted if unicodedata.category(one) not in _NO_LOOK)
    # A blank that is no plain one becomes one here, so it goes before.
    apart = _AROUND_DOT.sub("", "".join(visible).lower())
    plain = _DOTS.sub(".", unicodedata.normalize("NFKC", apart))
    return "".join(one for one in plain if unicodedata.category(one) not in _NO_LOOK)


def _hosts_in(label: str) -> list[str]:
    found = []
    for name in _NAME.finditer(label):
        before = label[max(name.start() - 2, 0) : name.start()]
        is_in_path = before[1:] == "/" and (before[0].isalnum() or before[0] in "_-")
        if _is_like_host(name[0]) and not is_in_path:
            found.append(name[0].strip("_-"))
    return found


def _is_like_host(name: str) -> bool:
    end = name.rpartition(".")[2].rstrip("_-")
    if name == "localhost" or _FOUR_NUMBERS.fullmatch(name):
        return True
    return bool(_DOMAIN_END.fullmatch(end)) and not _NO_DOMAIN.fullmatch(end)


def _is_file(name: str, last: str) -> bool:
    return name == last and name.count(".") == 1 and name.rpartition(".")[2] in _SOURCE_FILES
