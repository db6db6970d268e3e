"""The form and the menu of sessions with which `/devin-say` asks back (docs.slack.dev, Block Kit).

The form's `private_metadata` and the menu's values carry the number of a ticket, and nothing that
is trusted. A chosen session is parsed like a typed one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.model.sessions import NamedSession, SessionId, parse_session
from bot.wording import actions
from bot.wording.blocks import Block, button, literal_text
from bot.wording.button_values import choice_value
from bot.wording.message import SlackMessage, plain
from bot.wording.phrases import preview, short_id, title_of
from bot.wording.refusals import no_session

TITLE = "Say to Devin"
SUBMIT = "Send"
CLOSE = "Close"
CANCEL = "Cancel"
SESSION_LABEL = "Devin session"
TYPED_LABEL = "Or another session"
TYPED_HINT = "Its id, like devin-0123abcd…, or its address at app.devin.ai"
MESSAGE_LABEL = "Message"
CHOOSE = "Choose a session"
HERE = "In this channel"
ELSEWHERE = "Devin's latest"

BOTH = "Choose a session above or type one here, not both."
NO_SESSION = "Choose a session, or type its id or address."
NO_MESSAGE = "Enter a message."

LABEL_LIMIT = 75
MESSAGE_LIMIT = 3_000
MENU_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Choices:
    """The sessions to choose from: the channel's, Devin's others, and the likeliest."""

    here: Sequence[NamedSession]
    elsewhere: Sequence[NamedSession]
    meant: SessionId | None


def form(number: str, choices: Choices) -> dict[str, Any]:
    """Return the form, with the likeliest session already chosen."""
    has_choices = bool(choices.here or choices.elsewhere)
    blocks = [_session_block(choices)] if has_choices else []
    blocks += [_typed_block(is_optional=has_choices), _message_block()]
    return {
        "type": "modal",
        "callback_id": actions.SAY_FORM,
        "private_metadata": number,
        "title": literal_text(TITLE),
        "submit": literal_text(SUBMIT),
        "close": literal_text(CLOSE),
        "blocks": blocks,
    }


def menu(number: str, sessions: Sequence[NamedSession], text: str) -> SlackMessage:
    """Return the message that asks which of `sessions` is to get `text`."""
    options = [
        _option(_label(one), choice_value(number, index))
        for index, one in enumerate(sessions[:MENU_LIMIT])
    ]
    select = {
        "type": "static_select",
        "action_id": actions.SAY_CHOSEN,
        "placeholder": literal_text(CHOOSE),
        "options": options,
    }
    cancel = button(actions.SAY_CANCELLED, CANCEL, number)
    return replace(_which_session(text), buttons=(select, cancel))


def problems(chosen: str, typed: str, text: str) -> dict[str, str]:
    """Validate a submitted form; the result maps each bad field to its error."""
    found = {}
    if chosen and typed:
        found[actions.TYPED_FIELD] = BOTH
    elif not (chosen or typed):
        found[actions.TYPED_FIELD] = NO_SESSION
    elif parse_session(chosen or typed) is None:
        found[actions.TYPED_FIELD] = plain(no_session(chosen or typed).text)
    if not text:
        found[actions.MESSAGE_FIELD] = NO_MESSAGE
    return found


def _which_session(text: str) -> SlackMessage:
    """Ask which of several sessions is meant; `text` is the message to send."""
    return SlackMessage(
        f"Several sessions are active here. Which one shall read “{preview(text)}”?"
    )


def _session_block(choices: Choices) -> Block:
    groups = (
        (HERE, choices.here),
        (ELSEWHERE, choices.elsewhere),
    )
    options = {one.session: _option(_label(one), one.session) for _, ones in groups for one in ones}
    element: dict[str, Any] = {
        "type": "static_select",
        "action_id": actions.SESSION_FIELD,
        "placeholder": literal_text(CHOOSE),
        "option_groups": [
            {"label": literal_text(label), "options": [options[one.session] for one in ones]}
            for label, ones in groups
            if ones
        ],
    }
    if choices.meant in options:
        element["initial_option"] = options[choices.meant]
    return _input(actions.SESSION_FIELD, SESSION_LABEL, element, is_optional=True)


def _typed_block(*, is_optional: bool) -> Block:
    label = TYPED_LABEL if is_optional else SESSION_LABEL
    element = {"type": "plain_text_input", "action_id": actions.TYPED_FIELD}
    hint = {"hint": literal_text(TYPED_HINT)}
    return {**_input(actions.TYPED_FIELD, label, element, is_optional=is_optional), **hint}


def _message_block() -> Block:
    element = {
        "type": "plain_text_input",
        "action_id": actions.MESSAGE_FIELD,
        "multiline": True,
        "max_length": MESSAGE_LIMIT,
    }
    return _input(actions.MESSAGE_FIELD, MESSAGE_LABEL, element, is_optional=False)


def _input(block: str, label: str, element: Mapping[str, Any], *, is_optional: bool) -> Block:
    return {
        "type": "input",
        "block_id": block,
        "label": literal_text(label),
        "element": dict(element),
        "optional": is_optional,
    }


def _label(one: NamedSession) -> str:
    """Label a session by its id and its title, which is foreign but stands in a `plain_text`."""
    title, short = title_of(one), short_id(one.session)
    if not title:
        return one.session[:LABEL_LIMIT]
    room = LABEL_LIMIT - len(short) - len(" · ")
    return f"{title if len(title) <= room else title[: room - 1] + '…'} · {short}"


def _option(label: str, value: str) -> dict[str, Any]:
    return {"text": literal_text(label), "value": value}
