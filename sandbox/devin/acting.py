"""A Devin that acts by itself: it plans, asks, opens a pull request, finishes and falls asleep.

It plays a script (`scripts`), a turn for each message that a session takes, and ends Devin
Reviews. A session that somebody else changes meanwhile is left alone, and so is one in a state that
fails on purpose.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from sandbox.devin import scripts
from sandbox.devin.organization import Review
from sandbox.devin.record import Record
from sandbox.devin.scripts import Step
from sandbox.devin.sessions import DEMO_SESSIONS, DevinSession

THINKING_SECONDS = 1.5
REST_SECONDS = 60.0
REVIEW_SECONDS = 5.0
FIRST_PULL_REQUEST = 7
ACUS = 0.25
"""What a thought of the usual length costs."""

ALIVE = frozenset({"running", "blocked", "approval", "idle", "suspended"})


class Actor:
    """Plays Devin in every session of a record; `pace` multiplies its pauses.

    Those in `careful` ask for an approval before they work, the others ask a question. A session
    whose work is done falls asleep after `rest` seconds.
    """

    def __init__(
        self,
        record: Record,
        pace: float = 1.0,
        *,
        careful: Sequence[str] = (DEMO_SESSIONS[1][0],),
        rest: float = REST_SECONDS,
    ) -> None:
        self._record = record
        self._pace = pace
        self._rest = rest
        self._careful = frozenset(careful)
        self._pull_requests = FIRST_PULL_REQUEST
        self._tasks: dict[str, str] = {}
        self._working: set[str] = set()
        self._turns: dict[str, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Act until the block ends; a session that nobody has told anything waits for that."""
        for session in list(self._record.sessions.values()):
            if session.state == "running" and not session.messages:
                self._record.behave(session.session_id, "blocked")
        changes = self._record.subscribe()
        listening = asyncio.create_task(self._listen(changes))
        try:
            yield
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _listen(self, changes: asyncio.Queue[dict[str, str]]) -> None:
        async with asyncio.TaskGroup() as turns:
            while True:
                change = await changes.get()
                self._begin_reviews(turns)
                session = self._record.find(change["session_id"])
                if session is not None and _has_message(session, change["type"]):
                    self._name(session)
                    self._begin(session, turns)

    def _begin_reviews(self, turns: asyncio.TaskGroup) -> None:
        for review in self._record.reviews.all:
            if review.status == "pending":
                self._record.reviews.go_on(review, "running")
                turns.create_task(self._finish(review))

    async def _finish(self, review: Review) -> None:
        """End a review, unless somebody else has ended it meanwhile."""
        await asyncio.sleep(REVIEW_SECONDS * self._pace)
        if review.status == "running":
            self._record.reviews.go_on(review, "completed")

    def _name(self, session: DevinSession) -> None:
        """Give a title to a session that has none, as Devin does."""
        if not session.title:
            title = scripts.title_of(session.messages[0].text)
            self._record.rename(session.session_id, title)

    def _begin(self, session: DevinSession, turns: asyncio.TaskGroup) -> None:
        """Begin a turn, unless one goes on, which has read this message, too, and may stop."""
        session_id = session.session_id
        is_stopped = scripts.is_stop(session.messages[-1].text)
        if (session_id in self._working and not is_stopped) or session.lasting not in ALIVE:
            return
        before = self._turns.get(session_id)
        if before is not None:
            before.cancel()
        self._working.add(session_id)
        self._turns[session_id] = turns.create_task(self._turn(session, self._script(session)))

    def _script(self, session: DevinSession) -> tuple[Step, ...]:
        """Return what Devin does about the last message."""
        text = session.messages[-1].text
        if scripts.is_stop(text):
            return scripts.stopping()
        if session.lasting == "blocked" and len(session.messages) > 1:
            task = self._tasks.get(session.session_id, scripts.task_in(text))
            return scripts.finishing(task, self._next_pull_request())
        if session.lasting == "approval":
            if scripts.is_approval(text):
                return scripts.proving(self._next_pull_request())
            return scripts.leaving()
        self._tasks[session.session_id] = task = scripts.task_in(text)
        is_careful = session.session_id in self._careful
        return scripts.wishing(task) if is_careful else scripts.beginning(task)

    def _next_pull_request(self) -> str:
        self._pull_requests += 1
        return f"https://github.com/acme/relay/pull/{self._pull_requests - 1}"

    async def _turn(self, session: DevinSession, script: Sequence[Step]) -> None:
        """Play a turn, then rest; the rest ends with the next message."""
        try:
            if session.lasting != "running":
                scripts.enter(self._record, session.session_id, "running")
            for step in script:
                await self._play(session, step)
        finally:
            if self._turns[session.session_id] is asyncio.current_task():
                self._working.discard(session.session_id)
        if session.lasting == "idle":
            await asyncio.sleep(self._rest * self._pace)
            if self._is_still(session, "idle"):
                scripts.enter(self._record, session.session_id, "suspended")

    async def _play(self, session: DevinSession, step: Step) -> None:
        """Do one step, unless somebody else has changed the session meanwhile."""
        await asyncio.sleep(step.thinking * THINKING_SECONDS * self._pace)
        if self._is_still(session, "running"):
            self._record.spend(session.session_id, ACUS * step.thinking)
        if self._is_still(session, "running"):
            step.act(self._record, session.session_id)

    def _is_still(self, session: DevinSession, state: str) -> bool:
        is_same = self._record.find(session.session_id) is session
        return is_same and session.lasting == state


def _has_message(session: DevinSession, change: str) -> bool:
    """Whether a change of the record is a message that the session has taken."""
    is_taken = change == "devin.request" and session.requests[-1].taken
    return is_taken or change == "devin.created"
