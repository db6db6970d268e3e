"""Parsers of commands, shortcuts, buttons, menus and modals, like `parse/messages.py`.

Shapes: docs.slack.dev/reference/interaction-payloads and interactivity/implementing-slash-commands.
Nothing here raises on a malformed payload; an outdated value of a button is `Expired`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.model.errors import Expired
from bot.model.people import UserId
from bot.model.record import first_of, mapping, string
from bot.model.replies import Reply, ReplyId, place_of
from bot.model.sessions import SessionId, looks_like_session, parse_session
from bot.model.threads import ThreadRef, is_enterprise, is_id, parse_link_name
from bot.model.times import is_ts
from bot.slack.app.workspace import Identity
from bot.text.to_devin import says_something
from bot.wording import actions
from handlers.parse.messages import Payload, parse_message

NEW = "new"
"""The first word of a `/devin-say` that starts a session; a sentence may begin with "New"."""


@dataclass(frozen=True, slots=True)
class SayCommand:
    """A `/devin-say`; `session_word` is None if no session was typed.

    It `starts` a session with `text` if that was asked for instead. `trigger` may open a modal, for
    3 s.
    """

    channel: str
    by: UserId
    session_word: str | None
    session: SessionId | None
    text: str
    trigger: str
    starts: bool = False


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button or a shortcut: by whom, in which thread, at which message, with its value.

    Slack sends the press's own `ts` as `action_ts`; it's empty if it isn't one. For a message that
    one person sees, Slack sends the place of the press, but not the message, and `thread` may have
    no `thread_ts`. A global shortcut is nowhere. `trigger` may open a modal, for 3 s.
    """

    by: UserId
    thread: ThreadRef
    message: Mapping[str, Any]
    button: str
    value: str
    ts: str
    trigger: str
    response_url: str

    @property
    def channel(self) -> str:
        """The channel of the press."""
        return self.thread.channel

    @property
    def answered_in(self) -> ThreadRef:
        """Where its person sees an answer: not in the thread of a message that has no replies."""
        begins = self.message.get("ts") == self.thread.thread_ts
        if begins and not self.message.get("thread_ts"):
            return self.thread.model_copy(update={"thread_ts": ""})
        return self.thread

    @property
    def said(self) -> Reply | None:
        """The message, as it would go to Devin; None if it has no author."""
        return parse_message({**self.message, "channel": self.channel}, self.thread.team)


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted modal: the person, the ticket's number, and the input by action id."""

    by: UserId
    number: str
    typed: Mapping[str, str]


def is_of(body: Payload, ours: Identity) -> bool:
    """Whether an interaction or a slash command is of our installation.

    In a modal, our installation is enough, since Slack names an outsider's own team beside it
    (bolt-python #734); who they are is looked up before they may do anything. It may also be
    another workspace of the organization (bolt-python #1229). Elsewhere, if an organization is
    named, and we are in one, that decides: a person may act in any workspace of an organization,
    and for an org-wide app Slack names none (`team: null`). The person's own organization counts
    only where Slack names no other; where it names none at all, it is enough that it means an
    org-wide app.
    """
    team, view = mapping(body.get("team")), mapping(body.get("view"))
    installed = string(view, "app_installed_team_id")
    if installed and installed in {ours.tenant, ours.enterprise}:
        return True
    places = {string(team, "id"), string(body, "team_id"), string(view, "team_id"), installed}
    named = {
        string(mapping(body.get("enterprise")), "id"),
        string(team, "enterprise_id"),
        string(body, "enterprise_id"),
        *filter(is_enterprise, places),
    }
    teams, organizations = places - named - {""}, named - {""}
    organizations = organizations or {string(mapping(body.get("user")), "enterprise_id")} - {""}
    if ours.enterprise is not None and organizations:
        return organizations == {ours.enterprise}
    is_wide = str(body.get("is_enterprise_install")).lower() == "true"  # a command has a text
    return (ours.is_org and is_wide and not team) or teams == {ours.tenant}


def person_of(body: Payload, ours: Identity) -> UserId | None:
    """Return who acted in Slack, if that is of our installation."""
    user = string(mapping(body.get("user")), "id")
    return UserId(user) if is_id(user) and is_of(body, ours) else None


