"""The prompt of a session that starts in a thread: what was asked, and the thread before it."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.delivery import compose
from bot.delivery.compose import markdown_of, message_of
from bot.model.errors import SlackRefused
from bot.model.files import AttachedFile
from bot.model.people import Others, Standing, Written
from bot.model.record import string
from bot.model.replies import Reply
from bot.model.threads import ThreadRef
from bot.model.times import Micros, is_ts, ts_micros
from bot.relay.lifecycle.choosing import Choosing, Chosen
from bot.relay.lifecycle.starting import Start
from bot.slack.app.workspace import Identity, Workspace
from bot.slack.lookups import Need
from bot.text.content import section
from bot.text.mrkdwn import block_quote
from bot.text.speakers import mark_typed, speaker
from bot.text.to_devin import is_empty
from bot.text.to_slack import cut
from bot.wording import refusals
from bot.wording.lifecycle import starting as words
from bot.wording.message import SlackMessage

log = logging.getLogger(__name__)

MOST_MESSAGES = 50
MOST_CHARACTERS = 20_000
"""The part of a thread that is in a prompt: its first message, often an alert, and the latest."""

MOST_APPS = 3
"""The apps that are named where messages are left out: those that wrote most."""

NO_WORDS: Mapping[str, object] = {"text": "", "blocks": (), "files": (), "forwarded": ()}

MOST_PAGES = 50
"""The pages of a thread, of 200 messages each, that are read for a prompt, from the oldest on."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, as Markdown with names; `as_self` is for Devin to read from the person themselves.

    `left_out` are messages of the thread whose authors may not message Devin. `until` is the time
    of the last message that was read there; 0 for none. `is_unread`: Slack did not show the thread.
    """

    text: str
    as_self: str
    left_out: Others
    chosen: Chosen
    until: Micros
    is_unread: bool


@dataclass(frozen=True, slots=True)
class Question:
    """Asks whether a session starts with what `others` wrote; without that, is there a task?"""

    others: Others
    is_task: bool


@dataclass(slots=True)
class _Earlier:
    """The first and the latest of `count` messages of a thread that Devin may read.

    Those of others are left out.

    `left_out` has their number, and one of them, by standing and app. `until` is the time of the
    last message that was read. `asks` is the one that asks for the start, None if it is not there
    any more; without `is_whole`, it may be in the rest of the thread.
    """

    latest: list[tuple[Reply, Standing]] = field(default_factory=list)
    count: int = 0
    left_out: dict[tuple[Standing, str], tuple[int, Reply]] = field(default_factory=dict)
    until: Micros = Micros(0)
    is_unread: bool = False
    asks: Mapping[str, Any] | None = None
    is_whole: bool = False

    @property
    def has_first(self) -> bool:
        """True if the thread's first message is among them, as is kept however long the thread."""
        return any(one.begins_thread for one, _ in self.latest[:1])

    def leave_out(self, one: Reply, standing: Standing) -> None:
        """Count a message that is not passed on."""
        key = standing, one.speaker if standing is Standing.BOT else ""
        number, _ = self.left_out.get(key, (0, one))
        self.left_out[key] = number + 1, one


