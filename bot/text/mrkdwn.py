"""Converts Slack's message text (mrkdwn) to Markdown.

Controls in angle brackets are read first and the three entities are decoded after that, so that
nothing a person typed can become a mention or a link (docs.slack.dev, formatting message text).
Every step looks at each character a bounded number of times, whatever the text.

The names, links, code and emphasis that Devin reads are written here for all converters. Plain text
stays as it was typed: its reader is an agent, and a backslash before every underscore would change
what the person wrote. Only text inside a link is escaped for its place.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from urllib.parse import quote

_UNSEEN = frozenset({"Cc", "Cf", "Mn", "Me", "Zs", "Zl", "Zp"})
_LIKE_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")

BOLD, ITALIC, STRIKE = "bold", "italic", "strike"
MARKS: Mapping[str, str] = {STRIKE: "~~", BOLD: "**", ITALIC: "*"}

_TICKS = re.compile("`+")
_NOT_IN_ADDRESS = re.compile(r"[\s<>]")
_LABEL = str.maketrans({char: "\\" + char for char in "\\[]"})
_DESTINATION = str.maketrans({"(": "%28", ")": "%29"})


Mention = tuple[str, str]
"""The kind (a key of `SIGNS`) and the id of a user, a channel or a user group."""

Names = Mapping[Mention, str]
"""The names of what is mentioned; without one, the id is shown."""

NO_NAMES: Names = {}
SIGNS: Mapping[str, str] = {"user": "@", "channel": "#", "usergroup": "@"}


def called(mention: Mention, names: Names) -> str:
    """Return `@Name`, `#name` or `@handle`, or nothing for an empty id."""
    sign = SIGNS[mention[0]]
    name = " ".join(names.get(mention, "").split()).removeprefix(sign) or mention[1]
    return sign + name if name else ""


def laid_over(names: Names, labels: Names) -> Names:
    """Return `names`, with `labels` filling in for missing ones."""
    if not labels:
        return names
    return {**labels, **{of: name for of, name in names.items() if name.strip()}}


def link(url: str, label: str = "", *, code: bool = False) -> str:
    """Return `[label](url)`, or the bare address if the label adds nothing."""
    label = " ".join(label.split())
    address = _NOT_IN_ADDRESS.sub(lambda char: quote(char.group()), url.strip())
    if not label or label == address or not address:
        shown = address or label
        return code_span(shown) if code and shown else shown
    shown = code_span(label) if code else label.translate(_LABEL)
    return f"[{shown}]({address.translate(_DESTINATION)})"


def plain_link(url: str, label: str = "") -> str:
    """Return a link for use inside code, where Markdown is not rendered."""
    if not label or not url:
        return url or label
    return label if label in url else f"{label} ({url})"


def code_span(content: str) -> str:
    """Return one line as inline code, in a longer run of backticks than any in the content."""
    ticks = longer_ticks(content)
    pad = " " if "`" in (content[:1], content[-1:]) else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def longer_ticks(content: str, least: int = 1) -> str:
    """Return a run of backticks that is longer than any in the content."""
    return "`" * max(least, max(map(len, _TICKS.findall(content)), default=0) + 1)


def block_quote(text: str) -> str:
    """Return Markdown as a block quote; every kind of line break starts a new quoted line."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def is_readable(text: str) -> bool:
    """True if `text` has a character that a reader would see."""
    return any(
        unicodedata.category(char) not in _UNSEEN and char not in _LIKE_BLANKS for char in text
    )


