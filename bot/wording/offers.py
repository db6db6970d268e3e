"""Offers to people who spoke to the bot without giving a command."""

from dataclasses import replace

from bot.text.to_slack import escape
from bot.wording.actions import LINK_SPOKEN, RUN_SPOKEN, SEND_SPOKEN, START_SPOKEN
from bot.wording.message import Block, SlackMessage, button
from bot.wording.refusals import no_session

STARTING = SlackMessage("Starting a session with this message.")


def unlinked(ticket: str, *, is_direct: bool = False) -> SlackMessage:
    """Say that nobody reads along here, and offer to begin."""
    said = "This thread isn't linked to a Devin session."
    if is_direct:
        said = "Devin hasn't seen this: no session is linked to this conversation."
    start = button(START_SPOKEN, "Start a session with this message", ticket)
    return SlackMessage(
        f"{said} For everything I can do, mention me with `help`.",
        buttons=({**start, "style": "primary"}, _link(ticket)),
    )


def which_session(ticket: str) -> SlackMessage:
    """Ask which session a thread is to be linked to."""
    return replace(no_session(""), buttons=(_link(ticket),))


def _link(ticket: str) -> Block:
    return button(LINK_SPOKEN, "Link a session", ticket)


def did_you_mean(verb: str, argument: str, ticket: str, *, is_linked: bool) -> SlackMessage:
    """Ask whether a mistyped command was meant; in a linked thread it may be for Devin instead."""
    send = (button(SEND_SPOKEN, "Send to Devin", ticket),) if is_linked else ()
    return SlackMessage(
        f"Did you mean `{_typed(verb, argument)}`? I haven't done anything yet.",
        buttons=(button(RUN_SPOKEN, "Run it", ticket), *send),
    )


def run(verb: str, argument: str) -> SlackMessage:
    """Return the note that replaces the question once the command was run."""
    return SlackMessage(f"You ran `{_typed(verb, argument)}`.")


def _typed(verb: str, argument: str) -> str:
    """Return a command in our own words: an argument is a session, or a word that it takes.

    Options are not repeated, which may be long.
    """
    if verb == "defaults" and argument.lower() != "none":
        argument = "…" if argument else ""
    return escape(f"{verb} {argument.strip('<>`').partition('|')[0]}".strip())


PROMPTS_TITLE = "What would you like to do?"
PROMPTS = (
    ("Start a session", "start"),
    ("List linked threads", "sessions"),
    ("Show all commands", "help"),
)
"""What Slack offers in the app's direct message, each with the message that it sends.

The manifest has them as well. Slack itself runs what begins with a slash, so they are plain words.
"""
