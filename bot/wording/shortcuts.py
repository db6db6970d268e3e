"""Titles, questions and answers of the message shortcuts."""

from bot.model.replies import Reply
from bot.text.characters import cut
from bot.text.to_devin import to_markdown
from bot.wording.message import SlackMessage

SEND_TITLE = "Send to Devin"
LINK_TITLE = "Link to a Devin session"
SHOWN_CHARACTERS = 300

ASK_TO_LINK = SlackMessage(
    "New replies in this thread will be sent to the session you choose, and Devin's messages may "
    "be posted here."
)

SENT_BEFORE = SlackMessage(
    "That message was already sent to Devin. Check its reaction, or my reply in the thread, for "
    "the result; if there's neither, it may still be queued."
)

SENT = SlackMessage(
    "Sending to Devin. Look for ✅ on the message; if anything goes wrong, I'll say so in the "
    "thread."
)


def ask_to_send(message: Reply) -> SlackMessage:
    """Explain why the modal asks for a session, above the start of the message."""
    quoted = (to_markdown(one.text, one.blocks) for one in message.forwarded)
    text = " ".join(" ".join((to_markdown(message.text, message.blocks), *quoted)).split())
    files = ", ".join(file.name or "a file" for file in message.all_files)
    return SlackMessage(
        "This thread isn't linked to a Devin session. I'll link it, send this message, and "
        "send new replies from now on. Devin's messages may be posted here. Your message:",
        quote=cut(text or files, SHOWN_CHARACTERS),
    )
