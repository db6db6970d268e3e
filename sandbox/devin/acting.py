"""A Devin that acts by itself: it plans, asks, opens a pull request, finishes and falls asleep.

It plays a script, a turn for each message that a session takes. A session that somebody else
changes meanwhile is left alone, and so is one in a state that fails on purpose.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sandbox.devin.record import Record
from sandbox.devin.sessions import DEMO_SESSIONS, DevinSession

THINKING_SECONDS = 1.5
REST_SECONDS = 60.0
FIRST_PULL_REQUEST = 7
LONGEST_TITLE = 40
ALIVE = frozenset({"running", "blocked", "approval", "idle", "suspended"})

PLAN = """\
## Plan

1. Read everything merged since **v2.3**
2. Write the notes, *grouped by what users notice*
3. Open a pull request

```console
$ git rev-list --count v2.3..main
42
```
"""
CHOICES = ("First, under their own heading", "Within each group", "Only in the upgrade guide")
QUESTION = f"""\
42 changes, and seven of them are breaking. How should I list those?

1. {CHOICES[0]}
2. {CHOICES[1]}
3. {CHOICES[2]}
"""
RESULT = """\
The notes are written and [ready for review]({url}).

| Group | Changes | Breaking |
|---|---:|---:|
| API | 18 | 5 |
| Command line | 13 | 2 |
| Documentation | 11 | 0 |

`make check` passes.
"""
WISH = """\
`test_upload` fails in one run out of nine: it waits for a port that another test has closed.

To prove it, I'd like to run this on the shared builder for about ten minutes:

```console
$ pytest tests/upload --count 200
```
"""
PROOF = """\
200 runs, no failures. The test now asks the system for its own port; \
[the pull request]({url}) is open.
"""
LEFT = "All right, I won't use the shared builder. What should I do instead?"


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a turn, after `thinking` times the usual pause."""

    act: Callable[[Record, str], None]
    thinking: float = 1.0


def _says(text: str, thinking: float = 1.0) -> Step:
    return Step(lambda record, session_id: record.say(session_id, text), thinking)


def _enters(state: str) -> Step:
    return Step(lambda record, session_id: record.behave(session_id, state), thinking=0.0)


def _opens(url: str) -> Step:
    return Step(lambda record, session_id: record.open_pull_request(session_id, url), thinking=2.0)


def _spends(acus: float) -> Step:
    return Step(lambda record, session_id: record.spend(session_id, acus), thinking=0.0)


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
        self._working: set[str] = set()
        self._turns: dict[str, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Act until the block ends; a session that nobody has told anything has nothing to do."""
        for session in list(self._record.sessions.values()):
            if session.state == "running" and not session.messages:
                self._record.behave(session.session_id, "idle")
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
                session = self._record.find(change["session_id"])
                if session is not None and _has_message(session, change["type"]):
                    self._name(session)
                    self._begin(session, turns)

    def _name(self, session: DevinSession) -> None:
        """Give a title to a session that has none, as Devin does."""
        if not session.title:
            title = _said_in(session.messages[0].text)[:LONGEST_TITLE]
            self._record.rename(session.session_id, title)

    def _begin(self, session: DevinSession, turns: asyncio.TaskGroup) -> None:
        """Begin a turn, unless one goes on, which then has read this message as well."""
        session_id = session.session_id
        if session_id in self._working or session.state not in ALIVE:
            return
        rest = self._turns.get(session_id)
        if rest is not None:
            rest.cancel()
        self._working.add(session_id)
        self._turns[session_id] = turns.create_task(self._turn(session, self._script(session)))

    def _script(self, session: DevinSession) -> tuple[Step, ...]:
        """Return what Devin does about the last message."""
        if session.state == "blocked":
            return self._ending(RESULT, 1.75)
        if session.state == "approval":
            is_approved = _said_in(session.messages[-1].text).casefold().startswith("approve")
            return self._ending(PROOF, 0.5) if is_approved else (_says(LEFT), _enters("idle"))
        if session.session_id in self._careful:
            return _says(WISH), _enters("approval")
        return _says(PLAN), _spends(0.5), _says(QUESTION), _enters("blocked")

    def _ending(self, text: str, acus: float) -> tuple[Step, ...]:
        url = f"https://github.com/acme/relay/pull/{self._pull_requests}"
        self._pull_requests += 1
        return _opens(url), _spends(acus), _says(text.format(url=url), 0.0), _enters("idle")

    async def _turn(self, session: DevinSession, script: Sequence[Step]) -> None:
        """Play a turn, then rest; the rest ends with the next message."""
        try:
            if session.state != "running":
                self._record.behave(session.session_id, "running")
            for step in script:
                await self._play(session, step)
        finally:
            self._working.discard(session.session_id)
        if session.state == "idle":
            await asyncio.sleep(self._rest * self._pace)
            if self._is_still(session, "idle"):
                self._record.behave(session.session_id, "suspended")

    async def _play(self, session: DevinSession, step: Step) -> None:
        """Do one step, unless somebody else has changed the session meanwhile."""
        await asyncio.sleep(step.thinking * THINKING_SECONDS * self._pace)
        if self._is_still(session, "running"):
            step.act(self._record, session.session_id)

    def _is_still(self, session: DevinSession, state: str) -> bool:
        is_same = self._record.find(session.session_id) is session
        return is_same and session.state == state


def _said_in(message: str) -> str:
    """Return the first line of a message that does not only introduce the next one."""
    lines = [line for line in message.splitlines() if line.strip()]
    return next((line for line in lines if not line.endswith(":")), message)


def _has_message(session: DevinSession, change: str) -> bool:
    """Whether a change of the record is a message that the session has taken."""
    is_taken = change == "devin.request" and session.requests[-1].taken
    return is_taken or change == "devin.created"
