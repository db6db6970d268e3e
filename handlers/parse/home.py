"""Parsers of what people open and choose in App Home, like those of `parse/interactions.py`."""

from dataclasses import dataclass

from bot.model.people import UserId, is_id
from bot.model.record import first_of, mapping, string
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, is_direct
from bot.slack.app.workspace import Identity
from bot.wording.actions import (
    HOME_MUTE,
    HOME_UNLINK,
    HOME_UNMUTE,
    parse_home_choice,
    parse_home_value,
    parse_page_value,
)
from handlers.parse.events import Payload
from handlers.parse.interactions import parse_submission, person_of, value_of

HOME_PRESSES = frozenset({HOME_MUTE, HOME_UNMUTE, HOME_UNLINK})


@dataclass(frozen=True, slots=True)
class HomePress:
    """A choice of App Home: the person, the page, and the link of a thread.

    `trigger` is the same when Slack delivers the press again.
    """

    action: str
    trigger: str
    by: UserId
    thread: ThreadRef
    session: SessionId
    page: int


def parse_opened(event: Payload) -> UserId | None:
    """Parse who opened the Home tab; None for another tab (docs.slack.dev, `app_home_opened`)."""
    user = string(event, "user")
    return UserId(user) if is_id(user) and string(event, "tab") == "home" else None


def parse_messages_opened(event: Payload) -> tuple[UserId, str] | None:
    """Parse who opened the app's direct message, and its channel; None for another tab."""
    user, direct = string(event, "user"), string(event, "channel")
    is_ours = is_id(user) and is_direct(direct) and is_id(direct)
    return (UserId(user), direct) if is_ours and string(event, "tab") == "messages" else None


def parse_home_page(body: Payload, ours: Identity) -> tuple[UserId, int] | None:
    """Parse a press that turns App Home to another page: the person, and the page."""
    pressed = _pressed_at_home(body, ours)
    page = None if pressed is None else parse_page_value(pressed[1])
    return (pressed[0], page) if pressed is not None and page is not None else None


def parse_home_press(body: Payload, ours: Identity) -> HomePress | None:
    """Parse a choice beside a thread of App Home; None unless it is entirely ours."""
    pressed = _pressed_at_home(body, ours)
    return pressed and _home_press(body, ours, pressed[0], *parse_home_choice(pressed[1]))


def parse_home_unlink(body: Payload, ours: Identity) -> HomePress | None:
    """Parse a confirmed *Unlink*; None unless its value is entirely ours."""
    form = parse_submission(body, ours)
    return None if form is None else _home_press(body, ours, form.by, HOME_UNLINK, form.number)


def _home_press(
    body: Payload, ours: Identity, by: UserId, action: str, value: str
) -> HomePress | None:
    found = parse_home_value(value)
    if found is None or found[0].team != ours.tenant or action not in HOME_PRESSES:
        return None
    return HomePress(action, string(body, "trigger_id"), by, *found)


def _pressed_at_home(body: Payload, ours: Identity) -> tuple[UserId, str] | None:
    by, is_home = person_of(body, ours), string(mapping(body.get("view")), "type") == "home"
    return (by, value_of(first_of(body.get("actions")))) if by is not None and is_home else None
