"""Modals in Block Kit (docs.slack.dev/reference/views/modal-views).

A modal carries only the number of its ticket, which holds the rest. The text above the input is in
`shortcuts.py`.
"""

from collections.abc import Sequence
from typing import Any

from bot.model.replies import Reply
from bot.model.sessions import NamedSession, SessionId
from bot.wording import actions, shortcuts
from bot.wording.blocks import Block, View, plain_text
from bot.wording.message import SlackMessage
from bot.wording.phrases import session_address

ASK_LABEL = "Devin session"
ASK_LINK = "Link"
ASK_LINK_AND_SEND = "Link and send"
ASK_CANCEL = "Cancel"
ASK_CLOSE = "Close"
ASK_HINT = "Its id, or its address at app.devin.ai"

ONE_MOMENT = SlackMessage("One moment, please: this takes longer than usual.")

SLOW = SlackMessage("That takes longer than usual. Please try again: nothing is done twice.")

TOO_LATE = SlackMessage(
    "That took so long that Slack no longer lets me open the form. Please try again in a minute."
)


def ask_session(number: str, guess: SessionId | None, message: Reply | None) -> View:
    """Return the modal that asks which session to link, and perhaps to send `message` to."""
    typed = {"initial_value": session_address(NamedSession(guess))} if guess else {}
    field = {
        "type": "input",
        "block_id": actions.SESSION_FIELD,
        "label": plain_text(ASK_LABEL),
        "hint": plain_text(ASK_HINT),
        "element": {
            "type": "plain_text_input",
            "action_id": actions.SESSION_FIELD,
            "focus_on_load": True,
            **typed,
        },
    }
    words = shortcuts.ASK_TO_LINK if message is None else shortcuts.ask_to_send(message)
    title = shortcuts.LINK_TITLE if message is None else shortcuts.SEND_TITLE
    return {
        **_modal(title, [*words.params()["blocks"], field], close=ASK_CANCEL),
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
