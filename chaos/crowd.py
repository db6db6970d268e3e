"""The crowd of sessions in which Devin speaks, their threads, and what these show.

Some threads follow all the time, and some are linked late, when much has been said. Some follow no
more for a while, some are muted, and some are in a channel that another organization shares, from
the beginning or later.
"""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.model.sessions import Follow, SessionState, Trouble
from chaos.commands import Commands
from chaos.ledger import Ledger
from chaos.people import People
from chaos.sentences import Shows, is_card
from chaos.speech import Ear, Place, Shown, Why
from chaos.surfaces import CHANNEL
from chaos.voices import TO_SHARE, Scene, Voice
from sandbox import Sandbox
from sandbox.devin.answers import Api
from sandbox.slack.server import Message
from sandbox.slack.world.workspace import Channel

ROLES: Sequence[Sequence[str]] = (
    ("follows",),
    ("follows", "toggles"),
    ("late", "opened", "turns"),
    ("follows", "shared", "moved"),
    ("muted", "late"),
    ("follows", "follows"),
    ("toggles",),
    ("late", "private"),
    ("shared",),
    ("private", "late"),
)
"""The threads of each session."""

CHANNELS = {"shared": "shared", "private": "secrets", "opened": "opened", "moved": "moved"}
LATE_PART = (0.2, 0.8)
LINK_SECONDS = 60.0
TOGGLES = 3
"""The most changes of one thread."""

WORKING = Shows(SessionState.WORKING)
WAITING = Shows(SessionState.WAITING)
FINISHED = Shows(SessionState.FINISHED)
ASLEEP = Shows(SessionState.SUSPENDED)
ENDED = Shows(SessionState.ENDED)
STATES: Mapping[str, Mapping[Api, Shows]] = {
    "blocked": {"v1": WAITING, "v3": WAITING},
    "approval": {"v1": WAITING, "v3": Shows(SessionState.APPROVAL)},
    "idle": {"v1": WAITING, "v3": FINISHED},
    "suspended": {"v1": ASLEEP, "v3": ASLEEP},
    "archived": {"v1": ENDED, "v3": ASLEEP},
    "out_of_credits": {"v1": ASLEEP, "v3": Shows(SessionState.SUSPENDED, Trouble.LIMIT)},
    "finished": {"v1": FINISHED, "v3": ENDED},
    "capped": {"v1": ASLEEP, "v3": Shows(SessionState.SUSPENDED, Trouble.LIMIT)},
    "failed": {"v1": ENDED, "v3": Shows(SessionState.ENDED, Trouble.ERROR)},
}
"""What a card shows of the session's state; a generation may not tell it from another."""


class Crowd:
    """The voices, and all threads of the ledger."""

    def __init__(
        self, box: Sandbox, ledger: Ledger, people: People, commands: Commands, seed: int
    ) -> None:
        self._box = box
        self._speech = ledger.speech
        self._rng = random.Random(f"speech {seed}")  # noqa: S311  (repeatable, not secret)
        self._scene = Scene(
            *(box.devin, box.slack, ledger.speech, people, commands, self._rng, self.read)
        )
        self._voices: list[Voice] = []
        self._roles: dict[Place, str] = {}
        self._others: dict[str, Callable[[], str]] = {}

    async def gather(self, sessions: Sequence[str]) -> None:
        """Add sessions, with their threads, of which none is linked yet."""
        workspace = self._box.slack.workspace
        for name, kind in TO_SHARE.items():
            workspace.add_channel(Channel(name, kind, [*workspace.channel(CHANNEL).members]))
        for number, session in enumerate(sessions):
            self._box.devin.add_session(session)
            roles = ROLES[number % len(ROLES)]
            ears = [await self._thread(session, role) for role in roles]
            self._voices.append(Voice(self._scene, session, ears))
            self._speech.pending.add(session)

    def watch(self, session: str, place: Place, obeyed: Callable[[], str] = lambda: "link") -> None:
        """Add a thread whose session says nothing; `obeyed` returns the last order there."""
        self._speech.listen(Ear(place, session, Why.BEFORE))
        self._others[session] = obeyed

    async def link(self) -> None:
        """Say something everywhere, and link the threads that are not linked late."""
        for voice in self._voices:
            voice.say_before()
        async with asyncio.timeout(LINK_SECONDS), asyncio.TaskGroup() as group:
            for voice in self._voices:
                group.create_task(self._link(voice))

    def speeches(self, seconds: float) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield for each session that which lets Devin speak for that long."""
        for voice in self._voices:
            changes = [it for ear in (*voice.ears, None) for it in self._changes(ear, seconds)]
            yield voice.speak(seconds, sorted(changes, key=lambda it: it[0]))

    def read(self) -> None:
        """Enter what the threads show, and what their cards must show, into the ledger."""
        for ear in self._speech.threads:
            self._expect(ear)
        states = [one for one in self._box.slack.agent_statuses if one.status != "renamed"]
        self._speech.statuses = {one.thread: one.status for one in states}
        places = self._speech.ears
        self._speech.read({place: list(self._shown(place)) for place in places})

    async def _thread(self, session: str, role: str) -> Ear:
        channel = CHANNELS.get(role, CHANNEL)
        root = await self._box.slack.say("What does Devin say?", channel=channel)
        place = Place(channel, root)
        self._roles[place] = role
        return self._speech.listen(Ear(place, session, Why.BEFORE, has_turns=role == "turns"))

    async def _link(self, voice: Voice) -> None:
        for ear in voice.ears:
            if self._roles[ear.place] != "late":
                await voice.link(ear)
            if self._roles[ear.place] == "muted":
                await voice.mute(ear)

    def _changes(self, ear: Ear | None, seconds: float) -> Iterator[tuple[float, Ear | None]]:
        match self._roles[ear.place] if ear else "odd":
            case "late" | "opened" | "moved" | "odd":
                yield self._rng.uniform(*LATE_PART) * seconds, ear
            case "toggles" | "turns" as role:
                for _ in range(self._rng.randint(1 if role == "toggles" else 2, TOGGLES)):
                    yield self._rng.uniform(0.0, 1.0) * seconds, ear

    def _expect(self, ear: Ear) -> None:
        """Note what the card of a thread, and Slack's own state, must show, by what is so."""
        other = self._others.get(ear.session)
        if other is not None:
            is_linked, is_muted = other() != "unlink", other() == "mute"
        else:
            is_linked, is_muted = ear.why not in {Why.BEFORE, Why.MOVED}, ear.is_muted
        if not is_linked:
            ear.expects, ear.statuses = (), () if ear.why is Why.MOVED else {"", "closed"}
            return
        session = self._box.devin.session(ear.session)
        state = session.state
        shows = STATES[state][self._box.devin.api] if state in STATES else WORKING
        shows = replace(
            shows,
            follow=Follow.OFF if ear.why is Why.UNFOLLOWED else ear.follow,
            is_muted=is_muted,
            is_barred=ear.why is Why.SHARED,
            cap=session.cap if shows.trouble and state == "capped" else None,
        )
        ear.expects, ear.statuses = shows.sentences, shows.statuses

    def _shown(self, place: Place) -> Iterator[Shown]:
        bot = self._box.slack.bot_user_id
        for message in self._box.slack.thread(place.channel, place.root):
            if message.user == bot:
                yield shown(message)


def shown(message: Message) -> Shown:
    """Return what a message of the relay shows, Devin's words apart."""
    drawn = [one for one in message.blocks if one["type"] in {"markdown", "rich_text"}]
    files = [(one.name, one.content) for one in message.files]
    return Shown(json.dumps(drawn), files, message.text, is_card(message))
