"""Slack messages: text, blocks and buttons, within Slack's limits."""

import re
from dataclasses import dataclass
from typing import Any

from bot.text.characters import cut
from bot.text.to_slack import quoted
from bot.wording.blocks import Block, action_row, context, section, verbatim
from bot.wording.phrases import ADMIN

QUOTE_LIMIT = 2_900
"""The longest quotation in a message, in characters. Slack takes 3,000 in a text object, and 4,000
in the `text` of `chat.update`, which replaces a message whose button was pressed."""


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """A message made of our sentence, a quotation, our advice, a footer, and buttons.

    `text`, `advice` and `footer` are Slack markup. `quote` is foreign text: it is shown in a
    `rich_text` block, where Slack parses nothing, so it stays as it is and can ping nobody.
    """

    text: str
    quote: str = ""
    advice: str = ""
    buttons: tuple[Block, ...] = ()
    footer: str = ""

    def params(self) -> dict[str, Any]:
        """Return the arguments of Slack's posting methods: blocks, and a fallback text."""
        quote = cut(self.quote, QUOTE_LIMIT)
        blocks: list[Block] = [section(self.text)]
        parts = [self.text]
        if quote:
            blocks.append(verbatim(quote))
            parts.append(quoted(self.quote, limit=QUOTE_LIMIT))
        if self.advice:
            blocks.append(section(self.advice))
            parts.append(self.advice)
        if self.footer:
            blocks.append(context(self.footer))
            parts.append(self.footer)
        if self.buttons:
            blocks.append(action_row(self.buttons))
        return {"text": "\n".join(parts), "blocks": blocks}


def plain(markup: str) -> str:
    """Strip our own `markup` for places where Slack parses none: links become their labels.

    The only mention in it is that of an admin, since foreign text is escaped.
    """
    markup = _MENTION.sub(ADMIN, markup)
    shown = _LINK.sub(lambda found: found[2] or found[1], markup).replace("`", "")
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


_MENTION = re.compile(r"<(?:#|@|!subteam\^)[A-Z0-9]+>")
_LINK = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")
