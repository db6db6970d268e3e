"""The Block Kit objects that messages, modals and App Home are built from.

Their fields are Slack's (docs.slack.dev/reference/block-kit).
"""

from collections.abc import Mapping, Sequence
from typing import Any

Block = Mapping[str, Any]


def section(markup: str) -> Block:
    """A paragraph of Slack markup."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": markup}}


def context(markup: str) -> Block:
    """Slack markup in small gray type."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": markup}]}


def header(text: str) -> Block:
    """A heading."""
    return {"type": "header", "text": plain_text(text)}


def verbatim(text: str) -> Block:
    """A quotation in which Slack parses nothing."""
    element = {"type": "rich_text_quote", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [element]}


def action_row(elements: Sequence[Block]) -> Block:
    """A row of buttons and menus."""
    return {"type": "actions", "elements": list(elements)}


def button(action: str, label: str, value: str) -> Block:
    """A button that tells its handler `action` and `value`; ids only, since anyone can forge it."""
    return {"type": "button", "action_id": action, "text": plain_text(label), "value": value}


def plain_text(text: str) -> Block:
    """A text object without markup; `:tada:` in it is shown as an emoji."""
    return {"type": "plain_text", "text": text}


def literal_text(text: str) -> Block:
    """A text object in which `:tada:` stays as it was typed."""
    return {**plain_text(text), "emoji": False}
