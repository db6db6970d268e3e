"""Answers to commands that mention the bot, and its help."""

from dataclasses import dataclass

from bot.model.mirror import Follow, Watched
from bot.model.outcomes import Outcome
from bot.model.sessions import NamedSession
from bot.model.threads import Link
from bot.text.to_slack import escape
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import BARRED, follows, session_lines
from bot.wording.phrases import last_ending, local_time, mail_waiting, session_link

HELP = SlackMessage(
    "I make a thread and a Devin session one conversation. In a thread, mention me with:\n"
    "• `link &lt;session id or address&gt;`: link this thread to a session\n"
    "• `start &lt;prompt&gt;`: start a session here; it reads the thread so far, too\n"
    "• `unlink`: end the link\n"
    "• `status`: what Devin is doing, what waits, and how the last reply ended\n"
    "• `mute`: replies stay here; `unmute`: they go to Devin again\n"
    "• `follow`: I post all that Devin says; `follow turns`: only the last message of each turn; "
    "`unfollow`: nothing\n"
    "• `end`: end the session for good; `archive`: archive it. I ask once before either\n"
    "• `default &lt;session id or address&gt;`: choose where `/devin-say` in this channel goes; "
    "`default` shows it, `default none` ends it\n"
    "Once a thread is linked, just reply in it. A reply that starts with `(aside)` stays here.\n"
    "The menu of any message has *Send to Devin* and *Link to a Devin session*. In a channel, "
    "`/devin-say` starts a linked thread, and `/devin-say new &lt;prompt&gt;` a session. My *Home* "
    "tab lists the threads that are linked."
)


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a linked thread, and of its session as it was last read.

    `by` is the name of who linked it, `mail` counts the replies that wait, and `last` is how the
    last one ended. `is_barred`: Devin's words and titles may not be shown in this channel.
    """

    link: Link
    session: NamedSession
    by: str
    mail: int
    last: Outcome | None
    seen: Watched
    follow: Follow
    is_barred: bool


def status(shown: Status) -> SlackMessage:
    """Describe a linked thread: its session and what that does, its replies, what is posted."""
    link = shown.link
    plain = NamedSession(link.session, "", shown.session.url)
    session = plain if shown.is_barred else shown.session
    mute = " It is *muted*." if link.muted else ""
    linked = (
        f"Linked to {session_link(session)} by {escape(shown.by)}, {local_time(link.at)}.{mute} "
        f"{mail_waiting(shown.mail)} {last_ending(shown.last)}"
    )
    mirrored = [BARRED] if shown.is_barred else [*session_lines(shown.seen), _follows(shown)]
    return SlackMessage(linked, advice="\n".join(mirrored))


def _follows(shown: Status) -> str:
    return f"{follows(shown.follow)}."


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
