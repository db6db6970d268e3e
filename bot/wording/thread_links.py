"""Messages about a thread's link to a session."""

from bot.model.sessions import NamedSession
from bot.model.threads import Link
from bot.text.to_slack import escape
from bot.wording.actions import LINK_OFFERED
from bot.wording.blocks import button
from bot.wording.message import SlackMessage
from bot.wording.phrases import session_link


def linked_already(to: NamedSession, by: str) -> SlackMessage:
    """Say that the thread has the link that was asked for, made by `by`."""
    return SlackMessage(
        f"This thread is linked to {session_link(to)} already, by {escape(by)}. Replies here go to "
        "Devin."
    )


def linked_before(to: NamedSession, by: str) -> SlackMessage:
    """Say that the thread keeps the link it already has, made by `by`."""
    return SlackMessage(
        f"This thread is linked to {session_link(to)}, by {escape(by)}. "
        "To change that, mention me in the thread with `unlink` first."
    )


def unlinked(session: NamedSession) -> SlackMessage:
    """Confirm that the thread's link has ended."""
    return SlackMessage(
        f"This thread is no longer linked to {session_link(session)}. "
        "Replies that wait are still sent."
    )


def channel_moved(session: NamedSession) -> SlackMessage:
    """Tell a thread that sharing its channel with another organization ended its link."""
    return SlackMessage(
        f"This channel was shared with another organization, so I ended this thread's link to "
        f"{session_link(session)}: replies here no longer go to Devin. Replies that wait are "
        "still sent. To link the thread again, mention me with `link`."
    )


def muted(link: Link) -> SlackMessage:
    """Say whether the thread is muted."""
    if link.muted:
        return SlackMessage(
            "Muted: replies here stay here, until somebody mentions me with `unmute`."
        )
    return SlackMessage("Unmuted: replies here go to Devin again.")


def muted_at_home(by: str, *, muted: bool) -> SlackMessage:
    """Tell a thread that `by` muted or unmuted it from App Home."""
    if muted:
        return SlackMessage(
            f"Muted by {escape(by)}: replies here stay here, until somebody mentions me with "
            "`unmute`."
        )
    return SlackMessage(f"Unmuted by {escape(by)}: replies here go to Devin again.")


def unlinked_by(session: NamedSession, by: str) -> SlackMessage:
    """Tell a thread that `by` unlinked it from App Home, or by its card."""
    return SlackMessage(
        f"{escape(by)} has unlinked this thread from {session_link(session)}. "
        "Replies that wait are still sent."
    )


def offer(session: NamedSession, ticket: str) -> SlackMessage:
    """Offer to link a thread to a session whose address somebody wrote into it."""
    return SlackMessage(
        f"You named {session_link(session)}. Link this thread to it, and replies here go to Devin.",
        buttons=(button(LINK_OFFERED, "Link this thread", ticket),),
    )


def offer_taken(session: NamedSession) -> SlackMessage:
    """Return the note that replaces a pressed offer."""
    return SlackMessage(f"This thread is linked to {session_link(session)}.")
