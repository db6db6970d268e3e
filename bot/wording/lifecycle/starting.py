"""Messages about sessions that are started from Slack."""

from dataclasses import replace
from datetime import timedelta

from bot.model.replies import Outcome, OutcomeKind, Refusal, Reply
from bot.model.sessions import NamedSession
from bot.text.to_slack import escape
from bot.wording.actions import START_AGAIN, reply_value
from bot.wording.delivery_reports import WAITING_MARK, words_of
from bot.wording.lifecycle.form import OPEN
from bot.wording.message import SlackMessage, button
from bot.wording.phrases import ADMIN, named_by, note, plural, session_address, session_link, span

BUSY = SlackMessage(
    "A session is already being started in this thread, so I didn't start another one."
)

UNDER_WAY = (
    "A new session is being started in this thread. Once Devin has it, I'll link the thread to it, "
    "and replies posted in the meantime will be sent, too. If a message of yours asked for it, "
    "deleting that stops it until then."
)

NOTHING = SlackMessage(
    "There's no task yet. Write it after `start`, use `start` alone in a thread that describes it, "
    "or press the button for a form.",
    buttons=(OPEN,),
)


def nothing(number: int) -> SlackMessage:
    """Say that there is no task, and how many messages of the thread don't count."""
    if not number:
        return NOTHING
    return SlackMessage(f"{left_out(number).text} So there's no task. Write it after `start`.")


def left_out(number: int) -> SlackMessage:
    """Say how many messages of the thread are not in the prompt."""
    return SlackMessage(
        f"I didn't pass on {number} {plural(number, 'message', 'messages')} of this thread, by "
        "people or bots who may not message Devin."
    )


WITHDRAWN = SlackMessage(
    "I didn't start a session: the message or the reaction that asked for it is gone, or asks for "
    "something else now. To start one after all, mention me in the thread with `start`."
)


OTHERS_REACTED = SlackMessage(
    "I didn't start a session, since the one who reacted first took that reaction away. If you "
    "want one, take yours away and react again, or mention me in the thread with `start`."
)


def waiting(give_up_after: timedelta) -> SlackMessage:
    """Say once that Devin starts no session now, or that nobody knows yet whether it has."""
    return SlackMessage(
        f":{WAITING_MARK}: Devin hasn't confirmed a new session yet. "
        f"I'll keep trying for {span(give_up_after)}."
    )


def failed(message: Reply, number: int, outcome: Outcome, admin: str = ADMIN) -> SlackMessage:
    """Say that no session was started, or that nobody knows, and how to go on."""
    about = f'"{said}"' if (said := named_by(message)) else "this thread"
    words = words_of(outcome, f"the request to start a session for {about}", admin)
    advice = "No session was started. Once that's fixed, press *Start again*."
    if outcome.kind is OutcomeKind.UNCERTAIN:
        advice = (
            "Check in Devin. If the session is there, mention me here with "
            "`link &lt;session link or ID&gt;`. If it isn't, press *Start again*."
        )
    elif outcome.kind is OutcomeKind.GIVEN_UP:
        advice = "Press *Start again* once Devin is back."
    elif outcome.refusal in {Refusal.FORBIDDEN, Refusal.NO_SESSION}:
        words = SlackMessage(
            f"I *couldn't start* a session for {about}: Devin doesn't know one of its options, or "
            f"doesn't let me use it or start sessions ({outcome.status}).",
            quote=outcome.detail,
        )
        advice = (
            f"Press *Start again* to change the options, or ask {admin} to check my API key "
            "(for API v3, it needs `ManageOrgSessions`), `DEVIN_API_URL` and `DEVIN_ORG_ID`."
        )
    again = button(START_AGAIN, "Start again", reply_value(message.id, number))
    return replace(words, advice=advice, buttons=(again,))


def not_linked(session: NamedSession) -> SlackMessage:
    """Say that a session was started, but that its thread was linked or unlinked meanwhile."""
    return SlackMessage(
        f"Devin started *{session_link(session)}*, but someone changed this thread's link in the "
        "meantime, so this thread isn't linked to it.",
        advice="To link it, mention me with `link &lt;session link or ID&gt;`. If the thread is "
        "linked to another session, mention me with `unlink` first.",
    )


started_again = note("Started again")
started_new = note("New session requested")
continued = note("Continued in a new session")


def going_on(before: NamedSession) -> str:
    """Return the prompt of a session that goes on from one at its cap, as Slack markup."""
    return (
        f"Continue the work of the Devin session {escape(session_address(before))}, which stopped "
        "because it had used up its ACUs. Find out what it has done (its messages, branches and "
        "pull requests), go on from there, and don't repeat what is done."
    )
