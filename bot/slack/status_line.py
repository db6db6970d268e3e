"""The line under a thread that says what Devin is doing: best effort, and never in the way.

Slack removes it after two minutes, and whenever the app posts in the thread
(docs.slack.dev/reference/methods/assistant.threads.setStatus).
"""

import logging
import time
from collections.abc import Callable

from cachetools import TTLCache
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import SlackAway, SlackRefused
from bot.model.threads import ThreadRef
from bot.slack.api import asked_wait, call

log = logging.getLogger(__name__)

SET_STATUS = "assistant.threads.setStatus"
THREADS = 10_000
REFUSED_SECONDS = 3_600.0
"""The time for which Slack is not asked again for a thread that it refused, by this process."""


class StatusLine:
    """The status lines of one workspace; `clock` is in seconds."""

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._refused: TTLCache[ThreadRef, None] = TTLCache(THREADS, REFUSED_SECONDS, clock)
        self._limited_until = 0.0

    async def show(self, thread: ThreadRef, text: str) -> bool:
        """Show `text`, which Slack puts after the bot's name; False if Slack does not show it."""
        if thread in self._refused or self._clock() < self._limited_until:
            return False
        try:
            where = {"channel_id": thread.channel, "thread_ts": thread.thread_ts}
            await call(self._client, SET_STATUS, **where, status=text)
        except SlackRefused as error:
            self._refused[thread] = None
            log.info("status line refused", extra=thread.log_fields | {"reason": str(error)})
            return False
        except SlackAway as error:
            self._limited_until = max(self._limited_until, self._clock() + asked_wait(error))
            return False
        return True

    async def clear(self, thread: ThreadRef) -> None:
        """Remove the line; if that fails, Slack does so within two minutes."""
        await self.show(thread, "")
