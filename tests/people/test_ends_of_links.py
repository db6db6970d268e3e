"""Each end of a link is on record once, whatever ends it: the trail tells which links there are."""

import logging
import re
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.model.people import NOBODY
from bot.model.threads import Link, ThreadRef
from bot.redis.keys import THREADS_KEY, link_key
from bot.runtime.logs import TRAIL, Event
from bot.wording import actions, thread_links
from tests.people.test_ending import told_of_the_end
from tests.support.desk import ANYTHING, OTHER_SESSION, SESSION, Desk, running
from tests.support.keys import at
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]

Ended = tuple[str, str]
"""Who ended a link, and why."""


def of(desk: Desk, thread: str, channel: str = "general") -> ThreadRef:
    place = desk.slack.workspace.channel(channel).id
    return ThreadRef(team=desk.slack.team_id, channel=place, thread_ts=thread)


async def forget(desk: Desk, raw: Redis, thread: str) -> None:
    """Let the thread have had no traffic for longer than `LINK_TTL`."""
    await raw.zadd(at(THREADS_KEY), {of(desk, thread).name: 1}, xx=True)


async def by_command(desk: Desk, _: Redis) -> Ended:
    """`unlink`, twice."""
    thread = await desk.linked_thread()
    await desk.answer("unlink", thread, ANYTHING)
    await desk.mention("unlink", thread=thread)
    await desk.until_heard()
    return "ada", ""


async def by_button(desk: Desk, _: Redis) -> Ended:
    """Unlink on the card."""
    thread = await desk.linked_thread()
    await desk.press(actions.UNLINK, thread, user="ben")
    await desk.until_said("Unlinked by Ben", thread)
    return "ben", ""


async def by_start(desk: Desk, _: Redis) -> Ended:
    """A new session takes the place of one that has ended."""
    thread = await desk.linked_thread()
    await told_of_the_end(desk, thread)
    await desk.mention("start Try again", thread=thread, user="ben")
    await desk.until_linked(thread, times=2)
    return "ben", "gave_way"


async def by_link(desk: Desk, _: Redis) -> Ended:
    """So does one that is there."""
    desk.devin.add_session(OTHER_SESSION)
    thread = await desk.linked_thread()
    await told_of_the_end(desk, thread)
    await desk.mention(f"link {OTHER_SESSION}", thread=thread, user="ben")
    await desk.until_linked(thread, times=2)
    return "ben", "gave_way"


async def by_move(desk: Desk, _: Redis) -> Ended:
    """The channel gets another id."""
    thread = await desk.linked_thread(channel="secrets")
    await desk.slack.share("secrets")
    told = thread_links.channel_moved(desk.named())
    await desk.until_said(told, thread, channel="secrets")
    return NOBODY, "moved"


async def by_time(desk: Desk, raw: Redis) -> Ended:
    """There was no traffic."""
    thread = await desk.linked_thread()
    await forget(desk, raw, thread)
    await wait_until(lambda: is_gone(raw, of(desk, thread)), "the link ends")
    return NOBODY, "expired"


async def is_gone(raw: Redis, thread: ThreadRef) -> bool:
    return not await raw.exists(at(link_key(thread)))


ENDS = {one.__name__: one for one in (by_command, by_button, by_start, by_link, by_move, by_time)}


def open_links(lines: list[logging.LogRecord]) -> dict[str, str]:
    """Return the session of each thread that is linked, as the trail tells it."""
    found: dict[str, str] = {}
    for line in lines:
        fields = vars(line)
        thread = ThreadRef(
            team=fields["team"], channel=fields["channel"], thread_ts=fields["thread_ts"]
        )
        if line.getMessage() == Event.LINKED:
            assert thread.name not in found, "it was linked already"
            found[thread.name] = fields["session_id"]
        elif line.getMessage() == Event.UNLINKED:
            assert found.pop(thread.name) == fields["session_id"]
    return found


@pytest.mark.parametrize("how", ENDS)
async def test_the_trail_tells_which_links_there_are(
    desk: Desk,
    environ: dict[str, str],
    raw: Redis,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    """Who reads it from the beginning has the links that Redis has; two processes add no line."""
    caplog.set_level(logging.INFO)
    async with running(desk, environ), running(desk, environ):
        kept = await desk.linked_thread()
        by, why = await ENDS[how](desk, raw)
        for one in list(desk.slack.deliveries):
            await (await desk.slack.redeliver(one)).settled()
        await desk.until_heard()
    acts = (Event.LINKED, Event.UNLINKED)
    lines = [one for one in caplog.records if one.name == TRAIL.name and one.getMessage() in acts]
    names = {user.id: name for name, user in desk.slack.workspace.users.items()}
    ends = [vars(one) for one in lines if one.getMessage() == Event.UNLINKED]
    assert [(names.get(one["by"], one["by"]), one.get("why", "")) for one in ends] == [(by, why)]
    linked = {
        name: link.session
        for name in map(str, await raw.zrange(at(THREADS_KEY), 0, -1))
        if (link := Link.parse(str(await raw.get(at(link_key(thread_named(name))))))) is not None
    }
    assert open_links(lines) == linked
    assert linked[of(desk, kept).name] == SESSION


def thread_named(name: str) -> ThreadRef:
    team, channel, thread_ts = name.split(":")
    return ThreadRef(team=team, channel=channel, thread_ts=thread_ts)


async def test_a_link_that_redis_has_forgotten_has_ended_as_well(
    desk: Desk, environ: dict[str, str], raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """No process ran in time, so nobody knows its session any more."""
    caplog.set_level(logging.INFO)
    async with running(desk, environ):
        thread = await desk.linked_thread()
    await raw.delete(at(link_key(of(desk, thread))))
    await forget(desk, raw, thread)
    async with running(desk, environ):
        await wait_until(
            lambda: Event.UNLINKED in [one.getMessage() for one in caplog.records],
            "it is on record",
        )
    (line,) = [one for one in caplog.records if one.getMessage() == Event.UNLINKED]
    assert (vars(line)["thread_ts"], vars(line)["why"]) == (thread, "expired")
    assert "session_id" not in vars(line)


def test_links_end_where_that_is_put_on_record() -> None:
    """`Accepting.unlink` is the one that removes links, and `Polling` has the others expire."""
    sources = {
        str(path.relative_to(ROOT)): path.read_text("utf-8")
        for path in (ROOT / "bot").rglob("*.*")
        if path.suffix in {".py", ".lua"}
    }

    def using(pattern: str, end: str) -> set[str]:
        return {
            path
            for path, text in sources.items()
            if path.endswith(end) and re.search(pattern, text)
        }

    scripts = using(r"'DEL', (link\b|key\.link\()", ".lua")
    assert {Path(one).stem for one in scripts} == {"set_link", "take_polls"}
    assert using(r"\blinks\.remove\(", ".py") == {"bot/relay/accept.py"}
    assert using(r"scripts\.take_polls\(", ".py") == {"bot/store/watches.py"}
    assert using(r"_watches\.take\(", ".py") == {"bot/mirror/poll.py"}
