"""Messages that steps of Workflow Builder post, and plain text for the workflow itself."""

from bot.model.errors import (
    BadSession,
    BadStep,
    CannotPost,
    IsMuted,
    LinkedElsewhere,
    NotAllowed,
    NothingToSay,
    NotTaken,
    Outdated,
    PersonError,
)
from bot.model.outcomes import Outcome, OutcomeKind
from bot.model.people import Standing
from bot.model.sessions import NamedSession
from bot.model.workflow_steps import Flaw
from bot.text.characters import cut
from bot.text.to_slack import disarmed, escape
from bot.wording.delivery_reports import words_of
from bot.wording.message import QUOTE_LIMIT, SlackMessage, plain
from bot.wording.phrases import session_address

LINKED_NOW = "Replies in the thread go to Devin."
LINKED_BEFORE = "The thread was linked to this session before."


def said_by_workflow(by: str, message: str) -> SlackMessage:
    """Present a step's message, which is foreign; `by` is the person it speaks for, or empty."""
    who = f"*{escape(by)}*, through a workflow," if by else "*A workflow*"
    return SlackMessage(f"{who} to Devin:", quote=message)


def step_detail(outcome: Outcome) -> str:
    """Describe an outcome to later steps, as text that is harmless wherever they put it."""
    if outcome.kind is OutcomeKind.DELIVERED:
        return ""
    return _harmless(words_of(outcome, "the message"))


def started(session: NamedSession, thread_ts: str) -> dict[str, str]:
    """Return the outputs of a step that has started a session."""
    return {
        "outcome": "started",
        "session": session.session,
        "url": session_address(session),
        "thread": thread_ts,
    }


def not_started(words: SlackMessage) -> str:
    """Explain to the workflow's author why no session was started, with Devin's words if any."""
    return _harmless(words)


def step_failed(error: PersonError) -> str:
    """Explain to the workflow's author why a step failed."""
    match error:
        case BadStep():
            why = FLAWS[error.flaw]
        case BadSession():
            why = FLAWS[Flaw.SESSION]
        case NothingToSay():
            why = "The step's Message is empty, so nothing was sent."
        case LinkedElsewhere():
            why = (
                f"That thread is linked to another session, {error.to.session}. In the thread, "
                "mention Devin Relay with “unlink” first."
            )
        case IsMuted() | NotTaken() | Outdated():
            why = (
                "That thread is muted, or was unlinked just now, so nothing was sent. In the "
                "thread, mention Devin Relay with “status”."
            )
        case CannotPost():
            other = f"Slack does not let Devin Relay post there ({error.reason})."
            why = _CANNOT_POST_STEP.get(error.reason, other)
        case NotAllowed():
            why = _STEP_STANDINGS[error.standing]
        case _:
            raise AssertionError(f"no words for {type(error).__name__} in a step")
    return why


def _harmless(words: SlackMessage) -> str:
    parts = [plain(words.text).replace("*", ""), cut(words.quote, QUOTE_LIMIT)]
    return disarmed("\n".join(part for part in parts if part))


FLAWS = {
    Flaw.UNKNOWN: "This version of Devin Relay has no such step. Ask whoever runs it.",
    Flaw.SESSION: (
        "The step's Session names no Devin session. Use its id, like devin-0123abcd…, or its "
        "address, like https://app.devin.ai/sessions/0123abcd…"
    ),
    Flaw.MESSAGE: "The step's Message isn't text, so nothing was sent.",
    Flaw.PROMPT: "The step's Prompt is empty or isn't text, so no session was started.",
    Flaw.CHANNEL: "The step's Channel is no channel of this workspace.",
    Flaw.THREAD: (
        "The step's Thread is no message. Use the timestamp of a message, or the link to it."
    ),
    Flaw.THREAD_ALONE: "The step has a Thread but no Channel. Fill in both.",
    Flaw.NO_THREAD: "There is no such message in that channel. Check Channel and Thread.",
    Flaw.USER: "The step's Person is no user of this workspace.",
}

_CANNOT_POST_STEP = {
    "not_in_channel": "Devin Relay is not in that channel. Type /invite @Devin Relay there.",
    "channel_not_found": "Devin Relay cannot see that channel. Type /invite @Devin Relay there.",
    "is_archived": "That channel is archived.",
}

_STEP_STANDINGS = {
    Standing.GUEST: "The step's Person is a guest, and guests can't steer Devin.",
    Standing.EXTERNAL: (
        "The step's Person is of another organization, and may not steer Devin from here."
    ),
    Standing.BOT: "The step's Person is a bot, and bots can't steer Devin.",
    Standing.NOT_LISTED: (
        "Only certain people may steer Devin from here. Fill in the step's Person with one of them."
    ),
    Standing.CHANNEL: (
        "Devin Relay works in certain channels only. Fill in the step's Channel with one of them."
    ),
    Standing.UNKNOWN: "Devin Relay could not find out from Slack who the step's Person is.",
}
