"""Slack messages within limits, and Block Kit's objects (docs.slack.dev/reference/block-kit)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef, link_name
from bot.text.to_slack import cut, quoted, shortened
from bot.wording.actions import OPEN_SESSION, UNLINK
from bot.wording.phrases import session_address, without_mention

Block = Mapping[str, Any]

View = Mapping[str, Any]
"""A modal, or App Home."""

QUOTE_LIMIT = 2_900
"""The longest quotation in a message, in characters. Slack takes 3,000 in a text object, and 4,000
in the `text` of `chat.update`, which replaces a message whose button was pressed."""

LABEL_LIMIT = 75
"""Slack's limit for the label of an option (docs.slack.dev, "Option object")."""


def section(markup: str) -> Block:
    """Return a paragraph of Slack markup."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": markup}}


def context(markup: str) -> Block:
    """Return a line of Slack markup in small gray type."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": markup}]}


def header(text: str) -> Block:
    """Return a heading, without markup."""
    return {"type": "header", "text": plain_text(text)}


def verbatim(text: str, kind: str = "rich_text_quote") -> Block:
    """Return a quotation, or another part of a `rich_text`, in which Slack parses nothing."""
    element = {"type": kind, "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [element]}


def action_row(elements: Sequence[Block]) -> Block:
    """Return a row of buttons and menus."""
    return {"type": "actions", "elements": list(elements)}


def button(action: str, label: str, value: str = "", **more: Any) -> Block:
    """Return a button; `value` holds ids only, since anyone can forge a press."""
    more |= {"value": value} if value else {}
    return {"type": "button", "action_id": action, "text": plain_text(label), **more}


def plain_text(text: str) -> Block:
    """Return a text object without markup, in which `:tada:` stays as typed."""
    return {"type": "plain_text", "text": text, "emoji": False}


def modal(title: str, blocks: Sequence[Block], close: str = "Close", **more: Any) -> View:
    """Return a modal that asks nothing."""
    shown = {"title": plain_text(title), "close": plain_text(close), "blocks": list(blocks)}
    return {"type": "modal", **shown, **more}


def form(title: str, blocks: Sequence[Block], submit: str, callback: str, carries: str) -> View:
    """Return a modal to submit; `carries` comes back with it, and is not to be trusted."""
    more = {"submit": plain_text(submit), "callback_id": callback, "private_metadata": carries}
    return modal(title, blocks, "Cancel", **more)


def field(name: str, label: str, element: Block, hint: str = "", **more: Any) -> Block:
    """Return an input of a form, whose block and action are called the same."""
    more |= {"hint": plain_text(hint)} if hint else {}
    return {
        "type": "input",
        "block_id": name,
        "label": plain_text(label),
        "element": {"action_id": name, **element},
        **more,
    }


def text_input(typed: str, **more: Any) -> Block:
    """Return the element of a field for text, with what is `typed` filled in."""
    return {"type": "plain_text_input", **more, **({"initial_value": typed} if typed else {})}


def option(label: str, value: str) -> Block:
    """Return an option of a menu; its label may be foreign, since it has no markup."""
    return {"text": plain_text(shortened(label, LABEL_LIMIT)), "value": value}


def menu(placeholder: str, chosen: Block | None, kind: str = "static_select", **more: Any) -> Block:
    """Return a menu of which an option is `chosen`, if any; `more` has the options."""
    more |= {"initial_option": chosen} if chosen else {}
    return {"type": kind, "placeholder": plain_text(placeholder), **more}


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """A message made of our sentence, a quotation, our advice, a footer, and buttons.

    `text`, `advice` and `footer` are Slack markup. `quote` is foreign text: it is shown in a
    `rich_text` block, where Slack parses nothing, so it stays as it is and can ping nobody.
    `rows` are lines of markup, each perhaps with a button beside it; the fallback text leaves them
    out.
    """

    text: str
    quote: str = ""
    advice: str = ""
    buttons: tuple[Block, ...] = ()
    footer: str = ""
    rows: tuple[tuple[str, Block | None], ...] = ()

    def params(self) -> dict[str, Any]:
        """Return the arguments of Slack's posting methods: blocks, and a fallback text."""
        blocks, parts = [section(self.text)], [self.text]
        if self.quote:
            blocks.append(verbatim(cut(self.quote, QUOTE_LIMIT)))
            parts.append(quoted(self.quote, limit=QUOTE_LIMIT))
        if self.advice:
            blocks.append(section(self.advice))
        for markup, beside in self.rows:
            blocks.append({**section(markup), **({"accessory": beside} if beside else {})})
        if self.footer:
            blocks.append(context(self.footer))
        parts += filter(None, (self.advice, self.footer))
        if self.buttons:
            blocks.append(action_row(self.buttons))
        return {"text": "\n".join(parts), "blocks": blocks}

    def without_mention(self) -> "SlackMessage":
        """Return it as it is said in the bot's direct message, where commands need no mention."""
        text, advice, footer = map(without_mention, (self.text, self.advice, self.footer))
        return replace(self, text=text, advice=advice, footer=footer)


LEGACY = SlackMessage(
    "I use version 1 of Devin's API, which doesn't offer that. You may find it in Devin itself."
)


def opens(session: NamedSession) -> Block:
    """Return the button that opens a session in Devin; Slack tells of its press all the same."""
    return button(OPEN_SESSION, "Open session", url=session_address(session))


def unlinks(thread: ThreadRef, session: SessionId) -> Block:
    """Return the button that ends a thread's link to a session."""
    return button(UNLINK, "Unlink", link_name(thread, session))
