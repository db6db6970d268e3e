"""Messages that steps of Workflow Builder post, and plain text for the workflow itself."""

from bot.features.workflow_steps.steps import BadStep, Flaw
from bot.model import errors
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import NamedSession
from bot.text.to_slack import cut, disarmed, quiet
from bot.wording.delivery_reports import words_of
from bot.wording.message import QUOTE_LIMIT, SlackMessage
from bot.wording.phrases import in_minutes, plain, session_address
from bot.wording.refusals import sorry

_USED_UP = {
    False: "the sessions that the step's Person, or all workflows together, may start",
    True: "the sessions that everybody together may start",
}

FLAWS = {
    Flaw.UNKNOWN: (
        "This version of Devin Relay doesn't support this step. Ask your Devin Relay admin to "
        "upgrade it."
    ),
    Flaw.SESSION: "The step's Session isn't the link or the whole ID of a Devin session.",
    Flaw.PROMPT: "The step's Prompt is empty, so no session was started.",
    Flaw.CHANNEL: "The step's Channel is empty, or isn't a channel of this workspace.",
    Flaw.THREAD: "The step's Thread must be a link to a message, or its timestamp.",
    Flaw.NO_THREAD: "There's no such message in that channel. Check Channel and Thread.",
    Flaw.USER: "The step's Person isn't in this workspace.",
}

LINKED = "The thread is linked to this session."


def said_by_workflow(by: str, message: str) -> SlackMessage:
    """Present a step's message, which is foreign; `by` is the person it speaks for, or empty."""
    who = f"*{quiet(by)}* (via a workflow)" if by else "*A workflow*"
    return SlackMessage(f"{who} to Devin:", quote=message)


_TOLD_AS = {OutcomeKind.ENDED: OutcomeKind.REFUSED, OutcomeKind.UNCONFIRMED: OutcomeKind.UNCERTAIN}
"""The outcomes that later steps know by another one's word."""


def outputs(result: Outcome | NamedSession) -> dict[str, str]:
    """Return the outputs of a step whose message has an outcome, or that has started a session."""
    if isinstance(result, NamedSession):
        return {"outcome": "started", "session": result.session, "url": session_address(result)}
    outcome = _TOLD_AS.get(result.kind, result.kind)
    return {"outcome": outcome, "detail": step_detail(result)}


def step_detail(outcome: Outcome) -> str:
    """Describe an outcome to later steps, as text that is harmless wherever they put it."""
    if outcome.kind is OutcomeKind.DELIVERED:
        return ""
    return harmless(words_of(outcome, "the message"))


def step_failed(error: errors.PersonError | SlackMessage) -> str:
    """Explain to the workflow's author why a step failed."""
    match error:
        case BadStep():
            return FLAWS[error.flaw]
        case errors.BadSession():
            return FLAWS[Flaw.SESSION]
        case errors.NothingToSay():
            return "The step's Message is empty, so nothing was sent."
        case errors.LinkedElsewhere():
            return (
                f"That thread is linked to another session, {error.to.session}. In the thread, "
                'mention Devin Relay with "unlink" first.'
            )
        case errors.TooManyStarts():
            return (
                f"No session was started: {_USED_UP[error.is_overall]} within an hour are used up. "
                "The next session may start "
                f"{in_minutes(error.wait)}."
            )
    return harmless(error if isinstance(error, SlackMessage) else sorry(error))


def harmless(words: SlackMessage) -> str:
    """Return a message as text for the workflow's author, with Devin's words if any."""
    parts = [plain(words.text), cut(words.quote, QUOTE_LIMIT)]
    return disarmed("\n".join(part for part in parts if part))
