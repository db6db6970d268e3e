"""Whoever speaks to the bot gets an answer that they see, or stands in the list of silences."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from bot.app import Bot
from bot.model.people import UserId
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import ts_micros
from bot.redis.connection import Store
from bot.redis.keys import calls_key, link_key
from bot.slack.threads import REPLIES
from bot.store.checkpoints import CATCH_UP, Checkpoints
from handlers.events import parse_missed
from tests.support.builders import OURS
from tests.support.desk import SESSION, Desk, muted
from tests.support.waiting import until_caught_up, until_settled, wait_until

URL = f"https://app.devin.ai/sessions/{SESSION.removeprefix('devin-')}"

MENTIONS = {
    "a mention alone": "{bot}",
    "help": "{bot} help",
    "status": "{bot} status",
    "start": "{bot} start Fix the login test",
    "link": f"{{bot}} link {SESSION}",
    "a bad link": "{bot} link nonsense",
    "default": "{bot} default",
    "a mention with talk": "{bot} please look into this",
    "a mention within": "Hey {bot} start fix the docs",
    "a mention at the end": "Could you have a look, {bot}?",
    "a mistyped command": "{bot} staus",
    "a mention that names a session": f"{{bot}} see {URL}",
}
"""Messages that speak to the bot by name, wherever it is."""

PLAIN = {
    "hello?": "hello?",
    "help, bare": "help",
    "start, bare": "start Write a poem",
    "status, bare": "status",
    "staus, bare": "staus",
    "a session's address": f"see {URL}",
}
"""Messages that speak to the bot only where there is nobody else: in its direct message."""

ASIDES = {"an aside": "(aside) not for the bot", "a mention with an aside": "{bot} (aside) hm"}


@dataclass(frozen=True)
class Place:
    """A place to write in: outside of threads, in an unlinked one, a linked one, or a muted one.

    Words in an *earlier* one are heard only once their thread is linked. `channel` has `{user}`
    where each person has one of their own.
    """

    channel: str
    kind: str

    @property
    def is_direct(self) -> bool:
        """True in the direct message with the bot."""
        return self.channel.startswith("dm")

    @property
    def is_root(self) -> bool:
        """True outside of threads."""
        return self.kind.endswith("root")


KINDS = ("root", "unlinked", "linked", "muted")
EARLIER = ("earlier root", "earlier reply")
CHANNELS = {
    "ada": ("general", "secrets", "shared", "group-dm", "dm", "random"),
    "gus": ("general", "secrets", "shared", "dm-gus", "random"),
    "una": ("general",),
    "eve": ("shared",),
    "bolt-ci": ("general", "shared"),
}
"""People, and the channels from which each may write; nobody can link a thread of a guest's."""
LINKABLE = frozenset({"general", "secrets", "shared", "group-dm", "dm"})

Silent = Callable[[str, Place, str], bool]
SILENCES: dict[str, Silent] = {
    "It was said not to be for the bot.": lambda _, __, words: words in ASIDES,
    "People talk among themselves.": lambda _, place, words: (
        words in PLAIN
        and words != "a session's address"
        and not place.is_direct
        and place.kind in {"root", "unlinked"}
    ),
    "What people said to each other before their thread was linked stays among them.": (
        lambda _, place, words: words in PLAIN and not place.is_direct and place.kind in EARLIER
    ),
    "The thread was muted so that people can talk among themselves.": lambda _, place, words: (
        words in PLAIN and not place.is_direct and place.kind == "muted"
    ),
    "Slack brings an app nothing from where it isn't, and asks the author to invite it.": (
        lambda _, place, __: place.channel == "random"
    ),
    "Two bots would answer each other without end.": lambda user, _, __: user == "bolt-ci",
    "A guest or an outsider who is told once in a linked thread may go on talking there.": (
        lambda user, place, words: (
            user != "ada" and place.kind == "linked" and words in PLAIN and words != "hello?"
        )
    ),
    "Offering a link to somebody who may not make one would mislead, and they didn't ask.": (
        lambda user, place, words: (
            user != "ada" and words == "a session's address" and not place.is_direct
        )
    ),
}


def silence(user: str, place: Place, words: str) -> str | None:
    """Return the reason for which nobody answers; None where somebody does."""
    return next((why for why, is_so in SILENCES.items() if is_so(user, place, words)), None)


def some_of(places: Sequence[Place], turn: int) -> Sequence[Place]:
    """Return the places in one channel and in direct messages, and a third of the others by turns.

    In three turns, each kind of place in each channel has its turn. The first words are said
    everywhere, since a guest is told once.
    """
    channels, kinds = list(dict.fromkeys(one.channel for one in places)), [*KINDS, *EARLIER]
    numbers = [channels.index(one.channel) + kinds.index(one.kind) + turn for one in places]
    return [
        one
        for one, number in zip(places, numbers, strict=True)
        if turn == 0 or one.is_direct or one.channel == channels[0] or number % 3 == 0
    ]


