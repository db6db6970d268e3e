"""The ways on in a thread whose session has ended: the same wherever its end is told."""

from collections.abc import Sequence

from bot.model.sessions import NamedSession
from bot.model.threads import ThreadRef
from bot.wording.actions import OPEN_SESSION, START_NEW, UNLINK
from bot.wording.blocks import Block, button, link_button
from bot.wording.button_values import link_value
from bot.wording.phrases import session_address

ADVICE = (
    "To continue, press *Start a new session*, or mention me with `start &lt;prompt&gt;` or "
    "`link &lt;session link or ID&gt;`."
)


def buttons(thread: ThreadRef, session: NamedSession) -> Sequence[Block]:
    """Return the buttons below the report that the session of `thread` has ended."""
    value = link_value(thread, session.session)
    return (
        button(START_NEW, "Start a new session", value),
        link_button(OPEN_SESSION, "Open session", session_address(session)),
        button(UNLINK, "Unlink", value),
    )
