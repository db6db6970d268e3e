"""Reads what people see of a message as one list of blocks: its text, blocks and attachments.

Slack shows a message's blocks in place of its `text`, and its attachments below them. Apps also
write texts that say more than their blocks, and those count: what is said twice is kept once, and
nothing is lost. The input is external, and read as leniently as in `blocks`. Shapes:
docs.slack.dev, messaging (legacy attachments); pasted tables are documented nowhere, and were
captured by others: vercel/chat#803, openclaw/openclaw#112229, slack-go `block_table.go` (2026).
"""

import re
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

from pydantic_core import to_json

from bot.model.record import DEEPEST, clean, mapping, mappings, string
from bot.text import mrkdwn, rich_text
from bot.text.blocks import ADDRESS, says_something, to_markdown
from bot.text.markdown import Names, instant

Block = dict[str, Any]

MOST_ATTACHMENTS = 100
"""As many as Slack takes of one message (docs.slack.dev, chat.postMessage)."""

_PREVIEWED = ("from_url", "original_url", "app_unfurl_url")
_PREVIEWS = ("is_msg_unfurl", "is_app_unfurl")
_NO_FALLBACK = "[no preview available]"
_OF_MESSAGE = ("pretext", "title", "title_link", "text", "fields", "image_url")
_OF_ATTACHMENT = (*_OF_MESSAGE, "actions", "footer", "ts")
_OF_FALLBACK = re.compile(r"^\[[^\]\n]*\] [^:\n]*:\s*")
"""The date and the author before the text of a forwarded message's `fallback`."""

# Emoji, and the marks of list items, are written differently in text and in blocks.
_NOT_WORDS = re.compile(r"(?m):[\w+'-]+:|^[ \t>]*(?:(?:\d{1,3}|[a-z]|[ivxl]{2,5})\.|[-•◦▪])[ \t]")
_WORD = re.compile(r"\w+")


def content(message: Mapping[str, Any], *, is_typed: bool) -> tuple[Block, ...]:
    """Return what people see of a message; nothing if that is its `text` alone.

    `is_typed`: a person wrote it in Slack's own composer. The `text` is then what Slack makes of
    the `rich_text`, and attachments are tables, or previews of links.
    """
    text, blocks = string(message, "text"), _readable(message.get("blocks"))
    below = [] if not message.get("attachments") else _below(message, blocks, is_typed=is_typed)
    if not blocks and not below:
        return ()
    if not is_typed:
        return (*_merged([text], blocks), *_beyond(text, below))
    typed = [one for one in blocks if string(one, "type") == "rich_text"]
    is_whole = bool(typed) and all(map(rich_text.is_whole, typed))
    if text.strip() and not is_whole:
        blocks = [*section(text), *(one for one in blocks if one not in typed)]
    return (*blocks, *below)


def shared(share: Mapping[str, Any]) -> tuple[Block, ...]:
    """Return what people see of a forwarded message, or of an attachment that is forwarded."""
    inner = [mapping(one.get("message")) for one in mappings(share.get("message_blocks"))]
    blocks = [block for one in inner for block in mappings(one.get("blocks"))]
    below = [
        block
        for one in (share, *inner)
        for attachment in attachments(one)
        for block in _of_attachment(attachment)
    ]
    fallback = "" if below else _OF_FALLBACK.sub("", string(share, "fallback"))
    seen = {
        key: share.get(key) for key in (_OF_MESSAGE if "channel_id" in share else _OF_ATTACHMENT)
    }
    own = {**seen, "blocks": blocks or share.get("blocks"), "fallback": fallback}
    return (*_of_attachment(own), *below)


