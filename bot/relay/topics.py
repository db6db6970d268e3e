"""The first words of each linked thread are kept with its link, for App Home to tell threads apart.

They are a convenience, so nothing waits for them, and a thread that Slack does not show has none.
They follow edits of the thread's first message, and go for good when it is deleted: an older event
or reading that comes later changes nothing.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from bot.model.errors import NotIdentified, SlackAway, SlackRefused, StoreAway
from bot.model.lenient import mapping, mappings, string
from bot.model.replies import Reply, ReplyId, place_of
from bot.model.threads import TOPIC_LIMIT, ThreadRef, is_ts, ts_micros
from bot.runtime.background import Background
from bot.slack.people import People
from bot.slack.threads import Threads
from bot.store.links import GONE, Links
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

    def learn(self, thread: ThreadRef, root: Reply | None = None, edited: int = 0) -> None:
        """Keep the first words of `thread`, if it is linked; without its `root`, it is read.

        `edited` is the time of the edit that made the root what it is (us), 0 without one.
        """
        self._background.spawn(self._learn(thread, root, edited))

    async def forget(self, message: ReplyId) -> None:
        """Forget the first words of the thread that `message` began, and learn no more.

        Raises:
            StoreAway: they may still be kept.
        """
        team, channel, ts = place_of(message)
        thread = ThreadRef(team=team, channel=channel, thread_ts=ts)
        await self._links.describe(thread, "", GONE)

    async def _learn(self, thread: ThreadRef, root: Reply | None, edited: int) -> None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                if root is None:
                    text, blocks, edited = _said(await self._threads.root(thread))
                else:
                    text, blocks = root.text, root.blocks
                await self._links.describe(thread, await self._words(text, blocks), edited)
        except (NotIdentified, SlackAway, SlackRefused, StoreAway, TimeoutError) as error:
            reason = type(error).__name__
            log.info("topic not learned", extra=thread.log_fields | {"reason": reason})

    async def _words(self, text: str, blocks: Sequence[Mapping[str, Any]]) -> str:
        if len(text) > TEXT_READ:  # a conversion holds up everything else, and blocks say the same
            text, blocks = text[:TEXT_READ], ()
        names = await self._people.names(mentioned(text, blocks))
        return first_words(to_markdown(text, blocks, names))


def _said(root: Mapping[str, Any]) -> tuple[str, Sequence[Mapping[str, Any]], int]:
    """Return a message's text and blocks, and the time of the edit that made them."""
    if root.get("subtype") == "tombstone":
        return "", (), GONE
    edited = string(mapping(root.get("edited")), "ts")
    at = ts_micros(edited) if is_ts(edited) else 0
    return string(root, "text"), mappings(root.get("blocks")), at


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
