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
from itertools import groupby
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


def is_honest(address: str) -> bool:
    """Return True for an address that leads where it seems to."""
    return address.isascii() and "@" not in address and "\\" not in address


JOINER = "\u2060"
Kind = Literal["text", "code", "link"]

_RISKY = re.compile(
    r"<(?=[^\s\d=<-]|\Z)"
    r"|@(?=(?:here|channel|everyone|group)\b|[*_~]|\Z)|(?<!\w)@(?=\w)"
    r"|&(?=[\#*_~]|lt|gt|amp|commat|excl|num|\Z)",
    re.IGNORECASE,
)
_BLANK = r"[^\S\n]"
_LIKE_BLOCK = re.compile(
    rf"^{_BLANK}*+(?=(?:\#{{1,6}}|[-+*]|\d{{1,9}}[.)])(?!\S)|>|=+{_BLANK}*$|`{{3}}|~{{3}}"
    rf"|(?:[-_*]{_BLANK}*+){{3,}}+$|(?:[:|]|{_BLANK})*+-(?:[-:|]|{_BLANK})*+$"
    r"|\[(?:\\.|[^\[\]\\])*+\]:)",
    re.MULTILINE,
)
BARE_ADDRESS = re.compile(r"https?://[^\s<>]+", re.IGNORECASE)
_ADDRESS_BEGINS = re.compile(r"https?://|www\.", re.IGNORECASE)
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
    outer: list[tuple[str, list[Atom]]] = []
    target, found = "", list[Atom]()
    for is_text, run in groupby(tokens, lambda one: one.type in {"text", "text_special"}):
        if is_text:
            found += _text(list(run))
            continue
        for token in run:
            if token.type == "link_open":  # an autolink in its label is a link in a link
                outer.append((target, found))
                target, found = str(token.attrs.get("href", "")), []
            elif token.type == "link_close":
                link = _link(target, found)
                target, found = outer.pop()
                found += link
            else:
                found += _of(token)
    return found


def source(parts: Sequence[Atom]) -> str:
    """Return atoms as Markdown, with a blank where two would be an image, or one run of ticks.

    Code right behind an address gets one as well, since GitHub's parser reads its first backtick as
    a part of the address. A line of text that could begin a block, such as a fence, the second line
    of a table or `[label]:`, gets a joiner: another parser might then take nearby code for text, or
    not show the line.
    """
    out, after_code = "", 0
    for part in parts:
        is_code = part.kind == "code"
        joins = out[-1:] + part.source[:1] in {"![", "``"}
        if joins or (is_code and _ADDRESS_BEGINS.search(re.split(r"\s", out[after_code:])[-1])):
            out += " "
        out += part.source
        after_code = len(out) if is_code else after_code
    return _LIKE_BLOCK.sub(rf"\g<0>{JOINER}", out)


def plain(parts: Sequence[Atom]) -> str:
    """Return what a reader sees of atoms."""
    return "".join(part.plain for part in parts)


def guarded(text: str) -> str:
    """Return text of Markdown with a joiner wherever Slack could read the start of a mention."""
    return _RISKY.sub(rf"\g<0>{JOINER}", seen(text))


def _autolink(address: str) -> str:
    """Return a link that shows its address; a parser might decode `xn--…` in an autolink."""
    return f"[{_escaped(address)}]({address})" if "xn--" in address else f"<{address}>"


def _of(token: Token) -> list[Atom]:
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
    return re.sub(r"([\\`*_\[\]<~]|&(?=[#\w]))", r"\\\1", text)


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


def _text(tokens: Sequence[Token]) -> Iterator[Atom]:
    """Yield text; an address in it with a user name or a foreign host is written as it leads."""
    text = "".join(map(_look, tokens))
    is_typed = all(token.type == "text" for token in tokens)
    addresses = list(BARE_ADDRESS.finditer(text))
    if not is_typed and not addresses:
        yield from map(_as_written, tokens)
        return
    at = 0
    for found in addresses:
        address = found[0].rstrip(_AFTER_ADDRESS)
        yield _of_text(text[at : found.start()], is_typed=is_typed)
        at = found.start() + len(address)
        if is_typed and is_honest(address):
            yield Atom("text", address, address)
        else:
            safe = safe_address(address)
            shown = _autolink(safe) if safe else code_span(address)
            yield Atom("link" if safe else "code", shown, safe or address)
    yield _of_text(text[at:], is_typed=is_typed)


def _look(token: Token) -> str:
    """Return text as it looks; a line break that an entity stands for is a blank."""
    return re.sub(r"[\r\n]", " ", seen(token.content))


def _as_written(token: Token) -> Atom:
    """Return text as it is written, which for escapes and entities isn't as it looks."""
    look = _look(token)
    if token.type == "text" or not look:
        return Atom("text", guarded(look), look)
    if seen(token.markup) != token.markup:  # a backslash before a character without a look
        return Atom("text", _escaped(look), look)
    return Atom("text", token.markup + (JOINER if look[-1] in "<@&" else ""), look)


def _of_text(look: str, *, is_typed: bool) -> Atom:
    return Atom("text", guarded(look if is_typed else _escaped(look)), look)
