"""The person behind a press, a choice, a command or a shortcut, and the way to answer them.

A press is parsed, its work is done, and its failure is told. Anyone who can press a button can
forge its value, so a value counts only in the place of the press.

Slack sends a `response_url` with it, for five answers within 30 minutes
(docs.slack.dev/interactivity/handling-user-interaction). Where there is none, or it does not serve,
the answer is whispered where the person is.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from slack_bolt.async_app import AsyncAck

from bot.model.errors import StoreAway
from bot.model.people import UserId
from bot.model.threads import ThreadRef
from bot.relay import UseCases
from bot.slack.api import respond
from bot.wording.message import SlackMessage
from handlers.failures import caught, in_words, ours
from handlers.parse.events import Payload
from handlers.parse.interactions import Press, parse_press

log = logging.getLogger(__name__)

Listener = Callable[[AsyncAck, Payload], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asker:
    """A person who asked for something in a thread, or, without `thread_ts`, in a channel."""

    cases: UseCases
    response_url: str
    by: UserId
    thread: ThreadRef

    async def tell(self, words: SlackMessage, *, replaces: bool = False) -> None:
        """Answer them alone; with `replaces`, put that in the place of the message they pressed.

        If neither the `response_url` nor Redis can be reached, the answer is only logged.
        """
        ts = "" if replaces else self.thread.thread_ts
        # Slack shows an answer in the channel, away from the button, unless it is given the thread.
        where = {"thread_ts": ts} if ts else {}
        if self.thread.is_direct:
            words = words.without_mention()
        answer = {**words.params(), "replace_original": replaces, **where}
        problem = await respond(self.cases.workspace.client, self.response_url, answer)
        if problem is None:
            return
        log.warning("answered by a whisper", extra={"reason": problem})
        try:
            await self.cases.notices.whisper(self.thread, self.by, words)
        except StoreAway as error:
            log.error("answer given up", extra={"reason": str(error)})  # noqa: TRY400


def telling(asker: Asker) -> AbstractAsyncContextManager[None]:
    """Tell the person who gave a command or pressed a button how it failed, if it does."""
    return caught(lambda error: asker.tell(in_words(error, asker.cases.workspace.admin)))


def button_press(
    cases: UseCases,
) -> Callable[[Callable[[Press], Awaitable[str | SlackMessage | None]]], Listener]:
    """Make a listener for Bolt of one that does the work of a press.

    A note that it returns replaces the buttons of a message that everybody sees, and words replace
    the message that only this person sees. A press that comes a second time does nothing, whatever
    was done since.
    """

    def listener_of(work: Callable[[Press], Awaitable[str | SlackMessage | None]]) -> Listener:
        async def do(press: Press) -> None:
            asker = Asker(cases, press.response_url, press.by, press.answered_in)
            async with telling(asker):
                claim = f"pressed:{press.channel}:{press.by}:{press.ts}"
                if press.ts and await cases.state.claims.is_claimed(claim):
                    return
                answer = await work(press)
                if isinstance(answer, str):
                    cases.notices.press(press.message, press.channel, answer)
                elif answer is not None:
                    await asker.tell(answer, replaces=True)
                if press.ts:
                    await cases.state.claims.claim(claim)

        async def listener(ack: AsyncAck, body: Payload) -> None:
            await ack()
            press = ours(parse_press, body, cases)
            if press is not None:
                await cases.background.soon(do(press))

        # Bolt logs the name. With `functools.wraps`, Bolt 1.30 would fill the parameters of `work`.
        listener.__name__ = work.__name__
        return listener

    return listener_of
