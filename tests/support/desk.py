"""People's actions and observations in Slack, in the words of the tests."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import pytest
import redis

from bot.app import Bot
from bot.model.errors import NotLinked
from bot.model.people import UserId
from bot.model.record import mapping
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import Link, ThreadRef
from bot.redis.keys import UNREAD_KEY
from bot.settings import load_settings
from bot.slack.threads import METADATA
from bot.store.outbox import OwedKind, parse_owed
from bot.wording import refusals, thread_links
from bot.wording.delivery_reports import DELIVERED_MARK
from bot.wording.message import SlackMessage
from bot.wording.phrases import session_address
from sandbox import Sandbox
from sandbox.slack.api.blocks import interactive_elements
from sandbox.slack.server import Message
from sandbox.slack.transport.deliveries import Delivery
from tests.support.bots import open_bot
from tests.support.keys import at
from tests.support.waiting import PATIENCE_SECONDS, wait_until

SESSION = "devin-0123456789abcdef0123456789abcdef"
OTHER_SESSION = "devin-fedcba9876543210fedcba9876543210"

on_both = pytest.mark.parametrize("api", ["v1", "v3"])

in_org_too = pytest.mark.parametrize("is_org", [False, True], ids=["workspace", "org"])
"""For one test of each kind of payload that is another for an org-wide app (`TEST_ORG=1`: all)."""

on_v1 = pytest.mark.parametrize("api", ["v1"])
"""For tests of what only version 1 answers: a 200 that does not confirm the message."""


Told = str | SlackMessage
"""What the bot should say: one of its own messages (`bot/wording/`), or foreign text, a code or an
id that it passes on. Its own sentences are not repeated in tests, so they can be rewritten freely.
"""

ANYTHING = "⋯"
"""Stands in what the bot should say for something that the test does not know."""


class Desk:
    """Acts in the sandbox's Slack, and looks at its Devin and, in `plain`, at the bot's Redis."""

    def __init__(self, box: Sandbox, plain: redis.Redis | None = None) -> None:
        self.box = box
        self._plain = plain
        self.slack = box.slack
        self.devin = box.devin

    async def mention(
        self, words: str, *, thread: str | None = None, user: str = "ada", channel: str = "general"
    ) -> str:
        """Mention the bot as somebody; return the message's ts."""
        text = f"<@{self.slack.bot_user_id}> {words}"
        return await self.slack.say(text, user=user, channel=channel, thread=thread)

    def named(self, session: str = SESSION) -> NamedSession:
        """Return a session with the title and the address that Devin gives it."""
        known = self.devin.session(session)
        return NamedSession(SessionId(session), known.title, known.url)

    async def answer(self, words: str, thread: str, told: Told) -> str:
        """Mention the bot in a thread, and wait for one more post with `told`; return its text."""
        before = len(self.said(thread))

        def answers() -> list[str]:
            return [one for one in self.said(thread)[before:] if tells(one, told)]

        await self.mention(words, thread=thread)
        await wait_until(
            answers, lambda: f"{words!r} is answered with {told!r} ({self.said(thread)})"
        )
        return answers()[0]

    async def is_linked(
        self, thread: str, session: str = SESSION, *, channel: str = "general"
    ) -> bool:
        """Ask for the `status` of a thread; return True if it is linked to `session`."""
        before = len(self.said(thread, channel=channel))
        linked, unlinked = session_address(self.named(session)), refusals.sorry(NotLinked()).text

        def answers() -> list[str]:
            said = self.said(thread, channel=channel)[before:]
            return [one for one in said if linked in one or unlinked in one]

        await self.mention("status", thread=thread, channel=channel)
        await wait_until(answers, lambda: f"an answer ({self.said(thread, channel=channel)})")
        return unlinked not in answers()[0]

    async def linked_thread(self, session: str = SESSION, *, channel: str = "general") -> str:
        """Link a thread to `session`, and let its first read end; return its ts.

        A bot that is stopped before that leaves the read to the next one, and a request that Slack
        sends again has the thread read again.
        """
        with self.slack.patient(PATIENCE_SECONDS):
            root = await self.slack.say("Shall we ship it?", channel=channel)
            await self.mention(f"link {session}", thread=root, channel=channel)
            await self.until_linked(root, channel=channel)
        await wait_until(lambda: root in self.read_threads(), "the thread is read once")
        await wait_until(lambda: not self.is_unread(root, channel=channel), "its read has ended")
        return root

    def is_unread(self, thread: str, *, channel: str = "general") -> bool:
        """Return True if the backfill still has to read a thread, as far as this can be seen."""
        if self._plain is None:
            return False
        place = self.slack.workspace.channel(channel).id
        ref = ThreadRef(team=self.slack.team_id, channel=place, thread_ts=thread)
        return self._plain.zscore(at(UNREAD_KEY, ref.team), ref.name) is not None

    def read_threads(self) -> list[str]:
        """Return the threads that the backfill has read, once for each time."""
        calls = [one for one in self.slack.calls if one.method == "conversations.replies"]
        return [str(one.params["ts"]) for one in calls if "oldest" in one.params]

    async def cut_off(self, verb: str, thread: str) -> None:
        """`mute` or `unlink` a thread of `SESSION`, so that nothing in it goes to Devin."""
        done = {"mute": muted(), "unlink": thread_links.unlinked(self.named())}[verb]
        await self.mention(verb, thread=thread)
        await self.until_said(done, thread)

    async def reply(
        self, text: str, thread: str, *, user: str = "ada", channel: str = "general"
    ) -> str:
        """Reply in a thread as somebody; return the reply's ts."""
        return await self.slack.say(text, user=user, channel=channel, thread=thread)

    def posts(
        self, thread: str, *, channel: str = "general", with_cards: bool = False
    ) -> list[Message]:
        """Return the bot's whole messages in a thread, in order; its cards only if asked for."""
        messages = self.slack.thread(channel, thread)
        own = [one for one in messages if one.user == self.slack.bot_user_id]
        return [one for one in own if with_cards or not is_card(one)]

    def said(self, thread: str, *, channel: str = "general", with_cards: bool = False) -> list[str]:
        """Return the text of the bot's messages in a thread, in order, as `posts` has them."""
        posts = self.posts(thread, channel=channel, with_cards=with_cards)
        return [one.text for one in posts]

    def cards(self, thread: str, *, channel: str = "general") -> list[Message]:
        """Return a thread's cards as they are now, in order: one for each link that it had."""
        return [one for one in self.posts(thread, channel=channel, with_cards=True) if is_card(one)]

    def card(self, thread: str, *, channel: str = "general") -> Message | None:
        """Return the card of a thread's latest link."""
        return next(reversed(self.cards(thread, channel=channel)), None)

    def words(self, thread: str, *, channel: str = "general") -> list[str]:
        """Return what Devin said in a thread, as it was posted, in order."""
        posts = self.posts(thread, channel=channel)
        return [
            block["text"] for post in posts for block in post.blocks if block["type"] == "markdown"
        ]

    def whispers(self, user: str, *, channel: str = "general") -> list[str]:
        """Return the messages that only `user` sees, in order."""
        return [one.text for one in self.slack.ephemerals(channel, user)]

    def marks(self, ts: str, *, channel: str = "general") -> list[str]:
        """Return the reactions on a message."""
        return self.slack.reactions(channel, ts)

    def received(self, session: str = SESSION) -> list[str]:
        """Return the messages that Devin's session has read, in order."""
        return self.devin.received(session)

    def read(self, session: str = SESSION) -> list[tuple[str, list[str]]]:
        """Return what Devin's session has read: each text, and the addresses of its files.

        Version 1 has these in lines below the text, and version 3 beside it.
        """
        messages = [
            one for one in self.devin.session(session).messages if one.kind == "user_message"
        ]
        found = [(*_split(one.text), list(one.attachments)) for one in messages]
        return [(text, lines + beside) for text, lines, beside in found]

    async def until_said(self, words: Told, thread: str, *, channel: str = "general") -> str:
        """Wait until the bot says `words` in the thread, and return the whole message."""
        await wait_until(
            lambda: any(tells(one, words) for one in self.said(thread, channel=channel)),
            lambda: f"the bot says {words!r} (it said {self.said(thread, channel=channel)})",
        )
        return next(one for one in self.said(thread, channel=channel) if tells(one, words))

    async def until_linked(self, thread: str, *, channel: str = "general", times: int = 1) -> str:
        """Wait until a thread has the card of its `times`-th link; return the card's text."""
        await wait_until(
            lambda: len(self.cards(thread, channel=channel)) >= times,
            lambda: f"a card for link {times} (it said {self.said(thread, channel=channel)})",
        )
        return self.cards(thread, channel=channel)[times - 1].text

    async def until_received(self, words: str, session: str = SESSION) -> str:
        """Wait until Devin's session has read something with `words`, and return it."""
        await wait_until(
            lambda: any(words in one for one in self.received(session)),
            f"Devin reads {words!r}",
        )
        return next(one for one in self.received(session) if words in one)

    async def until_marked(self, mark: str, ts: str, *, channel: str = "general") -> None:
        """Wait until a message carries the reaction `mark`."""
        await wait_until(lambda: mark in self.marks(ts, channel=channel), f"{mark} on {ts}")

    async def until_delivered(self, ts: str, *, channel: str = "general") -> None:
        """Wait until a reply carries the mark of what Devin has taken."""
        await self.until_marked(DELIVERED_MARK, ts, channel=channel)

    async def until_whispered(self, words: Told, user: str, *, channel: str = "general") -> str:
        """Wait until the bot tells `user` alone `words`, and return the whole message."""
        await wait_until(
            lambda: any(tells(one, words) for one in self.whispers(user, channel=channel)),
            lambda: (
                f"the bot whispers {words!r} to {user} ({self.whispers(user, channel=channel)})"
            ),
        )
        return next(one for one in self.whispers(user, channel=channel) if tells(one, words))

    async def offering(self, action: str, thread: str, *, channel: str = "general") -> Message:
        """Wait until a message of the bot's in a thread has a button; return the newest such one.

        What else the bot posts meanwhile, such as the thread's card, may be below it.
        """

        def found() -> list[Message]:
            posts = self.posts(thread, channel=channel, with_cards=True)
            return [one for one in posts if action in actions(one)]

        await wait_until(found, f"{action!r} in a thread with {self.said(thread, channel=channel)}")
        return found()[-1]

    async def press(
        self, action: str, thread: str, *, channel: str = "general", user: str = "ada"
    ) -> Delivery:
        """Press the newest button of its kind in a thread, as soon as there is one."""
        report = await self.offering(action, thread, channel=channel)
        return await self.slack.press(action, channel=channel, message_ts=report.ts, user=user)

    async def until_heard(self) -> None:
        """Wait until the bot has acknowledged all events so far, at the first that reached it."""
        for delivery in list(self.slack.deliveries):
            await delivery.settled()
            # It may have been given up by a hurried Slack before its acknowledgement came.
            if not delivery.acked:
                await wait_until(
                    lambda one=delivery: one.acked,  # type: ignore[misc]  # a lambda's default
                    f"{delivery.payload} is acknowledged",
                )
            is_first = delivery.attempts - delivery.lost == 1 or self.slack.is_hurried
            assert is_first, f"sent {delivery.attempts} times: {delivery.payload}"

    async def fence(self, thread: str, *, channel: str = "general") -> list[str]:
        """Let Ada reply once more, after everything so far; return what Devin read before it."""
        await self.until_heard()
        ts = await self.reply("This is the fence.", thread, channel=channel)
        await self.until_delivered(ts, channel=channel)
        return [one for one in self.received() if "This is the fence." not in one]


