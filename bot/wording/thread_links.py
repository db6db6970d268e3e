"""Messages about a thread's link to a session."""

from bot.model.sessions import NamedSession
from bot.model.threads import Link
from bot.text.to_slack import escape
from bot.wording.actions import LINK_OFFERED
from bot.wording.message import SlackMessage, button
from bot.wording.phrases import linker, session_link

_STILL_SENT = "Replies already queued will still be sent."


def linked_already(to: NamedSession, by: str) -> SlackMessage:
    """Say that the thread has the link that was asked for, made by `by`."""
    return SlackMessage(f"{linker(by)} already linked this thread to *{session_link(to)}*.")


def linked_before(to: NamedSession, by: str) -> SlackMessage:
    """Say that the thread keeps the link it already has, made by `by`."""
    said = linked_already(to, by).text
    return SlackMessage(f"{said} To switch, mention me in the thread with `unlink` first.")


def unlinked(session: NamedSession) -> SlackMessage:
    """Confirm that the thread's link has ended."""
    return SlackMessage(f"Unlinked from *{session_link(session)}*. {_STILL_SENT}")


def channel_moved(session: NamedSession) -> SlackMessage:
    """Tell a thread that sharing its channel with another organization ended its link."""
    return SlackMessage(
        f"This channel was shared with another organization, so I unlinked this thread from "
        f"*{session_link(session)}*. {_STILL_SENT} To link it again, mention me with "
        "`link &lt;session link or ID&gt;`."
    )


def muted(link: Link, by: str = "") -> SlackMessage:
    """Say whether the thread is muted, and by whom if that was done from App Home."""
    who = f" by {escape(by)}" if by else ""
    if link.muted:
        return SlackMessage(
            f"Muted{who}. Replies won't be sent to Devin until someone mentions me with `unmute`."
        )
    return SlackMessage(
        f"Unmuted{who}. New replies will be sent to Devin. Replies posted while muted won't."
    )


def unlinked_by(session: NamedSession, by: str) -> SlackMessage:
    """Tell a thread that `by` unlinked it from App Home, or by its card."""
    return SlackMessage(
        f"{escape(by)} unlinked this thread from *{session_link(session)}*. {_STILL_SENT}"
    )


def offer(session: NamedSession, ticket: str) -> SlackMessage:
    """Offer to link a thread to a session whose address someone wrote into it."""
    return SlackMessage(
        f"You mentioned *{session_link(session)}*. Want to link this thread to it? Replies will "
        "then be sent to Devin, and Devin's messages may be posted here.",
        buttons=(button(LINK_OFFERED, "Link this thread", ticket),),
    )


def offer_taken(session: NamedSession) -> SlackMessage:
    """Return the note that replaces a pressed offer."""
    return SlackMessage(f"This thread is linked to *{session_link(session)}*.")