def attachments(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return a message's attachments, as far as they are read."""
    return mappings(message.get("attachments"))[:MOST_ATTACHMENTS]


def section(text: str) -> list[Block]:
    """Return Slack markup as a block; nothing if a reader would see nothing of it."""
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return [block] if says_something(block) else []


def _below(message: Mapping[str, Any], blocks: Sequence[Block], *, is_typed: bool) -> list[Block]:
    """Return what its attachments show, but for forwards, and for previews of its links."""
    said = f"{mrkdwn.unescape(string(message, 'text'))} {blocks}"
    return [
        block
        for one in attachments(message)
        if one.get("is_share") is not True and not _is_preview(one, said, is_typed=is_typed)
        for block in _of_attachment(one)
    ]


def _is_preview(attachment: Mapping[str, Any], said: str, *, is_typed: bool) -> bool:
    """True for the preview of a link that is `said`: nobody wrote it, and it may be long."""
    if any(attachment.get(key) is True for key in _PREVIEWS):
        return True
    previewed = [one for key in _PREVIEWED if (one := string(attachment, key))]
    if is_typed:
        return bool(previewed) or not mappings(attachment.get("blocks"))
    return any(one in said for one in previewed)


def _of_attachment(attachment: Mapping[str, Any]) -> list[Block]:
    texts = [
        *(string(attachment, key) for key in ("pretext", "author_name")),
        _link(string(attachment, "title_link"), string(attachment, "title")),
        string(attachment, "text"),
        *map(_field, mappings(attachment.get("fields"))),
    ]
    shown = _merged(texts, _readable(attachment.get("blocks")))
    image, fallback = string(attachment, "image_url"), string(attachment, "fallback")
    if not shown and fallback != _NO_FALLBACK:
        shown = section(fallback)
    buttons = (
        _link(url, string(one, "text"))
        for one in mappings(attachment.get("actions"))
        if (url := string(one, "url"))
    )
    ends = [_link(image, ""), " ".join(buttons), _footer(attachment)]
    return [*shown, *(block for text in ends for block in section(text))]


def _footer(attachment: Mapping[str, Any]) -> str:
    """Return an attachment's last line; Slack shows its time there."""
    footer = string(attachment, "footer")
    when = instant(str(attachment.get("ts", "")).partition(".")[0])[:40]
    return f"{footer} | {when}" if footer and when else footer


def _field(field: Mapping[str, Any]) -> str:
    title, value = string(field, "title"), string(field, "value")
    return f"*{title}*: {value}" if title and value else title or value


def _link(url: str, label: str) -> str:
    label = " ".join(label.replace("<", " ").replace(">", " ").split())
    if not ADDRESS.fullmatch(url):
        return label
    return f"<{url}|{label}>" if label else f"<{url}>"


def _merged(texts: Sequence[str], blocks: Sequence[Block]) -> list[Block]:
    """Return texts that say more than the blocks, then the blocks that say more than those."""
    names = mrkdwn.labels("\n".join(texts))
    seen = set(_words(blocks, names))
    is_new = [not blocks or not seen.issuperset(_words(section(one), names)) for one in texts]
    text = "\n".join(one for one in compress(texts, is_new) if one.strip())
    return [*section(text), *_beyond(text, blocks)]


def _beyond(text: str, blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks that say more than `text`, which lacks their words in that order."""
    names = mrkdwn.labels(text)
    said = f" {' '.join(_words(section(text), names))} "
    words = (" ".join(_words([one], names)) for one in blocks)
    return [
        one for one, its in zip(blocks, words, strict=True) if not its or f" {its} " not in said
    ]


def _words(blocks: Sequence[Block], names: Names) -> list[str]:
    return _WORD.findall(_NOT_WORDS.sub(" ", to_markdown(blocks, names).casefold()))


def _readable(blocks: object) -> list[Block]:
    """Return the blocks in which a reader would see anything, as text that UTF-8 can encode."""
    found = mappings(blocks)
    if not _is_clean(found):
        found = [clean(block) for block in found]
    return [one for one in found if says_something(one)]


def _is_clean(blocks: list[Block]) -> bool:
    """Whether `clean` would change nothing, as with everything Slack sends; this is quicker."""
    try:
        text = to_json(blocks)
    except ValueError:  # a lone surrogate, or deeper than pydantic goes
        return False
    return text.count(b"[") + text.count(b"{") <= DEEPEST