@dataclass(frozen=True)
class Spoken:
    """Words in a place, and how many answers their author had seen there before."""

    place: Place
    ts: str
    thread: str
    before: int


class Listener:
    """Writes as one person, and counts what Slack shows them of the bot."""

    def __init__(self, desk: Desk, user: str) -> None:
        self.desk, self.slack, self.user = desk, desk.slack, user
        self._threads: dict[Place, str] = {}

    async def places(self) -> list[Place]:
        """Return the places, with a linked thread wherever the bot can have one."""
        if self.user == "gus":
            self.slack.workspace.direct_message("gus", self.slack.bot_user_id)
        kinds = {"random": KINDS[:2], "dm-gus": KINDS[:2]}
        channels = CHANNELS[self.user]
        places = [Place(one, kind) for one in channels for kind in kinds.get(one, KINDS)]
        linked = [one for one in places if one.kind in {"linked", "muted"}]
        threads = await asyncio.gather(*(self._thread(place) for place in linked))
        self._threads = dict(zip(linked, threads, strict=True))
        return places

    async def _thread(self, place: Place) -> str:
        thread = await self.desk.linked_thread(channel=place.channel)
        if place.kind == "muted":
            await self.desk.mention("mute", thread=thread, channel=place.channel)
            await self.desk.until_said(muted(), thread, channel=place.channel)
        return thread

    async def say(self, place: Place, text: str, *, deliver: bool = True) -> Spoken:
        """Write `text` in a place, in a new thread if it is to be one without a session."""
        channel, thread = place.channel, self._threads.get(place)
        if place.kind in {"unlinked", "earlier reply"}:
            by = "gus" if channel == "dm-gus" else "ada"
            thread = await self.slack.say("Shall we?", user=by, channel=channel, deliver=False)
        before = self.seen(place, thread or "", "")
        written = text.replace("{bot}", f"<@{self.slack.bot_user_id}>")
        ts = await self.slack.say(
            written, user=self.user, channel=channel, thread=thread, deliver=deliver
        )
        return Spoken(place, ts, thread or ts, before)

    async def say_too_early(self, place: Place, text: str, store: Store) -> Spoken:
        """Write `text` in a thread that is linked before the bot hears of it."""
        spoken = await self.say(place, text, deliver=False)
        channel, since = self.slack.workspace.channel(place.channel).id, ts_micros(spoken.ts) + 1
        thread = ThreadRef(team=self.slack.team_id, channel=channel, thread_ts=spoken.thread)
        link = Link(session=SessionId(SESSION), by=UserId("U0BEN00000"), linked_at=1, since=since)
        await store.put(link_key(thread), link.to_json(), CATCH_UP)
        return spoken

    async def bring(self, spoken: Spoken, store: Store, way: str) -> None:
        """Let Slack send the events again, or another process note that it refused them."""
        event = self.slack.event_of(spoken.place.channel, spoken.ts)
        user = self.slack.bot_user_id
        ours = replace(OURS, tenant=self.slack.team_id, user=user)
        if way == "retried":
            is_mention = user in event["text"] and not spoken.place.is_direct
            for kind in ("app_mention", "message") if is_mention else ("message",):
                await self.slack.deliver_event({**event, "type": kind}, retry_num=1)
        elif (missed := parse_missed(event, ours)) is not None:
            await Checkpoints(store, CATCH_UP, "another").note([missed])

    def wrong(self, words: str, spoken: Sequence[Spoken]) -> list[str]:
        """Return the places where an answer to `words` is missing, or is one too many."""
        found = [(one, self.answers(one), silence(self.user, one.place, words)) for one in spoken]
        return [
            f"{words!r} at {one.place}: {answers} answers, {why}"
            for one, answers, why in found
            if (answers == 0) != (why is not None)
        ]

    def answers(self, spoken: Spoken) -> int:
        """Return how many answers to `spoken` its author sees."""
        return self.seen(spoken.place, spoken.thread, spoken.ts) - spoken.before

    def seen(self, place: Place, thread: str, ts: str) -> int:
        """Count the bot's posts in a thread, its marks on `ts`, and what only this person sees."""
        slack, channel = self.slack, place.channel
        messages = slack.thread(channel, thread) if thread else []
        posts = [one for one in messages if one.user == slack.bot_user_id]
        own = [
            one
            for one in slack.ephemerals(channel, self.user)
            if one.thread_ts == thread or (one.thread_ts is None and place.is_root)
        ]
        return len(posts) + len(own) + (len(slack.reactions(channel, ts)) if ts else 0)

    def shown(self, channel: str) -> int:
        """Count the bot's posts in a channel, what only this person sees there, and their forms."""
        slack = self.slack
        messages = slack.channel_messages(channel)
        posts = [one for one in messages if one.user == slack.bot_user_id]
        return len(posts) + len(slack.ephemerals(channel, self.user)) + len(self.forms())

    def forms(self) -> list[str]:
        """Return the ids of the modals that the person has open."""
        return [one["id"] for one in self.slack.open_views(self.user)]

    async def until_shown(self, channel: str, before: int, what: str) -> None:
        """Wait until something is shown that was not there before, and close what has opened."""
        await wait_until(lambda: self.shown(channel) > before, what)
        for form in self.forms():
            await self.slack.close_view(form, user=self.user)