def _split(text: str) -> tuple[str, list[str]]:
    """Split off the lines for files at the end of a message."""
    files = re.findall(r'^ATTACHMENT:"(.*)"$', text, re.MULTILINE)
    lines = "\n".join(f'ATTACHMENT:"{one}"' for one in files)
    return (text.removesuffix(f"\n\n{lines}"), files) if files else (text, [])


def tells(text: str, told: Told) -> bool:
    """Return True if a message with `text` says `told`, whatever else it says."""
    if isinstance(told, SlackMessage):
        return tells(text, told.text) or told.without_mention().text in text
    return re.search(".*?".join(map(re.escape, told.split(ANYTHING))), text) is not None


def is_card(message: Message) -> bool:
    """Return True if the message is a thread's card, by the key with which it was posted."""
    return _kind(message) == OwedKind.CARD


def is_words(message: Message) -> bool:
    """Return True if the message is what a session says, by the key with which it was posted."""
    return _kind(message) == OwedKind.WORDS


def key_of(message: Message) -> str:
    """Return the key with which the bot posted the message; empty if it did not."""
    return str(_payload(message).get("key", ""))


def _kind(message: Message) -> str | None:
    key = key_of(message)
    owed = key if key.count("|") == 2 else key.rpartition("|")[0]
    return parse_owed(owed).kind if owed.count("|") == 2 else None


