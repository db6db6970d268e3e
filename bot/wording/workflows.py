"""Messages that steps of Workflow Builder post, and plain text for the workflow itself."""

from bot.model import errors
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import NamedSession
from bot.model.workflow_steps import Flaw
from bot.text.to_slack import cut, disarmed, quiet
from bot.wording.delivery_reports import words_of
from bot.wording.message import QUOTE_LIMIT, SlackMessage
from bot.wording.phrases import in_minutes, plain, session_address
from bot.wording.refusals import FLAWS, sorry

_USED_UP = {
    False: "the sessions that the step's Person, or all workflows together, may start",
    True: "the sessions that everybody together may start",
}

LINKED = "The thread is linked to this session."


def said_by_workflow(by: str, message: str) -> SlackMessage:
    """Present a step's message, which is foreign; `by` is the person it speaks for, or empty."""
    who = f"*{quiet(by)}* (via a workflow)" if by else "*A workflow*"
    return SlackMessage(f"{who} to Devin:", quote=message)


def step_outcome(outcome: Outcome) -> str:
    """Return the word by which later steps tell outcomes apart."""
    told_as = {
        OutcomeKind.ENDED: OutcomeKind.REFUSED,
        OutcomeKind.UNCONFIRMED: OutcomeKind.UNCERTAIN,
    }
    return told_as.get(outcome.kind, outcome.kind)


def step_detail(outcome: Outcome) -> str:
    """Describe an outcome to later steps, as text that is harmless wherever they put it."""
    if outcome.kind is OutcomeKind.DELIVERED:
        return ""
    return harmless(words_of(outcome, "the message"))


def started(session: NamedSession, thread_ts: str) -> dict[str, str]:
    """Return the outputs of a step that has started a session."""
    url = session_address(session)
    return {"outcome": "started", "session": session.session, "url": url, "thread": thread_ts}


def step_failed(error: errors.PersonError) -> str:
    """Explain to the workflow's author why a step failed."""
    match error:
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
    return harmless(sorry(error))


def harmless(words: SlackMessage) -> str:
    """Return a message as text for the workflow's author, with Devin's words if any."""
    parts = [plain(words.text), cut(words.quote, QUOTE_LIMIT)]
    return disarmed("\n".join(part for part in parts if part))
