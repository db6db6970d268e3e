"""The forms that start sessions; their `private_metadata` carries the number of a ticket."""

from collections.abc import Mapping

from bot.model.options import Options
from bot.wording import actions, message
from bot.wording.lifecycle.options import Offer, fields
from bot.wording.lifecycle.options import problems as problems_of
from bot.wording.lifecycle.starting import FORM_TITLE
from bot.wording.message import Block, View

START_FORM = "start_form"
AGAIN_FORM = "start_again_form"

AGAIN_TITLE = "Start again"
TOO_LONG = "The prompt is too long to show here. It stays as it is."
PROMPT_LIMIT = 3_000

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
    hint = "I'll post the prompt there with your name and link its thread to the session."
    if is_direct:
        hint = "Leave this empty to start the session here, in our direct message."
    place = message.field(actions.CHANNEL_FIELD, "Channel", select, hint, optional=is_direct)
    blocks = [place, _prompt(""), *fields(Options(), offer)]
    return message.form(FORM_TITLE, blocks, "Start", START_FORM, number)


def again(number: str, typed: str, chosen: Options, offer: Offer) -> View:
    """Return the form with which a start is repeated; a prompt that is too long isn't shown.

    `typed` is the prompt, after what was chosen and has no input of its own. It may be empty where
    the thread is a prompt, too.
    """
    is_shown = len(typed) <= PROMPT_LIMIT
    prompt = _prompt(typed, optional=True) if is_shown else message.context(TOO_LONG)
    blocks = [prompt, *fields(chosen, offer)]
    return message.form(AGAIN_TITLE, blocks, "Start", AGAIN_FORM, number)


def _prompt(typed: str, **more: bool) -> Block:
    element = message.text_input(typed, multiline=True, max_length=PROMPT_LIMIT, focus_on_load=True)
    return message.field(actions.PROMPT_FIELD, "Prompt", element, "What Devin should do", **more)


def problems(typed: Mapping[str, str]) -> dict[str, str]:
    """Validate a submitted form for a new session, as `options.problems` does, which has a task."""
    is_empty = not typed.get(actions.PROMPT_FIELD, "").strip()
    return ({actions.PROMPT_FIELD: NO_PROMPT} if is_empty else {}) | problems_of(typed)
