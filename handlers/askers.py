"""The person behind a press, a choice, a command or a shortcut, and the way to answer them.

Slack sends a `response_url` with it, for five answers within 30 minutes
(docs.slack.dev/interactivity/handling-user-interaction). Where there is none, or it does not serve,
the answer is whispered where the person is.
"""

import logging
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from slack_bolt.async_app import AsyncRespond

from bot.model.errors import StoreAway
from bot.model.people import UserId
from bot.model.threads import ThreadRef
from bot.relay import UseCases
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asker:
    """A person who asked for something in a thread, or, without `thread_ts`, in a channel."""

    cases: UseCases
    respond: AsyncRespond
    by: UserId
    channel: str
    thread_ts: str | None = None

    async def tell(self, words: SlackMessage, *, replaces: bool = False) -> None:
        """Answer them alone; with `replaces`, put that in the place of the message they pressed.

        If neither the `response_url` nor Redis can be reached, the answer is only logged.
        """
        problem = await self._respond(words, replaces=replaces)
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

    async def _respond(self, words: SlackMessage, *, replaces: bool) -> str | None:
        """Use the `response_url`; return the reason for a failure, or None."""
        # Slack shows an answer in the channel, away from the button, unless it is given the thread.
        where = None if replaces else self.thread_ts
        try:
            answer = await self.respond(
                **words.params(), replace_original=replaces, thread_ts=where
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError) as error:
            # Of the latter two Bolt and yarl have one for a `response_url` that is none; the text
            # of any may hold the address.
            return type(error).__name__
        status: int = answer.status_code
        return None if status == HTTPStatus.OK else f"HTTP {status}"
