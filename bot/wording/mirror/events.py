"""Sentences and buttons for what a session's state asks of people."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.model.mirror import Said, SaidKind
from bot.model.sessions import NamedSession, Trouble
from bot.model.threads import ThreadRef
from bot.text.questions import label
from bot.text.to_slack import escape, excerpt
from bot.wording.actions import ANSWER, APPROVE, OPEN_SESSION
from bot.wording.button_values import answer_value
from bot.wording.lifecycle import ending
from bot.wording.message import Block, button, link_button
from bot.wording.phrases import pull_request_link, session_address

PREVIEW_LIMIT = 150


@dataclass(frozen=True, slots=True)
class Framing:
    """The place of a post: its thread, its session, the person to mention, if any.

    `is_late` says that the words have waited, so that they come with their times.
    """

    thread: ThreadRef
    session: NamedSession
    mention: str = ""
    is_late: bool = False


def sentence(one: Said, framing: Framing, *, is_below: bool) -> str:
    """Say what has happened; `is_below` says that Devin's words about it stand right above."""
    return _EVENTS[one.kind](one, framing, is_below)


def how_to_answer(one: Said) -> str:
    """Return what explains the buttons of an event, and is true as long as they are there."""
    if one.kind is SaidKind.APPROVAL:
        return "Press *Approve*, or reply to say no."
    return "Pick one, or reply in your own words." if one.options else ""


def _question(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: FBT001  (`_EVENTS`)
    asked = "" if is_below else f' asked "{excerpt(_last_line(one.text), limit=PREVIEW_LIMIT)}" and'
    how = "" if one.options else " Reply here."
    return f"{_to(framing)}Devin{asked} is waiting for an answer.{how}"


def _approval(_: Said, framing: Framing, is_below: bool) -> str:  # noqa: FBT001  (`_EVENTS`)
    where = "See above for" if is_below else "Open the session to see"
    return f"{_to(framing)}Devin needs your *approval* to continue. {where} what it wants to do."


def _pull_request(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: ARG001, FBT001
    return f"Devin opened a pull request: {pull_request_link(one.text)}"


def _finished(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: ARG001, FBT001
    return f"{_to(framing)}Devin has *finished*. Reply here to continue."


def _ended(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: ARG001, FBT001
    how = "*failed*" if one.trouble is Trouble.ERROR else "*ended*"
    return (
        f"{_to(framing)}Devin's session has {how} and can't receive messages anymore. "
        f"{ending.ADVICE}"
    )


def _trouble(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: ARG001, FBT001
    if one.trouble is Trouble.LIMIT:
        return (
            f"{_to(framing)}Devin has *stopped*: it reached a usage limit. Raise the limit in "
            "Devin, then reply here to continue."
        )
    return f"{_to(framing)}Devin has *stopped* because of an error. Reply here to try again."


def _too_long(one: Said, framing: Framing, is_below: bool) -> str:  # noqa: ARG001, FBT001
    return (
        "This session's messages have become too long for me to read, so I can't post them here. "
        "Open the session to read them. Replies are still sent to Devin."
    )


_EVENTS = {
    SaidKind.QUESTION: _question,
    SaidKind.APPROVAL: _approval,
    SaidKind.PULL_REQUEST: _pull_request,
    SaidKind.FINISHED: _finished,
    SaidKind.ENDED: _ended,
    SaidKind.TROUBLE: _trouble,
    SaidKind.TOO_LONG: _too_long,
}


def buttons(one: Said, framing: Framing) -> Sequence[Block]:
    """Return the buttons of an event."""
    thread, session = framing.thread, framing.session
    opens = link_button(OPEN_SESSION, "Open session", session_address(session))
    match one.kind:
        case SaidKind.QUESTION:
            values = (
                answer_value(thread, session.session, one.id, number)
                for number in range(len(one.options))
            )
            return [
                button(f"{ANSWER}_{number}", label(option), value)
                for number, (option, value) in enumerate(zip(one.options, values, strict=True))
            ]
        case SaidKind.APPROVAL:
            value = answer_value(thread, session.session, one.id, 0)
            return [{**button(APPROVE, "Approve", value), "style": "primary"}, opens]
        case SaidKind.ENDED:
            return ending.buttons(thread, session)
        case SaidKind.PULL_REQUEST:
            return []
    return [opens]


def _to(framing: Framing) -> str:
    return f"<@{escape(framing.mention)}> " if framing.mention else ""


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    asking = [line for line in lines if line.rstrip(" *_").endswith("?")]
    return (asking or lines or [""])[-1]
