"""Makes Devin's Markdown safe to post, as such or as plain text: it pings nobody, hides no link.

What is posted is a fixed point: read by the parser and written again, it is the same, and all that
the writer writes is inert. Text that does not come to rest is posted as code. Nothing here does I/O
or raises, whatever the text.

Plain text is for notifications and buttons. Slack reads `<…>`, `@here` and addresses
in a message's `text` wherever they stand, in code as well (measured by others), so what is sent
there is escaped and each `@` has a word joiner behind it.

Devin sends a file inside the text of a message, by a marker such as `ATTACHMENT:{"url": …}` (seen
with API clients; the documentation is silent). A marker in code is text, and so is one that cannot
be read.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bot.model.record import encodable, parse_object, string
from bot.text.commonmark import blocks, inline
from bot.text.commonmark import split as splitting
from bot.text.commonmark.blocks import Block, content, parse, walk, written
from bot.text.commonmark.inline import JOINER, safe_address
from bot.text.mrkdwn import fenced
from bot.text.to_slack import escape, head, seen

_MOST_READINGS = 5
_SOURCE_OF_CHARACTER, _MOST_BEFORE_WORDS = 20, 1_000


def inert(markdown: str) -> str:
    """Return Markdown for a `markdown` block that nothing can be made live in; see `inline`.

    Code keeps every character. HTML and links by reference are shown as text, images become links,
    link titles go, and so do characters without a look of their own. Applied twice, it changes
    nothing.
    """
    text = first = normal(markdown)
    with suppress(RecursionError):
        for _ in range(_MOST_READINGS):
            shown = written(parse(text))
            if shown == text:
                return text
            text = shown
    return fenced(first)


def normal(text: str) -> str:
    """Return text as a parser of Markdown reads it: whole characters, one kind of newline."""
    text = encodable(text).replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def split(markdown: str, limit: int = 10_000) -> list[str]:
    """Return Markdown, made inert, in inert parts of at most `limit` characters; see `split.py`."""
    text = inert(markdown)
    for room in (limit, limit * 9 // 10, limit * 2 // 3):
        parts = [inert(part) for part in splitting.parts(parse(text), room)]
        if all(len(part) <= limit and weight(part) <= splitting.MOST_WEIGHT for part in parts):
            return parts
    return splitting.parts(parse(fenced(text)), limit)


def weight(markdown: str) -> int:
    """Return about how many blocks Slack makes of inert Markdown, of which a message takes 50."""
    return splitting.weight(parse(markdown))


def fallback(markdown: str, limit: int) -> str:
    """Return Markdown as the `text` of a message: plain, inert, at most `limit` characters."""
    text = normal(markdown[: _SOURCE_OF_CHARACTER * limit + _MOST_BEFORE_WORDS])
    with suppress(RecursionError):
        text = plain_text(parse(text)) or text
    return escaped(text, limit)


def plain_text(parsed: Sequence[Block]) -> str:
    """Return what a reader sees of blocks, a line or more for each."""
    return "\n".join(line for block in parsed for line in lines(block))


def line_of(block: Block) -> str:
    """Return a paragraph's or a heading's text on one line."""
    return " ".join(inline.plain(block.atoms).split())


def lines(block: Block) -> Iterator[str]:
    """Yield the lines of a block without Markdown's marks, except those of lists."""
    if block.kind in {"fence", "code_block"}:
        yield content(block).rstrip("\n")
    elif block.kind in {"bullet_list", "ordered_list"}:
        for mark, item in blocks.marked(block):
            yield f"{mark} {plain_text(item.children)}"
    elif block.kind == "tr":
        yield " | ".join(map(line_of, block.children))
    elif block.inline:
        yield inline.plain(block.atoms)
    else:
        for child in block.children:
            yield from lines(child)


def escaped(text: str, limit: int) -> str:
    """Return plain text that is inert in a message's `text`, cut at a word to `limit`."""
    text = inline.BARE_ADDRESS.sub(_honest, seen(text).strip())
    text = escape(text.replace("@", "@" + JOINER))
    if len(text) <= limit:
        return text
    return (_to_last_word(head(text, limit - 2), text).rstrip() + " …")[: max(limit, 0)]


def _to_last_word(begin: str, text: str) -> str:
    """Return the beginning of a text without a word, or at least an address, that is cut in two."""
    if not begin.strip() or text[len(begin)].isspace():
        return begin
    words = begin.removesuffix(begin.rsplit(maxsplit=1)[-1])
    return words if words.strip() else begin.partition("://")[0]


def _honest(found: re.Match[str]) -> str:
    """Return an address as it leads, or broken, so that Slack makes no link of it."""
    if inline.is_honest(found[0]):
        return found[0]
    return safe_address(found[0]) or found[0].replace("://", f":{JOINER}//")


MOST_IN_NAME = 120
NAMELESS = "file"

_STRING = r'"(?:[^"\\]|\\.)*+"'
_FLAT = rf'\{{(?:[^"{{}}]|{_STRING})*+\}}'
_MARKER = re.compile(rf'(?<!\S)ATTACHMENT:[ \t]*({_STRING}|\{{(?:[^"{{}}]|{_STRING}|{_FLAT})*+\}})')
_NAMES = ("name", "filename", "file_name", "title")
_NOT_IN_NAME = re.compile(r'[<>@&|:*?"`]+')


@dataclass(frozen=True)
class SentFile:
    """A file that Devin sent: an http(s) address, which may need Devin's key, and a safe name."""

    url: str
    name: str


MARKER = "ATTACHMENT:"


def cut_files(text: str) -> tuple[str, tuple[SentFile, ...]]:
    """Return Devin's text without the markers of files, and the files in their order."""
    if MARKER not in text:
        return text, ()
    lines = text.split("\n")
    code = set(_lines_of_code(text))
    kept: list[str] = []
    files: list[SentFile] = []

    def cut(marker: re.Match[str]) -> str:
        file = _file(marker[1])
        files.extend([file] if file else [])
        return "" if file else marker[0]

    for at, line in enumerate(lines):
        rest = line if at in code else _MARKER.sub(cut, line)
        if rest == line:
            kept.append(line)
        elif rest.strip():
            kept.append(rest.rstrip())
    return ("\n".join(kept).strip("\n") if files else text), tuple(files)


def harmless_name(name: str) -> str:
    """Return a file name without a path, mention or unseen character; never empty, never long."""
    last = re.split(r"[/\\]", seen(encodable(name)))[-1]
    shown = " ".join(_NOT_IN_NAME.sub("_", last).split()).lstrip(". ")
    if len(shown) <= MOST_IN_NAME:
        return shown or NAMELESS
    stem, dot, end = shown.rpartition(".")
    end = dot + end if stem and len(end) <= MOST_IN_NAME // 8 else ""
    return shown[: MOST_IN_NAME - len(end)].rstrip() + end


def _lines_of_code(text: str) -> Iterator[int]:
    with suppress(RecursionError):
        for block in walk(parse(text)):
            if block.kind in {"fence", "code_block"} and block.token.map:
                yield from range(*block.token.map)


def _file(told: str) -> SentFile | None:
    fields = parse_object(told if told.startswith("{") else f'{{"url": {told}}}') or {}
    url = string(fields, "url")
    if not _is_web_address(url):
        return None
    given = next(filter(None, (string(fields, key) for key in _NAMES)), "")
    return SentFile(url, harmless_name(given or unquote(urlsplit(url).path).rstrip("/")))


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return is_web and url.isprintable() and not re.search(r"[\s<>]", url)