@pytest.mark.parametrize("kind", ["mentions", "plain"])
@pytest.mark.parametrize("user", list(CHANNELS))
async def test_whoever_speaks_to_the_bot_sees_an_answer(
    bot: Bot, desk: Desk, store: Store, user: str, kind: str
) -> None:
    """All kinds of words in all kinds of places end in what their author sees, or are listed.

    All words are said in one channel and in direct messages, and in other channels by turns.
    """
    listener = Listener(desk, user)
    places = await listener.places()
    said = MENTIONS if kind == "mentions" else PLAIN | ASIDES
    wrong = []
    for turn, (words, text) in enumerate(said.items()):
        spoken = await asyncio.gather(
            *(listener.say(place, text) for place in some_of(places, turn))
        )
        await desk.until_heard()
        await until_settled(store)
        wrong += listener.wrong(words, spoken)
    assert not wrong, "\n".join(wrong)


@pytest.mark.times(thread_pause=0.01, backfill_pause=0.05)
@pytest.mark.parametrize("way", ["retried", "read"])
@pytest.mark.parametrize("user", ["ada", "gus"])
async def test_whoever_spoke_to_the_bot_before_the_link_sees_an_answer(
    bot: Bot, desk: Desk, store: Store, user: str, way: str
) -> None:
    """Redis was away when they wrote; then somebody linked the thread, as its root or a reply."""
    listener, channels = Listener(desk, user), [one for one in CHANNELS[user] if one in LINKABLE]
    places = [Place(channel, kind) for channel in channels for kind in EARLIER]
    wrong = []
    for turn, (words, text) in enumerate((MENTIONS | PLAIN | ASIDES).items()):
        spoken = await asyncio.gather(
            *(listener.say_too_early(place, text, store) for place in some_of(places, turn))
        )
        await store.delete(calls_key(REPLIES))  # as after a minute, in which Slack allows more
        desk.slack.workspace.clock.ahead += 4.0  # a fresh command's event would be waited for
        await asyncio.gather(*(listener.bring(one, store, way) for one in spoken))
        await until_caught_up(store)
        await desk.until_heard()
        await until_settled(store)
        wrong += listener.wrong(words, spoken)
    assert not wrong, "\n".join(wrong)


COMMANDS = ("", "help", "Is it green?", "new", "new Fix the login", "devin-xyz hi", "3f2a9c1d no")


@pytest.mark.parametrize("user", ["ada", "gus", "una"])
async def test_whoever_types_the_command_sees_an_answer(bot: Bot, desk: Desk, user: str) -> None:
    """Everywhere it ends in a form, a message to the person, or a post in the channel."""
    listener = Listener(desk, user)
    await listener.places()
    for channel in CHANNELS[user]:
        for words in COMMANDS:
            before = listener.shown(channel)
            await desk.slack.slash("/devin-say", words, user=user, channel=channel)
            await listener.until_shown(channel, before, f"/devin-say {words} in {channel}")


@pytest.mark.parametrize("user", ["ada", "gus", "una"])
@pytest.mark.parametrize("is_replied", [False, True])
async def test_whoever_uses_a_message_s_menu_sees_an_answer(
    bot: Bot, desk: Desk, user: str, *, is_replied: bool
) -> None:
    """Also where the message has no replies: Slack shows no answer in a thread that isn't one."""
    listener = Listener(desk, user)
    await listener.places()
    for channel in CHANNELS[user]:
        by = "gus" if channel == "dm-gus" else "ada"
        ts = await desk.slack.say("Is it green?", user=by, channel=channel, deliver=False)
        if is_replied:
            await desk.slack.say("Yes", user=by, channel=channel, thread=ts, deliver=False)
        for name in ("send_to_devin", "link_session"):
            before = listener.shown(channel)
            await desk.slack.shortcut(name, channel=channel, message_ts=ts, user=user)
            await listener.until_shown(channel, before, f"{name} in {channel}")
