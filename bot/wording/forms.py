"""Modals, as Block Kit: what they show and ask (docs.slack.dev/reference/views/modal-views).

What one is about stays in its ticket, of which it carries the number. The sentences are those of
`wording/messages.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.model.replies import Reply
from bot.model.sessions import SessionId
from bot.wording import messages
from bot.wording.message import SlackMessage

View = Mapping[str, Any]


def ask_session(number: str, guess: SessionId | None, message: Reply | None) -> View:
    """Asks for the session of a thread, to link it and, where there is one, to send `message`."""
    typed = {"initial_value": messages.address(guess)} if guess else {}
    field = {
        "type": "input",
        "block_id": messages.SESSION_FIELD,
        "label": _plain(messages.ASK_LABEL),
        "hint": _plain(messages.ASK_HINT),
        "element": {
            "type": "plain_text_input",
            "action_id": messages.SESSION_FIELD,
            "focus_on_load": True,
            **typed,
        },
    }
    words = messages.ASK_TO_LINK if message is None else messages.ask_to_send(message)
    title = messages.LINK_TITLE if message is None else messages.SEND_TITLE
    return {
        **_modal(title, [*words.params()["blocks"], field], close=messages.ASK_CANCEL),
        "submit": _plain(messages.ASK_LINK if message is None else messages.ASK_LINK_AND_SEND),
        "callback_id": messages.ASK_SESSION,
        "private_metadata": number,
    }


def tell(title: str, words: SlackMessage) -> View:
    """Says something and asks nothing."""
    return _modal(title, words.params()["blocks"], close=messages.ASK_CLOSE)


def _modal(title: str, blocks: Sequence[Mapping[str, Any]], *, close: str) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": _plain(title),
        "close": _plain(close),
        "blocks": list(blocks),
    }


def _plain(text: str) -> Mapping[str, Any]:
    return {"type": "plain_text", "text": text}
