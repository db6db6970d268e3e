"""Messages about sessions that are started from Slack."""

from dataclasses import replace
from datetime import timedelta

from bot.model.outcomes import Outcome, Refusal
from bot.model.replies import Reply
from bot.model.sessions import NamedSession
from bot.text.to_slack import escape
from bot.wording.actions import START_AGAIN
from bot.wording.blocks import Block, button
from bot.wording.button_values import reply_value
from bot.wording.delivery_reports import WAITING_MARK, words_of
from bot.wording.message import SlackMessage
from bot.wording.phrases import as_code, preview, session_link, span

BUSY = SlackMessage(
    "A session is being started in this thread already, so I didn't start a second one."
)

NOTHING = SlackMessage(
    "There is nothing to start from. Write what Devin should do after `start`, or mention me with "
    "`start` in a thread that says it."
)


def waiting(give_up_after: timedelta) -> SlackMessage:
    """Say once that Devin starts no session at the moment."""
    return SlackMessage(
        f":{WAITING_MARK}: Waiting for Devin, which starts no sessions at the moment. "
        f"I keep trying for {span(give_up_after)}."
    )


def uncertain(message: Reply, number: int, outcome: Outcome) -> SlackMessage:
    """Say that nobody knows whether there is a session, and how to go on in either case."""
    return SlackMessage(
        f"I *don't know whether Devin started* a session for {_about(message)}: there was no clear "
        f"answer ({as_code(outcome.detail)}), and I don't find one. I didn't start a second one.",
        advice="Look in Devin. If the session is there, mention me here with "
        "`link &lt;session id or address&gt;`. If it isn't, press *Start again*.",
        buttons=(_again(message, number),),
    )


def given_up(message: Reply, number: int, reason: str) -> SlackMessage:
    """Say that no session was started, since Devin was unavailable for too long."""
    return SlackMessage(
        f"I *gave up* on starting a session for {_about(message)}: Devin was unavailable for too "
        f"long ({as_code(reason)}). None was started.",
        advice="Press *Start again* when Devin is back.",
        buttons=(_again(message, number),),
    )


def refused(message: Reply, number: int, outcome: Outcome) -> SlackMessage:
    """Tell with Devin's own words why it refused to start a session."""
    if outcome.refusal in {Refusal.FORBIDDEN, Refusal.NO_SESSION}:
        return SlackMessage(
            f"My key *may not start sessions* ({outcome.status}), so none was started. "
            "Whoever runs Devin Relay must use a key with the permission to manage sessions."
        )
    if outcome.refusal is Refusal.KEY_REJECTED:
        return words_of(outcome, _about(message))
    words = words_of(outcome, f"a session for {_about(message)}")
    advice = "No session was started. Press *Start again* once that is settled."
    return replace(words, advice=advice, buttons=(_again(message, number),))


def not_linked(session: NamedSession) -> SlackMessage:
    """Say that a session was started, but that its thread was linked or unlinked meanwhile."""
    return SlackMessage(
        f"Devin has started {session_link(session)}, but somebody changed this thread's link "
        "meanwhile, so the thread isn't linked to it.",
        advice="To link it, mention me with `unlink` if need be, then with "
        "`link &lt;session id or address&gt;`.",
    )


def started_again(by: str) -> str:
    """Return the note that replaces a pressed *Start again* button."""
    return f"Started again by {escape(by)}."


def _about(message: Reply) -> str:
    texts = (message.text, *(one.text for one in message.forwarded))
    said = next(filter(None, map(preview, texts)), "")
    return f"“{said}”" if said else "this thread"


def _again(message: Reply, number: int) -> Block:
    return button(START_AGAIN, "Start again", reply_value(message.id, number))
