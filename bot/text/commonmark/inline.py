"""Writes the inline content of Devin's Markdown so that Slack makes nothing of it live.

Text is written as Devin wrote it, with a word joiner (U+2060) after each `<` and `@` that Slack
could read as a mention: in a `markdown` block that leaves text (measured by others; Slack's
documentation is silent). Code stays as it is. Links are http(s), and their labels are honest.

Slack documents no guard against `[good.com](https://evil.com)`, so a label that looks like another
address gives way to the address itself.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal
from urllib.parse import urlsplit

from markdown_it.common.normalize_url import normalizeLink
from markdown_it.token import Token

from bot.text.mrkdwn import code_span
from bot.text.to_slack import misleads, seen

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\]", re.IGNORECASE)
_UNSAFE = re.compile(r"[^!#$%&*+,./0-9:=?A-Z_a-z~-]")


def safe_address(target: str) -> str | None:
    """Return the http(s) address that a link may lead to, or None if it may not be live.

    A user name and password before the host are dropped, since `https://good.com@evil.com` leads to
    evil.com. A host in other scripts is written in ASCII, as `xn--…`. What could end the address in
    Markdown or in Slack's markup is percent-encoded.
    """
    try:
        parts = urlsplit(normalizeLink(target.strip()))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or "\\" in target or "%5C" in parts.netloc.upper():
        return None
    host = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(host):
        return None
    ends = (("?", parts.query), ("#", parts.fragment))
    rest = parts.path + "".join(sign + part for sign, part in ends if part)
    rest = _UNSAFE.sub(lambda sign: "".join(f"%{byte:02X}" for byte in sign[0].encode()), rest)
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{rest}"


JOINER = "\u2060"
Kind = Literal["text", "code", "link"]

_RISKY = re.compile(
    r"<(?=[^\s\d=<-]|\Z)"
    r"|@(?=(?:here|channel|everyone|group)\b|[*_~]|\Z)|(?<!\w)@(?=\w)"
    r"|&(?=[\#*_~]|lt|gt|amp|commat|excl|num|\Z)",
    re.IGNORECASE,
)
_BARE_ADDRESS = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)
_AFTER_ADDRESS = "*_~.,:;!?)]}\"'`"
_BREAKS = {"softbreak": ("\n", "\n"), "hardbreak": ("  \n", "\n")}


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of inline Markdown, and what a reader sees of it."""

    kind: Kind
    source: str
    plain: str = ""


def atoms(tokens: Sequence[Token]) -> list[Atom]:
    """Return inline tokens as inert Markdown; `text_join` must not have joined them."""
    out: list[Atom] = []
    at = 0
    while at < len(tokens):
        end = _end(tokens, at)
        found = _of(tokens[at:end])
        if found and out and out[-1].source[-1:] + found[0].source[:1] in {"![", "``"}:
            out.append(Atom("text", " ", " "))  # or the two would be an image, or one run
        out += found
        at = end
    return out


def source(parts: Sequence[Atom]) -> str:
    """Return atoms as Markdown."""
    return "".join(part.source for part in parts)


def plain(parts: Sequence[Atom]) -> str:
    """Return what a reader sees of atoms."""
    return "".join(part.plain for part in parts)


def guarded(text: str) -> str:
    """Return text of Markdown with a joiner wherever Slack could read the start of a mention."""
    return _RISKY.sub(rf"\g<0>{JOINER}", seen(text))


def _autolink(address: str) -> str:
    """Return a link that shows its address; a parser might decode `xn--…` in an autolink."""
    return f"[{_escaped(address)}]({address})" if "xn--" in address else f"<{address}>"


