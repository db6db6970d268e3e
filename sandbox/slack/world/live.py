"""Tells what Slack makes live in the arguments of a message: mentions, and links that mislead.

It is pessimistic: where Slack's documentation is silent, as on entities in a `markdown` block, the
worse is taken to be true. What is measured: in a `markdown` block `<!here>` and `<@U…>` are live
outside code, while a plain `@here` is text; in `text` and mrkdwn a plain `@here` is live as well,
even in code, unless the object says `verbatim`. A word joiner (U+2060) ends all of it. In an email
address, and in the address of a link, `@here` is taken for text.
"""

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

JSON = Mapping[str, Any]

_CONTROL = re.compile(r"<[!@#][^<>\n]*>?")
_LABELED = re.compile(r"<[a-z][a-z0-9+.-]*:[^<>\n|]*\|[^<>\n]*>", re.IGNORECASE)
_BROADCAST = re.compile(r"@(?:here|channel|everyone|group)\b", re.IGNORECASE)
_EMAIL = re.compile(r"[a-z0-9]@(?=\w+\.[a-z0-9])", re.IGNORECASE)
_NAME = re.compile(r"(?<![\w/.%-])@\w")
_LINKED = re.compile(
    r"<(?P<url>[a-z][a-z0-9+.-]*:[^<>|\n]*)(?:\|(?P<label>[^<>\n]*))?>", re.IGNORECASE
)
_WEB = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)
_HOST = re.compile(r"\w[\w-]*(?:\.\w[\w-]*)*\.(?:xn--[\w-]+|[^\W\d_]{2,})(?![\w.])")
_FILES = frozenset({"md", "py", "rs", "sh", "pl"})
_UNSEEN = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2061-\u2064\u2066-\u2069\ufeff]")
_MENTIONS = {"user", "usergroup", "channel", "broadcast"}


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802  (markdown-it's signature)
        return True


def live(arguments: JSON) -> list[str]:
    """Return what would be live in the arguments of `chat.postMessage`, `.update` or an upload."""
    found = list(_in_mrkdwn(str(arguments.get("text") or "")))
    found += _in_value(arguments.get("blocks") or [])
    for file in [arguments, *(arguments.get("files") or [])]:
        for key in ("title", "filename", "name", "initial_comment"):
            found += _in_mrkdwn(str(file.get(key) or ""))
    return found


def live_markdown(markdown: str) -> list[str]:
    """Return what would be live in a `markdown` block."""
    parser = _Parser("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
    found: list[str] = []
    for token in parser.parse(markdown):
        if token.type == "html_block":
            found += [f"html {token.content!r}", *_in_text(token.content)]
        found += _in_inline(token.children or [])
    return found


def _in_value(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _in_object(value)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for one in value:
            yield from _in_value(one)


def _in_object(value: JSON) -> Iterator[str]:
    kind, text = value.get("type"), value.get("text")
    if kind == "markdown":
        yield from live_markdown(str(text))
        return
    if kind == "mrkdwn":
        yield from _in_mrkdwn(str(text), verbatim=value.get("verbatim") is True)
        return
    if kind in _MENTIONS:
        yield f"{kind} {value.get(f'{kind}_id') or value.get('range')}"
    if kind == "link":
        yield from _in_link(str(value.get("url")), str(text or value.get("url")))
    for inner in value.values():
        yield from _in_value(inner)


def _in_mrkdwn(text: str, *, verbatim: bool = False) -> Iterator[str]:
    """Yield what is live in mrkdwn, where escaped signs are text and backticks protect nothing."""
    for control in _CONTROL.finditer(text):
        yield f"control {control[0]}"
    for link in _LINKED.finditer(text):
        yield from _in_link(html.unescape(link["url"]), html.unescape(link["label"] or ""))
    if not verbatim:
        shown = _LINKED.sub(lambda link: f" {link['label'] or ''} ", text)
        yield from _plain_mentions(_EMAIL.sub(" ", shown))
        yield from _bare_addresses(html.unescape(_LINKED.sub(" ", text)))


def _plain_mentions(text: str) -> Iterator[str]:
    for pattern in (_BROADCAST, _NAME):
        for found in pattern.finditer(text):
            yield f"plain {text[found.start() : found.start() + 12]}"


def _in_inline(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield what is live in a paragraph: in its text, across emphasis, and in its links."""
    shown = ""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type == "link_open":
            end = next(i for i in range(at, len(tokens)) if tokens[i].type == "link_close")
            label = _seen(tokens[at + 1 : end])
            yield from _in_link(str(token.attrs["href"]), label)
            yield from _in_inline(tokens[at + 1 : end])
            at, shown = end, shown + " "
        elif token.type == "image":
            yield from _in_link(str(token.attrs["src"]), _seen(token.children or []))
            yield from _in_inline(token.children or [])
        elif token.type == "html_inline":
            yield f"html {token.content!r}"
            shown += token.content
        elif token.type == "code_inline":
            shown += " "
        else:
            shown += "\n" if "break" in token.type else token.content
            yield from _bare_addresses(token.content)
        at += 1
    yield from _in_text(shown)


def _seen(tokens: Sequence[Token]) -> str:
    return "".join(map(_seen_of, tokens))


def _seen_of(token: Token) -> str:
    return _seen(token.children or []) or token.content or " " * ("break" in token.type)


def _in_text(text: str) -> Iterator[str]:
    """Yield what is live in text beside addresses, as it is and with entities decoded twice."""
    text = _WEB.sub(" ", text)
    for _ in range(3):
        for control in (*_CONTROL.finditer(text), *_LABELED.finditer(text)):
            yield f"control {control[0]}"
        yield from _plain_mentions(text)
        text = html.unescape(text)


def _bare_addresses(text: str) -> Iterator[str]:
    for found in _WEB.finditer(text):
        # Python refuses a host with look-alikes of signs that would end it.
        with suppress(ValueError):
            parts = urlsplit(found[0].replace("[", "").replace("]", ""))
            if "@" not in parts.netloc and parts.netloc.isascii():
                continue
        yield f"disguised {found[0]}"


def _in_link(url: str, label: str) -> Iterator[str]:
    """Yield a link that is no web link, or whose label shows another host than its own."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        yield f"unreadable {url}"
        return
    if parts.scheme not in {"http", "https"} or not host:
        yield f"scheme {url}"
    if "@" in parts.netloc or not host.isascii() or "%" in host:
        yield f"disguised {url}"
    shown = _folded(label)
    if shown == _folded(url):
        return
    file = unquote(parts.path).lower().rpartition("/")[2]
    for name in _HOST.finditer(shown):
        if _is_other(name[0], host, file) and not re.search(r"[\w-]/$", shown[: name.start()]):
            yield f"disguised {url} as {label}"
            return


def _folded(text: str) -> str:
    """Return what text looks like, in lower case: without escapes and unseen characters."""
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", unquote(text)))
    return text.replace("。", ".").lower().strip().rstrip("/")


def _is_other(name: str, host: str, file: str) -> bool:
    end = name.rpartition(".")[2]
    if name == file and name.count(".") == 1 and end in _FILES:
        return False
    return name.removeprefix("www.") != host.removeprefix("www.") and end not in _NO_DOMAINS


_NO_DOMAINS = frozenset({"js", "json", "ts", "yaml", "yml", "toml", "txt", "html", "log"})
"""Ends of file names that are no top-level domain; fewer than there are."""
