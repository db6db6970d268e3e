"""The prompt of a session that starts in a thread: what was asked, and the thread before it."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.delivery.compose import message_of
from bot.model.errors import SlackRefused
from bot.model.files import AttachedFile
from bot.model.replies import Reply
from bot.model.threads import ThreadRef, ts_micros
from bot.relay.lifecycle.start import Start
from bot.slack.people import People
from bot.slack.threads import NO_SUCH_THREAD, Threads
from bot.text.characters import cut
from bot.text.content import section
from bot.text.markdown import block_quote
from bot.text.to_devin import is_empty

log = logging.getLogger(__name__)

MOST_MESSAGES = 50
MOST_CHARACTERS = 20_000
"""The part of a thread that is in a prompt, from its latest message backward."""

MOST_PAGES = 50
"""The pages of a thread, of 200 messages each, that are read for a prompt, from the oldest on."""


class Messages(Protocol):
    """Parses messages as `conversations.replies` shows them."""

    def asked(
        self, message: Mapping[str, Any], thread: ThreadRef, *, is_talk: bool
    ) -> Reply | None:
        """Parse a message that asks for a start, with the prompt as its text; None for others.

        If it `is_talk`, that a button made a prompt, all of it is the prompt.
        """

    def earlier(self, message: Mapping[str, Any], thread: ThreadRef) -> Reply | None:
        """Parse a message that Devin may read; None for asides, commands, and our own posts."""


@dataclass(slots=True)
class _Earlier:
    """The latest of a thread's messages that Devin may read, and how many there are in all."""

    latest: list[Reply] = field(default_factory=list)
    count: int = 0


class Prompts:
    """Composes prompts."""

    def __init__(self, threads: Threads, people: People, messages: Messages) -> None:
        self._threads = threads
        self._people = people
        self._messages = messages

    async def of(self, start: Start) -> str | None:
        """Return the prompt, as Markdown with names; empty if there is nothing to start from.

        The message that asks for it is read as it is now; None if it asks for no start any more.
        Files are named only. A thread that Slack does not show is left out.

        Raises:
            CannotPost: the bot is not in the channel, or that has another id: outsiders read along.
            SlackAway: the thread cannot be read now.
        """
        await self._threads.check_in(start.thread.channel)
        own, earlier = start.message, _Earlier()
        if start.reads_thread:
            try:
                found = await self._asked(start)
                if found is None:
                    return None
                own = _prompt_of(found) if found is not start.message else found
                earlier = await self._read(start)
            except SlackRefused as error:
                log.warning("thread not readable", extra=start.log_fields | {"reason": str(error)})
        message = _without_addresses(own)
        if is_empty(message):
            return await self._thread_alone(start, earlier) if earlier.latest else ""
        prompt = await message_of(message, self._people)
        if not earlier.latest:
            return prompt
        return f"{prompt}\n\n{await self._quoted(earlier, 'This was asked in a Slack thread.')}"

    async def _thread_alone(self, start: Start, earlier: "_Earlier") -> str:
        name = await self._people.name(start.by)
        return await self._quoted(earlier, f"{name} started this session from a Slack thread.")

    async def _quoted(self, earlier: "_Earlier", head: str) -> str:
        """Return the latest messages of a thread, the oldest first, each in a block quote."""
        latest = [_without_addresses(one) for one in earlier.latest]
        texts = await asyncio.gather(*(message_of(one, self._people) for one in latest))
        kept: list[str] = []
        left = MOST_CHARACTERS
        for text in reversed(texts):
            if kept and len(text) > left:
                break
            kept.insert(0, block_quote(cut(text, left)))
            left -= len(text)
        more = earlier.count - len(kept)
        told = f" (earlier messages left out: {more})" if more else ""
        return "\n\n".join((f"{head} Its messages, oldest first{told}:", *kept))

    async def _asked(self, start: Start) -> Reply | None:
        """Read the message that asks for the start, if there is one."""
        if start.by_button:
            return start.message
        try:
            found = await self._threads.message(start.thread, start.message.ts)
        except SlackRefused as error:
            if error.reason in NO_SUCH_THREAD:
                return None
            raise
        if found is None:
            return None
        return self._messages.asked(found, start.thread, is_talk=start.is_talk)

    async def _read(self, start: Start) -> _Earlier:
        """Read the messages of the thread before the one that asks for the start."""
        thread, until = start.thread, start.message.ts
        earlier, cursor = _Earlier(), None
        seen: set[str] = {until}  # a thread's first message is on each page
        for _ in range(MOST_PAGES):
            page, cursor = await self._threads.page(thread, cursor, latest=until, inclusive=True)
            for raw in page:
                one = self._messages.earlier(raw, thread)
                if one is not None and one.ts not in seen and not is_empty(one):
                    seen.add(one.ts)
                    earlier.count += 1
                    earlier.latest.append(one)
            earlier.latest.sort(key=lambda one: ts_micros(one.ts))
            del earlier.latest[:-MOST_MESSAGES]
            if cursor is None:
                return earlier
        log.warning("thread not read to its end", extra=start.log_fields)
        return earlier


def _prompt_of(own: Reply) -> Reply:
    """Return a message, whose text is the prompt, with what it has beside that: pasted tables."""
    beside = own.blocks[1:]  # its first block has the mention, the verb and the prompt
    blocks = (*section(own.text), *beside) if beside else ()
    return own.model_copy(update={"blocks": blocks})


def _without_addresses(reply: Reply) -> Reply:
    """Return `reply` with files that are only named: Devin cannot open what Slack keeps."""
    forwarded = tuple(
        one.model_copy(update={"files": _names(one.files)}) for one in reply.forwarded
    )
    return reply.model_copy(update={"files": _names(reply.files), "forwarded": forwarded})


def _names(files: Sequence[AttachedFile]) -> tuple[AttachedFile, ...]:
    return tuple(one.model_copy(update={"permalink": ""}) for one in files)
