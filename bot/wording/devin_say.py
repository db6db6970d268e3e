"""Messages of `/devin-say`; its form and its menu are in `say_form.py`."""

import re

from bot.model.sessions import NamedSession
from bot.text.characters import cut
from bot.text.to_slack import escape
from bot.wording.message import QUOTE_LIMIT, SlackMessage
from bot.wording.phrases import preview, session_link

USAGE = SlackMessage(
    "Type `/devin-say &lt;session&gt; &lt;message&gt;`, for instance:\n"
    "• `/devin-say devin-0123abcd Please rebase`: starts a thread that is linked to that session\n"
    "• `/devin-say Please rebase`: goes to the channel's default session, or into the thread of "
    "its one active session; I ask you if there are several\n"
    "• `/devin-say new Fix the login page`: starts a new session, in a linked thread; "
    "`/devin-say new` opens a form for that\n"
    "• `/devin-say`: opens a form, with the sessions to choose from\n"
    "A session is named by its id or its address at app.devin.ai. To choose the channel's default, "
    "mention me with `default &lt;session id or address&gt;`.\n"
    "In a thread, just reply once it is linked, or choose *Send to Devin* in a message's menu. My "
    "*Home* tab lists the threads that are linked."
)

NOWHERE = SlackMessage("Nothing was sent to Devin.")


def said(by: str, message: str) -> SlackMessage:
    """Present a person's message to the channel; `message` is Slack markup."""
    return SlackMessage(cut(f"*{escape(by)}* to Devin:\n{message}", QUOTE_LIMIT))


def harmless(markup: str) -> str:
    """Defuse the mentions in `markup` that ping a whole channel."""
    return _PING_ALL.sub(r"@\1", markup)


_PING_ALL = re.compile(r"<!(here|channel|everyone)(?:\|[^<>]*)?>")


def said_to(session: NamedSession, text: str) -> SlackMessage:
    """Return the note that replaces the menu of sessions once one is chosen."""
    return SlackMessage(f"“{preview(text)}” is on its way to {session_link(session)}.")
