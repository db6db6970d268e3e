"""After a gap, channels' histories tell which threads hold nothing new: mail there goes on at once.

Here threads rest for an hour before the gap, and what is written with `deliver=False` is never
brought by Slack.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from bot.app import open_slack
from bot.catch_up.reading import Histories
from bot.model.threads import ThreadRef
from bot.model.times import Micros, micros_ts, ts_micros
from bot.redis.connection import Store
from bot.redis.keys import HEARD_KEY, READ_FIRST_KEY
from bot.settings import Settings
from bot.slack.threads import HISTORY, MOST_FIRSTS, REPLIES
from bot.store.checkpoints import ToRead
from sandbox import Sandbox
from sandbox.slack.server import Message, SlackSandbox
from tests.support.desk import OTHER_SESSION, SESSION, Desk, running
from tests.support.keys import at
from tests.support.parts import parts_of
from tests.support.waiting import until_caught_up, wait_until

pytestmark = pytest.mark.usefixtures("hurried")

HOUR = 3_600


async def rested(
    desk: Desk, environ: dict[str, str], store: Store, *sessions: str, ago: float = HOUR
) -> list[str]:
    """Link a thread to each session, so long before a process that keeps everything stops."""
    clock = desk.slack.workspace.clock
    clock.ahead = -ago
    async with running(desk, environ):
        threads = [await desk.linked_thread(session) for session in sessions]
        await until_caught_up(store)
    clock.ahead = 0.0
    async with running(desk, environ):
        await desk.slack.say("Lunch?")
        await wait_until(lambda: desk.slack.deliveries[-1].acked, "it is kept")
        await until_caught_up(store)
    desk.slack.calls.clear()
    return threads


async def test_after_a_restart_a_reply_waits_for_no_read_of_a_thread_that_rested(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """One read of the channel clears all its threads, so that none of them is read."""
    desk.devin.add_session(OTHER_SESSION)
    one, other = await rested(desk, environ, store, SESSION, OTHER_SESSION)
    async with running(desk, environ):
        await until_caught_up(store)
        assert desk.read_threads() == []
        await desk.until_delivered(await desk.reply("Go on", one))
    assert other not in desk.read_threads()


async def test_only_the_thread_with_something_new_is_read_and_stays_in_order(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Its next reply comes before the history is read, and waits for the one that was missed."""
    desk.devin.add_session(OTHER_SESSION)
    one, other = await rested(desk, environ, store, SESSION, OTHER_SESSION)
    await desk.slack.say("First", thread=one, deliver=False)
    is_heard = asyncio.Event()
    desk.slack.fail_next(HISTORY, until=is_heard)
    async with running(desk, environ):
        second = await desk.reply("Second", one)
        await wait_until(lambda: desk.slack.deliveries[-1].acked, "it is kept")
        is_heard.set()
        await desk.until_delivered(second)
        await until_caught_up(store)
        await desk.until_delivered(await desk.reply("Elsewhere", other))
    assert [it.partition("\n\n")[2] for it in desk.received()] == ["First", "Second"]
    assert {*desk.read_threads()} == {one}


@pytest.mark.parametrize("fault", [{"status": 500}, {"error": "fatal_error"}, {"retry_after": 30}])
async def test_threads_are_read_where_slack_shows_no_history(
    environ: dict[str, str], desk: Desk, store: Store, fault: dict[str, object]
) -> None:
    """What was missed is found all the same, and mail waits for it."""
    desk.devin.add_session(OTHER_SESSION)
    one, other = await rested(desk, environ, store, SESSION, OTHER_SESSION)
    await desk.slack.say("First", thread=one, deliver=False)
    desk.slack.fail_next(HISTORY, times=9, **fault)  # type: ignore[arg-type]
    async with running(desk, environ):
        await desk.until_delivered(await desk.reply("Second", one))
        await until_caught_up(store)
    assert [it.partition("\n\n")[2] for it in desk.received()] == ["First", "Second"]
    assert {*desk.read_threads()} == {one, other}


async def test_mail_waits_for_no_words_from_before_all_was_kept(
    environ: dict[str, str], desk: Desk, store: Store, raw: Redis
) -> None:
    """A thread in which Devin spoke a minute before the start is read, but later."""
    desk.devin.add_session(OTHER_SESSION)
    threads = await rested(desk, environ, store, SESSION, OTHER_SESSION, ago=60)
    is_over = asyncio.Event()
    desk.slack.fail_next(REPLIES, until=is_over, times=99)
    async with running(desk, environ):

        async def goes_on() -> bool:
            return not await raw.zcard(at(READ_FIRST_KEY))

        await wait_until(goes_on, "no mail waits")
        is_over.set()
        await desk.until_delivered(await desk.reply("Go on", threads[0]))
        await until_caught_up(store)
    assert {*desk.read_threads()} == {*threads}


@pytest.mark.parametrize("ago", [HOUR, 60])
async def test_a_session_waits_for_all_its_threads(
    environ: dict[str, str], desk: Desk, store: Store, ago: float
) -> None:
    """Its reply in a thread that rested belongs behind what was missed in another."""
    one, two = await rested(desk, environ, store, SESSION, SESSION, ago=ago)
    await desk.slack.say("First", thread=one, deliver=False)
    async with running(desk, environ):
        await desk.until_delivered(await desk.reply("Second", two))
    assert [it.partition("\n\n")[2] for it in desk.received()] == ["First", "Second"]


