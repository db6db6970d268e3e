"""What a thread is told of a session that it follows: what its state asks of people, and notes."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.model.mirror import CAPS, Follow, Said, SaidKind
from bot.model.sessions import NamedSession, Trouble
from bot.model.threads import ThreadRef
from bot.text.questions import label
from bot.text.to_slack import escape, excerpt
from bot.wording.actions import ANSWER, APPROVE, answer_value
from bot.wording.lifecycle import ending
from bot.wording.message import Block, SlackMessage, button, opens, without_mention
from bot.wording.mirror.card import BARRED, CONTINUE, continues
from bot.wording.phrases import acus_of, cap_of, pull_request_link

WORKING = "is following Devin's work…"
"""The status line, which Slack puts behind the bot's name."""

QUIET = SlackMessage(
    "This channel is now, or may be, shared with another organization, so Devin's messages won't "
    "be posted here anymore. Replies are still sent to Devin; open the session to read its answers."
)

NOT_SHOWN = SlackMessage(
    "Slack didn't take a message from Devin, so it isn't shown here. Open the session to read it."
)

APPROVED = "Approved, please proceed."
"""The answer to Devin by which someone approves."""

ANSWERED = "Answered in a reply."
MOVED_ON = "Devin has moved on."
"""The notes in place of the buttons of a question that is no longer open."""

PREVIEW_LIMIT = 150
CHOICE_LIMIT = 100

MESSAGE_LIMIT = 500_000
"""The most characters of one message of Devin's that are kept."""


@dataclass(frozen=True, slots=True)
class Framing:
    """A post's thread, its session, the person to mention; words that come late have times."""

    thread: ThreadRef
    session: NamedSession
    mention: str = ""
    is_late: bool = False


def sentence(one: Said, framing: Framing, *, is_below: bool) -> str:
    """Say what has happened; `is_below` says that Devin's words about it stand right above."""
    to = f"<@{escape(framing.mention)}> " if framing.mention else ""
    if one.kind in CAPS:
        return _of_cap(one, to)
    match one.kind:
        case SaidKind.QUESTION:
            preview = excerpt(_last_line(one.text), limit=PREVIEW_LIMIT)
            asked = "" if is_below else f' asked "{preview}" and'
            how = "" if one.options else " Reply here."
            said = f"{to}Devin{asked} is waiting for an answer.{how}"
        case SaidKind.APPROVAL:
            where = "See above for" if is_below else "Open the session to see"
            said = f"{to}Devin needs your *approval* to continue. {where} what it wants to do."
        case SaidKind.PULL_REQUEST | SaidKind.MERGED | SaidKind.CLOSED:
            said = _PULL_REQUESTS[one.kind].format(pull_request_link(one.text))
        case SaidKind.FINISHED:
            said = f"{to}Devin has *finished*. Reply here to continue."
        case SaidKind.ENDED:
            how = "*failed*" if one.trouble is Trouble.ERROR else "*ended*"
            advice = without_mention(ending.ADVICE) if framing.thread.is_direct else ending.ADVICE
            said = f"{to}Devin's session has {how} and can't receive messages anymore. {advice}"
        case SaidKind.TROUBLE if one.trouble is Trouble.LIMIT:
            said = (
                f"{to}Devin has *stopped*: it reached a usage limit. Raise the limit in Devin, "
                "then reply here to continue."
            )
        case SaidKind.TROUBLE:
            said = f"{to}Devin has *stopped* because of an error. Reply here to try again."
        case SaidKind.TOO_LONG:
            said = (
                "This session's messages have become too long for me to read, so I can't post them "
                "here. Open the session to read them. Replies are still sent to Devin."
            )
        case _:
            raise AssertionError(f"{one.kind} is no event")
    return said


_PULL_REQUESTS = {
    SaidKind.PULL_REQUEST: "Devin opened a pull request: {}",
    SaidKind.MERGED: "{} was *merged*.",
    SaidKind.CLOSED: "{} was *closed*.",
}


def _of_cap(one: Said, to: str) -> str:
    if one.kind is SaidKind.CAP_NEAR:
        return f"Devin has used *{acus_of(one.acus, one.cap)}*, this session's cap."
    return (
        f"{to}This session has *used up its cap* of {cap_of(one.cap)}, so Devin stops here. To go "
        f"on, press *{CONTINUE}*."
    )


def how_to_answer(one: Said) -> str:
    """Return what explains the buttons of an event, and is true as long as they are there."""
    if one.kind is SaidKind.APPROVAL:
        return "Press *Approve*, or reply to say no."
    return "Pick one, or reply in your own words." if one.options else ""


def buttons(one: Said, framing: Framing) -> Sequence[Block]:
    """Return the buttons of an event."""
    open_session = opens(framing.session)
    match one.kind:
        case SaidKind.QUESTION:
            return [
                button(f"{ANSWER}_{at}", label(option), _value(one, framing, at))
                for at, option in enumerate(one.options)
            ]
        case SaidKind.APPROVAL:
            approve = button(APPROVE, "Approve", _value(one, framing, 0))
            return [{**approve, "style": "primary"}, open_session]
        case SaidKind.ENDED:
            return ending.buttons(framing.thread, framing.session)
        case SaidKind.CAP_REACHED:
            return [continues(framing.thread, framing.session.session), open_session]
        case SaidKind.PULL_REQUEST | SaidKind.MERGED | SaidKind.CLOSED:
            return []
    return [open_session]


def _value(one: Said, framing: Framing, number: int) -> str:
    return answer_value(framing.thread, framing.session.session, one.id, number)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    asking = [line for line in lines if line.rstrip(" *_").endswith("?")]
    return (asking or lines or [""])[-1]


def beginning(text: str) -> str:
    """Return Devin's text, or the beginning of one that is far too long to be shown."""
    if len(text) <= MESSAGE_LIMIT:
        return text
    note = f"This message has {len(text):,} characters. Open the session to read all of it."
    return f"{text[:MESSAGE_LIMIT]}…\n\n_{note}_"


def answers(by: str, text: str) -> SlackMessage:
    """Present the answer that someone has chosen to their thread."""
    return SlackMessage(f"*{escape(by)}* answered:", quote=text)


def chosen(by: str, text: str) -> str:
    """Return the note in place of a question's buttons: who chose what."""
    if text == APPROVED:
        return f"{escape(by)} approved."
    return f'{escape(by)} chose "{excerpt(text, limit=CHOICE_LIMIT)}".'


def closed(kind: SaidKind) -> str:
    """Return the note in place of a question's buttons: why it is no longer open."""
    return ANSWERED if kind is SaidKind.ANSWERED else MOVED_ON


def following(how: Follow, *, is_barred: bool) -> SlackMessage:
    """Say what is posted in a thread from now on."""
    return SlackMessage(BARRED if is_barred else f"From now on, {_FOLLOWING[how]}.")


_FOLLOWING = {
    Follow.ALL: "all of Devin's messages will be posted here",
    Follow.TURNS: "only the last message of each turn will be posted here",
    Follow.OFF: "Devin's messages won't be posted here",
}
