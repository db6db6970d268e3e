"""The message shortcuts and their modals (docs.slack.dev/reference/views/modal-views).

A modal carries only the number of its ticket, which holds the rest.
"""

from bot.model.replies import Reply
from bot.text.characters import cut
from bot.text.to_devin import to_markdown
from bot.wording import actions
from bot.wording.asking import session_picker
from bot.wording.asking.session_picker import Choices
from bot.wording.message import SlackMessage, View, form, modal

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


ONE_MOMENT = SlackMessage("Just a moment; this is taking longer than usual.")

SLOW = SlackMessage("This is taking longer than usual. Try again; it won't be sent twice.")

TOO_LATE = SlackMessage("Slack timed out before I could open the form. Please try again.")


def ask_session(number: str, choices: Choices, message: Reply | None) -> View:
    """Return the modal that asks which session to link, and perhaps to send `message` to."""
    words = ASK_TO_LINK if message is None else ask_to_send(message)
    title, submit = (LINK_TITLE, "Link") if message is None else (SEND_TITLE, "Link and send")
    blocks = [*words.params()["blocks"], *session_picker.fields(choices)]
    return form(title, blocks, submit, actions.ASK_SESSION, number)


def tell(title: str, words: SlackMessage) -> View:
    """Return a modal that shows `words` and asks nothing."""
    return modal(title, words.params()["blocks"])
