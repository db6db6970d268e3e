"""The first words of each linked thread are kept with its link, for App Home to tell threads apart.

They are a convenience, so nothing waits for them, and a thread that Slack does not show has none.
They follow edits of the thread's first message, and go when it is deleted.
"""

import asyncio
import logging

from bot.model.errors import NotIdentified, SlackAway, SlackRefused, StoreAway
from bot.model.lenient import mappings, string
from bot.model.replies import Reply, ReplyId, place_of
from bot.model.threads import TOPIC_LIMIT, ThreadRef
from bot.runtime.background import Background
from bot.slack.people import People
from bot.slack.threads import Threads
from bot.store.links import Links
from bot.text.characters import seen
from bot.text.commonmark.blocks import TooDeep, content, parse, walk
from bot.text.commonmark.plain import line_of
from bot.text.to_devin import mentioned, to_markdown

log = logging.getLogger(__name__)

ASK_SECONDS = 5.0

TEXT_READ = 1_000
"""The part of a message that is looked at: it may begin with much that is invisible."""


class Topics:
    """Keeps the first words of linked threads."""

    def __init__(
        self, threads: Threads, people: People, links: Links, background: Background
    ) -> None:
        self._threads = threads
        self._people = people
        self._links = links
        self._background = background

    def learn(self, thread: ThreadRef, root: Reply | None = None) -> None:
        """Keep the first words of `thread`, if it is linked; without its `root`, it is read."""
        self._background.spawn(self._learn(thread, root))

    async def forget(self, message: ReplyId) -> None:
        """Forget the first words of the thread that `message` began.

        Raises:
            StoreAway: they may still be kept.
        """
        team, channel, ts = place_of(message)
        thread = ThreadRef(team=team, channel=channel, thread_ts=ts)
        await self._links.describe(thread, "")

    async def _learn(self, thread: ThreadRef, root: Reply | None) -> None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await self._links.describe(thread, await self._words(thread, root))
        except (NotIdentified, SlackAway, SlackRefused, StoreAway, TimeoutError) as error:
            reason = type(error).__name__
            log.info("topic not learned", extra=thread.log_fields | {"reason": reason})

    async def _words(self, thread: ThreadRef, root: Reply | None) -> str:
        if root is not None:
            text, blocks = root.text, root.blocks
        else:
            found = await self._threads.root(thread)
            text, blocks = string(found, "text"), tuple(mappings(found.get("blocks")))
        if len(text) > TEXT_READ:  # a conversion holds up everything else, and blocks say the same
            text, blocks = text[:TEXT_READ], ()
        names = await self._people.names(mentioned(text, blocks))
        return first_words(to_markdown(text, blocks, names))


def first_words(markdown: str) -> str:
    """Return the start of a message as one line of plain text."""
    line = " ".join(seen(_plain(markdown[: 2 * TEXT_READ])).split())
    return line if len(line) <= TOPIC_LIMIT else line[: TOPIC_LIMIT - 1].rstrip() + "…"


def _plain(markdown: str) -> str:
    """Return Markdown without its marks; of a link, the label is left."""
    try:
        blocks = list(walk(parse(markdown)))
        return " ".join(line_of(one) if one.inline else content(one) for one in blocks)
    except (TooDeep, RecursionError):
        return markdown