async def test_beside_a_process_that_heard_everything_a_start_holds_up_no_mail(
    environ: dict[str, str], desk: Desk, store: Store, raw: Redis
) -> None:
    """So it is also while Slack shows neither threads nor histories."""
    is_over = asyncio.Event()
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await until_caught_up(store)
        desk.slack.workspace.clock.ahead += 10.0
        await wait_until_heard(desk, store)
        for method in (HISTORY, REPLIES):
            desk.slack.fail_next(method, until=is_over, times=99)
        async with running(desk, environ):
            await desk.slack.wait_connected(2)
            reply = await desk.reply("Go on", thread)

            async def has_gone_on() -> bool:
                await desk.slack.say("Lunch?")
                return not await raw.zcard(at(READ_FIRST_KEY)) and bool(desk.received())

            await wait_until(has_gone_on, "mail goes on")
            is_over.set()
            await desk.until_delivered(reply)


async def wait_until_heard(desk: Desk, store: Store) -> None:
    """Wait until everything is kept up to now."""
    ts = await desk.slack.say("Lunch?")

    async def is_heard() -> bool:
        return await store.field(HEARD_KEY, "checkpoint") == str(ts_micros(ts))

    await wait_until(is_heard, "it is kept")


# Without a bot around it.

AFTER = 1_764_000_000_000_000


class Place:
    """A channel in which threads are put, and what its history tells of them."""

    def __init__(self, histories: Histories, slack: SlackSandbox) -> None:
        self.slack = slack
        self.id = slack.workspace.channel("general").id
        self._ada = slack.workspace.user("ada").id
        self._histories = histories

    def put(self, at: int, root: str | None = None) -> str:
        """Put a message there that was written at that time; return its ts."""
        ts = micros_ts(Micros(at))
        message = Message(self.id, ts, user=self._ada, text="Words", thread_ts=root)
        self.slack.workspace.put(message)
        return ts

    async def quiet(self, *roots: str, kept: int = 0) -> list[str]:
        """Return those of the threads in which the history shows nothing new."""
        threads = [ThreadRef(team="T1", channel=self.id, thread_ts=root) for root in roots]
        self._histories.begin([ToRead(thread, Micros(AFTER), Micros(kept)) for thread in threads])
        async for _ in self._histories.read([]):
            pass
        return [one.thread_ts for one in self._histories.quiet]

    @property
    def calm(self) -> list[str]:
        """Those in which, besides, nothing is new since all was kept."""
        return sorted(one.thread_ts for one in self._histories.calm)

    @property
    def calls(self) -> int:
        """The number of reads of its history."""
        return sum(one.method == HISTORY for one in self.slack.calls)


@pytest.fixture
async def place(box: Sandbox, settings: Settings, store: Store) -> AsyncIterator[Place]:
    async with open_slack(settings) as client:
        yield Place(Histories(parts_of(box, store, client).cases), box.slack)


async def test_a_thread_is_quiet_only_if_slack_says_so(place: Place) -> None:
    """An old latest reply below an old message is known; what is new, gone or unsaid is read."""
    at = iter(range(AFTER - 9_000_000, AFTER, 1_000))
    quiet, just, new, missed, _, gone, dead = roots = [place.put(next(at)) for _ in range(7)]
    begun = place.put(AFTER + 2)
    for root in (quiet, missed, gone, dead):
        place.put(AFTER - 1, root)
    place.put(AFTER, just)
    for root in (new, missed, begun):
        place.put(AFTER + 1, root)
    place.slack.workspace.channel(place.id).messages.pop(gone)
    await place.slack.delete(place.id, dead)
    assert sorted(await place.quiet(*roots, begun)) == [quiet, just, dead]
    assert place.calls == 1


async def test_a_thread_is_calm_if_what_is_new_is_older_than_what_was_kept(place: Place) -> None:
    """One that began since then isn't, nor is one with a later reply."""
    quiet, calm, new, begun = (place.put(at) for at in (AFTER - 2, AFTER - 1, AFTER, AFTER + 8))
    for root, written in ((quiet, AFTER), (calm, AFTER + 5), (new, AFTER + 6), (begun, AFTER + 9)):
        place.put(written, root)
    assert await place.quiet(quiet, calm, new, begun, kept=AFTER + 5) == [quiet]
    assert place.calm == [calm]


async def test_each_read_of_a_history_decides_a_thread(place: Place) -> None:
    """It goes back from a thread in doubt, however much talk there is; the last is read itself."""
    at = iter(range(AFTER - 9_000_000, AFTER, 1_000))
    roots = []
    for talk in (MOST_FIRSTS, 3, 2 * MOST_FIRSTS, MOST_FIRSTS):
        roots.append(place.put(next(at)))
        for _ in range(talk):
            place.put(next(at))
    for root in roots:
        place.put(AFTER, root)
    assert await place.quiet(*roots) == roots[:0:-1]
    assert place.calls == 2


async def test_a_history_is_read_no_more_often_than_slack_allows(place: Place) -> None:
    """None is read until the pause is over that Slack asked for; threads are, meanwhile."""
    place.slack.fail_next(HISTORY, retry_after=30)
    roots = [place.put(AFTER - 2), place.put(AFTER - 1)]
    for _ in range(3):
        assert await place.quiet(*roots) == []
    assert place.calls == 1
