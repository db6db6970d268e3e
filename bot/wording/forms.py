"""The modals of the message shortcuts and of `/devin-say`, and its menu of sessions.

Each carries only the number of its ticket, which holds the rest, and nothing that is trusted
(docs.slack.dev/reference/views/modal-views).
"""

from collections.abc import Mapping, Sequence

from bot.model.replies import Reply
from bot.model.sessions import NamedSession
from bot.text.characters import cut
from bot.text.to_devin import to_markdown
from bot.wording import actions, session_picker
from bot.wording.button_values import choice_value
from bot.wording.message import SlackMessage, View, button, field, form, literal_text, modal
from bot.wording.phrases import preview
from bot.wording.session_picker import CHOOSE, Choices

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


SAY_TITLE = "Message Devin"
NO_MESSAGE = "Enter a message."

MESSAGE_LIMIT = 3_000
MENU_LIMIT = 100


def say_form(number: str, choices: Choices) -> View:
    """Return the form of `/devin-say`, with the likeliest session already chosen."""
    typed = {"type": "plain_text_input", "multiline": True, "max_length": MESSAGE_LIMIT}
    blocks = [*session_picker.fields(choices), field(actions.MESSAGE_FIELD, "Message", typed)]
    return form(SAY_TITLE, blocks, "Send", actions.SAY_FORM, number)


def say_menu(number: str, sessions: Sequence[NamedSession], text: str) -> SlackMessage:
    """Return the message that asks which of `sessions` is to get `text`."""
    options = [
        session_picker.option(one, choice_value(number, index))
        for index, one in enumerate(sessions[:MENU_LIMIT])
    ]
    select = {
        "type": "static_select",
        "action_id": actions.SAY_CHOSEN,
        "placeholder": literal_text(CHOOSE),
        "options": options,
    }
    return SlackMessage(
        f'Several sessions are active in this channel. Which one should get "{preview(text)}"?',
        buttons=(select, button(actions.SAY_CANCELLED, "Cancel", number)),
    )


def say_problems(filled: Mapping[str, str]) -> dict[str, str]:
    """Validate a submitted form; the result maps each bad field to its error."""
    is_empty = not filled.get(actions.MESSAGE_FIELD, "").strip()
    missing = {actions.MESSAGE_FIELD: NO_MESSAGE} if is_empty else {}
    return session_picker.problems(filled) | missing