def one_line(name: str) -> str:
    """Return a name, which its owner chose, as a single line of at most 80 printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:80]


def fence(content: str) -> str:
    """Return code as a fenced block without a language, verbatim except newlines at its ends."""
    ticks = longer_ticks(content, 3)
    return f"{ticks}\n{content.removeprefix(chr(10)).removesuffix(chr(10))}\n{ticks}"


def instant(timestamp: str) -> str:
    """Return Unix seconds as ISO 8601 in UTC, or the text itself if it is not a timestamp."""
    try:
        when = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return timestamp
    return when.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Run:
    """A piece of Markdown with its emphasis; a blank run has no emphasis of its own."""

    text: str
    styles: frozenset[str] = frozenset()


def emphasised(runs: Sequence[Run]) -> str:
    """Write runs with nested markers; none spans a newline or has a blank just inside it."""
    runs = [run for run in runs if run.text]
    if not any(run.styles for run in runs):
        return "".join(run.text for run in runs)
    out: list[str] = []
    opened: list[str] = []
    for run, (after, lasts) in zip(runs, _look_ahead(runs), strict=True):
        blank = run.text.isspace()
        wanted = after if blank else run.styles
        kept = sum(1 for _ in takewhile(wanted.__contains__, opened))
        out += [MARKS[style] for style in reversed(opened[kept:])]
        del opened[kept:]
        if not blank:
            new = [style for style in MARKS if style in wanted and style not in opened]
            new.sort(key=lasts.__getitem__)
            out += [MARKS[style] for style in new]
            opened += new
        out.append(run.text)
    return "".join(out) + "".join(MARKS[style] for style in reversed(opened))


def _look_ahead(runs: Sequence[Run]) -> list[tuple[frozenset[str], dict[str, int]]]:
    """Return, for each run, the styles that continue after a blank, and how long its own last.

    The lengths are negative, so that the longest-lasting style sorts first and becomes the
    outermost.
    """
    found = []
    styles: frozenset[str] = frozenset()
    lengths: dict[str, int] = {}
    for run in reversed(runs):
        if "\n" in run.text:
            styles = frozenset()
        elif not run.text.isspace():
            styles = run.styles
        lengths = {style: lengths.get(style, 0) - 1 for style in styles}
        found.append((styles, lengths))
    return found[::-1]


_CONTROL = re.compile(r"<([^<>\n]*)>")
_CONTROL_BODY = re.compile(
    r"(?:@(?P<user>[A-Za-z0-9]+)"
    r"|\#(?P<channel>[A-Za-z0-9]+)"
    r"|!subteam\^(?P<usergroup>[A-Za-z0-9]+)"
    r"|!date\^(?P<date>[^|]*)"
    r"|!(?P<broadcast>here|channel|everyone)"
    r"|!(?P<special>[^|]+)"
    r"|(?P<url>(?:[A-Za-z][A-Za-z0-9+.-]*://|mailto:|tel:|sms:)[^|]+))"
    r"(?:\|(?P<label>.*))?"
)
_TOKEN = re.compile(
    r"(?P<ticks>`+)|<(?P<control>[^<>\n]*)>|(?P<url>https?://[^\s<>`]+)|(?P<mark>[*_~])"
)
_ENTITY = re.compile(r"&(amp|lt|gt);")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">"}
_FENCE = re.compile("`{3,}")
# A run of ticks closes at the next run of the same length, so a search fails at most once per line.
_CLOSING = {ticks: re.compile(f"(?<!`){ticks}(?!`)") for ticks in ("`", "``")}
_QUOTE = re.compile(r"(?:&gt;|>)((?:&gt;|>){2})? ?")
_BULLET = re.compile(r"([ \t]*)[•◦▪]\ufe0e?[ \t]+")

_STYLES = {"*": BOLD, "_": ITALIC, "~": STRIKE}
_AFTER_ADDRESS = "*_~.,:!?)]}\"'"
_JOINS_WORDS = "/\\=@#$%"


def to_markdown(text: str, names: Names) -> str:
    """Return `text` as Markdown; ids take their names from `names`, else from `labels`."""
    page = _Page(laid_over(names, labels(text)))
    for content, is_code in _split_fences(text.replace("\r\n", "\n")):
        (page.add_fence if is_code else page.add_text)(content)
    return "\n".join(page.lines).strip("\n")


def labels(text: str) -> Names:
    """Return the names that the text itself gives, as in `<#C1|general>`."""
    return {mention: unescape(label) for mention, label in _mentions(text) if label}


def ids(text: str) -> Iterator[Mention]:
    """Yield each mention in the text."""
    return (mention for mention, _ in _mentions(text))


def unescape(text: str) -> str:
    """Decode the three entities of Slack's text, once."""
    return _ENTITY.sub(lambda entity: _ENTITIES[entity[1]], text)


def _mentions(text: str) -> Iterator[tuple[Mention, str]]:
    for control in _CONTROL.finditer(text):
        body = _CONTROL_BODY.fullmatch(control[1])
        if body and (mention := _mention(body)):
            yield mention, (body["label"] or "").strip()


def _mention(body: re.Match[str]) -> Mention | None:
    return next(((kind, body[kind]) for kind in SIGNS if body[kind]), None)


def _shown(control: str, names: Names, *, in_code: bool = False) -> str:
    """Return the text that a control in angle brackets stands for; an unknown one is kept."""
    body = _CONTROL_BODY.fullmatch(control)
    if not body:
        return f"<{unescape(control)}>"
    label = unescape(body["label"] or "").strip()
    if body["url"]:
        return (plain_link if in_code else link)(unescape(body["url"]), label)
    if body["date"] is not None:
        return label or instant(body["date"].partition("^")[0])
    if body["broadcast"]:
        return "@" + body["broadcast"]
    mention = _mention(body)
    return (called(mention, names) if mention else label) or f"<{unescape(control)}>"


