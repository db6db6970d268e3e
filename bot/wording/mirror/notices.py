"""What a thread is told about following a session."""

from bot.model.mirror import Follow, SaidKind
from bot.text.to_slack import escape, excerpt
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import BARRED

WORKING = "is following Devin's work…"
"""The status line, which Slack puts behind the bot's name."""

QUIET = SlackMessage(
    "This channel is now, or may be, shared with another organization, so Devin's messages won't "
    "be posted here anymore. Replies are still sent to Devin; open the session to read its answers."
)

NOT_SHOWN = SlackMessage(
    "Slack didn't take a message from Devin, so it isn't shown here. Open the session to read it."
)

APPROVED = "Approved, please proceed."
"""The answer to Devin by which someone approves."""

ANSWERED = "Answered in a reply."
MOVED_ON = "Devin has moved on."
"""The notes in place of the buttons of a question that is no longer open."""

CHOICE_LIMIT = 100

MESSAGE_LIMIT = 500_000
"""The most characters of one message of Devin's that are kept."""


def beginning(text: str) -> str:
    """Return Devin's text, or the beginning of one that is far too long to be shown."""
    if len(text) <= MESSAGE_LIMIT:
        return text
    note = f"This message has {len(text):,} characters. Open the session to read all of it."
    return f"{text[:MESSAGE_LIMIT]}…\n\n_{note}_"


def answers(by: str, text: str) -> SlackMessage:
    """Present the answer that someone has chosen to their thread."""
    return SlackMessage(f"*{escape(by)}* answered:", quote=text)


def chosen(by: str, text: str) -> str:
    """Return the note in place of a question's buttons: who chose what."""
    if text == APPROVED:
        return f"{escape(by)} approved."
    return f'{escape(by)} chose "{excerpt(text, limit=CHOICE_LIMIT)}".'


def closed(kind: SaidKind) -> str:
    """Return the note in place of a question's buttons: why it is no longer open."""
    return ANSWERED if kind is SaidKind.ANSWERED else MOVED_ON


def following(how: Follow, *, is_barred: bool) -> SlackMessage:
    """Say what is posted in a thread from now on."""
    return SlackMessage(BARRED if is_barred else f"From now on, {_FOLLOWING[how]}.")


_FOLLOWING = {
    Follow.ALL: "all of Devin's messages will be posted here",
    Follow.TURNS: "only the last message of each turn will be posted here",
    Follow.OFF: "Devin's messages won't be posted here",
}
