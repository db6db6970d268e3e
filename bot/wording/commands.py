"""Answers to commands that mention the bot, and its help."""

from bot.model.outcomes import Outcome
from bot.model.sessions import NamedSession
from bot.model.threads import Link
from bot.text.to_slack import escape
from bot.wording.message import SlackMessage
from bot.wording.phrases import last_ending, local_time, mail_waiting, session_link

HELP = SlackMessage(
    "I bring the replies of a thread to a Devin session. In a thread, mention me with:\n"
    "• `link &lt;session id or address&gt;`: link this thread to a session\n"
    "• `unlink`: end the link\n"
    "• `status`: the session, what waits, and how the last reply ended\n"
    "• `mute`: replies stay here; `unmute`: they go to Devin again\n"
    "• `default &lt;session id or address&gt;`: choose where `/devin-say` in this channel goes; "
    "`default` shows it, `default none` ends it\n"
    "Once a thread is linked, just reply in it. A reply that starts with `(aside)` stays here.\n"
    "The menu of any message has *Send to Devin* and *Link to a Devin session*. In a channel, "
    "`/devin-say` starts a linked thread. My *Home* tab lists the threads that are linked."
)


def status(
    link: Link, session: NamedSession, by: str, mail: int, last: Outcome | None
) -> SlackMessage:
    """Describe a linked thread: its session, its waiting replies, its last outcome."""
    mute = " It is *muted*." if link.muted else ""
    return SlackMessage(
        f"Linked to {session_link(session)} by {escape(by)}, {local_time(link.at)}.{mute} "
        f"{mail_waiting(mail)} {last_ending(last)}"
    )


NO_DEFAULT = SlackMessage(
    "This channel has no default session. Mention me with "
    "`default &lt;session id or address&gt;` to choose one."
)


def default_is(session: NamedSession, by: str) -> SlackMessage:
    """Name the channel's default session, and `by`, the person who chose it."""
    return SlackMessage(
        f"This channel's default session is {session_link(session)}, chosen by {escape(by)}. "
        "`/devin-say &lt;message&gt;` goes there."
    )


def default_chosen(session: NamedSession) -> SlackMessage:
    """Confirm a new default session for the channel."""
    return SlackMessage(
        f"`/devin-say &lt;message&gt;` in this channel now goes to {session_link(session)}. "
        "Mention me with `default none` to end that."
    )


DEFAULT_CLEARED = SlackMessage("This channel has no default session now.")