def _payload(message: Message) -> Mapping[str, Any]:
    metadata = message.metadata or {}
    is_ours = metadata.get("event_type") == METADATA
    return mapping(metadata.get("event_payload")) if is_ours else {}


def muted(*, is_muted: bool = True) -> SlackMessage:
    """Return the bot's answer to `mute`, or else to `unmute`."""
    by = UserId("U0ADA00000")
    return thread_links.muted(Link(session=SessionId(SESSION), by=by, linked_at=0, muted=is_muted))


def labels(message: Message) -> list[str]:
    """Return the labels of a message's buttons."""
    rows = [block for block in message.blocks if block["type"] == "actions"]
    return [button["text"]["text"] for row in rows for button in row["elements"]]


def actions(message: Message) -> list[str]:
    """Return the action ids of a message's buttons and menus."""
    return [element["action_id"] for _, element in interactive_elements(message.blocks)]


def quote(message: Message) -> str:
    """Return the foreign text that a message shows, unparsed by Slack."""
    blocks = [block for block in message.blocks if block["type"] == "rich_text"]
    return "".join(
        piece["text"]
        for block in blocks
        for part in block["elements"]
        for piece in part["elements"]
        if piece["type"] == "text"
    )


@asynccontextmanager
async def running(
    desk: Desk,
    environ: Mapping[str, str],
    times: Mapping[str, object] = MappingProxyType({}),
    /,
    **changes: str,
) -> AsyncIterator[Bot]:
    """Run a connected bot whose environment differs by `changes`; the block's end stops it."""
    async with open_bot(load_settings({**environ, **changes}, None), **times) as bot:
        await desk.slack.wait_connected()
        yield bot