@dataclass(frozen=True, slots=True)
class Prompts:
    """Composes prompts."""

    workspace: Workspace
    choosing: Choosing
    parse_asked: Callable[[Mapping[str, Any], Start, Identity], Reply | None]
    parse_earlier: Callable[[Mapping[str, Any], ThreadRef, Identity], Reply | None]

    async def of(self, start: Start) -> Prompt | Question | SlackMessage:
        """Return the prompt, or what is told if there is nothing to start from any more.

        It quotes those who may message Devin. Whether all others are quoted, marked as what they
        are, is `START_QUOTES`, or else a person's choice: a question, if there are any. Raises
        `BadOptions`, `CannotPost`, and `DevinAway` if a macro can't be read.
        """
        await self.workspace.channels.check_in(start.thread.channel)
        own, earlier = start.message, _Earlier()
        if (
            start.is_reaction
            and not start.quotes
            and (told := await self._withdrawn(start)) is not None
        ):
            return told
        if start.reads_thread:
            try:
                earlier = await self._read(start)
                found = await self._asked(start, earlier)
                if found is None:
                    return words.WITHDRAWN
                own = own if start.is_typed else found.model_copy(update={"sent_by": own.sent_by})
            except SlackRefused as error:
                log.warning("thread not readable", extra=start.log_fields | {"reason": str(error)})
                earlier.is_unread = True
        standing = await self._standing(start, own)
        if standing is not Standing.ALLOWED and self._quotes(start) != "all":
            earlier.leave_out(own, standing)
            if self._quotes(start) == "allowed" and not start.quotes:
                return words.nothing(await self._others(earlier))
            own, standing = own.model_copy(update=NO_WORDS), Standing.ALLOWED
        return await self._composed(start, own, standing, earlier)

    async def _standing(self, start: Start, own: Reply) -> Standing:
        """Return the standing of who wrote `own`: only by a reaction is it somebody else."""
        if not start.emoji:
            return Standing.ALLOWED
        return await self.workspace.permissions.of_author(own)

    def _quotes(self, start: Start) -> str:
        """Return whose messages are quoted; no choice overrides an operator who allows none."""
        operators = self.workspace.settings.start_quotes
        return operators if operators == "allowed" else start.quotes or operators

    async def _composed(
        self, start: Start, own: Reply, standing: Standing, earlier: _Earlier
    ) -> Prompt | Question | SlackMessage:
        text = "" if start.is_reaction else own.text
        chosen = await self.choosing.of(start.thread.channel, text, composes=True)
        if text != chosen.prompt:
            own = with_prompt(own, chosen.prompt)
        message, others = _without_addresses(own), await self._others(earlier)
        if others.number and self._quotes(start) == "ask":
            return Question(others, is_task=bool(earlier.latest) or not is_empty(message))
        asked, as_self, first, whose = "", "", "", ""
        if not is_empty(message):
            asked = await message_of(message, self.workspace.people, standing=standing)
            as_self = await message_of(
                message, self.workspace.people, standing=standing, as_self=not chosen.preface
            )
        if not (asked or earlier.latest):
            return words.nothing(others, has_form=self.workspace.identity.has_form)
        by = speaker(await self.workspace.people.name(start.by), start.by)
        began = f"{by} started this session from a Slack thread."
        head = "This was asked in a Slack thread." if asked else began
        quoted = await self._quoted(earlier, others, head, standing)
        if chosen.preface:
            preface = start.message.model_copy(update={"text": chosen.preface, "blocks": ()})
            first = mark_typed(await markdown_of(preface, self.workspace.people))
            by = speaker(await self.workspace.people.name(chosen.by), chosen.by)
            whose = f"Standing words of this channel, set by {by} (in Slack):"
        own_texts = (("", first, asked), (whose, first, as_self))
        texts = ["\n\n".join(filter(None, (*parts, quoted))) for parts in own_texts]
        read = earlier.until, earlier.is_unread
        return Prompt(texts[0], texts[1], others, chosen, *read)

    async def _others(self, earlier: _Earlier) -> Others:
        """Return whose messages are left out, with the names of those apps that wrote most."""
        found = sorted(earlier.left_out.items(), key=lambda one: -one[1][0])
        named = [key for key, _ in found if key[0] is Standing.BOT][:MOST_APPS]
        written, unnamed = list[Written](), 0
        for key, (number, one) in found:
            name = ""
            if key in named:
                name = (await self.workspace.people.called(one, frozenset())).author
            elif key[0] is Standing.BOT:
                unnamed += number
                continue
            written.append(Written(number, *key, name))
        written += [Written(unnamed, Standing.BOT)] if unnamed else []
        return Others(written)

    async def _quoted(
        self, earlier: _Earlier, others: Others, head: str, standing: Standing
    ) -> str:
        """Tell of the thread: its latest messages, the oldest first, each in a block quote.

        `standing` is that of the message above them.
        """
        are_allowed = {standing, *(one for _, one in earlier.latest)} == {Standing.ALLOWED}
        information = [] if are_allowed else [compose.INFORMATION]
        if not (earlier.latest or others.number or earlier.is_unread):
            return "".join(information)
        told = [head, *([compose.UNREAD] if earlier.is_unread else [])]
        if others.number:
            told.append(
                compose.left_out(others.number, words.by_whom(others, speaker, between="; "))
            )
        told += information
        if not earlier.latest:
            return " ".join(told)
        texts = await asyncio.gather(
            *(
                message_of(_without_addresses(one), self.workspace.people, standing=standing)
                for one, standing in earlier.latest
            )
        )
        first = [cut(text, MOST_CHARACTERS // 2) for text in texts[: earlier.has_first]]
        kept, left = list[str](), MOST_CHARACTERS - sum(map(len, first))
        for text in reversed(texts[len(first) :]):
            if kept and len(text) > left:
                break
            kept.insert(0, cut(text, left))
            left -= len(text)
        kept = [*first, *kept]
        more, which = earlier.count - len(kept), "other messages" if others.number else "messages"
        where = "messages after the first" if first else "earlier messages"
        counted = f" ({where} left out: {more})" if more else ""
        told.append(f"Its {which}, oldest first{counted}:")
        return "\n\n".join((" ".join(told), *map(block_quote, kept)))

    async def asked(self, start: Start) -> Reply | None:
        """Return the message that asks for the start, as it is now, or None if none does.

        Its text is the prompt, unless that isn't passed on. Without a message in the thread, it is
        what was kept.
        """
        own = await self._asked(start, _Earlier())
        own = start.message if start.is_typed and own is not None else own
        if own is None or self._quotes(start) == "all":
            return own
        is_passed = await self._standing(start, own) is Standing.ALLOWED
        return own if is_passed else own.model_copy(update=NO_WORDS)

    async def _asked(self, start: Start, read: _Earlier) -> Reply | None:
        if start.by_button or not start.reads_thread:
            return start.message
        found = read.asks
        if found is None and not read.is_whole:
            found = await self.workspace.threads.message(start.thread, start.message.ts)
        if found is None:
            return None
        asked = self.parse_asked(found, start, self.workspace.identity)
        if asked is None or (start.emoji and asked.text == found.get("text")):
            return asked
        return with_prompt(asked, asked.text)

    async def _withdrawn(self, start: Start) -> SlackMessage | None:
        """Return what is told if the reaction that asks for a start is gone; None if it isn't."""
        channel, ts = start.thread.channel, start.message.ts
        try:
            reacted = await self.workspace.threads.reacted(channel, ts, start.emoji)
        except SlackRefused as error:
            log.warning("reactions unread", extra=start.log_fields | {"reason": error.reason})
            return refusals.refused_by_slack(error.reason, self.workspace.admin)
        if start.by in reacted:
            return None
        return words.OTHERS_REACTED if reacted else words.WITHDRAWN

    async def _read(self, start: Start) -> _Earlier:
        """Read the thread's other messages, up to the request for the start."""
        thread, earlier, cursor = start.thread, _Earlier(), None
        if start.until == thread.thread_ts:  # nothing comes before what begins the thread
            return _Earlier(until=ts_micros(start.until))
        standings: dict[tuple[object, ...], Standing] = {}
        permissions = self.workspace.permissions
        ends = {"latest": start.until, "inclusive": True} if start.until else {}
        seen: set[str] = {start.message.ts}  # a thread's first message is on each page
        for _ in range(MOST_PAGES):
            page, cursor = await self.workspace.threads.page(thread, cursor, Need.ACT, **ends)
            for raw in page:
                if is_ts(ts := string(raw, "ts")):
                    earlier.until = max(earlier.until, ts_micros(ts))
                if ts == start.message.ts:
                    earlier.asks = raw
                one = self.parse_earlier(raw, thread, self.workspace.identity)
                if one is None or one.ts in seen or is_empty(one):
                    continue
                seen.add(one.ts)
                who = one.author, one.bots, one.home
                standing = standings.get(who) or await permissions.of_author(one)
                standings[who] = standing
                if standing is Standing.ALLOWED or self._quotes(start) == "all":
                    earlier.count += 1
                    earlier.latest.append((one, standing))
                else:
                    earlier.leave_out(one, standing)
            earlier.latest.sort(key=lambda found: ts_micros(found[0].ts))
            del earlier.latest[earlier.has_first : earlier.has_first - MOST_MESSAGES]
            if cursor is None:
                earlier.is_whole = True
                return earlier
        log.warning("thread not read to its end", extra=start.log_fields)
        return earlier


def with_prompt(own: Reply, prompt: str) -> Reply:
    """Return a message with `prompt` as its text, and what it has beside that: pasted tables."""
    if own.step:  # its text is what its other inputs say, and the prompt is in blocks
        return own.model_copy(update={"text": prompt})
    beside = own.blocks[1:]  # its first block has the mention, the verb and the prompt
    blocks = (*(section(prompt) or [{}]), *beside) if beside else ()
    return own.model_copy(update={"text": prompt, "blocks": blocks})


def _without_addresses(reply: Reply) -> Reply:
    """Return `reply` with files that are only named: Devin cannot open what Slack keeps."""

    def named(files: Sequence[AttachedFile]) -> dict[str, object]:
        return {"files": tuple(one.model_copy(update={"permalink": ""}) for one in files)}

    forwarded = tuple(one.model_copy(update=named(one.files)) for one in reply.forwarded)
    return reply.model_copy(update=named(reply.files) | {"forwarded": forwarded})
