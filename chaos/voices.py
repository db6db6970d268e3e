"""What Devin does in a session whose threads hear it: it says things, asks, and changes its state.

Meanwhile people write in Devin's web app, and in the threads. Around a change of a thread Devin is
silent, since it would be ambiguous what belongs before it.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bot.model.sessions import Follow
from bot.wording.actions import FOLLOW, UNFOLLOW
from chaos.carrier import LOOK_SECONDS
from chaos.commands import Commands
from chaos.entries import Kind
from chaos.people import People
from chaos.sentences import Shows, actions_of, is_card, says
from chaos.speech import Ear, Speech, Spoken, Why, is_card_right
from chaos.surfaces import CHANNEL
from sandbox.devin.answers import Api
from sandbox.devin.server import DevinSandbox
from sandbox.devin.sessions import NewSession
from sandbox.slack.server import Message, SlackSandbox
from sandbox.slack.world.workspace import ChannelKind

SILENT_BEFORE = 2.5
"""Silence before a change of a thread, in seconds, longer than messages may be listed late."""

SILENT_AFTER = 1.2
"""Silence from the moment when the thread's card shows the change."""

BURST = (5, 12)
PIECES = {"long": 20, "longest": 60}
"""Pieces of a message that takes several posts, and of one that goes as a file."""

ACTS = {
    "say": 40,
    "burst": 6,
    "long": 3,
    "longest": 1,
    "file": 5,
    "ask": 6,
    "echo": 12,
    "state": 10,
    "child": 2,
    "reply": 12,
}
CHILDREN = 2
"""The most sessions that one session starts: their words are for no thread of its own."""

ODD: Mapping[Api, Mapping[str, object]] = {
    "v1": {"status": "hibernating", "status_enum": "hibernating"},
    "v3": {"status": "hibernating", "status_detail": "deep_sleep"},
}
"""A state that the relay doesn't know; the session works all the same."""

ODD_MESSAGES = 2
AT_REST = ("blocked", "idle", "suspended")

TO_SHARE: Mapping[str, ChannelKind] = {"opened": "channel", "moved": "group"}
"""Channels that are shared with another organization amid the run; a private one gets a new id."""

STATES = ("running", "blocked", "approval", "idle", "suspended", "out_of_credits")
LAST = (*STATES, "finished", "failed")
QUESTION = "\n\nWhich one shall I take?\n\n1. The first\n2. The second\n"
ONE_IN_TWO = 0.5
RATE = 0.8
"""Acts a second of each session."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What all voices share; `read` reads the threads again."""

    devin: DevinSandbox
    slack: SlackSandbox
    speech: Speech
    people: People
    commands: Commands
    rng: random.Random
    read: Callable[[], None]


