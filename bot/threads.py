"""Slack threads: what is posted there, put on a reply as a mark, and read again."""

from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import SlackRefused
from bot.models import ThreadRef
from bot.slack_calls import call
from bot.words import Words

METADATA = "devin_relay_report"
"""The `event_type` under which a report's key is kept with its message."""


class Threads:
    """The Slack conversations, as far as the relay writes into them, or looks what is there."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def post(self, thread: ThreadRef, words: Words, key: str | None = None) -> str:
        """Say `words` in `thread`; `key` is kept with the message for `has`. Returns its `ts`."""
        extra: dict[str, Any] = {"thread_ts": thread.thread_ts}
        if key is not None:
            extra["metadata"] = {"event_type": METADATA, "event_payload": {"key": key}}
        return await self._post(thread.channel, words, extra)

    async def open(self, channel: str, words: Words) -> str:
        """Say `words` in `channel`, as the beginning of a thread. Returns its `ts`."""
        return await self._post(channel, words, {})

    async def has(self, thread: ThreadRef, key: str) -> bool:
        """True when a message with that `key` is in the thread already."""
        cursor: str | None = None
        while True:
            messages, cursor = await self.page(thread, cursor, include_all_metadata=True)
            if any(_key_of(message) == key for message in messages):
                return True
            if not cursor:
                return False

    async def page(
        self, thread: ThreadRef, cursor: str | None, **params: object
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """Some messages of `thread`, oldest first, and where the next ones begin, if there are any.

        The thread's first message is on every page, also before an `oldest`.
        """
        page = await call(
            self._client,
            "conversations.replies",
            channel=thread.channel,
            ts=thread.thread_ts,
            limit=200,
            **params,
            **({"cursor": cursor} if cursor else {}),
        )
        more = (page.get("response_metadata") or {}).get("next_cursor")
        return page["messages"], more or None

    async def whisper(self, thread: ThreadRef, user: str, words: Words) -> None:
        """Say `words` in the thread so that only `user` sees them; Slack does not keep them."""
        await call(
            self._client,
            "chat.postEphemeral",
            channel=thread.channel,
            thread_ts=thread.thread_ts,
            user=user,
            **words.params(),
        )

    async def press(self, message: Mapping[str, Any], channel: str, note: str) -> None:
        """Put `note` in the place of the buttons of our own `message`, as Slack sent it."""
        blocks = [block for block in message.get("blocks", []) if block.get("type") != "actions"]
        note_block = {"type": "context", "elements": [{"type": "mrkdwn", "text": note}]}
        await call(
            self._client,
            "chat.update",
            channel=channel,
            ts=message["ts"],
            text=f"{message.get('text', '')}\n{note}",
            blocks=[*blocks, note_block],
        )

    async def mark(self, channel: str, ts: str, emoji: str) -> None:
        """Put our `emoji` on a message; it may be there already."""
        await self._react("reactions.add", channel, ts, emoji, "already_reacted")

    async def unmark(self, channel: str, ts: str, emoji: str) -> None:
        """Take our `emoji` off a message; it may be gone already."""
        await self._react("reactions.remove", channel, ts, emoji, "no_reaction")

    async def _react(self, method: str, channel: str, ts: str, emoji: str, done: str) -> None:
        try:
            await call(self._client, method, channel=channel, timestamp=ts, name=emoji)
        except SlackRefused as error:
            if error.reason != done:
                raise

    async def _post(self, channel: str, words: Words, extra: Mapping[str, Any]) -> str:
        answer = await call(
            self._client,
            "chat.postMessage",
            channel=channel,
            unfurl_links=False,
            unfurl_media=False,
            **words.params(),
            **extra,
        )
        return str(answer["ts"])


def _key_of(message: Mapping[str, Any]) -> object:
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != METADATA:
        return None
    return (metadata.get("event_payload") or {}).get("key")
