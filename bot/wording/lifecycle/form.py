"""The form for a new session; its `private_metadata` carries the number of a ticket."""

from typing import Any

from bot.wording import actions
from bot.wording.message import Block, View, literal_text

TITLE = "Start a Devin session"
SUBMIT = "Start"
CANCEL = "Cancel"
CHANNEL_LABEL = "Channel"
CHANNEL_HINT = "I'll post the prompt there with your name and link its thread to the session."
PROMPT_LABEL = "Prompt"
PROMPT_HINT = "What Devin should do"
PROMPT_LIMIT = 3_000

OPEN: Block = {
    "type": "button",
    "action_id": actions.OPEN_START_FORM,
    "text": {"type": "plain_text", "text": "Start a session"},
}
"""The button that opens the form, in any place."""

NO_CHANNEL = "Pick a channel."
NO_PROMPT = "Enter what Devin should do."


def form(number: str, channel: str) -> View:
    """Return the form, with `channel` or else the place where it is opened already chosen."""
    chosen = {"initial_conversation": channel} if channel else {}
    select: dict[str, Any] = {
        "type": "conversations_select",
        "action_id": actions.CHANNEL_FIELD,
        # Otherwise people are offered, too, and their ids stand for direct messages with the app.
        "filter": {"include": ["public", "private"]},
        "default_to_current_conversation": not channel,
        **chosen,
    }
    typed = {
        "type": "plain_text_input",
        "action_id": actions.PROMPT_FIELD,
        "multiline": True,
        "max_length": PROMPT_LIMIT,
        "focus_on_load": True,
    }
    return {
        "type": "modal",
        "callback_id": actions.START_FORM,
        "private_metadata": number,
        "title": literal_text(TITLE),
        "submit": literal_text(SUBMIT),
        "close": literal_text(CANCEL),
        "blocks": [
            _input(actions.CHANNEL_FIELD, CHANNEL_LABEL, CHANNEL_HINT, select),
            _input(actions.PROMPT_FIELD, PROMPT_LABEL, PROMPT_HINT, typed),
        ],
    }


def problems(channel: str, prompt: str) -> dict[str, str]:
    """Validate a submitted form; the result maps each bad field to its error."""
    found = {}
    if not channel:
        found[actions.CHANNEL_FIELD] = NO_CHANNEL
    if not prompt:
        found[actions.PROMPT_FIELD] = NO_PROMPT
    return found


def _input(block: str, label: str, hint: str, element: Block) -> Block:
    return {
        "type": "input",
        "block_id": block,
        "label": literal_text(label),
        "hint": literal_text(hint),
        "element": element,
    }