def _verbatim(code: str, names: Names) -> str:
    """Return code as its author typed it: Slack wraps addresses and mentions there too."""
    out: list[str] = []
    at = 0
    for control in _CONTROL.finditer(code):
        out += (unescape(code[at : control.start()]), _shown(control[1], names, in_code=True))
        at = control.end()
    return "".join(out) + unescape(code[at:])


def _split_fences(text: str) -> Iterator[tuple[str, bool]]:
    """Yield text and fenced code alternately, starting and ending with text; (content, is code)."""
    at = 0
    ticks = _FENCE.finditer(text)
    for opening, closing in zip(ticks, ticks, strict=False):  # two by two; a last odd one is text
        yield text[at : opening.start()], False
        # Slack's fence is three ticks, so any more of them, at either end, belong to the code.
        yield text[opening.start() + 3 : closing.end() - 3], True
        at = closing.end()
    yield text[at:], False


class _Page:
    """The Markdown lines so far, and the block that the current line belongs to."""

    def __init__(self, names: Names) -> None:
        self.lines: list[str] = []
        self._names = names
        self._is_quote = False
        self._quotes_rest = False
        self._in_block = ""

    def add_fence(self, content: str) -> None:
        self.lines[-1] = self.lines[-1].rstrip()
        if self.lines[-1] in {"", ">"}:
            self.lines.pop()
        mark = "> " if self._is_quote else ""
        self.lines += [mark + line for line in fence(_verbatim(content, self._names)).split("\n")]
        self._in_block = "quote" if self._is_quote else ""

    def add_text(self, content: str) -> None:
        first, *others = content.split("\n")
        if not self.lines:
            self._add_line(first)
        elif first.strip():
            self._add_body("", _inline(first.strip(), self._names))
        for line in others:
            self._add_line(line)

    def _add_line(self, line: str) -> None:
        quote = None if self._quotes_rest else _QUOTE.match(line)
        if quote:
            line = line[quote.end() :]
            self._quotes_rest = bool(quote[1])
        self._is_quote = self._quotes_rest or quote is not None
        bullet = _BULLET.match(line)
        if bullet:
            self._add_body("list", f"{bullet[1]}- {_inline(line[bullet.end() :], self._names)}")
        else:
            self._add_body("", _inline(line, self._names))

    def _add_body(self, block: str, body: str) -> None:
        block = "quote" if self._is_quote else block
        if not block and body.strip():
            if self._in_block == "list" and body[0].isspace():
                block = "list"
            elif self._in_block:
                self.lines.append("")  # or Markdown would read the line into the quote or item
        self._in_block = block
        self.lines.append(f"> {body}".rstrip(" ") if self._is_quote else body)


def _inline(line: str, names: Names) -> str:
    return _Line(line, names).render()


class _Line:
    """The inline markup of one line; a marker counts only if its partner is on the same line."""

    def __init__(self, line: str, names: Names) -> None:
        self._line = line
        self._names = names
        self._parts: list[str] = []
        self._opened: dict[str, int] = {}

    def render(self) -> str:
        at = 0
        while token := _TOKEN.search(self._line, at):
            self._parts.append(unescape(self._line[at : token.start()]))
            at = self._take(token)
        return "".join(self._parts) + unescape(self._line[at:])

    def _take(self, token: re.Match[str]) -> int:
        end, ticks = token.end(), token["ticks"]
        if token["mark"]:
            self._take_mark(token["mark"], token.start())
        elif closing := ticks in _CLOSING and _CLOSING[ticks].search(self._line, end):
            self._parts.append(code_span(_verbatim(self._line[end : closing.start()], self._names)))
            return closing.end()
        elif ticks:
            self._parts.append(ticks)
        elif token["url"]:
            address = token["url"].rstrip(_AFTER_ADDRESS)
            self._parts.append(unescape(address))
            return token.start() + len(address)
        else:
            self._parts.append(_shown(token["control"], self._names))
        return end

    def _take_mark(self, mark: str, at: int) -> None:
        before, after = self._line[at - 1 : at] if at else "", self._line[at + 1 : at + 2]
        start = self._opened.get(mark)
        if start is not None and _counts(mark, outside=after, inside=before):
            self._parts[start] = MARKS[_STYLES[mark]]
            self._parts.append(MARKS[_STYLES[mark]])
            self._opened = {one: place for one, place in self._opened.items() if place < start}
            return
        if _counts(mark, outside=before, inside=after):
            self._opened[mark] = len(self._parts)
        self._parts.append(mark)


def _counts(mark: str, *, outside: str, inside: str) -> bool:
    """Return True if a mark opens or closes; inside a word, a path or a run of marks none does."""
    is_within = outside == mark or outside.isalnum() or (outside and outside in _JOINS_WORDS)
    return not is_within and inside not in {"", mark} and not inside.isspace()
