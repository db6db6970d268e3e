"""Converts Slack's message text (mrkdwn) to Markdown.

Controls in angle brackets are read first and the three entities are decoded after that, so that
nothing a person typed can become a mention or a link (docs.slack.dev, formatting message text).
Every step looks at each character a bounded number of times, whatever the text.

The names, links and code that Devin reads are written here for all converters. Whatever reads the
same in both stays as it was typed, such as quotes, lists and `_italics_`: its reader is an agent,
and a backslash before every underscore would change what the person wrote. Only text inside a link
is escaped for its place.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from bot.text import speakers
from bot.text.speakers import is_readable

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
    """Return `@Name (U0ID)`, `#name` or `@handle`, or nothing for an empty id."""
    kind, id_ = mention
    name = speakers.called(kind, names.get(mention, ""), id_)
    return SIGNS[kind] + name if name else ""


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


def code_span(content: str, ticks: str = "") -> str:
    """Return inline code, of which a parser reads every character of `content`.

    `ticks` are backticks that fit the text around it; by default, a run longer than any in it.
    """
    ticks = ticks or longer_ticks(content)
    blanks = content[:1] == " " == content[-1:] and content.strip(" ") != ""
    pad = " " if blanks or "`" in (content[:1], content[-1:]) else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def longer_ticks(content: str, least: int = 1) -> str:
    """Return a run of backticks that is longer than any in the content."""
    return "`" * max(least, max(map(len, _TICKS.findall(content)), default=0) + 1)


def block_quote(text: str) -> str:
    """Return Markdown as a block quote; every kind of line break starts a new quoted line."""
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


_FRAME = str.maketrans("", "", "`>")
"""Takes away what is left of empty code, or of an empty quote."""


def says_something(markdown: str) -> bool:
    """True if a reader would see anything of Markdown."""
    return is_readable(markdown.translate(_FRAME))


def fenced(code: str, name: str = "") -> str:
    """Return code as a fenced block, in a longer run of backticks than any in it."""
    ticks = longer_ticks(code, 3)
    end = "" if not code or code.endswith("\n") else "\n"
    return f"{ticks}{name}\n{code}{end}{ticks}"


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
_NO_MARK = r"(?:[^\W_]|[/\\=@#$%*~])"
_WITHIN = r"`[^`\n]*+`|<[^<>\n]*+>|[^`<\n"
_TOKEN = re.compile(
    r"(?<!`)`(?P<code>[^`\n]++)`(?!`)|<(?P<control>[^<>\n]*+)>"
    rf"|(?<!{_NO_MARK})(?:"
    rf"\*(?=[^\s*])(?P<bold>(?:{_WITHIN}*])++)(?<=\S)\*"
    rf"|~(?=[^\s~])(?P<strike>(?:{_WITHIN}~])++)(?<=\S)~)(?!{_NO_MARK})"
)
"""Markup with its partner on the same line; inside a word, a path or a run of marks none counts."""

# Slack's fence is three ticks, so any more of them, at either end, belong to the code.
_FENCE = re.compile("(?<!`)```(.+?)```(?!`)", re.DOTALL)


def to_markdown(text: str, names: Names) -> str:
    """Return `text` as Markdown; ids take their names from `names`, else from `places`."""
    names = {**places(text), **names}
    parts = _FENCE.split(text.replace("\r\n", "\n"))
    for at, part in enumerate(parts):
        if at % 2:
            parts[at] = fenced(_verbatim(part.removeprefix("\n"), names))
        else:
            below = part.lstrip(" ").removeprefix("\n") if at else part
            is_last = at == len(parts) - 1
            prose = below if is_last else below.rstrip(" ").removesuffix("\n")
            parts[at] = _inline(prose, names)
    return "\n".join(parts).strip("\n")


def labels(text: str) -> Names:
    """Return the names that the text itself gives, as in `<#C1|general>`."""
    return {mention: unescape(label) for mention, label in _mentions(text) if label}


def places(text: str) -> Names:
    """Return the `labels` of channels and groups: whether to name a person, their account says."""
    return {mention: name for mention, name in labels(text).items() if mention[0] != "user"}


def ids(text: str) -> Iterator[Mention]:
    """Yield each mention in the text."""
    return (mention for mention, _ in _mentions(text))


def unescape(text: str) -> str:
    """Decode the three entities of Slack's text, once."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def as_typed(text: str) -> str:
    """Return `text` as its author typed it: addresses bare, and mentions by their names."""
    return _verbatim(text, labels(text))


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
        return label or body["date"].partition("^")[0]
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


def _inline(text: str, names: Names) -> str:
    out: list[str] = []
    at = 0
    for token in _TOKEN.finditer(text):
        out += (unescape(text[at : token.start()]), _converted(token, names))
        at = token.end()
    return "".join(out) + unescape(text[at:])


def _converted(token: re.Match[str], names: Names) -> str:
    if token["code"]:
        return code_span(_verbatim(token["code"], names))
    if token["bold"]:
        return f"**{_inline(token['bold'], names)}**"
    if token["strike"]:
        return f"~~{_inline(token['strike'], names)}~~"
    return _shown(token["control"], names)
