"""The stage of a run: two listeners, two workers, a Valkey, and the sandbox's Slack and Devin.

The sandbox runs in this process; everything else is real processes, whose logs are in a directory.
"""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path

from chaos.clocks import Clocks, shifted
from chaos.commands import Commands
from chaos.crowd import Crowd
from chaos.entries import ASKED, THREADED
from chaos.front import Balancer, balancing
from chaos.keeping import Keeping, opened
from chaos.ledger import Ledger, Said, addresses
from chaos.orders import Orders
from chaos.people import People
from chaos.posts import environs, kept, made
from chaos.processes import Post, ValkeyProcess, free_port
from chaos.scenes import Scenes
from chaos.schedule import SCENES, Act, Mode
from chaos.sentences import key_of
from chaos.speech import Place, Speech
from chaos.surfaces import CHANNEL, PERSON
from chaos.trouble import IMPERSONATE, LISTENERS, Front, Outage, Trouble
from chaos.wishing import Wishes
from sandbox import DevinSandbox, Sandbox
from sandbox.devin.answers import Api
from sandbox.devin.sessions import DevinRequest, Kind

RETRY_DELAYS = (0.3, 1.0, 2.0)
ACK_SECONDS = 2.0
THINKING_SECONDS = 0.4
"""Time Devin takes for each message, so that a kill interrupts some."""

ORDERED = 2
"""The number of threads in which people give orders."""

HOURS = 2 * 3_600.0

LONG = 450
"""Earlier messages of a session: v3 gives them by pages of at most 200."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a stage is made of: `sessions` of Devin, a mode, a generation of its API, and clocks.

    Devin speaks in `voices` other sessions. So many messages are written `early` for scenes that
    deliver them hours late.
    """

    seed: int
    sessions: int
    mode: Mode = "socket"
    api: Api = "v3"
    clocks: Clocks = field(default_factory=Clocks)
    early: int = 0
    voices: int = 10


@dataclass(slots=True)
class Stage:
    """The running parts, and the acts performed; `ports` are the listeners' in HTTP mode."""

    box: Sandbox
    keeping: Keeping
    posts: Sequence[Post]
    sessions: Sequence[str]
    ledger: Ledger
    people: People
    orders: Orders
    crowd: Crowd
    trouble: Trouble
    scenes: Scenes
    wishes: Wishes
    ports: Sequence[int]
    done: Counter[str] = field(default_factory=Counter)

    async def act(self, act: Act) -> None:
        """Perform one act until it is over."""
        if act.what in SCENES:
            await self.scenes.play(act)
        else:
            await self.trouble.cause(act)
        self.done[f"kill {act.what}" if act.is_kill else act.what] += 1

    async def think(self) -> None:
        """Make Devin slow, again after each fault that is over; without end."""
        devin = self.box.devin
        while True:
            for session in self.sessions:
                known = devin.session(session)
                if known.state == "running" and not known.answer.delay:
                    devin.behave(session, "running", delay=THINKING_SECONDS)
            await asyncio.sleep(0.05)

    async def heal(self) -> None:
        """Cancel all planned faults."""
        await self.box.devin.go_online()
        self.box.devin.upload_failures.clear()
        self.box.devin.read_failures.clear()
        self.box.devin.download_failures.clear()
        self.box.devin.creations.clear()
        self.box.devin.message_limit = None
        self.box.devin.listing_delay, self.box.devin.moves_updated_at = 0.0, True
        self.box.slack.fail_no_more()
        for session in self.sessions:
            self.box.devin.behave(session, "running")

    def read(self) -> None:
        """Enter the content of Devin's sessions and of the channel into the ledger."""
        devin, slack = self.box.devin, self.box.slack
        messages = [one for session in devin.sessions.values() for one in session.messages]
        said = [
            Said(message.text, key_of(message), ts)
            for ts, message in slack.workspace.channel(CHANNEL).messages.items()
            if message.user == slack.bot_user_id
        ]
        taken = [(one.text, one.at.timestamp() - devin.clock.ahead) for one in messages]
        self.ledger.read(taken, said)
        uploaded = {one.url: (one.name, one.content) for one in devin.attachments}
        brought = [(one.text, addresses(one.text, one.attachments, devin.api)) for one in messages]
        self.ledger.read_files(brought, uploaded)
        self.ledger.read_sent((one.message, _is_open(one)) for one in devin.requests)
        self.ledger.read_names(
            (one.message, one.body.get("message_as_user_id")) for one in devin.requests if one.taken
        )
        self.ledger.read_steps(slack.step_results)
        self.wishes.read(self.keeping.used)
        self.crowd.read()
        for entry, delivery in self.people.surfaces.asked:
            entry.is_answered |= slack.answers(delivery) > 0
            if delivery.acked:
                entry.acked = entry.acked or time.time()

    async def read_kept(self) -> None:
        """Record which of the requested messages Redis knows, and since when of the taken ones."""
        for entry in self.ledger.entries:
            if entry.kind in ASKED and not entry.is_seen:
                entry.is_kept = any([await self.keeping.is_kept(ts) for ts in entry.known_as])
            elif entry.kind in THREADED and entry.taken:
                entry.accepted, entry.sending = await self.keeping.times(entry.ids[0])

    def pressed(self) -> dict[str, int]:
        """Return the counts of people's other actions and their results."""
        surfaces, calls = self.people.surfaces, self.box.slack.calls
        homes = sum(one.method == "views.publish" and one.status == HTTPStatus.OK for one in calls)
        return {
            "buttons pressed": len(surfaces.presses),
            "presses that failed": sum(not one.acked for one in surfaces.presses),
            "home opened": surfaces.homes,
            "home shown": homes,
        }


