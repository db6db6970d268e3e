"""Messages about a thread's link to a session, and offers to people who spoke without a command."""

from dataclasses import replace

from bot.model.sessions import NamedSession
from bot.model.threads import Link
from bot.text.to_slack import quiet
from bot.wording.actions import LINK_OFFERED, LINK_SPOKEN, RUN_SPOKEN, SEND_SPOKEN, START_SPOKEN
from bot.wording.message import Block, SlackMessage, button
from bot.wording.phrases import linker, session_link
from bot.wording.refusals import no_session

_STILL_SENT = "Replies already queued will still be sent."


def linked_already(to: NamedSession, by: str) -> SlackMessage:
    """Say that the thread has the link that was asked for, made by `by`."""
    return SlackMessage(f"{linker(by)} already linked this thread to *{session_link(to)}*.")


def unlinked(session: NamedSession, by: str = "") -> SlackMessage:
    """Say that the thread's link has ended, and by whom if that was done by App Home or a card."""
    who = f" by {quiet(by)}" if by else ""
    return SlackMessage(f"Unlinked{who} from *{session_link(session)}*. {_STILL_SENT}")


def channel_moved(session: NamedSession) -> SlackMessage:
    """Tell a thread that sharing its channel with another organization ended its link."""
    return SlackMessage(
        f"This channel was shared with another organization, so I unlinked this thread from "
        f"*{session_link(session)}*. {_STILL_SENT} To link it again, mention me with "
        "`link &lt;session link or ID&gt;`."
    )


def muted(link: Link, by: str = "") -> SlackMessage:
    """Say whether the thread is muted, and by whom if that was done from App Home."""
    who = f" by {quiet(by)}" if by else ""
    if link.muted:
        return SlackMessage(
            f"Muted{who}. Replies won't be sent to Devin until someone mentions me with `unmute`."
        )
    return SlackMessage(
        f"Unmuted{who}. New replies will be sent to Devin. Replies posted while muted won't."
    )


def offer(session: NamedSession, ticket: str) -> SlackMessage:
    """Offer to link a thread to a session whose address someone wrote into it."""
    return SlackMessage(
        f"You mentioned *{session_link(session)}*. Want to link this thread to it? Replies will "
        "then be sent to Devin, and Devin's messages will be posted here if your admin allows "
        "that.",
        buttons=(button(LINK_OFFERED, "Link this thread", ticket),),
    )


OFFER_TAKEN = SlackMessage("This thread is linked.")
STARTING = SlackMessage("Starting a session with this message.")


def not_linked(ticket: str) -> SlackMessage:
    """Say that nobody reads along here, and offer to begin."""
    start = button(START_SPOKEN, "Start a session with this message", ticket)
    return SlackMessage(
        "Devin hasn't seen this: no session is linked here. To see everything I can do, mention me "
        "with `help`.",
        buttons=({**start, "style": "primary"}, _link(ticket)),
    )


def not_sent(ticket: str) -> SlackMessage:
    """Say that a message is from before its thread was linked or unmuted, and offer to send it."""
    return SlackMessage(
        "I didn't send your message to Devin, since replies in its thread weren't being sent when "
        "you posted it.",
        buttons=(_send(ticket),),
    )


def which_session(ticket: str) -> SlackMessage:
    """Ask which session a thread is to be linked to."""
    return replace(no_session(""), buttons=(_link(ticket),))


def _link(ticket: str) -> Block:
    return button(LINK_SPOKEN, "Link a session", ticket)


def _send(ticket: str) -> Block:
    return button(SEND_SPOKEN, "Send to Devin", ticket)


def did_you_mean(verb: str, argument: str, ticket: str, *, is_linked: bool) -> SlackMessage:
    """Ask whether a mistyped command was meant; in a linked thread it may be for Devin instead."""
    send = (_send(ticket),) if is_linked else ()
    return SlackMessage(
        f"Did you mean `{_typed(verb, argument)}`? I haven't done anything yet.",
        buttons=(button(RUN_SPOKEN, "Run it", ticket), *send),
    )


def command_run(verb: str, argument: str) -> SlackMessage:
    """Return the note that replaces the question once the command was run."""
    return SlackMessage(f"You ran `{_typed(verb, argument)}`.")


def _typed(verb: str, argument: str) -> str:
    """Return a command with its argument, but without options, which may be long."""
    if verb == "defaults" and argument.lower() != "none":
        argument = "…" if argument else ""
    return quiet(f"{verb} {argument.strip('<>`').partition('|')[0]}".strip())
