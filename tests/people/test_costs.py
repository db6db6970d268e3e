"""What sessions cost is counted, whatever people do with their threads, and told in the end."""

import json
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from bot.app import Bot
from bot.model.sessions import SessionId, SessionState
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.redis.keys import WATCH_KEY, link_key, watched_key
from bot.store.watches import Watches
from bot.wording.mirror.card import at_cap
from bot.wording.phrases import acus_of, cap_of
from bot.wording.thread_links import channel_moved
from tests.features.test_usage import until_spent
from tests.people.test_children import spawn
from tests.support.desk import ANYTHING, SESSION, Desk
from tests.support.devin_posts import until_card
from tests.support.keys import at
from tests.support.waiting import until_settled, wait_until

PULL = "https://github.com/acme/relay/pull/7"
LATER_MS = 2 * 3_600_000


async def hurry(raw: Redis) -> None:
    """Let all sessions that are still watched be polled now."""
    for session in await raw.zrange(at(WATCH_KEY), 0, -1):
        await raw.zadd(at(WATCH_KEY), {str(session): 0}, xx=True)


async def until_polled(raw: Redis, so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until polls of what is still watched have found something."""

    async def is_so() -> bool:
        await hurry(raw)
        return await so()

    await wait_until(is_so, what)


async def start(
    desk: Desk, words: str = "max:10 Fix it", channel: str = "general"
) -> tuple[str, str]:
    """Start a session; return its thread, and its id."""
    before = set(desk.devin.sessions)
    root = await desk.mention(f"start {words}", channel=channel)
    await desk.until_linked(root, channel=channel)
    (session,) = set(desk.devin.sessions) - before
    return root, session


async def counted(store: Store, sessions: Sequence[str]) -> float:
    """Return what the ledger has of these sessions, and of all children."""
    found = await Watches(store, timedelta(days=1)).used(datetime.now(UTC))
    return sum(one.in_month for one in found if one.session in sessions or one.account.parent)


async def test_a_session_is_counted_after_its_thread_was_unlinked_and_its_cap_is_told(
    bot: Bot, desk: Desk, raw: Redis, store: Store
) -> None:
    """It was started here, and goes on at the team's expense: the thread of its start hears it."""
    root, session = await start(desk)
    desk.devin.spend(session, 2.0)
    await until_spent(raw, session, "2.0")
    await desk.answer("unlink", root, ANYTHING)
    desk.devin.say(session, "Nobody hears this.")

    async def near() -> bool:
        return acus_of(8.5, 10) in str(desk.said(root))

    desk.devin.spend(session, 6.5)
    await until_polled(raw, near, "the thread of its start is told that the cap is near")
    await until_spent(raw, session, "8.5")

    async def reached() -> bool:
        return f"used up its cap* of {cap_of(10)}" in str(desk.said(root))

    desk.devin.spend(session, 1.5)
    await until_polled(raw, reached, "it is told that the cap is reached")
    await until_spent(raw, session, "10.0")
    desk.devin.session(session).cap = 20
    desk.devin.behave(session, "running")
    desk.devin.spend(session, 10.0)

    async def again() -> bool:
        return at_cap(20.0, 10) in str(desk.said(root))

    await until_polled(raw, again, "it is told that the session has stopped again")
    await until_spent(raw, session, "20.0")
    desk.devin.behave(session, "finished")

    async def ended() -> bool:
        seen = await raw.hget(at(watched_key(SessionId(session))), "seen")
        return seen is not None and json.loads(seen)["state"] == SessionState.ENDED

    await until_polled(raw, ended, "its end is seen")
    await until_settled(store)
    said = " ".join(desk.said(root))
    assert (said.count("isn't linked anymore"), said.count("Nobody hears")) == (3, 0)


@pytest.mark.parametrize("how", ["expired", "moved"])
async def test_a_session_is_counted_however_its_link_has_ended(
    bot: Bot, desk: Desk, raw: Redis, how: str
) -> None:
    """Nobody has decided that it should stop; what outsiders may read isn't told there."""
    root, session = await start(desk, channel="secrets")
    place = desk.slack.workspace.channel("secrets").id
    if how == "moved":
        await desk.slack.share("secrets")
        await desk.until_said(channel_moved(desk.named(session)), root, channel="secrets")
    else:
        thread = ThreadRef(team=desk.slack.team_id, channel=place, thread_ts=root)
        await raw.delete(at(link_key(thread)))
    desk.devin.spend(session, 9.0)
    await until_polled(raw, lambda: is_unlinked(raw, session), "it is polled without a thread")
    await until_spent(raw, session, "9.0")
    if how == "expired":
        await desk.until_said(acus_of(9.0, 10), root, channel="secrets")


async def test_a_session_that_is_linked_again_is_followed_again(
    bot: Bot, desk: Desk, raw: Redis
) -> None:
    """From then on, with what it says and asks."""
    root, session = await start(desk)
    await desk.answer("unlink", root, ANYTHING)
    desk.devin.spend(session, 2.0)
    await until_polled(raw, lambda: is_unlinked(raw, session), "it is polled without a thread")
    desk.devin.say(session, "Nobody hears this.")
    other = await desk.linked_thread(session)
    desk.devin.say(session, "All done.")
    await wait_until(lambda: desk.words(other) == ["All done."], "it is heard again")
    assert not await is_unlinked(raw, session)


async def is_unlinked(raw: Redis, session: str) -> bool:
    """Return True if a poll has found that no thread is linked to the session."""
    seen = json.loads(await raw.hget(at(watched_key(SessionId(session))), "seen") or "{}")
    return bool(seen.get("is_unlinked"))


@dataclass
class Crowd:
    """People who start sessions, and do with them and their threads whatever comes to mind."""

    desk: Desk
    raw: Redis
    draw: random.Random
    threads: dict[str, str] = field(default_factory=dict)
    mine: list[str] = field(default_factory=list)

    def everybody(self) -> list[str]:
        """Return all sessions that were started here, and their children."""
        return [*self.mine, *(one for all_ in map(self.children, self.mine) for one in all_)]

    def children(self, session: str) -> list[str]:
        """Return the children of a session."""
        return self.desk.devin.session(session).children

    async def begin(self) -> None:
        """Start a session."""
        root, session = await start(self.desk, "Fix it")
        self.threads[root] = session
        self.mine.append(session)

    async def link(self) -> None:
        """Link a thread, perhaps one more."""
        session = self.draw.choice(self.mine)
        self.threads[await self.desk.linked_thread(session)] = session

    async def unlink(self) -> None:
        """End a link."""
        for root in self.draw.sample(list(self.threads), min(1, len(self.threads))):
            await self.desk.answer("unlink", root, ANYTHING)
            del self.threads[root]

    async def give_way(self) -> None:
        """Start another session in the thread of one that has ended."""
        desk, before = self.desk, set(self.desk.devin.sessions)
        over = [
            one for one, it in self.threads.items() if desk.devin.session(it).state != "running"
        ]
        if not over:
            return
        root, shown = over[0], len(desk.cards(over[0]))
        await until_card(desk, "*ended*", root)
        await desk.mention("start Go on", thread=root)
        await wait_until(lambda: set(desk.devin.sessions) - before, "another one is started")
        (new,) = set(desk.devin.sessions) - before
        await wait_until(lambda: len(desk.cards(root)) > shown, "its thread has given way")
        self.threads[root] = new
        self.mine.append(new)

    async def spend(self) -> None:
        """Let all sessions use something, whether they have ended or not."""
        for session in self.everybody():
            self.desk.devin.spend(session, self.draw.choice([0.0, 0.25, 1.5]))

    async def multiply(self) -> None:
        """Let a session start another one."""
        spawn(self.desk, "Backend", self.draw.choice(self.mine))

    async def end(self) -> None:
        """Let a session end, or a child."""
        self.desk.devin.behave(self.draw.choice(self.everybody()), "finished")

    async def poll(self) -> None:
        """Let time pass."""
        await hurry(self.raw)


@pytest.mark.parametrize("seed", range(3))
async def test_the_ledger_equals_devin_s_own_sum_whatever_people_do_with_the_threads(
    bot: Bot, desk: Desk, raw: Redis, store: Store, seed: int
) -> None:
    """Of sessions that were started here and their children, once all are at rest."""
    crowd = Crowd(desk, raw, random.Random(seed))  # noqa: S311  (no secret)
    await crowd.begin()
    acts = [crowd.begin, crowd.link, crowd.unlink, crowd.give_way, crowd.multiply]
    acts += [crowd.spend, crowd.spend, crowd.end, crowd.poll]
    for _ in range(14):
        await crowd.draw.choice(acts)()
    for session in crowd.everybody():
        desk.devin.behave(session, "finished")
    await crowd.spend()

    async def is_right() -> bool:
        total = sum(desk.devin.session(one).acus for one in crowd.everybody())
        return abs(await counted(store, crowd.mine) - total) < 1e-6

    await until_polled(raw, is_right, "the ledger has what Devin has")


async def later(raw: Redis, session: str) -> None:
    """Let the session have ended two hours ago, and have been read then."""
    key = at(watched_key(SessionId(session)))

    async def is_over() -> bool:
        seen = json.loads(await raw.hget(key, "seen") or "{}")
        if seen.get("state") != "ended":
            return False
        moved = {name: seen[name] - LATER_MS for name in ("since", "updated", "spoke_at")}
        await raw.hset(key, "seen", json.dumps(seen | moved))
        return True

    await wait_until(is_over, "its end was seen")


@pytest.mark.parametrize("what", ["pull request", "child", "cost", "title"])
async def test_what_a_card_shows_is_right_in_the_end(
    bot: Bot, desk: Desk, raw: Redis, what: str
) -> None:
    """Each thing that it shows may change after the end of its session."""
    thread = await desk.linked_thread()
    child = spawn(desk, "Backend")
    desk.devin.open_pull_request(SESSION, PULL)
    await until_card(desk, "Backend", thread)
    await until_card(desk, "(open)", thread)
    desk.devin.behave(SESSION, "finished")
    if what in {"cost", "title"}:  # for which alone it is looked at
        desk.devin.behave(child, "finished")
        desk.devin.open_pull_request(SESSION, PULL, "merged")
        await until_card(desk, "(merged)", thread)
    await until_card(desk, "*ended*", thread)
    await later(raw, SESSION)
    shown = "(merged)"
    if what == "pull request":
        desk.devin.open_pull_request(SESSION, PULL, "merged")
    elif what == "child":
        desk.devin.session(child).acus = 3.0
        desk.devin.behave(child, "idle")
        shown = "has *finished*"
    elif what == "cost":
        desk.devin.session(SESSION).acus = 2.5
        shown = "2.5 ACUs used"
    else:
        desk.devin.rename(SESSION, "Renamed at last")
        shown = "Renamed at last"

    async def is_shown() -> bool:
        return shown in str(desk.card(thread))

    await until_polled(raw, is_shown, f"the card says {shown}")
    if what == "child":
        await desk.answer("usage", thread, "Its 1 child session has used *3 ACUs*")