def _end(tokens: Sequence[Token], at: int) -> int:
    """Return the position after the link or the run of text that begins at `at`."""
    if tokens[at].type == "link_open":  # an autolink in its label is a link in a link
        nesting = (one.nesting if one.type.startswith("link_") else 0 for one in tokens[at:])
        depths = enumerate(accumulate(nesting), at + 1)
        return next((end for end, depth in depths if depth == 0), len(tokens))
    end = at + 1
    while _is_text(tokens[at]) and end < len(tokens) and _is_text(tokens[end]):
        end += 1
    return end


def _is_text(token: Token) -> bool:
    return token.type in {"text", "text_special"}


def _of(tokens: Sequence[Token]) -> list[Atom]:
    token = tokens[0]
    if _is_text(token):
        return list(_text([_part(one) for one in tokens]))
    if token.type == "link_open":
        return _link(str(token.attrs.get("href", "")), atoms(tokens[1:-1]))
    if token.type == "image":
        return _link(str(token.attrs.get("src", "")), atoms(token.children or []))
    if token.type == "code_inline":
        return [Atom("code", code_span(token.content, token.markup), token.content)]
    if token.type in _BREAKS:
        return [Atom("text", *_BREAKS[token.type])]
    return [Atom("text", token.markup)]


def _unlinked(label: Sequence[Atom]) -> list[Atom]:
    """Return a label with the words of the links in it, such as those of a picture that is one."""
    return [
        Atom("text", guarded(_escaped(part.plain)), part.plain) if part.kind == "link" else part
        for part in label
    ]


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<~])", r"\\\1", text)


def _link(target: str, label: Sequence[Atom]) -> list[Atom]:
    label = _unlinked(label)
    shown = seen(plain(label)).strip()
    address = safe_address(target)
    if address is None:
        return _dead(target, label, shown)
    if not shown or "://" in shown or misleads(shown, address):
        return [Atom("link", _autolink(address), address)]
    inner = source(label).replace("\n", " ").strip()
    return [Atom("link", f"[{inner}]({address})", shown)]


def _dead(target: str, label: Sequence[Atom], shown: str) -> list[Atom]:
    target = " ".join(seen(target).split())
    if not target:
        return list(label)
    shown_target = Atom("code", code_span(target), target)
    if shown in {"", target, target.removeprefix("mailto:")}:
        return [shown_target]
    return [*label, Atom("text", " (", " ("), shown_target, Atom("text", ")", ")")]


def _part(token: Token) -> tuple[str, str]:
    """Return the Markdown and the look of text; they differ for escapes and entities."""
    text = seen(token.content)
    return (token.markup if text and token.type == "text_special" else text), text


def _text(parts: Sequence[tuple[str, str]]) -> Iterator[Atom]:
    """Yield text; an address in it with a user name or a foreign host is written as it leads."""
    text = "".join(look for _, look in parts)
    at = 0
    for found in _BARE_ADDRESS.finditer(text):
        address = found[0].rstrip(_AFTER_ADDRESS)
        end = found.start() + len(address)
        yield from _guarded(_cut(parts, at, found.start()))
        is_plain = all(markup == look for markup, look in _cut(parts, found.start(), end))
        if is_plain and address.isascii() and "@" not in address and "\\" not in address:
            yield Atom("text", address, address)
        else:
            safe = safe_address(address)
            shown = _autolink(safe) if safe else code_span(address)
            yield Atom("link" if safe else "code", shown, safe or address)
        at = end
    yield from _guarded(_cut(parts, at, len(text)))


def _cut(parts: Sequence[tuple[str, str]], start: int, end: int) -> Iterator[tuple[str, str]]:
    at = 0
    for markup, look in parts:
        first, last = max(start - at, 0), min(end - at, len(look))
        at += len(look)
        if first < last:
            yield (look[first:last],) * 2 if markup == look else (markup, look)


def _guarded(pieces: Iterator[tuple[str, str]]) -> Iterator[Atom]:
    for markup, look in pieces:
        if markup == look:
            yield Atom("text", guarded(look), look)
        else:
            yield Atom("text", markup + (JOINER if look[-1] in "<@&" else ""), look)
