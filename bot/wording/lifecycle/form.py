"""The form for a new session; its `private_metadata` carries the number of a ticket."""

from collections.abc import Mapping

from bot.model.options import Options
from bot.wording import actions, message
from bot.wording.lifecycle import option_fields
from bot.wording.lifecycle.option_fields import Offer
from bot.wording.message import Block, View, context, field, literal_text, text_input

TITLE = "Start a Devin session"
AGAIN_TITLE = "Start again"
TOO_LONG = "The prompt is too long to show here. It stays as it is."
SUBMIT = "Start"
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
    select = {
        "type": "conversations_select",
        # Otherwise people are offered, too, and their ids stand for direct messages with the app.
        "filter": {"include": ["public", "private"]},
        "default_to_current_conversation": not (channel or is_direct),
        **({"initial_conversation": channel} if channel else {}),
    }
    hint = literal_text(DIRECT_HINT if is_direct else CHANNEL_HINT)
    place = field(actions.CHANNEL_FIELD, CHANNEL_LABEL, select, hint=hint, optional=is_direct)
    blocks = [place, _prompt(""), *option_fields.fields(Options(), offer)]
    return message.form(TITLE, blocks, SUBMIT, actions.START_FORM, number)


def again(number: str, typed: str, chosen: Options, offer: Offer) -> View:
    """Return the form with which a start is repeated; a prompt that is too long isn't shown.

    `typed` is the prompt, after what was chosen and has no input of its own. It may be empty where
    the thread is a prompt, too.
    """
    is_shown = len(typed) <= PROMPT_LIMIT
    prompt = _prompt(typed, optional=True) if is_shown else context(TOO_LONG)
    blocks = [prompt, *option_fields.fields(chosen, offer)]
    return message.form(AGAIN_TITLE, blocks, SUBMIT, actions.AGAIN_FORM, number)


def problems(typed: Mapping[str, str]) -> dict[str, str]:
    """Validate a submitted form for a new session; the result maps each bad field to its error."""
    found = option_fields.problems(typed)
    if not typed.get(actions.PROMPT_FIELD, "").strip():
        found[actions.PROMPT_FIELD] = NO_PROMPT
    return found


def _prompt(typed: str, **more: bool) -> Block:
    element = text_input(typed, multiline=True, max_length=PROMPT_LIMIT, focus_on_load=True)
    hint = literal_text(PROMPT_HINT)
    return field(actions.PROMPT_FIELD, PROMPT_LABEL, element, hint=hint, **more)
