"""The prompt of a session that starts in a thread: what was asked, and the thread before it."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bot.delivery.compose import message_of
from bot.model.errors import SlackRefused
from bot.model.files import AttachedFile, Forwarded
from bot.model.replies import Reply
from bot.model.threads import ThreadRef, ts_micros
from bot.relay.lifecycle.start import Start
from bot.slack.people import People
from bot.slack.threads import Threads
from bot.text.characters import cut
from bot.text.content import section
from bot.text.markdown import block_quote
from bot.text.to_devin import is_empty

log = logging.getLogger(__name__)

MOST_MESSAGES = 50
MOST_CHARACTERS = 20_000
"""The part of a thread that is in a prompt, from its latest message backward."""

MOST_PAGES = 10
"""The pages of a thread, of 200 messages each, that are read for a prompt."""


class Messages(Protocol):
    """Parses messages as `conversations.replies` shows them."""

    def whole(self, message: Mapping[str, Any], thread: ThreadRef) -> Reply | None:
        """Parse any message; None for one that nobody wrote."""

    def earlier(self, message: Mapping[str, Any], thread: ThreadRef) -> Reply | None:
        """Parse a message that Devin may read; None for asides, commands, and our own posts."""


class Prompts:
    """Composes prompts."""

    def __init__(self, threads: Threads, people: People, messages: Messages) -> None:
        self._threads = threads
        self._people = people
        self._messages = messages

    async def of(self, start: Start) -> str:
        """Return the prompt, as Markdown with names; empty if there is nothing to start from.

        Files are named only. A thread that Slack does not show is left out.

        Raises:
            SlackAway: the thread cannot be read now.
        """
        own, earlier = await self._read(start) if start.reads_thread else (None, [])
        message = _without_addresses(_asked(start.message, own))
        if is_empty(message):
            return await self._thread_alone(start, earlier) if earlier else ""
        prompt = await message_of(message, self._people)
        if not earlier:
            return prompt
        return f"{prompt}\n\n{await self._quoted(earlier, 'This was asked in a Slack thread.')}"

    async def _thread_alone(self, start: Start, earlier: Sequence[Reply]) -> str:
        name = await self._people.name(start.by)
        return await self._quoted(earlier, f"{name} started this session from a Slack thread.")

    async def _quoted(self, earlier: Sequence[Reply], head: str) -> str:
        """Return the latest messages of a thread, the oldest first, each in a block quote."""
        latest = [_without_addresses(one) for one in earlier[-MOST_MESSAGES:]]
        texts = await asyncio.gather(*(message_of(one, self._people) for one in latest))
        kept: list[str] = []
        left = MOST_CHARACTERS
        for text in reversed(texts):
            if kept and len(text) > left:
                break
            kept.insert(0, block_quote(cut(text, left)))
            left -= len(text)
        more = len(earlier) - len(kept)
        told = f" (earlier messages left out: {more})" if more else ""
        return "\n\n".join((f"{head} Its messages, oldest first{told}:", *kept))

    async def _read(self, start: Start) -> tuple[Reply | None, Sequence[Reply]]:
        """Read the message that asks for the start, and those before it in its thread."""
        thread, ts = start.thread, start.message.ts
        try:
            found = await self._pages(thread, ts)
        except SlackRefused as error:
            log.warning("thread not readable", extra=start.log_fields | {"reason": str(error)})
            return None, []
        own = self._messages.whole(found.pop(ts, {}), thread)
        parsed = (self._messages.earlier(one, thread) for one in found.values())
        earlier = [one for one in parsed if one is not None and not is_empty(one)]
        return own, sorted(earlier, key=lambda one: ts_micros(one.ts))

    async def _pages(self, thread: ThreadRef, until: str) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page, cursor = await self._threads.page(thread, cursor, latest=until, inclusive=True)
            found |= {str(one.get("ts")): one for one in page}
            if not cursor:
                break
        return found


def _asked(prompt: Reply, own: Reply | None) -> Reply:
    """Return the prompt with what its message has beside it: files, forwards, and pasted tables."""
    if own is None:
        return prompt
    blocks = prompt.blocks
    if own.blocks[1:]:  # its first block has the mention, the verb and the prompt
        blocks = (*blocks, *section(prompt.text), *own.blocks[1:])
    return own.model_copy(update={"text": prompt.text, "blocks": blocks})


def _without_addresses(reply: Reply) -> Reply:
    """Return `reply` with files that are only named: Devin cannot open what Slack keeps."""
    forwarded = tuple(_named(one) for one in reply.forwarded)
    return reply.model_copy(update={"files": _names(reply.files), "forwarded": forwarded})


def _named(one: Forwarded) -> Forwarded:
    return one.model_copy(update={"files": _names(one.files)})


def _names(files: Sequence[AttachedFile]) -> tuple[AttachedFile, ...]:
    return tuple(one.model_copy(update={"permalink": ""}) for one in files)
