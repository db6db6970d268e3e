"""Titles, questions and answers of the message shortcuts."""

from bot.model.replies import Reply
from bot.text.characters import cut
from bot.text.to_devin import to_markdown
from bot.wording.message import SlackMessage

SEND_TITLE = "Send to Devin"
LINK_TITLE = "Link to a Devin session"
SHOWN_CHARACTERS = 300

ASK_TO_LINK = SlackMessage("Replies in this thread go to the Devin session that you link it to.")

SENT_BEFORE = SlackMessage(
    "I took that message for Devin before, so it is not sent a second time. "
    "Its mark, or my answer in the thread, says how it ended; without one, it still waits."
)

SENT = SlackMessage(
    "On its way to Devin. A mark on the message, or my answer in the thread, will say how it ends."
)


def ask_to_send(message: Reply) -> SlackMessage:
    """Explain why the modal asks for a session, above the start of the message."""
    quoted = (to_markdown(one.text, one.blocks) for one in message.forwarded)
    text = " ".join(" ".join((to_markdown(message.text, message.blocks), *quoted)).split())
    files = ", ".join(file.name for file in message.all_files)
    return SlackMessage(
        "This thread is not linked to a Devin session yet. I link it, so that its replies go to "
        "Devin from then on, and send this message:",
        quote=cut(text or files, SHOWN_CHARACTERS),
    )
