"""Slack threads: posts into them, marks on their replies, their messages and status lines."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from cachetools import TTLCache
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import OPERATOR_MUST_ACT, SlackAway, SlackRefused
from bot.model.record import mapping, mappings, string, strings
from bot.model.threads import ThreadRef
from bot.model.times import Ts
from bot.redis.connection import Store
from bot.slack.api import RateLimits, call
from bot.slack.lookups import Budget, Need
from bot.wording.actions import HOW_TO_ANSWER, parse_answer_value
from bot.wording.message import SlackMessage, context

log = logging.getLogger(__name__)

METADATA = "devin_relay_report"
"""The `event_type` of the metadata that holds a report's key."""

NO_SUCH_CHANNEL = "channel_not_found"
NO_SUCH_THREAD = frozenset({"thread_not_found", "message_not_found"})
"""Slack's codes for a thread that no longer exists."""

MARK_IS_RIGHT = frozenset({"already_reacted", "no_reaction", "message_not_found"})
"""Slack's codes for a mark that is there already, or gone, perhaps with its message."""

INERT: Mapping[str, Any] = {"parse": "none", "link_names": False}
"""Arguments of each post, so that Slack makes no link or mention of bare words.

`chat.postMessage` does so by default; `chat.update` has `parse` default to `client`, and turns
`link_names` on again where it is left out (docs.slack.dev/reference/methods/chat.update).
"""


REPLIES = "conversations.replies"
HISTORY = "conversations.history"
MOST_FIRSTS = 999
"""The most messages that a page of a channel's history has."""

SET_STATUS = "assistant.threads.setStatus"
THREADS = 10_000
REFUSED_SECONDS = 3_600.0
"""The time for which a thread that was refused a status line is not tried again."""

Moves = Callable[[str], Awaitable[str | None]]
"""Returns a channel's new id, if it has one (`Channels.now`)."""


class Postable(Protocol):
    """Words that can be posted."""

    def params(self) -> Mapping[str, Any]:
        """Return the arguments of Slack's posting methods: blocks, and a fallback text."""


