"""The form and the menu of sessions with which `/devin-say` asks back (docs.slack.dev, Block Kit).

The form's `private_metadata` and the menu's values carry the number of a ticket, and nothing that
is trusted.
"""

from collections.abc import Mapping, Sequence

from bot.model.sessions import NamedSession
from bot.wording import actions, message
from bot.wording.asking import session_picker
from bot.wording.asking.session_picker import CHOOSE, Choices
from bot.wording.button_values import choice_value
from bot.wording.message import SlackMessage, View, button, field, literal_text
from bot.wording.phrases import preview

TITLE = "Message Devin"
NO_MESSAGE = "Enter a message."

MESSAGE_LIMIT = 3_000
MENU_LIMIT = 100


def form(number: str, choices: Choices) -> View:
    """Return the form, with the likeliest session already chosen."""
    typed = {"type": "plain_text_input", "multiline": True, "max_length": MESSAGE_LIMIT}
    blocks = [*session_picker.fields(choices), field(actions.MESSAGE_FIELD, "Message", typed)]
    return message.form(TITLE, blocks, "Send", actions.SAY_FORM, number)


def menu(number: str, sessions: Sequence[NamedSession], text: str) -> SlackMessage:
    """Return the message that asks which of `sessions` is to get `text`."""
    options = [
        session_picker.option(one, choice_value(number, index))
        for index, one in enumerate(sessions[:MENU_LIMIT])
    ]
    select = {
        "type": "static_select",
        "action_id": actions.SAY_CHOSEN,
        "placeholder": literal_text(CHOOSE),
        "options": options,
    }
    return SlackMessage(
        f'Several sessions are active in this channel. Which one should get "{preview(text)}"?',
        buttons=(select, button(actions.SAY_CANCELLED, "Cancel", number)),
    )


def problems(filled: Mapping[str, str]) -> dict[str, str]:
    """Validate a submitted form; the result maps each bad field to its error."""
    is_empty = not filled.get(actions.MESSAGE_FIELD, "").strip()
    missing = {actions.MESSAGE_FIELD: NO_MESSAGE} if is_empty else {}
    return session_picker.problems(filled) | missing
