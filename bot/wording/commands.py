"""Answers to commands that mention the bot, its help, and messages of `/devin-say`."""

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.model.replies import Outcome
from bot.model.sessions import Follow, NamedSession
from bot.text.to_slack import cut, quiet, without_pings
from bot.wording.lifecycle.starting import OPEN
from bot.wording.message import QUOTE_LIMIT, SlackMessage
from bot.wording.mirror.card import BARRED, FOLLOWS, Card, card
from bot.wording.phrases import last_ending, mail_waiting, session_link

_HELP = SlackMessage(
    "I turn a Slack thread and a Devin session into one conversation. Mention me in a thread with "
    "one of these. In our direct message, leave the mention out; in a linked thread there, only "
    "a command on its own, such as `status`, works without it.",
    advice="*Start*\n"
    "• `start &lt;prompt&gt;`: start a session; Devin reads the thread so far\n"
    "• `link &lt;session link or ID&gt;`: link this thread to a session\n"
    "\n*Talk*\n"
    "• Once a thread is linked, just reply\n"
    "• `(aside)` before a reply keeps it from Devin\n"
    "• `follow`, `follow turns`, `unfollow`: post everything Devin says, only the last message of "
    "each turn, or nothing\n"
    "• `mute`, `unmute`: stop or resume sending replies; those posted while muted "
    "aren't sent later\n"
    "\n*Control*\n"
    "• `status`: show the session, the queue and the last result\n"
    "• `unlink`: end this thread's link to the session\n"
    "• `end`, `archive`: end the session for good; I'll ask first\n"
    "• `default &lt;session link or ID&gt;`: set this channel's default session, for `/devin-say` "
    "(`default` shows it, `default none` clears it)",
    footer="Also: *Send to Devin* and *Link to a Devin session* in a message's ⋮ menu · "
    "`/devin-say` in a channel",
)


def helped(features: Sequence[str], *, has_form: bool = True) -> SlackMessage:
    """Return the help, with the lines of `features` at the end."""
    advice, buttons = "\n".join([_HELP.advice, *features]), (OPEN,) if has_form else ()
    return replace(_HELP, advice=advice, buttons=buttons)


def status(shown: Card, mail: int, last: Outcome | None, notes: Sequence[str]) -> SlackMessage:
    """Describe a linked thread: what its card says, its queue, the last result, and `notes`."""
    said = card(shown)
    advice = "\n".join([f"{mail_waiting(mail)} · {last_ending(last)}", *notes])
    return SlackMessage(said.text, advice=advice, footer=said.footer)


AS_SELF = "What you write here is sent from your own Devin account."

NO_DEFAULT = SlackMessage(
    "No default session is set here. To set one, mention me with "
    "`default &lt;session link or ID&gt;`."
)


def default_cleared(by: str) -> SlackMessage:
    """Tell the channel that its default session was cleared."""
    return SlackMessage(f"*{quiet(by)}* cleared the default session for `/devin-say` here.")


def default_is(session: NamedSession, by: str) -> SlackMessage:
    """Name the channel's default session, and `by`, the person who chose it."""
    return SlackMessage(
        f"{quiet(by)} set *{session_link(session)}* as the default session here. "
        "`/devin-say &lt;message&gt;` sends to it. To undo, mention me with `default none`."
    )


def by_mention(verb: str) -> SlackMessage:
    """Say how a command that is about a channel is given there."""
    return SlackMessage(
        f"To use `{verb}`, mention me in the channel. There, `@Devin Relay {verb}` shows what is "
        "set. Nothing was sent to Devin."
    )


def say_helped(features: Sequence[str]) -> SlackMessage:
    """Return the help of `/devin-say`, with the lines of `features` after those of the core."""
    return SlackMessage("\n".join([_SAY_HELP, *features, _SAY_HINTS]))


_SAY_HELP = (
    "*Usage:* `/devin-say [session or new] &lt;message&gt;`\n"
    "• `/devin-say devin-0123abcd Please rebase`: start a new thread linked to that session\n"
    "• `/devin-say Please rebase`: send to the channel's default or only active session (I'll ask "
    "if there are several)\n"
    "• `/devin-say new Fix the login page`: start a new session in a linked thread (`/devin-say "
    "new` opens a form)\n"
    "• `/devin-say`: open a form"
)
_SAY_HINTS = (
    "For a session, use its link or ID. To set the channel's default, mention me with "
    "`default &lt;session link or ID&gt;`.\n"
    "In a linked thread, just reply."
)
SAY_HELP = say_helped(())
"""That of the core alone."""


def said(by: str, message: str) -> SlackMessage:
    """Present a person's message (markup) to the channel, which it can't ping as a whole."""
    shown = _CONTROL.sub("&lt;!", _PING_ALL.sub(r"@\1", message))
    return SlackMessage(without_pings(cut(f"*{quiet(by)}* to Devin:\n{shown}", QUOTE_LIMIT)))


_PING_ALL = re.compile(r"<!(here|channel|everyone)(?:\|[^<>]*)?>")
_CONTROL = re.compile(r"<!(?!(?:subteam|date)\^)")
"""What is left of it, such as one without an end (docs.slack.dev, "Special parsing")."""


def following(how: Follow, *, is_barred: bool) -> SlackMessage:
    """Say what is posted in a thread from now on."""
    return SlackMessage(BARRED if is_barred else f"Done. {FOLLOWS[how]}.")
