"""After a rate limit of Devin's that is the key's, one message tries, and the others follow."""

import asyncio
import time
from datetime import timedelta
from itertools import count, pairwise

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.delivery.sending import STEP_SECONDS, TOO_MANY, RateLimit
from bot.model.replies import Outcome, OutcomeKind, Wait, reply_id
from bot.model.sessions import SessionId
from bot.redis.keys import DUE_KEY, subject_key, watched_key
from bot.settings import Settings
from tests.support.desk import SESSION, Desk
from tests.support.keys import at
from tests.support.waiting import PATIENCE_SECONDS, wait_until

TAKEN = Outcome(kind=OutcomeKind.DELIVERED)
LOST = Outcome(kind=OutcomeKind.UNCERTAIN)
BACKOFF = 1.0
SESSIONS = [f"devin-{number:032x}" for number in range(12)]


class Line:
    """Messages of many sessions to a Devin that gives these answers, and then takes everything."""

    def __init__(self, *answers: Outcome | Wait, longest: float = 3_600) -> None:
        self.sent = 0
        self.is_answering = asyncio.Event()
        self.is_answering.set()
        self._answers = list(answers)
        self._rate_limit = RateLimit(timedelta(seconds=longest))
        self._sessions = (SessionId(f"devin-{number:032x}") for number in count())

    async def post(self, session: SessionId | None = None) -> Outcome | Wait:
        """Send one of another session, if it is its time."""
        return await self._rate_limit.post(session or next(self._sessions), self._send, BACKOFF)

    async def until_tried(self, times: int) -> Outcome | Wait:
        """Send one, again and again, until Devin was asked as often as that."""
        answers = [await self.post()]
        while self.sent < times:
            await asyncio.sleep(0.01)
            answers.append(await self.post())
        return answers[-1]

    async def _send(self) -> Outcome | Wait:
        self.sent += 1
        await self.is_answering.wait()
        return self._answers.pop(0) if self._answers else TAKEN


def limited(seconds: float = 0.0, times: int = 2) -> list[Outcome | Wait]:
    """Return Devin's answers that make a limit that of the key."""
    return [Wait(TOO_MANY, seconds)] * times


async def limits(line: Line) -> None:
    """Let Devin impose the limit."""
    for _ in range(2):
        await line.post()


async def test_no_two_messages_are_sent_at_one_moment() -> None:
    """Devin is asked by the first two only, and the others begin when its limit ends."""
    line = Line(*limited(5.0))
    began = time.monotonic()
    times = []
    for _ in range(120):
        asked = time.monotonic() - began
        answer = await line.post()
        assert isinstance(answer, Wait)
        assert answer.retry_after is not None
        earliest, latest = asked, time.monotonic() - began  # when the wait begins
        times.append((earliest + answer.retry_after, latest + answer.retry_after))
    assert line.sent == 2
    first, second, *others = times
    assert min(first[1], second[1], others[0][1]) >= 5.0
    between = [later[1] - earlier[0] for earlier, later in pairwise(others)]
    assert min(between) > STEP_SECONDS / 2


async def test_a_limit_of_one_session_delays_no_other() -> None:
    """Another one tries, and if Devin takes its message, nobody else waits."""
    line = Line(*limited(600.0, 1), TAKEN, *limited(600.0, 1))
    one = SessionId("devin-0")
    assert await line.post(one) == Wait(TOO_MANY, 600.0)
    assert await line.post() == TAKEN
    assert await line.post(one) == Wait(TOO_MANY, 600.0)
    assert [await line.post() for _ in range(3)] == [TAKEN] * 3


async def test_a_session_that_is_limited_again_and_again_stays_the_only_one() -> None:
    """Its own answers say nothing of others."""
    line = Line(*limited(600.0, 3))
    one = SessionId("devin-0")
    for _ in range(3):
        assert await line.post(one) == Wait(TOO_MANY, 600.0)
    assert await line.post() == TAKEN


async def test_after_a_limit_one_message_tries() -> None:
    """The others wait until Devin has answered it; then none has to."""
    line = Line(*limited())
    await limits(line)
    line.is_answering.clear()
    trying = asyncio.create_task(line.until_tried(3))
    await wait_until(lambda: line.sent == 3, "one tries")
    others = [await line.post() for _ in range(3)]
    assert [isinstance(one, Wait) and not one.was_asked for one in others] == [True] * 3
    assert line.sent == 3
    line.is_answering.set()
    assert await trying == TAKEN
    assert [await line.post() for _ in range(3)] == [TAKEN] * 3


@pytest.mark.parametrize("answer", [LOST, Wait(TOO_MANY, 0.0), Wait("no connection")])
async def test_a_try_that_devin_does_not_take_ends_no_limit(answer: Outcome | Wait) -> None:
    """Then another one tries, alone."""
    line = Line(*limited(), answer)
    await limits(line)
    await line.until_tried(3)
    line.is_answering.clear()
    trying = asyncio.create_task(line.until_tried(4))
    await wait_until(lambda: line.sent == 4, "another one tries")
    other = await line.post()
    assert isinstance(other, Wait)
    assert not other.was_asked
    line.is_answering.set()
    assert await trying == TAKEN