def _is_open(request: DevinRequest) -> bool:
    """Return True if Devin's answer, or its absence, leaves open whether it took the message."""
    if request.status == "dropped":
        return True
    is_promised = request.api == "v1" and request.status == HTTPStatus.SERVICE_UNAVAILABLE
    return request.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not is_promised


@asynccontextmanager
async def open_stage(home: Path, setup: Setup) -> AsyncIterator[Stage]:
    """Start everything, with a linked thread for each session; at the end, kill the processes.

    Everything that is written early for scenes, and every link, is from `HOURS` ago.
    """
    ids = [f"devin-{number:032x}" for number in range(1, setup.sessions + 1)]
    ordered = [f"devin-{0xF0 + number:032x}" for number in range(ORDERED)]
    ledger = Ledger()
    valkey = ValkeyProcess(home / "valkey", environ=shifted(setup.clocks.redis))
    outage = Outage(valkey)
    posts = made(home, setup.seed)
    ports = [free_port() for _ in range(LISTENERS)] if setup.mode == "http" else []
    async with AsyncExitStack() as stack:
        box, balancer = await _opened(stack, setup, ports)
        for one in [*ids, *ordered]:
            box.devin.add_session(one)
        for one in ids:
            _lengthen(box.devin, one, ledger.speech)
        people = People(box.slack, ledger, setup.seed)
        commands = Commands(box.slack, ledger, people.carrier)
        orders = Orders(box.slack, ledger, people, commands)
        crowd = Crowd(box, ledger, people, commands, setup.seed)
        stack.push_async_callback(valkey.stop)
        await valkey.start()
        keeping = await stack.enter_async_context(opened(valkey.url, box.slack, setup.clocks.redis))
        settings = environs(box, valkey.url, home, ports)
        await stack.enter_async_context(kept(posts, settings, setup.clocks))
        front = Front(box, balancer, posts[:LISTENERS], ports)
        await front.until_open()
        stack.push_async_callback(people.carrier.close)
        await people.link([*ids, *ordered])
        for one in ordered:
            orders.take(people.roots.pop(one), one)
            crowd.watch(one, Place(CHANNEL, orders.roots[one]), partial(orders.state, one))
        for one, root in people.roots.items():
            crowd.watch(one, Place(CHANNEL, root))
        trouble = Trouble(box, posts, ids, ledger, outage, front)
        scenes = Scenes(box, keeping, people, orders, outage, front, posts)
        await scenes.write_early(setup.early)
        box.slack.workspace.clock.ahead = setup.clocks.slack
        if ports:  # Slack's time has jumped, and nothing else tells the listeners before it signs
            for post in posts[:LISTENERS]:
                await post.end(signal.SIGTERM)
            await front.until_open()
        await crowd.gather([f"devin-{0xD00 + number:032x}" for number in range(setup.voices)])
        await crowd.link()
        wishes = Wishes(box, ledger.wishes, people, commands, crowd.watch, setup.seed)
        await wishes.begin()
        yield Stage(
            *(
                box,
                keeping,
                posts,
                ids,
                ledger,
                people,
                orders,
                crowd,
                trouble,
                scenes,
                wishes,
                ports,
            )
        )


async def _opened(
    stack: AsyncExitStack, setup: Setup, ports: Sequence[int]
) -> tuple[Sandbox, Balancer | None]:
    """Open Slack, Devin and the balancer, if there is one, with their clocks."""
    box = await stack.enter_async_context(
        Sandbox(
            transport=setup.mode,
            retry_delays=RETRY_DELAYS,
            ack_timeout=ACK_SECONDS,
            devin_api=setup.api,
        )
    )
    box.slack.agent = True
    box.slack.scopes = [*box.slack.scopes, "reactions:read", "users:read.email"]
    box.slack.bot_events = [*box.slack.bot_events, "reaction_added"]
    box.devin.permissions.add(IMPERSONATE)
    box.devin.members.add(f"{PERSON}@acme.example")
    box.slack.workspace.clock.ahead = setup.clocks.slack - HOURS
    box.devin.clock.ahead = setup.clocks.devin
    if not ports:
        return box, None
    balancer = await stack.enter_async_context(balancing(ports, setup.seed))
    box.slack.request_url = balancer.url
    return box, balancer


def _lengthen(devin: DevinSandbox, session: str, speech: Speech) -> None:
    """Give a session messages from before `HOURS`, of a person and of Devin in turn.

    The last of Devin's are in the ledger.
    """
    known, began = devin.session(session), devin.clock.now() - HOURS - LONG
    for number in range(LONG):
        kind: Kind = "devin_message" if number % 2 else "user_message"
        is_entered = kind == "devin_message" and number > LONG - 20
        text = speech.say(session).text if is_entered else f"Earlier message {number}"
        known.take(text, kind=kind, at=began + number)
