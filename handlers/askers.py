"""The person behind a press, a choice, a command or a shortcut, and the way to answer them.

Slack sends a `response_url` with it, for five answers within 30 minutes
(docs.slack.dev/interactivity/handling-user-interaction). Where there is none, or it does not serve,
the answer is whispered where the person is.
"""

import logging
from dataclasses import dataclass

from bot.model.errors import StoreAway
from bot.model.people import UserId
from bot.model.threads import ThreadRef
from bot.relay import UseCases
from bot.slack.responses import respond
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asker:
    """A person who asked for something in a thread, or, without `thread_ts`, in a channel."""

    cases: UseCases
    response_url: str
    by: UserId
    channel: str
    thread_ts: str | None = None

    async def tell(self, words: SlackMessage, *, replaces: bool = False) -> None:
        """Answer them alone; with `replaces`, put that in the place of the message they pressed.

        If neither the `response_url` nor Redis can be reached, the answer is only logged.
        """
        # Slack shows an answer in the channel, away from the button, unless it is given the thread.
        where = {"thread_ts": self.thread_ts} if self.thread_ts and not replaces else {}
        answer = {**words.params(), "replace_original": replaces, **where}
        problem = await respond(self.cases.workspace.client, self.response_url, answer)
        if problem is None:
            return
        log.warning("answered by a whisper", extra={"reason": problem})
        thread = ThreadRef(
            team=self.cases.workspace.team, channel=self.channel, thread_ts=self.thread_ts or ""
        )
        try:
            await self.cases.notices.whisper(thread, self.by, words)
        except StoreAway as error:
            log.error("answer given up", extra={"reason": str(error)})  # noqa: TRY400
