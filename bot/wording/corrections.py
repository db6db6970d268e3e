"""Messages about replies that were edited or deleted after they were sent."""

from bot.text.to_slack import escape
from bot.wording.actions import SEND_CORRECTION
from bot.wording.message import SlackMessage, button

CHANGED_MARK = "pencil2"
WITHDRAWN_MARK = "wastebasket"

CORRECTION_SENT = SlackMessage("Sending it. I'm posting it in the thread with your name.")


def correction_offered(ticket: str, *, was_taken: bool) -> SlackMessage:
    """Offer to send an edit that Devin has not seen; the button carries `ticket`."""
    return SlackMessage(
        "Devin already has the original, so it won't see your edit."
        if was_taken
        else "Devin doesn't have the original, and won't see your edit unless you send it.",
        buttons=(button(SEND_CORRECTION, "Send correction", ticket),),
    )


def corrected(by: str, message: str) -> SlackMessage:
    """Present a correction in its author's name; `message` is foreign text."""
    return SlackMessage(f"*{escape(by)}* corrected an earlier message:", quote=message)


def read_already(*, is_certain: bool) -> SlackMessage:
    """Say that a deleted reply, or one made an aside, cannot be recalled from Devin."""
    has = "already has" if is_certain else "may already have"
    return SlackMessage(
        f"Devin {has} that message, so I can't recall it. "
        "If it matters, reply here with what Devin should do instead."
    )
