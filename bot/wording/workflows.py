"""Messages that steps of Workflow Builder post, and plain text for the workflow itself."""

from bot.model import errors
from bot.model.options import BadOptions
from bot.model.people import Standing
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import NamedSession
from bot.model.workflow_steps import Flaw
from bot.text.to_slack import cut, disarmed, quiet
from bot.wording.delivery_reports import words_of
from bot.wording.lifecycle import form
from bot.wording.message import QUOTE_LIMIT, SlackMessage
from bot.wording.phrases import in_minutes, plain, session_address

LINKED_NOW = "Replies will be sent to Devin."
LINKED_BEFORE = "Already linked to this session."


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
        case errors.BadStep():
            why = FLAWS[error.flaw]
        case BadOptions():
            why = harmless(form.bad(error))
        case errors.BadSession():
            unclear = "It isn't clear which session the step's Session means. Use its whole ID."
            why = unclear if error.unclear else FLAWS[Flaw.SESSION]
        case errors.NothingToSay():
            why = "The step's Message is empty, so nothing was sent."
        case errors.LinkedElsewhere():
            why = (
                f"That thread is linked to another session, {error.to.session}. In the thread, "
                'mention Devin Relay with "unlink" first.'
            )
        case errors.IsMuted() | errors.NotTaken():
            why = (
                "Nothing was sent: the thread is muted or was just unlinked. To check, mention "
                'Devin Relay there with "status".'
            )
        case errors.CannotPost():
            other = f"Slack won't let Devin Relay post there ({error.reason})."
            why = _CANNOT_POST_STEP.get(error.reason, other)
        case errors.TooManyStarts():
            why = (
                "No session was started: the step's Person has asked for as many as one may within "
                "an hour. All steps without a Person count as one. The next session may start "
                f"{in_minutes(error.wait)}."
            )
        case errors.NotAllowed():
            why = _STEP_STANDINGS[error.standing]
        case _:
            raise AssertionError(f"no words for {type(error).__name__} in a step")
    return why


def harmless(words: SlackMessage) -> str:
    """Return a message as text for the workflow's author, with Devin's words if any."""
    parts = [plain(words.text), cut(words.quote, QUOTE_LIMIT)]
    return disarmed("\n".join(part for part in parts if part))


FLAWS = {
    Flaw.UNKNOWN: (
        "This version of Devin Relay doesn't support this step. Ask your Devin Relay admin to "
        "upgrade it."
    ),
    Flaw.SESSION: "The step's Session isn't a Devin session link or ID.",
    Flaw.PROMPT: "The step's Prompt is empty, so no session was started.",
    Flaw.CHANNEL: "The step's Channel is empty, or isn't a channel of this workspace.",
    Flaw.THREAD: "The step's Thread must be a link to a message, or its timestamp.",
    Flaw.NO_THREAD: "There's no such message in that channel. Check Channel and Thread.",
    Flaw.USER: "The step's Person isn't in this workspace.",
}

_CANNOT_POST_STEP = {
    "not_in_channel": "Devin Relay isn't in that channel. Type /invite @Devin Relay there.",
    "channel_not_found": "Devin Relay can't see that channel. Type /invite @Devin Relay there.",
    "is_archived": "That channel is archived.",
    "channel_moved": (
        "That channel has a new ID, since another organization has joined it. If they may read "
        "along, set the step's Channel again."
    ),
}

_STEP_STANDINGS = {
    Standing.GUEST: "The step's Person is a guest, and guests can't message Devin here.",
    Standing.EXTERNAL: (
        "The step's Person belongs to another organization and can't message Devin here."
    ),
    Standing.BOT: "The step's Person is a bot, and bots can't message Devin here.",
    Standing.NOT_LISTED: (
        "Only certain people may message Devin here. Set the step's Person to one of them."
    ),
    Standing.NOT_STARTER: (
        "Only certain people may start or link sessions here. Set the step's Person to one of them."
    ),
    Standing.NOT_APPROVER: (
        "Only certain people may approve, end or archive sessions here. Set the step's Person to "
        "one of them."
    ),
    Standing.CHANNEL: (
        "Devin Relay isn't enabled in that channel. Set the step's Channel to one where it is."
    ),
    Standing.NO_ACCOUNT: (
        "Here, everyone has to write to Devin from their own account, so workflows can't."
    ),
    Standing.UNKNOWN: "Devin Relay couldn't check the permissions of the step's Person with Slack.",
}
