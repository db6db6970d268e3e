"""The form for a new session; its `private_metadata` carries the number of a ticket."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.model.options import Options
from bot.wording import actions
from bot.wording.lifecycle import option_fields
from bot.wording.lifecycle.option_fields import Offer
from bot.wording.message import Block, View, context, literal_text

TITLE = "Start a Devin session"
AGAIN_TITLE = "Start again"
TOO_LONG = "The prompt is too long to show here. It stays as it is."
SUBMIT = "Start"
CANCEL = "Cancel"
CHANNEL_LABEL = "Channel"
CHANNEL_HINT = "I'll post the prompt there with your name and link its thread to the session."
DIRECT_HINT = "Leave this empty to start the session here, in our direct message."
PROMPT_LABEL = "Prompt"
PROMPT_HINT = "What Devin should do"
PROMPT_LIMIT = 3_000

OPEN: Block = {
    "type": "button",
    "action_id": actions.OPEN_START_FORM,
    "text": {"type": "plain_text", "text": "Start a session"},
}
"""The button that opens the form, in any place."""

NO_PROMPT = "Enter what Devin should do."


def form(number: str, channel: str, offer: Offer, *, is_direct: bool = False) -> View:
    """Return the form, with `channel` or else the place where it is opened already chosen.

    If it `is_direct`, that is the direct message, which stands for no channel.
    """
    chosen = {"initial_conversation": channel} if channel else {}
    select: dict[str, Any] = {
        "type": "conversations_select",
        "action_id": actions.CHANNEL_FIELD,
        # Otherwise people are offered, too, and their ids stand for direct messages with the app.
        "filter": {"include": ["public", "private"]},
        "default_to_current_conversation": not (channel or is_direct),
        **chosen,
    }
    hint = DIRECT_HINT if is_direct else CHANNEL_HINT
    place = _input(actions.CHANNEL_FIELD, CHANNEL_LABEL, hint, select)
    blocks = [
        {**place, "optional": is_direct},
        _prompt("", is_optional=False),
        *option_fields.fields(Options(), offer),
    ]
    return {**_modal(TITLE, number, blocks), "callback_id": actions.START_FORM}


def again(number: str, typed: str, chosen: Options, offer: Offer) -> View:
    """Return the form with which a start is repeated; a prompt that is too long isn't shown.

    `typed` is the prompt, after what was chosen and has no input of its own.
    """
    is_shown = len(typed) <= PROMPT_LIMIT
    prompt = _prompt(typed, is_optional=True) if is_shown else context(TOO_LONG)
    blocks = [prompt, *option_fields.fields(chosen, offer)]
    return {**_modal(AGAIN_TITLE, number, blocks), "callback_id": actions.AGAIN_FORM}


def problems(typed: Mapping[str, str]) -> dict[str, str]:
    """Validate a submitted form for a new session; the result maps each bad field to its error."""
    found = option_fields.problems(typed)
    if not typed.get(actions.PROMPT_FIELD, "").strip():
        found[actions.PROMPT_FIELD] = NO_PROMPT
    return found


def _prompt(typed: str, *, is_optional: bool) -> Block:
    """Return the prompt's input; it may be empty where the thread is a prompt, too."""
    element = {
        "type": "plain_text_input",
        "action_id": actions.PROMPT_FIELD,
        "multiline": True,
        "max_length": PROMPT_LIMIT,
        "focus_on_load": True,
        **({"initial_value": typed} if typed else {}),
    }
    made = _input(actions.PROMPT_FIELD, PROMPT_LABEL, PROMPT_HINT, element)
    return {**made, "optional": True} if is_optional else made


def _modal(title: str, number: str, blocks: Sequence[Block]) -> View:
    return {
        "type": "modal",
        "private_metadata": number,
        "title": literal_text(title),
        "submit": literal_text(SUBMIT),
        "close": literal_text(CANCEL),
        "blocks": list(blocks),
    }


def _input(block: str, label: str, hint: str, element: Block) -> Block:
    return {
        "type": "input",
        "block_id": block,
        "label": literal_text(label),
        "hint": literal_text(hint),
        "element": element,
    }
