"""Cuts the files out of Devin's words: one-line markers such as `ATTACHMENT:{"url": …}`.

Devin sends a file inside the text of a message (seen with API clients; the documentation is
silent). A marker in code is text, and so is one that cannot be read. Nothing here does I/O.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bot.model.lenient import string
from bot.text.characters import seen, whole_characters
from bot.text.commonmark.blocks import TooDeep, parse, walk

MOST_IN_NAME = 120
NAMELESS = "file"

_MARKER = re.compile(r'^[ \t]*ATTACHMENT:[ \t]*(?P<value>\{.*\}|"[^"]*")[ \t]*$')
_NAMES = ("name", "filename", "file_name", "title")
_NOT_IN_NAME = re.compile(r'[<>@&|:*?"`]+')


@dataclass(frozen=True)
class SentFile:
    """A file that Devin sent: an http(s) address, which may need Devin's key, and a safe name."""

    url: str
    name: str


def cut_files(text: str) -> tuple[str, tuple[SentFile, ...]]:
    """Return Devin's text without the markers of files, and the files in their order."""
    if "ATTACHMENT:" not in text:
        return text, ()
    lines = text.split("\n")
    code = set(_lines_of_code(text))
    read = {at: _file(line) for at, line in enumerate(lines) if at not in code}
    files = {at: file for at, file in read.items() if file}
    kept = "\n".join(line for at, line in enumerate(lines) if at not in files)
    return (kept.strip("\n") if files else text), tuple(files.values())


def harmless_name(name: str) -> str:
    """Return a file name without a path, mention or unseen character; never empty, never long."""
    last = re.split(r"[/\\]", seen(whole_characters(name)))[-1]
    shown = " ".join(_NOT_IN_NAME.sub("_", last).split()).lstrip(". ")
    if len(shown) <= MOST_IN_NAME:
        return shown or NAMELESS
    stem, dot, end = shown.rpartition(".")
    end = dot + end if stem and len(end) <= MOST_IN_NAME // 8 else ""
    return shown[: MOST_IN_NAME - len(end)].rstrip() + end


def _lines_of_code(text: str) -> Iterator[int]:
    try:
        blocks = parse(text)
    except (TooDeep, RecursionError):
        return
    for block in walk(blocks):
        if block.kind in {"fence", "code_block"} and block.token.map:
            yield from range(*block.token.map)


def _file(line: str) -> SentFile | None:
    marker = _MARKER.match(line)
    if not marker:
        return None
    try:
        value = json.loads(marker["value"])
    except (ValueError, RecursionError):
        return None
    told = value if isinstance(value, dict) else {"url": value}
    url = string(told, "url")
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[\s<>]", url):
        return None
    given = next(filter(None, (string(told, key) for key in _NAMES)), "")
    return SentFile(url, harmless_name(given or unquote(parts.path).rstrip("/")))