def parse_shortcut(body: Payload, ours: Identity) -> Press | None:
    """Parse a message shortcut; None if the payload lacks its person, place or message."""
    press = parse_press(body, ours)
    return press if press is not None and press.message else None


def parse_submission(body: Payload, ours: Identity) -> Submission | None:
    """Parse a submitted modal; None if the payload lacks its person or is not ours."""
    view, by = mapping(body.get("view")), person_of(body, ours)
    if by is None:
        return None
    blocks = mapping(mapping(view.get("state")).get("values")).values()
    typed = {
        str(action): value_of(mapping(entry))
        for block in blocks
        for action, entry in mapping(block).items()
    }
    return Submission(by, string(view, "private_metadata"), typed)


def parse_typing(body: Payload, ours: Identity) -> tuple[UserId, str, str] | None:
    """Parse what was typed into a menu of a modal (`block_suggestion`): who, the menu, the text."""
    by = person_of(body, ours)
    return None if by is None else (by, string(body, "action_id"), string(body, "value"))


def value_of(element: Payload) -> str:
    """The value that was typed into an element, chosen from it, or carried by it."""
    chosen = string(mapping(element.get("selected_option")), "value")
    return string(element, "value") or chosen or string(element, "selected_conversation")


def parse_say(command: Payload, ours: Identity) -> SayCommand | None:
    """Parse a `/devin-say`: a session first, if there is one, then a message that can be read."""
    channel, user = string(command, "channel_id"), string(command, "user_id")
    if not is_of(command, ours) or not is_id(channel) or not is_id(user):
        return None
    text = string(command, "text").strip()
    first, rest = (*text.split(maxsplit=1), "", "")[:2]
    session = parse_session(first)
    named = session is not None or looks_like_session(first)
    starts = first in {NEW, NEW.upper()} or (first.lower() == NEW and not rest)
    said = rest.strip() if named or starts else text
    return SayCommand(
        channel=channel,
        by=UserId(user),
        session_word=first if named else None,
        session=session,
        text=said if says_something(said) else "",
        trigger=string(command, "trigger_id"),
        starts=starts,
    )


def parse_press(body: Payload, ours: Identity) -> Press | None:
    """Parse a press under a message; None if the payload lacks its person or place."""
    press = parse_anywhere(body, ours)
    return None if press is None or press.thread.is_nowhere else press


def parse_anywhere(body: Payload, ours: Identity) -> Press | None:
    """Parse a press, also a shortcut or one in App Home, of which Slack tells no place."""
    by, action = person_of(body, ours), first_of(body.get("actions"))
    message, container = mapping(body.get("message")), mapping(body.get("container"))
    channel = string(mapping(body.get("channel")), "id") or string(container, "channel_id")
    is_malformed = bool(message) and not is_ts(message.get("ts"))
    if by is None or (channel and not is_id(channel)) or is_malformed:
        return None
    roots = message.get("thread_ts"), container.get("thread_ts"), message.get("ts")
    root = next((str(one) for one in roots if is_ts(one)), "")
    place = ThreadRef(team=ours.tenant, channel=channel, thread_ts=root)
    return Press(
        by=by,
        thread=place if channel else ThreadRef.nowhere(ours.tenant, "form", ""),
        message=message,
        button=string(action, "action_id"),
        value=value_of(action),
        ts=string(action, "action_ts") if is_ts(action.get("action_ts")) else "",
        trigger=string(body, "trigger_id"),
        response_url=string(body, "response_url"),
    )


def send_again_of(press: Press) -> tuple[ReplyId, int]:
    """Read the reply and the round of a *Send again*; `Expired` unless it is of this channel."""
    found, here = actions.parse_reply_value(press.value), press.thread
    if found is None or place_of(found[0])[:2] != (here.team, here.channel):
        raise Expired
    return found


def parse_answer(press: Press) -> tuple[SessionId, str, int] | None:
    """Read the session, the question and the option of an answer; None unless of this thread."""
    found = actions.parse_answer_value(press.value)
    return found[1:] if found is not None and found[0] == press.thread else None


def session_of(press: Press) -> SessionId:
    """Read the session that a button names; `Expired` unless it is of the press's thread."""
    found = parse_link_name(press.value)
    if found is None or found[0] != press.thread:
        raise Expired
    return found[1]
