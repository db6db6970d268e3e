"""Lease holders crash, freeze and lose answers at random, on a real Valkey.

Each seed is one story. A small model beside the mailbox knows for each reply which holder sent it
last; the invariants are checked at every step and at the end.
"""

import random
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Reply, ReplyId
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import ts_micros
from bot.redis.connection import Store
from bot.redis.keys import DUE_KEY, OUTBOX_KEY, lease_key, subject_key
from bot.store.links import Links
from bot.store.mailbox import Head, Mailbox, Nothing, Step
from bot.store.outbox import Owed, OwedKind
from tests.support.keys import at

STEPS = 250
SESSIONS = tuple(SessionId(f"devin-{number:012x}") for number in (1, 2))
THREADS = {
    session: ThreadRef(team="T0", channel=f"C{number}", thread_ts="1764000000.000000")
    for number, session in enumerate(SESSIONS)
}
NONE = timedelta(0)


@dataclass
class Known:
    """The model's state of a reply: its round, and its sender (None: nobody).

    `is_cut`: the sender has it from another one, which is gone and may have sent it.
    """

    reply: Reply
    round: int = 1
    sender: str | None = None
    is_cut: bool = False
    is_done: bool = False
    outcomes: list[OutcomeKind] = field(default_factory=list)

    @property
    def report(self) -> str:
        """Return the report that its outcome owes."""
        return str(Owed(self.reply.id, self.round, OwedKind.OUTCOME))


@dataclass
class Holder:
    """A process's run for a session; it may have a head, and may be wrong about its lease."""

    session: SessionId
    token: str
    head: Head | None = None


