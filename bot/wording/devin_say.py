"""Messages of `/devin-say`; its form and its menu are in `forms.py`."""

import re

from bot.model.sessions import NamedSession
from bot.text.characters import cut
from bot.text.to_slack import escape
from bot.wording.message import QUOTE_LIMIT, SlackMessage
from bot.wording.phrases import preview, session_link

USAGE = SlackMessage(
    "*Usage:* `/devin-say [session or new] &lt;message&gt;`\n"
    "• `/devin-say devin-0123abcd Please rebase`: start a new thread linked to that session\n"
    "• `/devin-say Please rebase`: send to the channel's default or only active session (I'll ask "
    "if there are several)\n"
    "• `/devin-say new Fix the login page`: start a new session in a linked thread (`/devin-say "
    "new` opens a form)\n"
    "• `/devin-say`: open a form\n"
    "• `/devin-say usage`: see what the sessions that you started have used this month\n"
    "• `/devin-say defaults`: see what this channel's sessions start with\n"
    "For a session, use its link or ID. To set the channel's default, mention me with "
    "`default &lt;session link or ID&gt;`.\n"
    "In a linked thread, just reply. My *Home* tab lists linked threads."
)

NOWHERE = SlackMessage("Canceled. Nothing was sent.")


def said(by: str, message: str) -> SlackMessage:
    """Present a person's message to the channel; `message` is Slack markup."""
    return SlackMessage(cut(f"*{escape(by)}* to Devin:\n{message}", QUOTE_LIMIT))


def harmless(markup: str) -> str:
    """Defuse the mentions in `markup` that ping a whole channel."""
    return _PING_ALL.sub(r"@\1", markup)


_PING_ALL = re.compile(r"<!(here|channel|everyone)(?:\|[^<>]*)?>")


def said_to(session: NamedSession, text: str) -> SlackMessage:
    """Return the note that replaces the menu of sessions once one is chosen."""
    return SlackMessage(f'Sending "{preview(text)}" to *{session_link(session)}*.')
