"""The modals of the message shortcuts and of `/devin-say`.

Each carries only the number of its ticket, which holds the rest, and nothing that is trusted
(docs.slack.dev/reference/views/modal-views). Each asks for a session by a menu of titles and a
field to paste into; a chosen session is parsed like a pasted one: a client may send anything in
place of an option.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.model.errors import BadSession
from bot.model.replies import Reply
from bot.model.sessions import NamedSession, SessionId, parse_session
from bot.text.to_devin import to_markdown
from bot.text.to_slack import cut, shortened
from bot.wording import actions
from bot.wording.actions import SESSION_FIELD, TYPED_FIELD
from bot.wording.delivery_reports import DELIVERED_MARK
from bot.wording.message import (
    LABEL_LIMIT,
    Block,
    SlackMessage,
    View,
    field,
    form,
    menu,
    modal,
    option,
    plain_text,
    text_input,
)
from bot.wording.phrases import plain, session_address, short_id, title_of
from bot.wording.refusals import no_session

SEND_TITLE = "Send to Devin"
LINK_TITLE = "Link to a Devin session"
SHOWN_CHARACTERS = 300

ASK_TO_LINK = SlackMessage(
    "New replies in this thread will be sent to the session you choose, and Devin's messages will "
    "be posted here if your admin allows that."
)

SENT = SlackMessage(
    f"Sending to Devin. Look for :{DELIVERED_MARK}: on the message; if anything goes wrong, I'll "
    "say so in the thread."
)


def ask_to_send(message: Reply) -> SlackMessage:
    """Explain why the modal asks for a session, above the start of the message."""
    quoted = (to_markdown(one.text, one.blocks) for one in message.forwarded)
    text = " ".join(" ".join((to_markdown(message.text, message.blocks), *quoted)).split())
    files = ", ".join(file.name or "a file" for file in message.all_files)
    return SlackMessage(
        "This thread isn't linked to a Devin session. I'll link it, send this message, and "
        "send new replies from now on. Devin's messages will be posted here if your admin allows "
        "that. Your message:",
        quote=cut(text or files, SHOWN_CHARACTERS),
    )


ONE_MOMENT = SlackMessage("Just a moment; this is taking longer than usual.")

SLOW = SlackMessage(
    "This is taking longer than usual. Try again, but don't change anything: your first version "
    "may already be on its way, and it won't be sent twice."
)

TOO_LATE = SlackMessage("Slack timed out before I could open the form. Please try again.")


@dataclass(frozen=True, slots=True)
class Choices:
    """The channel's sessions, Devin's others, and the likeliest, which need not be among them."""

    here: Sequence[NamedSession]
    elsewhere: Sequence[NamedSession]
    meant: SessionId | None


def ask_session(number: str, choices: Choices, message: Reply | None) -> View:
    """Return the modal that asks which session to link, and perhaps to send `message` to."""
    words = ASK_TO_LINK if message is None else ask_to_send(message)
    title, submit = (LINK_TITLE, "Link") if message is None else (SEND_TITLE, "Link and send")
    blocks = [*words.params()["blocks"], *fields(choices)]
    return form(title, blocks, submit, actions.ASK_SESSION, number)


def tell(title: str, words: SlackMessage) -> View:
    """Return a modal that shows `words` and asks nothing."""
    return modal(title, words.params()["blocks"])


SAY_TITLE = "Message Devin"
NO_MESSAGE = "Enter a message."

MESSAGE_LIMIT = 3_000


def say_form(number: str, choices: Choices, text: str) -> View:
    """Return the form of `/devin-say`, with the likeliest session chosen, and the typed `text`."""
    typed = text_input(text, multiline=True, max_length=MESSAGE_LIMIT)
    blocks = [*fields(choices), field(actions.MESSAGE_FIELD, "Message", typed)]
    return form(SAY_TITLE, blocks, "Send", actions.SAY_FORM, number)


def say_problems(filled: Mapping[str, str]) -> dict[str, str]:
    """Validate a submitted form; the result maps each bad field to its error."""
    is_empty = not filled.get(actions.MESSAGE_FIELD, "").strip()
    missing = {actions.MESSAGE_FIELD: NO_MESSAGE} if is_empty else {}
    return problems(filled) | missing


LABEL = "Devin session"
CHOOSE = "Choose a session"
HERE = "Linked here"
ELSEWHERE = "Recent sessions"

BOTH = "Pick a session above or paste one here, not both."
NEITHER = "Pick a session, or paste its link or ID."


def fields(choices: Choices) -> list[Block]:
    """Return the inputs for a session; without sessions to choose from, there is no menu."""
    groups = [group for group in ((HERE, choices.here), (ELSEWHERE, choices.elsewhere)) if group[1]]
    options = {one.session: _option(one) for _, ones in groups for one in ones}
    meant = choices.meant
    pasted = "" if meant is None or meant in options else session_address(NamedSession(meant))
    if not options:
        alone = text_input(pasted, focus_on_load=True)
        return [field(TYPED_FIELD, LABEL, alone, "Paste a session link or ID")]
    listed = [
        {"label": plain_text(label), "options": [options[one.session] for one in ones]}
        for label, ones in groups
    ]
    select = menu(CHOOSE, options.get(meant) if meant else None, option_groups=listed)
    hint = "Pick one, or paste a link or an ID below."
    return [
        field(SESSION_FIELD, LABEL, select, hint, optional=True),
        field(TYPED_FIELD, "Or paste a session link or ID", text_input(pasted), optional=True),
    ]


def picked(filled: Mapping[str, str]) -> SessionId:
    """Return the session of a submitted form; raise BadSession if that has `problems`."""
    session = parse_session("".join(_answers(filled)))
    if session is None:
        raise BadSession("")
    return session


def problems(filled: Mapping[str, str]) -> dict[str, str]:
    """Validate a submitted form; the result maps the field to its error."""
    chosen, pasted = _answers(filled)
    if chosen and pasted:
        return {TYPED_FIELD: BOTH}
    if not (chosen or pasted):
        return {TYPED_FIELD: NEITHER}
    if parse_session(chosen or pasted) is None:
        return {TYPED_FIELD: plain(no_session(chosen or pasted).text)}
    return {}


def _option(one: NamedSession) -> Block:
    title, label = title_of(one), short_id(one.session)
    if title:
        label = f"{shortened(title, LABEL_LIMIT - len(f' ({label})'))} ({label})"
    return option(label, one.session)


def _answers(filled: Mapping[str, str]) -> tuple[str, str]:
    chosen, pasted = (filled.get(name, "").strip() for name in (SESSION_FIELD, TYPED_FIELD))
    return chosen, pasted
