"""What is said of edits and deletions."""

from bot.text.to_slack import escape
from bot.wording.actions import SEND_CORRECTION
from bot.wording.blocks import button
from bot.wording.message import SlackMessage

CHANGED_MARK = "pencil2"
WITHDRAWN_MARK = "wastebasket"

CORRECTION_SENT = SlackMessage("Sent: it stands in the thread, in your name.")


def correction_offered(ticket: str, *, was_taken: bool) -> SlackMessage:
    """Somebody edited a message after it was sent."""
    return SlackMessage(
        "That message had gone to Devin before you edited it, so Devin does not see the edit."
        if was_taken
        else "Devin did not take that message as it was, and does not see the edit by itself.",
        buttons=(button(SEND_CORRECTION, "Send the correction", ticket),),
    )


def corrected(by: str, message: str) -> SlackMessage:
    """What is posted for somebody who sends a correction; `message` is foreign text."""
    return SlackMessage(f"*{escape(by)}* corrects an earlier message:", quote=message)


def read_already(*, is_certain: bool) -> SlackMessage:
    """Somebody deleted a message, or made it an aside, after it was sent."""
    has = "already has" if is_certain else "may already have"
    return SlackMessage(
        f"Devin {has} that message, so it cannot be taken back. "
        "If it matters, reply here what Devin should do instead."
    )