class Story:
    """A random run."""

    def __init__(self, mailbox: Mailbox, raw: Redis, seed: int) -> None:
        self.mailbox, self.raw = mailbox, raw
        self.dice = random.Random(seed)  # noqa: S311  (repeatable stories, no secrets)
        self.known: dict[SessionId, dict[ReplyId, Known]] = {one: {} for one in SESSIONS}
        self.holders: list[Holder] = []
        self.tokens = 0
        self.owed: list[str] = []

    async def step(self) -> None:
        """Let something happen."""
        acts = [self.accept] * 6 + [self.start] * 3 + [self.finish] * 5 + [self.expire] * 3
        acts += [self.defer, self.put_back, self.crash, self.repeat, self.send_again] * 2
        await self.dice.choice(acts)()

    async def accept(self) -> None:
        """Accept a reply, written at any time; some come twice."""
        session = self.dice.choice(SESSIONS)
        ts = f"17640{self.dice.randrange(10_000, 99_999)}.000100"
        reply = Reply(thread=THREADS[session], ts=ts, author=UserId("U0"), text="words")
        for _ in range(self.dice.choice([1, 1, 1, 2])):
            await self.mailbox.accept(reply, session, NONE)
        self.known[session].setdefault(reply.id, Known(reply))

    async def start(self, session: SessionId | None = None) -> None:
        """Let another run take a session, or find it taken."""
        self.tokens += 1
        holder = Holder(session or self.dice.choice(SESSIONS), f"t{self.tokens}")
        held = await self.raw.exists(at(lease_key(holder.session)))
        step = await self.mailbox.take(holder.session, holder.token)
        if held:
            assert step is Nothing.HELD
        else:
            self.take_up(holder, step)

    def take_up(self, holder: Holder, step: Step) -> None:
        """Check that a holder's head is the oldest reply without an outcome."""
        open_ = [one for one in self.known[holder.session].values() if not one.is_done]
        if not isinstance(step, Head):
            holder.head = None
            assert step is not Nothing.EMPTY or not open_
            return
        first = min(open_, key=lambda one: ts_micros(one.reply.ts))
        assert (step.reply.id, step.round) == (first.reply.id, first.round)
        if first.sender != holder.token:
            first.is_cut = first.sender is not None
        assert step.interrupted == first.is_cut
        first.sender, holder.head = holder.token, step
        if holder not in self.holders:
            self.holders.append(holder)

    async def finish(self) -> None:
        """Let a holder, healthy or just thawed, write an outcome; sometimes the answer is lost."""
        holder = self.any_holder()
        if holder is None or (head := holder.head) is None:
            return
        known = self.known[holder.session][head.reply.id]
        is_ours = known.sender == holder.token and not known.is_done and known.round == head.round
        outcome = Outcome(kind=self.dice.choice([OutcomeKind.DELIVERED, OutcomeKind.SUSPENDED]))
        if head.interrupted:
            outcome = Outcome(kind=OutcomeKind.UNCERTAIN)
        go_on = self.dice.random() < 0.5
        for _ in range(self.dice.choice([1, 1, 1, 2])):
            step = await self.mailbox.finish(
                holder.session, holder.token, head, outcome, go_on=go_on
            )
            assert (step is Nothing.LOST) == (not is_ours)
            if is_ours and not known.is_done:
                known.is_done = True
                known.outcomes.append(outcome.kind)
                self.owed.append(known.report)
            if step is Nothing.LOST:
                holder.head = None
            else:
                self.take_up(holder, step)

    async def defer(self) -> None:
        """Let Devin be busy."""
        holder = self.any_holder()
        if holder is None or (head := holder.head) is None:
            return
        known = self.known[holder.session][head.reply.id]
        deferred = await self.mailbox.defer(holder.session, holder.token, head, NONE, NONE)
        assert (deferred is not None) == (known.sender == holder.token)
        self.let_go(holder, known)

    async def put_back(self) -> None:
        """Let a holder that is no longer certain of its lease put its unsent reply back."""
        holder = self.any_holder()
        if holder is None or (head := holder.head) is None:
            return
        await self.mailbox.defer(holder.session, holder.token, head, timedelta(0))
        self.let_go(holder, self.known[holder.session][head.reply.id])

    async def crash(self) -> None:
        """Let a process die, with everything it knew."""
        if holder := self.any_holder():
            self.holders.remove(holder)

    async def expire(self) -> None:
        """Let the lease of a crashed or frozen holder expire; mostly, another takes over."""
        session = self.dice.choice(SESSIONS)
        await self.raw.delete(at(lease_key(session)))
        if self.dice.random() < 0.8:
            await self.start(session)

    async def repeat(self) -> None:
        """Repeat a take whose answer was lost, like redis-py."""
        holder = self.any_holder()
        if holder is None or holder.head is None:
            return
        if await self.raw.get(at(lease_key(holder.session))) == holder.token:
            self.take_up(holder, await self.mailbox.take(holder.session, holder.token))

    async def send_again(self) -> None:
        """Press the button of any round of any reply."""
        known = self.dice.choice([*self.known[self.dice.choice(SESSIONS)].values(), None])
        if known is None:
            return
        number = self.dice.choice([known.round, max(1, known.round - 1)])
        may = known.is_done and known.outcomes[-1] is not OutcomeKind.DELIVERED
        done = await self.mailbox.send_again(known.reply, number)
        assert (done is not None) == (may and number == known.round)
        if done is not None:
            known.is_done, known.sender = False, None
            known.round += 1

    async def end(self) -> None:
        """End all processes, and let a last one find what is left."""
        for session in SESSIONS:
            await self.raw.delete(at(lease_key(session)))
            holder = Holder(session, f"last of {session}")
            self.take_up(holder, await self.mailbox.take(session, holder.token))
            while holder.head is not None:
                self.holders = [holder]
                await self.finish()
                if holder.head is None:
                    self.take_up(holder, await self.mailbox.take(session, holder.token))

    def any_holder(self) -> Holder | None:
        """Return a run that has not crashed and believes that it has a head."""
        self.holders = [one for one in self.holders if one.head is not None]
        return self.dice.choice(self.holders) if self.holders else None

    def let_go(self, holder: Holder, known: Known) -> None:
        """Release the head, unless it already belongs to another run."""
        if known.sender == holder.token and not known.is_done:
            known.sender = None
        holder.head = None


@pytest.mark.parametrize("seed", range(12))
async def test_every_reply_ends_in_one_outcome_whoever_dies(
    store: Store, raw: Redis, seed: int
) -> None:
    """There is one outcome and report per round, oldest first, and never two senders' outcomes."""
    for session, thread in THREADS.items():
        await Links(store, timedelta(days=1)).create(
            thread, Link(session=session, by=UserId("U0"), linked_at=0)
        )
    story = Story(Mailbox(store, timedelta(days=1)), raw, seed)
    for _ in range(STEPS):
        await story.step()
    await story.end()
    everything = [known for kept in story.known.values() for known in kept.values()]
    assert len(everything) > 20
    for known in everything:
        assert known.is_done
        assert len(known.outcomes) == known.round
        assert await raw.hget(at(subject_key(known.reply.id)), "state") == "done"
    owed = await raw.zrange(at(OUTBOX_KEY), 0, -1)
    outcomes = [str(one) for one in owed if str(one).endswith(OwedKind.OUTCOME)]
    assert sorted(outcomes) == sorted(story.owed)
    assert await raw.exists(at(DUE_KEY), *(at(lease_key(session)) for session in SESSIONS)) == 0