class Voice:
    """Devin in one session, and what changes in its threads meanwhile."""

    def __init__(self, scene: Scene, session: str, ears: Sequence[Ear]) -> None:
        self.session = session
        self.ears = ears
        self._devin, self._slack = scene.devin, scene.slack
        self._speech, self._people = scene.speech, scene.people
        self._commands, self._rng = scene.commands, scene.rng
        self._read = scene.read
        self._children: list[str] = []

    async def speak(self, seconds: float, changes: Sequence[tuple[float, Ear | None]]) -> None:
        """Act for that long; at each of the times (seconds) the thread's following changes.

        Without a thread, the session is in a state then that the relay doesn't know.
        """
        began, due = time.monotonic(), list(changes)
        while time.monotonic() - began < seconds:
            if due and time.monotonic() - began > due[0][0]:
                await self._change(due.pop(0)[1])
            await self._act(self._rng.choices(list(ACTS), list(ACTS.values()))[0])
            await asyncio.sleep(self._rng.expovariate(RATE))
        for _, ear in due:
            if ear is None or ear.why is Why.BEFORE or ear.has_turns:
                await self._change(ear)
        self._wake()
        self._say()
        self._devin.behave(self.session, self._rng.choice(LAST))
        self._speech.pending.discard(self.session)

    def say_before(self) -> None:
        """Say something before any thread is linked, as a person does, and Devin."""
        self._echo()
        self._say()

    async def link(self, ear: Ear) -> None:
        """Link a thread, which hears from then on what is said."""
        await self._order(ear, f"link {self.session}", is_card)
        ear.why = Why.SHARED if self._is_shared(ear) else None

    async def mute(self, ear: Ear) -> None:
        """Mute a thread, which hears all the same."""
        silent, usual = Shows(is_muted=True).sentences, Shows().sentences
        muted = next(one for one in silent if one not in usual)
        await self._order(ear, "mute", lambda shown: says(shown.text, muted))
        ear.is_muted = True

    async def _change(self, ear: Ear | None) -> None:
        """Link a thread that is not linked; else share its channel, or change what it follows."""
        if ear is None:
            await self._be_odd()
        elif ear.why is Why.BEFORE:
            await self.link(ear)
        elif ear.place.channel in TO_SHARE:
            await self._share(ear)
        elif ear.has_turns:
            await self._take_turns(ear)
        elif ear.why is None:
            await self._until_heard(ear)
            await self._order(ear, "unfollow", lambda shown: FOLLOW in actions_of(shown))
            ear.why = Why.UNFOLLOWED
        else:
            await self._order(ear, "follow", lambda shown: UNFOLLOW in actions_of(shown))
            ear.why = None

    async def _take_turns(self, ear: Ear) -> None:
        """Have a thread follow turns, or all again, amid a turn that ends without another word.

        The turn's last message was shown before, or comes at its end.
        """
        self._wake()
        ear.why = None
        self._say()
        if ear.follow is Follow.ALL:
            await self._until_heard(ear)
            await self._follow(ear, Follow.TURNS, "follow turns")
        else:
            await asyncio.sleep(SILENT_BEFORE)
            await self._follow(ear, Follow.ALL, "follow")
        self._devin.behave(self.session, self._rng.choice(AT_REST))
        await self._until_right()
        ear.why = Why.PERHAPS if ear.follow is Follow.TURNS else None

    async def _follow(self, ear: Ear, follow: Follow, command: str) -> None:
        """Give a command while Devin works, until the thread's card shows that it is obeyed."""
        usual = Shows(follow=ear.follow).sentences
        new = next(one for one in Shows(follow=follow).sentences if one not in usual)
        is_shown = partial(_is_shown, lambda shown: says(shown.text, new))
        await self._commands.give(self.session, ear.place, command, is_shown)
        ear.follow = follow

    async def _be_odd(self) -> None:
        """Speak in a state that the relay doesn't know: all is heard, and no card changes."""
        self._wake()
        self._say()
        await self._until_right()
        self._devin.session(self.session).shown_as = dict(ODD[self._devin.api])
        for _ in range(ODD_MESSAGES):
            self._say()
            await self._until_right()
        self._devin.session(self.session).shown_as = {}
        self._speech.odd += 1

    async def _share(self, ear: Ear) -> None:
        """Share the channel of a thread, in silence, until its card shows that it is known."""
        self._wake()
        await asyncio.sleep(SILENT_BEFORE)
        await self._until_heard(ear)
        before = len(self._slack.deliveries)
        await self._slack.share(ear.place.channel)
        for delivery in self._slack.deliveries[before:]:
            self._people.carrier.track(lambda _: None, delivery)
        is_moved = TO_SHARE[ear.place.channel] == "group"
        ear.why = Why.MOVED if is_moved else Why.SHARED
        self._read()
        while not is_card_right(self._speech, ear):
            await asyncio.sleep(LOOK_SECONDS * 10)
            self._read()
        await asyncio.sleep(SILENT_AFTER)

    async def _until_heard(self, ear: Ear) -> None:
        self._read()
        while not self._speech.has_heard(ear):
            await asyncio.sleep(LOOK_SECONDS * 10)
            self._read()

    async def _until_right(self) -> None:
        """Wait until all threads show what they must, and nothing that they must not."""
        self._read()
        while not all(map(self._speech.is_right, self.ears)):
            await asyncio.sleep(LOOK_SECONDS * 10)
            self._read()

    async def _order(self, ear: Ear, command: str, shows: Callable[[Message], bool]) -> None:
        """Give a command, in silence, until the thread's card shows that it is obeyed."""
        self._wake()
        await asyncio.sleep(SILENT_BEFORE)
        is_shown = partial(_is_shown, shows)
        await self._commands.give(self.session, ear.place, command, is_shown)
        await asyncio.sleep(SILENT_AFTER)

    async def _act(self, what: str) -> None:
        match what:
            case "burst":
                for _ in range(self._rng.randint(*BURST)):
                    self._say()
            case "long" | "longest":
                self._say(pieces=PIECES[what])
            case "file":
                self._say(has_file=True)
            case "ask":
                self._wake()
                self._say(more=QUESTION)
                self._devin.behave(self.session, "blocked")
            case "echo":
                self._echo()
            case "state":
                self._devin.behave(self.session, self._rng.choice(STATES))
            case "child":
                self._have_child()
            case "reply":
                await self._reply()
            case _:
                self._say()

    def _say(self, *, pieces: int = 1, has_file: bool = False, more: str = "") -> None:
        """Say something; Devin works while it speaks, unless the time of a change is to be seen."""
        if not self._devin.moves_updated_at or self._rng.random() < ONE_IN_TWO:
            self._wake()
        one = self._speech.say(self.session, pieces=pieces, has_file=has_file)
        self._devin.say(self.session, f"{one.text}{more}{self._marker(one)}")

    def _marker(self, one: Spoken) -> str:
        if not one.has_file:
            return ""
        content = f"{one.text}\n".encode()
        return f"\n{self._devin.attach(self.session, one.file, content)}"

    def _echo(self) -> None:
        """Let a person write in Devin's web app."""
        one = self._speech.say(self.session, why=Why.ECHO)
        self._devin.take(self._devin.session(self.session), one.text, "user_message")

    def _have_child(self) -> None:
        """Start another session, as Devin does, which says something."""
        if len(self._children) < CHILDREN:
            name = f"child of {self.session}"
            child = self._devin.appear(NewSession(name, name, ()), parent=self.session)
            self._children.append(child.session_id)
        for child_id in self._children:
            self._devin.say(child_id, self._speech.say(child_id).text)

    def _wake(self) -> None:
        if self._devin.session(self.session).state != "running":
            self._devin.behave(self.session, "running")

    async def _reply(self) -> None:
        """Let a person write in a thread of the session."""
        places = [ear for ear in self.ears if ear.why is None and ear.place.channel == CHANNEL]
        if not places:
            return
        ear = self._rng.choice(places)
        kind = Kind.PRIVATE if ear.is_muted else Kind.REPLY
        entry, ts = await self._people.reply(kind, self.session, thread=ear.place.root)
        await self._people.bring(entry, self._slack.event_of(CHANNEL, ts))

    def _is_shared(self, ear: Ear) -> bool:
        return self._slack.workspace.channel(ear.place.channel).is_ext_shared


def _is_shown(shows: Callable[[Message], bool], message: Message, is_later: bool) -> bool:  # noqa: ARG001, FBT001  (as `Commands` asks; a card is edited)
    return is_card(message) and shows(message)