@pytest.mark.parametrize("earlier", [0, 1])
@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        (Wait(TOO_MANY), BACKOFF),
        (Wait(TOO_MANY, 0.0), 0.5),
        (Wait(TOO_MANY, 3_600.0), 2.0),
        (Wait("HTTP 503", 1.5), 1.5),
    ],
)
async def test_a_limit_is_as_long_as_devin_says_within_reason(
    wait: Wait, seconds: float, earlier: int
) -> None:
    """It is half a second at least, and ends when replies are given up at most.

    If it is the key's, whoever met it comes a step later.
    """
    seconds += earlier * STEP_SECONDS
    line, began = Line(*[wait] * (earlier + 1), longest=2.0), time.monotonic()
    answer = [await line.post() for _ in range(earlier + 1)][-1]
    assert isinstance(answer, Wait)
    assert answer.retry_after is not None
    assert seconds - (time.monotonic() - began) <= answer.retry_after <= seconds


async def test_sessions_that_are_always_limited_leave_the_first_try_to_others() -> None:
    """Their limit counts as the key's, but others find that it isn't."""
    rate_limit = RateLimit(timedelta(hours=1))

    async def deliver(session: str, answer: Outcome | Wait) -> None:
        async def send() -> Outcome | Wait:
            return answer

        for _ in range(10):
            told = await rate_limit.post(SessionId(session), send, BACKOFF)
            if not isinstance(told, Wait):
                return
            await asyncio.sleep((told.retry_after or 0.0) + 0.01)
        raise AssertionError(f"{session} has tried ten times")

    async with asyncio.TaskGroup() as group:
        limited_ones = [
            group.create_task(deliver("a", Wait(TOO_MANY, 1.5))),
            group.create_task(deliver("b", Wait(TOO_MANY, 1.0))),
        ]
        await asyncio.sleep(0)  # Devin limits them first
        await asyncio.gather(*(deliver(one, TAKEN) for one in "cd"))
        for task in limited_ones:
            task.cancel()


async def test_who_is_limited_again_comes_behind_all_who_wait() -> None:
    """One that Devin always limits takes no time from one that it does not."""
    line = Line(*limited(0.5, 3))
    await limits(line)
    began = time.monotonic()
    waits = [await line.post() for _ in range(8)]
    again, tried = await line.until_tried(3), time.monotonic()
    assert isinstance(again, Wait)
    assert isinstance(waits[-1], Wait)
    assert tried + (again.retry_after or 0.0) > began + (waits[-1].retry_after or 0.0)


async def test_a_failure_of_one_message_delays_no_other() -> None:
    """What is no limit says nothing of other sessions."""
    failures: list[Outcome | Wait] = [Wait("no connection"), Wait("HTTP 503"), LOST]
    line = Line(*failures)
    assert [await line.post() for _ in range(4)] == [*failures, TAKEN]


async def test_many_sessions_that_wait_ask_devin_as_often_as_one(
    bot: Bot, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """While Devin limits the key, it is asked once for each `Retry-After`; then each arrives."""
    threads = {}
    for session in SESSIONS:
        desk.devin.add_session(session)
        threads[session] = await desk.linked_thread(session)
    for session in SESSIONS:
        desk.devin.behave(session, "rate_limited", retry_after=1)
    first, *others = SESSIONS
    began = time.monotonic()
    replies = [await desk.reply("Please rebase", threads[first])]
    await wait_until(lambda: desk.devin.requests, "Devin imposes its limit")
    replies += [await desk.reply("Please rebase", threads[one]) for one in others]
    await wait_until(lambda: len(desk.devin.requests) >= 4, "it is asked again, and again")
    refused = len(desk.devin.requests)
    assert refused <= 3 + (time.monotonic() - began)
    for session in SESSIONS:
        desk.devin.behave(session, "running")
    for reply in replies:
        await desk.until_delivered(reply)
    assert [len(desk.received(session)) for session in SESSIONS] == [1] * len(SESSIONS)
    assert len(desk.devin.requests) <= 1 + refused + len(SESSIONS)
    lines = [one for one in caplog.records if one.message == "waits"]
    assert len(lines) <= 1 + refused + len(SESSIONS)


async def test_no_wait_is_longer_than_what_is_left_until_the_reply_is_given_up(
    bot: Bot, settings: Settings, desk: Desk, raw: Redis
) -> None:
    """People are told `GIVE_UP_AFTER`, however long Devin asks for."""
    watched, due = at(watched_key(SessionId(SESSION))), at(DUE_KEY)

    async def is_put_off() -> bool:  # for longer than replies wait for earlier ones
        return float(await raw.zscore(due, SESSION) or 0) > (time.time() + 60) * 1000

    desk.devin.behave(SESSION, "rate_limited", retry_after=600)
    reply = await desk.reply("Please rebase", await desk.linked_thread())
    await wait_until(is_put_off, "Devin puts it off")
    channel = desk.slack.workspace.channel("general").id
    subject = at(subject_key(reply_id(desk.slack.team_id, channel, reply)))
    began = int(time.time() - 800) * 1000
    for record, field in ((subject, "accepted"), (watched, "failing")):
        await raw.hset(record, field, str(began))
    await raw.zadd(due, {SESSION: 1})
    await wait_until(is_put_off, "Devin puts it off again")
    later, longest = await raw.zscore(due, SESSION), settings.give_up_after.total_seconds()
    assert 0 <= float(later or 0) - began - longest * 1000 < PATIENCE_SECONDS * 1000
