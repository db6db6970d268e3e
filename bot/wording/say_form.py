"""What `/devin-say` asks back in Slack: a form, or a menu of sessions (docs.slack.dev, Block Kit).

The form's `private_metadata` and the menu's values carry the number of a ticket, nothing else that
counts. A chosen session is a session like a typed one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.model.sessions import Listed, SessionId, parse_session
from bot.wording import messages
from bot.wording.message import SlackMessage, button, plain

FORM = "say_form"
CHOSEN = "say_chosen"
CANCELLED = "say_cancelled"

SESSION = "session"
TYPED = "typed"
MESSAGE = "message"

LABEL_LIMIT = 75
MESSAGE_LIMIT = 3_000
MENU_LIMIT = 100

Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Choices:
    """The sessions to choose from: the channel's, others of Devin's, and which is likely meant."""

    here: Sequence[Listed]
    elsewhere: Sequence[Listed]
    meant: SessionId | None


def form(number: str, choices: Choices) -> dict[str, Any]:
    """The form, empty but for the session that is likely meant."""
    has_choices = bool(choices.here or choices.elsewhere)
    blocks = [_session_block(choices)] if has_choices else []
    blocks += [_typed_block(is_optional=has_choices), _message_block()]
    return {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": number,
        "title": _plain(messages.SAY_TITLE),
        "submit": _plain(messages.SAY_SUBMIT),
        "close": _plain(messages.SAY_CLOSE),
        "blocks": blocks,
    }


def menu(number: str, sessions: Sequence[Listed], text: str) -> SlackMessage:
    """The question which of `sessions` is to get `text`."""
    options = [
        _option(_label(one), f"{number}:{index}") for index, one in enumerate(sessions[:MENU_LIMIT])
    ]
    select = {
        "type": "static_select",
        "action_id": CHOSEN,
        "placeholder": _plain(messages.SAY_CHOOSE),
        "options": options,
    }
    cancel = button(CANCELLED, messages.SAY_CANCEL, number)
    return replace(messages.which_session(text), buttons=(select, cancel))


def problems(chosen: str, typed: str, text: str) -> dict[str, str]:
    """What keeps a form that was filled in so from being sent, by its fields."""
    found = {}
    if chosen and typed:
        found[TYPED] = messages.SAY_BOTH
    elif not (chosen or typed):
        found[TYPED] = messages.SAY_NO_SESSION
    elif parse_session(chosen or typed) is None:
        found[TYPED] = plain(messages.no_session(chosen or typed).text)
    if not text:
        found[MESSAGE] = messages.SAY_NO_MESSAGE
    return found


def _session_block(choices: Choices) -> Block:
    groups = (
        (messages.SAY_HERE, choices.here),
        (messages.SAY_ELSEWHERE, choices.elsewhere),
    )
    options = {one.session: _option(_label(one), one.session) for _, ones in groups for one in ones}
    element: dict[str, Any] = {
        "type": "static_select",
        "action_id": SESSION,
        "placeholder": _plain(messages.SAY_CHOOSE),
        "option_groups": [
            {"label": _plain(label), "options": [options[one.session] for one in ones]}
            for label, ones in groups
            if ones
        ],
    }
    if choices.meant in options:
        element["initial_option"] = options[choices.meant]
    return _input(SESSION, messages.SAY_SESSION, element, is_optional=True)


def _typed_block(*, is_optional: bool) -> Block:
    label = messages.SAY_TYPED if is_optional else messages.SAY_SESSION
    element = {"type": "plain_text_input", "action_id": TYPED}
    hint = {"hint": _plain(messages.SAY_TYPED_HINT)}
    return {**_input(TYPED, label, element, is_optional=is_optional), **hint}


def _message_block() -> Block:
    element = {
        "type": "plain_text_input",
        "action_id": MESSAGE,
        "multiline": True,
        "max_length": MESSAGE_LIMIT,
    }
    return _input(MESSAGE, messages.SAY_MESSAGE, element, is_optional=False)


def _input(block: str, label: str, element: Mapping[str, Any], *, is_optional: bool) -> Block:
    return {
        "type": "input",
        "block_id": block,
        "label": _plain(label),
        "element": dict(element),
        "optional": is_optional,
    }


def _label(one: Listed) -> str:
    """A session's title, which is somebody's words, and its id: a `plain_text` parses nothing."""
    title = " ".join("".join(c if c.isprintable() else " " for c in one.title).split())
    if not title:
        return one.session[:LABEL_LIMIT]
    short = one.session[: len("devin-01234567")]
    room = LABEL_LIMIT - len(short) - len(" · ")
    return f"{title if len(title) <= room else title[: room - 1] + '…'} · {short}"


def _option(label: str, value: str) -> dict[str, Any]:
    return {"text": _plain(label), "value": value}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
