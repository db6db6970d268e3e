"""What is owed to a thread, brought there by the relay's own parts, one try at a time.

Each try has parts of its own, as in a process that has just started, so nothing but Redis and Slack
remembers an earlier one, and no try waits for a limit that another one met.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import aiohttp
import redis.asyncio
from pydantic import SecretStr

from bot.devin.api import Devin
from bot.devin.opening import open_devin
from bot.mirror.audience import Audience
from bot.mirror.card import CardTeller
from bot.mirror.files import SentFiles
from bot.mirror.posting import Place
from bot.mirror.words import Closings, FilesTeller, WordsTeller
from bot.model.errors import RelayError
from bot.model.people import UserId
from bot.model.sessions import Said, SessionId, SessionState, Watched
from bot.model.threads import Link, ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import OUTBOX_KEY
from bot.reporting.outcomes import Delays, Outcomes
from bot.reporting.reporter import Reporter
from bot.runtime.in_flight import Background, InFlight
from bot.slack.api import SlackClient
from bot.store.cards import card_owed
from bot.store.links import Links
from bot.store.outbox import Begun, Outbox, Owed, OwedKind, Teller, parse_owed
from bot.store.watches import Polled, Watches
from bot.store.words import words_owed
from bot.timing import Timing
from bot.wiring import Parts
from bot.wording.message import SlackMessage
from sandbox import Sandbox
from sandbox.slack.server import Message
from tests.support.bots import BRISK
from tests.support.desk import SESSION
from tests.support.entries import expire
from tests.support.keys import at
from tests.support.known import forget
from tests.support.parts import parts_of
from tests.support.schedules import Planned
from tests.support.waiting import wait_until

ID = SessionId(SESSION)
TTL = timedelta(days=90)
DRAIN_SECONDS = 30.0

AT_ONCE = replace(BRISK, post_pause=0.0)


@dataclass
class Speaking:
    """A linked thread, and tries at what its session says; `told` has the notices that are owed."""

    box: Sandbox
    store: Store
    raw: redis.asyncio.Redis
    web: aiohttp.ClientSession
    devin: Devin
    thread: ThreadRef
    told: list[SlackMessage] = field(default_factory=list)
    timing: Timing = AT_ONCE
    agent: str = "off"

    def posts(self) -> Sequence[Message]:
        """Return what the bot has posted in the thread, in order."""
        posts = self.box.slack.thread(self.thread.channel, self.thread.thread_ts)
        return [one for one in posts if one.user == self.box.slack.bot_user_id]

    async def link(self, session: SessionId = ID) -> None:
        """Link the thread to a session."""
        ada = UserId(self.box.slack.workspace.user("ada").id)
        await Links(self.store, TTL).create(self.thread, Link(session=session, by=ada, linked_at=1))

    async def card(self) -> Owed:
        """Return the entry of the card of the thread's link."""
        link = await Links(self.store, TTL).get(self.thread)
        assert link is not None
        return card_owed(self.thread, link)

    @property
    def owed(self) -> Owed:
        """The entry of what the thread is to be shown."""
        return words_owed(self.thread)

    async def say(
        self,
        *texts: str,
        session: SessionId = ID,
        state: SessionState = SessionState.UNKNOWN,
    ) -> None:
        """Let a session, which is in `state`, say this, so that it is owed to the thread."""
        await self.owe(*(Said(text=text) for text in texts), session=session, state=state)

    async def owe(
        self,
        *said: Said,
        session: SessionId = ID,
        state: SessionState = SessionState.UNKNOWN,
    ) -> None:
        """Owe the thread these items of a session, as said just now; those with an id keep it."""
        watches = Watches(self.store, TTL)
        await watches.hurry(session)
        polls = (await watches.take(10, timedelta(days=1)))[0]
        poll = next(one for one in polls if one.session == session)
        items = [
            (
                self.thread,
                one.model_copy(
                    update={
                        "id": one.id or f"{poll.began}:{number}",
                        "session": session,
                        "at": poll.began,
                    }
                ),
            )
            for number, one in enumerate(said)
        ]
        seen = Watched(state=state, read_at=poll.began, title="Fix login")
        found = Polled(seen=seen, after=timedelta(0), said=items)
        assert await watches.record(poll, found) is not None

    async def begin(self) -> Begun:
        """Begin a try at what the thread is to be shown, as another process would."""
        begun = await Outbox(self.store).begin(self.owed)
        assert begun is not None
        return begun

    async def expire(self) -> None:
        """Let the lease of a try at it run out."""
        await expire(self.raw, self.owed)

    async def try_once(self, owed: Owed | None = None, attempt: int = 1) -> Planned:
        """Try as the reporter does, and return what it has planned, which is due at once here.

        The status lines that the try began have been sent when this returns.
        """
        await forget(self.raw)
        background = Background(InFlight())
        parts = self._parts(background)
        planned = Planned()
        reporter = Reporter(
            outbox=parts.state.outbox,
            tellers=self._tellers(parts),
            schedule=planned,
        )
        await reporter.tell(owed or self.owed, attempt)
        await background.drain(DRAIN_SECONDS)
        return planned

    async def die_after(
        self,
        seconds: float | None = None,
        *,
        once: Callable[[], object] | None = None,
        owed: Owed | None = None,
    ) -> None:
        """Try in a process that dies so long after it has begun, or just before it notes the end.

        With `once`, it dies as soon as that is so.

        Its lease has run out when this returns.
        """
        owed = owed or self.owed
        teller = self._tellers(self._parts())[owed.kind]
        begun = await Outbox(self.store).begin(owed)
        if begun is None:
            return
        telling = asyncio.ensure_future(teller.tell(begun))
        if once is not None:
            await wait_until(once, "it is where it dies")
            telling.cancel()
        with suppress(TimeoutError, RelayError, asyncio.CancelledError):
            await asyncio.wait_for(telling, seconds)
        await expire(self.raw, owed)
        for _ in range(2):  # what it had sent before is with Slack by then
            await self._parts().workspace.client.auth_test()

    async def until_said(self, tries: int = 60, owed: Owed | None = None) -> None:
        """Try until nothing is owed any more: words, and what comes after, or that entry."""
        after = {OwedKind.FILES, OwedKind.CLOSING}
        for _ in range(tries):
            entries = [parse_owed(str(one)) for one in await self.raw.zrange(at(OUTBOX_KEY), 0, -1)]
            all_ = [self.owed, *(one for one in entries if one.kind in after)]
            left = [one for one in ([owed] if owed else all_) if await self.is_owed(one)]
            if not left:
                return
            await self.try_once(left[0])
        raise AssertionError(f"still owed: {[one.text[:40] for one in self.posts()]}")

    async def is_owed(self, owed: Owed | None = None) -> bool:
        """Return True if something is still to be said."""
        return await self.raw.zscore(at(OUTBOX_KEY), str(owed or self.owed)) is not None

    async def move(self) -> None:
        """Go on in a new thread, without a link."""
        ts = await self.box.slack.say("Shall we ship it?", deliver=False)
        self.thread = self.thread.model_copy(update={"thread_ts": ts})

    def files(self, parts: Parts | None = None) -> SentFiles:
        """Return what brings files, as the process of these parts or one of its own has it."""
        parts = parts or self._parts()
        return SentFiles(parts.workspace, parts.state.words, self.devin)

    def _parts(self, background: Background | None = None) -> Parts:
        slack = self.box.slack
        client = SlackClient(token=slack.bot_token, base_url=slack.api_url, session=self.web)
        return parts_of(
            self.box,
            self.store,
            client,
            self.devin,
            self.timing,
            background=background,
            NOTIFY="no",
            AGENT=self.agent,
        )

    def _tellers(self, parts: Parts) -> Mapping[str, Teller]:
        """Return the tellers of what needs no other part of the relay."""
        workspace, state, place = parts.workspace, parts.state, self._place(parts)
        audience, lines = parts.cases.audience, parts.cases.status_lines
        named = Audience(workspace, state).named
        outcomes = Outcomes(workspace, state, named, parts.complete)
        tellers: Sequence[Teller] = (
            *(WordsTeller(place, lines), FilesTeller(place, lines), Closings(place)),
            *(parts.cases.notices, outcomes, Delays(workspace, state, named)),
            CardTeller(workspace, state, audience, lines, Planned()),
        )
        return {one.kind: one for one in tellers}

    def _place(self, parts: Parts) -> Place:
        async def say(_: ThreadRef, message: SlackMessage) -> None:
            self.told.append(message)

        return Place(parts.workspace, parts.state, parts.cases.audience, self.files(parts), say)


@asynccontextmanager
async def speaking(box: Sandbox, store: Store, raw: redis.asyncio.Redis) -> AsyncIterator[Speaking]:
    """A thread in #general that is linked to `SESSION`."""
    ts = await box.slack.say("Shall we ship it?", deliver=False)
    channel = box.slack.workspace.channel("general").id
    thread = ThreadRef(team=box.slack.team_id, channel=channel, thread_ts=ts)
    key = SecretStr(box.devin.api_key)
    async with (
        aiohttp.ClientSession() as web,
        open_devin(box.devin.url, key, box.devin.org_id, 4) as devin,
    ):
        opened = Speaking(box, store, raw, web, devin, thread)
        await opened.link()
        yield opened


def shown(posts: Sequence[Message]) -> list[str]:
    """Return the words and the names of the files that posts show, in order."""
    found: list[str] = []
    for post in posts:
        found += [_words(block) for block in post.blocks]
        found += [file.name for file in post.files]
    return [one for one in found if one]


def _words(block: Mapping[str, object]) -> str:
    match block:
        case {"type": "markdown", "text": str(text)}:
            return text
        case {"type": "section", "text": {"text": str(text)}}:
            return text
        case {"type": "rich_text"}:
            return str(block)
    return ""
