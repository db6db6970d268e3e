"""Cuts the files out of Devin's words: one-line markers such as `ATTACHMENT:{"url": …}`.

Devin sends a file inside the text of a message (seen with API clients; the documentation is
silent). A marker in code is text, and so is one that cannot be read. Nothing here does I/O.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bot.model.record import string
from bot.text.characters import seen, whole_characters
from bot.text.commonmark.blocks import TooDeep, parse, walk

MOST_IN_NAME = 120
NAMELESS = "file"

_MARKER = re.compile(r'(?<!\S)ATTACHMENT:[ \t]*(?=[{"])')
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
    kept: list[str] = []
    files: list[SentFile] = []
    for at, line in enumerate(lines):
        rest, found = (line, []) if at in code else _cut_line(line)
        files += found
        if rest or not found:
            kept.append(rest)
    return ("\n".join(kept).strip("\n") if files else text), tuple(files)


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


def _cut_line(line: str) -> tuple[str, list[SentFile]]:
    kept, files, at = "", list[SentFile](), 0
    for marker in _MARKER.finditer(line):
        if marker.start() < at:
            continue  # inside the JSON of the marker before
        file, end = _file(line, marker.end())
        if file:
            kept += line[at : marker.start()]
            files.append(file)
            at = end
    return ((kept + line[at:]).rstrip() if files else line), files


def _file(line: str, at: int) -> tuple[SentFile | None, int]:
    """Return the file whose JSON begins at a position, if it is one, and where the JSON ends."""
    try:
        value, end = json.JSONDecoder().raw_decode(line, at)
    except (ValueError, RecursionError):
        return None, at
    told = value if isinstance(value, dict) else {"url": value}
    url = string(told, "url")
    if not _is_web_address(url):
        return None, at
    given = next(filter(None, (string(told, key) for key in _NAMES)), "")
    return SentFile(url, harmless_name(given or unquote(urlsplit(url).path).rstrip("/"))), end


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return is_web and url.isprintable() and not re.search(r"[\s<>]", url)
