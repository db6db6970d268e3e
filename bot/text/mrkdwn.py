"""Converts Slack's message text (mrkdwn) to Markdown.

Controls in angle brackets are read first and the three entities are decoded after that, so that
nothing a person typed can become a mention or a link (docs.slack.dev, formatting message text).
Every step looks at each character a bounded number of times, whatever the text.
"""

import re
from collections.abc import Iterator

from bot.text import markdown
from bot.text.markdown import Mention, Names

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

_STYLES = {"*": markdown.BOLD, "_": markdown.ITALIC, "~": markdown.STRIKE}
_AFTER_ADDRESS = "*_~.,:!?)]}\"'"
_JOINS_WORDS = "/\\=@#$%"


def to_markdown(text: str, names: Names) -> str:
    """Return `text` as Markdown; ids take their names from `names`, else from `labels`."""
    page = _Page(markdown.laid_over(names, labels(text)))
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
    return next(((kind, body[kind]) for kind in markdown.SIGNS if body[kind]), None)


def _shown(control: str, names: Names, *, in_code: bool = False) -> str:
    """Return the text that a control in angle brackets stands for; an unknown one is kept."""
    body = _CONTROL_BODY.fullmatch(control)
    if not body:
        return f"<{unescape(control)}>"
    label = unescape(body["label"] or "").strip()
    if body["url"]:
        return (markdown.plain_link if in_code else markdown.link)(unescape(body["url"]), label)
    if body["date"] is not None:
        return label or markdown.instant(body["date"].partition("^")[0])
    if body["broadcast"]:
        return "@" + body["broadcast"]
    mention = _mention(body)
    return (markdown.called(mention, names) if mention else label) or f"<{unescape(control)}>"


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
        code = markdown.fence(_verbatim(content, self._names))
        self.lines += [mark + line for line in code.split("\n")]
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
            content = self._line[end : closing.start()]
            self._parts.append(markdown.code_span(_verbatim(content, self._names)))
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
            self._parts[start] = markdown.MARKS[_STYLES[mark]]
            self._parts.append(markdown.MARKS[_STYLES[mark]])
            self._opened = {one: place for one, place in self._opened.items() if place < start}
            return
        if _counts(mark, outside=before, inside=after):
            self._opened[mark] = len(self._parts)
        self._parts.append(mark)


def _counts(mark: str, *, outside: str, inside: str) -> bool:
    """Return True if a mark opens or closes; inside a word, a path or a run of marks none does."""
    is_within = outside == mark or outside.isalnum() or (outside and outside in _JOINS_WORDS)
    return not is_within and inside not in {"", mark} and not inside.isspace()
