"""Posts what a person says through the relay in a channel, under their name."""

from bot.model.errors import CannotPost, SlackRefused
from bot.model.people import UserId
from bot.model.replies import Reply
from bot.model.threads import ThreadRef
from bot.relay.accept import Accepting
from bot.relay.workspace import Workspace
from bot.wording import devin_say


async def begin_thread(
    workspace: Workspace, accepting: Accepting, channel: str, by: UserId, text: str
) -> Reply:
    """Post `text`, which is Slack markup, as the start of a thread, and return it as a message.

    Raises:
        CannotPost: Slack does not let the relay post there, or the channel has moved.
    """
    words = devin_say.said(await accepting.name(by), devin_say.harmless(text))
    try:
        ts = await workspace.threads.open(channel, words)
    except SlackRefused as error:
        raise CannotPost(error.reason) from error
    thread = ThreadRef(team=workspace.team, channel=channel, thread_ts=ts)
    return Reply(thread=thread, ts=ts, author=by, text=text)
