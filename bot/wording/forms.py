"""Modals in Block Kit (docs.slack.dev/reference/views/modal-views).

A modal carries only the number of its ticket, which holds the rest. The text above the fields is in
`shortcuts.py`.
"""

from collections.abc import Sequence
from typing import Any

from bot.model.replies import Reply
from bot.wording import actions, shortcuts
from bot.wording.asking import session_picker
from bot.wording.asking.session_picker import Choices
from bot.wording.blocks import Block, View, plain_text
from bot.wording.message import SlackMessage

ASK_LINK = "Link"
ASK_LINK_AND_SEND = "Link and send"
ASK_CANCEL = "Cancel"
ASK_CLOSE = "Close"

ONE_MOMENT = SlackMessage("Just a moment; this is taking longer than usual.")

SLOW = SlackMessage("This is taking longer than usual. Try again; it won't be sent twice.")

TOO_LATE = SlackMessage("Slack timed out before I could open the form. Please try again.")


def ask_session(number: str, choices: Choices, message: Reply | None) -> View:
    """Return the modal that asks which session to link, and perhaps to send `message` to."""
    words = shortcuts.ASK_TO_LINK if message is None else shortcuts.ask_to_send(message)
    title = shortcuts.LINK_TITLE if message is None else shortcuts.SEND_TITLE
    blocks = [*words.params()["blocks"], *session_picker.fields(choices)]
    return {
        **_modal(title, blocks, close=ASK_CANCEL),
        "submit": plain_text(ASK_LINK if message is None else ASK_LINK_AND_SEND),
        "callback_id": actions.ASK_SESSION,
        "private_metadata": number,
    }


def tell(title: str, words: SlackMessage) -> View:
    """Return a modal that shows `words` and asks nothing."""
    return _modal(title, words.params()["blocks"], close=ASK_CLOSE)


def _modal(title: str, blocks: Sequence[Block], *, close: str) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": plain_text(title),
        "close": plain_text(close),
        "blocks": list(blocks),
    }