class Threads:
    """Slack conversations, as far as the relay writes into them or reads them.

    Each method may raise `SlackAway`, also for a rate limit that is known (`RateLimits`), and
    `SlackRefused` unless it says otherwise.

    All processes that share `store` read threads by one budget, in which what people ask for comes
    first, and channels by another.

    If Slack no longer knows a channel by its id, `moved` has the current one, for reads, marks and
    buttons. Outsiders may read along there, so a post `follows` only if it is about messages
    that stand there, and not what Devin or a person says.
    """

    def __init__(self, client: AsyncWebClient, moved: Moves, store: Store) -> None:
        self._client = client
        self._reads, self._histories = Budget(store, REPLIES), Budget(store, HISTORY)
        self._limits = RateLimits()
        self._moved = moved
        self._refused: TTLCache[ThreadRef, None] = TTLCache(THREADS, REFUSED_SECONDS)

    async def post_once(
        self,
        thread: ThreadRef,
        words: Postable,
        key: str,
        *,
        again: bool,
        since: Ts = "",
        follows: bool = False,
    ) -> str:
        """Post `words` as `post` does; with `again`, first `find` the post of an earlier attempt.

        Slack has no idempotency key for messages. If Slack refuses to show the thread, post anyway,
        perhaps a second time; if it doesn't answer, a later try looks again.
        """
        found = await self.find(thread, key, since) if again else None
        return found or await self.post(thread, words, key, follows=follows)

    async def post(
        self, thread: ThreadRef, words: Postable, key: str, *, follows: bool = False
    ) -> str:
        """Post `words` with `key` for `look` (no `thread_ts`: a new thread); return its `ts`."""
        answer = await self._call(
            "chat.postMessage",
            channel=thread.channel,
            follows=follows,
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": METADATA, "event_payload": {"key": key}},
            **({"thread_ts": thread.thread_ts} if thread.thread_ts else {}),
            **INERT,
            **_said_in(thread, words).params(),
        )
        return str(answer["ts"])

    async def update(
        self, thread: ThreadRef, ts: str, words: Postable, *, follows: bool = False
    ) -> None:
        """Replace our message at `ts` in `thread` by `words`, text and blocks alike.

        Slack takes at most 4,000 characters of text, and notifies nobody who is mentioned
        (docs.slack.dev/reference/methods/chat.update).
        """
        shows = {"ts": ts, **INERT, **words.params()}
        await self._call("chat.update", channel=thread.channel, follows=follows, **shows)

    async def look(self, thread: ThreadRef, key: str, since: Ts = "") -> Ts | None:
        """Return the `ts` of the message with that `key` in the thread, after `since`, if any.

        Without a `thread_ts`, the first 1,000 messages of the channel after `since` are read.
        """
        if thread.thread_ts:
            found = await self.first(thread, since, lambda one: _key_of(one) == key)
        else:
            page = await self._call(
                HISTORY,
                channel=thread.channel,
                oldest=since,
                limit=1_000,
                include_all_metadata=True,
            )
            found = next((one for one in page["messages"] if _key_of(one) == key), None)
        return None if found is None else str(found["ts"])

    async def find(self, thread: ThreadRef, key: str, since: Ts = "") -> Ts | None:
        """Return what `look` does; None also if the thread can't be read, which is logged."""
        try:
            return await self.look(thread, key, since)
        except SlackRefused as error:
            ids = thread.log_fields | {"key": key, "reason": str(error)}
            log.warning("thread not readable", extra=ids)
            return None

    async def close(self, thread: ThreadRef, asked: str, note: str, *, since: Ts) -> None:
        """Replace the buttons that answer what was `asked` with `note`; log a refusal."""
        try:
            if (post := await self.first(thread, since, lambda one: _asks(one, asked))) is not None:
                await self.press(post, thread.channel, note)
        except SlackRefused as error:
            log.warning("buttons left", extra=thread.log_fields | {"reason": str(error)})

    async def first(
        self, thread: ThreadRef, since: Ts, fits: Callable[[Mapping[str, Any]], bool]
    ) -> Mapping[str, Any] | None:
        """Return the first message of `thread` after `since` (`look`) that `fits`, if any."""
        start = {"oldest": since} if since else {}
        cursor: str | None = None
        while True:
            messages, cursor = await self.page(
                thread, cursor, Need.WORDS, include_all_metadata=True, **start
            )
            found = next(filter(fits, messages), None)
            if found is not None or not cursor:
                return found

    async def page(
        self, thread: ThreadRef, cursor: str | None, need: Need = Need.ACT, **params: object
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """Return some messages of `thread`, oldest first, and the next page's cursor, if any.

        The thread's first message is on every page, even if it is older than `oldest`.
        """
        how = {**params, **({"cursor": cursor} if cursor else {})}
        async with self._reads.spent(need):
            page = await self._ask(
                REPLIES, thread.channel, follows=True, ts=thread.thread_ts, limit=200, **how
            )
        return page["messages"], (page.get("response_metadata") or {}).get("next_cursor") or None

    async def firsts(
        self, channel: str, oldest: Ts, latest: Ts
    ) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """Return the messages that are in no thread or begin one, newest first; True if not all.

        What begins a thread has the `ts` of the `latest_reply` (slackapi/java-slack-sdk#129).
        """
        span = {"oldest": oldest, "latest": latest, "inclusive": True}
        async with self._histories.spent(Need.MAIL):
            page = await self._ask(HISTORY, channel, follows=True, limit=MOST_FIRSTS, **span)
        return page["messages"], bool(page.get("has_more"))

    async def message(
        self, thread: ThreadRef, ts: str, need: Need = Need.ACT
    ) -> Mapping[str, Any] | None:
        """Return the current message at `ts` in `thread`; None if it is gone."""
        try:
            page, _ = await self.page(thread, None, need, oldest=ts, latest=ts, inclusive=True)
        except SlackRefused as error:
            if error.reason in NO_SUCH_THREAD:
                return None
            raise
        return next((one for one in page if one.get("ts") == ts), None)

    async def whisper(self, thread: ThreadRef, user: str, words: Postable) -> None:
        """Show `words` to `user` alone (no `thread_ts`: in the channel); Slack keeps none."""
        where = {"thread_ts": thread.thread_ts} if thread.thread_ts else {}
        how = {**INERT, **where, **_said_in(thread, words).params()}
        await self._call("chat.postEphemeral", channel=thread.channel, user=user, **how)

    async def press(self, message: Mapping[str, Any], channel: str, note: str) -> None:
        """Replace the buttons of our `message`, and what explains them, with `note`; links stay."""
        found = mappings(message.get("blocks"))
        shown = (_without_presses(block) for block in found if not _explains(block))
        blocks = [block for block in shown if block is not None]
        text = str(message.get("text", ""))
        for block in filter(_explains, found):
            text = text.replace(f"\n{string(mapping(block.get('text')), 'text')}", "")
        shows = {"text": f"{text}\n{note}", "blocks": [*blocks, context(note)], **INERT}
        await self._call("chat.update", channel=channel, ts=message["ts"], **shows)

    async def mark(
        self,
        channel: str,
        ts: str,
        emoji: str,
        ids: Mapping[str, object],
        *,
        takes_off: bool = False,
    ) -> None:
        """Put our `emoji` on a message, or take it off; log a refusal, or raise an operator's."""
        method = "reactions.remove" if takes_off else "reactions.add"
        try:
            await self._call(method, channel=channel, timestamp=ts, name=emoji)
        except SlackRefused as error:
            if error.reason in OPERATOR_MUST_ACT:
                raise
            if error.reason not in MARK_IS_RIGHT:
                log.warning("mark refused", extra={**ids, "reason": str(error)})

    async def show_status(self, thread: ThreadRef, text: str) -> None:
        """Show `text` below the thread, after the bot's name, or remove that; a failure is no loss.

        Slack removes it after two minutes, and with each post of the app in the thread
        (docs.slack.dev/reference/methods/assistant.threads.setStatus).
        """
        if thread in self._refused:
            return
        where = {"channel_id": thread.channel, "thread_ts": thread.thread_ts}
        with suppress(SlackAway), self._limits.respected(SET_STATUS, thread.channel):
            try:
                await call(self._client, SET_STATUS, **where, status=text)
            except SlackRefused as error:
                self._refused[thread] = None
                log.info("status line refused", extra=thread.log_fields | {"reason": str(error)})

    async def reacted(self, channel: str, ts: str, emoji: str) -> Collection[str]:
        """Return the users who react to a message with `emoji`, in any skin tone, at the moment."""
        try:
            answer = await self._call("reactions.get", channel=channel, timestamp=ts, full=True)
        except SlackRefused as error:
            if error.reason in NO_SUCH_THREAD:
                return ()
            raise
        found = mappings(mapping(answer.get("message")).get("reactions"))
        same = (one for one in found if string(one, "name").partition("::")[0] == emoji)
        return [user for one in same for user in strings(one, "users")]

    async def _call(
        self, method: str, *, channel: str, follows: bool = True, **params: object
    ) -> Mapping[str, Any]:
        with self._limits.respected(method, channel):
            return await self._ask(method, channel, follows=follows, **params)

    async def _ask(
        self, method: str, channel: str, *, follows: bool, **params: object
    ) -> Mapping[str, Any]:
        try:
            return await call(self._client, method, channel=channel, **params)
        except SlackRefused as error:
            may_follow = follows and error.reason == NO_SUCH_CHANNEL
            now = await self._moved(channel) if may_follow else None
            if now is None:
                raise
        return await call(self._client, method, channel=now, **params)


def _said_in(thread: ThreadRef, words: Postable) -> Postable:
    if thread.is_direct and isinstance(words, SlackMessage):
        return words.without_mention()
    return words


def _without_presses(block: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if block.get("type") != "actions":
        return block
    links = [one for one in mappings(block.get("elements")) if one.get("url")]
    return {**block, "elements": links} if links else None


def _explains(block: Mapping[str, Any]) -> bool:
    return string(block, "block_id").startswith(HOW_TO_ANSWER)


def _asks(message: Mapping[str, Any], asked: str) -> bool:
    for block in mappings(message.get("blocks")):
        for button in mappings(block.get("elements")):
            if asked in (parse_answer_value(string(button, "value")) or ()):
                return True
    return False


def _key_of(message: Mapping[str, Any]) -> object:
    metadata = mapping(message.get("metadata"))
    if metadata.get("event_type") != METADATA:
        return None
    return mapping(metadata.get("event_payload")).get("key")
