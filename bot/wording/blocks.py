"""Constructors for the Block Kit objects that messages, modals and App Home share.

Their fields are Slack's (docs.slack.dev/reference/block-kit).
"""

from collections.abc import Mapping, Sequence
from typing import Any

Block = Mapping[str, Any]

View = Mapping[str, Any]
"""A modal, or App Home."""


def section(markup: str) -> Block:
    """Return a paragraph of Slack markup."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": markup}}


def section_with(markup: str, accessory: Block) -> Block:
    """Return a paragraph of Slack markup with a button or a menu beside it."""
    return {**section(markup), "accessory": accessory}


def context(markup: str) -> Block:
    """Return a line of Slack markup in small gray type."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": markup}]}


def header(text: str) -> Block:
    """Return a heading, without markup."""
    return {"type": "header", "text": plain_text(text)}


def verbatim(text: str) -> Block:
    """Return a quotation as rich text, in which Slack parses nothing."""
    element = {"type": "rich_text_quote", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [element]}


def literally(text: str) -> Block:
    """Return text as rich text, in which Slack parses nothing."""
    element = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [element]}


def action_row(elements: Sequence[Block]) -> Block:
    """Return a row of buttons and menus."""
    return {"type": "actions", "elements": list(elements)}


def button(action: str, label: str, value: str) -> Block:
    """Return a button; `value` holds ids only, since anyone can forge a press."""
    return {"type": "button", "action_id": action, "text": plain_text(label), "value": value}


def link_button(action: str, label: str, address: str) -> Block:
    """Return a button that opens `address`; Slack tells of its press all the same."""
    return {"type": "button", "action_id": action, "text": plain_text(label), "url": address}


def overflow(action: str, options: Sequence[tuple[str, str]]) -> Block:
    """Return a menu behind three dots: at most five labels, each with the value of a button."""
    shown = [{"text": plain_text(label), "value": value} for label, value in options]
    return {"type": "overflow", "action_id": action, "options": shown}


def plain_text(text: str) -> Block:
    """Return a text object without markup; `:tada:` in it becomes an emoji."""
    return {"type": "plain_text", "text": text}


def literal_text(text: str) -> Block:
    """Return a text object without markup, in which `:tada:` stays as typed."""
    return {**plain_text(text), "emoji": False}
