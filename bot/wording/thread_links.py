"""What people are told about the link of a thread."""

from bot.model.sessions import SessionId
from bot.model.threads import Link
from bot.text.to_slack import escape
from bot.wording.actions import LINK_OFFERED
from bot.wording.blocks import button
from bot.wording.message import SlackMessage
from bot.wording.phrases import session_link


def linked(link: Link, *, already: bool, by: str = "") -> SlackMessage:
    """The thread has that link; `by` names who made it, where nobody sees that."""
    how = "is linked to" if already else "is now linked to"
    whose = f", by {escape(by)}" if by else ""
    return SlackMessage(
        f"This thread {how} {session_link(link.session)}{whose}. Replies here go to Devin."
    )


def linked_before(link: Link, by: str) -> SlackMessage:
    """The thread has a link, and stays with it."""
    return SlackMessage(
        f"This thread is linked to {session_link(link.session)}, by {escape(by)}. "
        "To change that, mention me in the thread with `unlink` first."
    )


def unlinked(link: Link) -> SlackMessage:
    """The thread's link is gone."""
    return SlackMessage(
        f"This thread is no longer linked to {session_link(link.session)}. "
        "Replies that wait are still sent."
    )


def channel_moved(link: Link) -> SlackMessage:
    """The thread's channel is shared with another organization, so its link has ended."""
    return SlackMessage(
        f"This channel was shared with another organization, so I ended this thread's link to "
        f"{session_link(link.session)}: replies here no longer go to Devin. Replies that wait are "
        "still sent. To link the thread again, mention me with `link`."
    )


def muted(link: Link) -> SlackMessage:
    """Whether the thread is muted."""
    if link.muted:
        return SlackMessage(
            "Muted: replies here stay here, until somebody mentions me with `unmute`."
        )
    return SlackMessage("Unmuted: replies here go to Devin again.")


def muted_at_home(by: str, *, muted: bool) -> SlackMessage:
    """What a thread is told when it was muted or unmuted from App Home."""
    if muted:
        return SlackMessage(
            f"Muted by {escape(by)}: replies here stay here, until somebody mentions me with "
            "`unmute`."
        )
    return SlackMessage(f"Unmuted by {escape(by)}: replies here go to Devin again.")


def unlinked_at_home(link: Link, by: str) -> SlackMessage:
    """What a thread is told when it was unlinked from App Home."""
    return SlackMessage(
        f"{escape(by)} has unlinked this thread from {session_link(link.session)}. "
        "Replies that wait are still sent."
    )


def offer(session_id: SessionId, ticket: str) -> SlackMessage:
    """Somebody wrote a session's address into a thread that is not linked."""
    return SlackMessage(
        f"You named {session_link(session_id)}. "
        "Link this thread to it, and replies here go to Devin.",
        buttons=(button(LINK_OFFERED, "Link this thread", ticket),),
    )


def offer_taken(session_id: SessionId) -> SlackMessage:
    """What takes the place of a pressed offer."""
    return SlackMessage(f"This thread is linked to {session_link(session_id)}.")
