"""After a gap in listening, missed replies are found in their threads, once, and reported as late.

Here Slack never brings messages that are written with `deliver=False`, as after an outage longer
than its retries.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.app import Bot, open_slack
from bot.catch_up.backfill import CatchUp
from bot.model.people import UserId
from bot.model.replies import Change, Evidence, Reply
from bot.model.sessions import SessionId, SessionState, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros, Millis, micros_ts, ts_micros
from bot.redis.connection import Store
from bot.redis.keys import (
    DUE_KEY,
    HEARD_KEY,
    READ_FIRST_KEY,
    THREADS_KEY,
    lease_key,
    subject_key,
)
from bot.relay.accept import Replies
from bot.settings import Settings
from bot.slack.api import SlackClient
from bot.store.checkpoints import CATCH_UP, CATCHING_UP, Checkpoints, Listening, Missed
from bot.store.links import Links
from bot.store.mailbox import Head, Later, Mailbox, Step
from bot.store.outbox import OwedKind
from bot.store.watches import Polled, Watches
from bot.wording import delivery_reports
from bot.wording.phrases import short_id
from sandbox import Sandbox
from sandbox.slack.server import ApiCall, Message
from sandbox.slack.world.workspace import TEAM_ID
from tests.support.bots import BRISK, open_bot
from tests.support.builders import JSON
from tests.support.desk import OTHER_SESSION, SESSION, Desk, key_of, muted, running
from tests.support.devin_reads import lists
from tests.support.features import HELP, VERBS
from tests.support.keys import at
from tests.support.parts import parts_of
from tests.support.redis_servers import node_url
from tests.support.schedules import Planned
from tests.support.told import GUEST, NOT_IDENTIFIED
from tests.support.waiting import until_caught_up, wait_until

pytestmark = pytest.mark.usefixtures("hurried")

LATE = delivery_reports.late(1, [], silenced=False)


LEASE = lease_key(SessionId(CATCHING_UP))


async def unbrought(
    desk: Desk, text: str, thread: str, *, user: str = "ada", channel: str = "general"
) -> str:
    """Write a reply whose event never comes."""
    return await desk.slack.say(text, user=user, channel=channel, thread=thread, deliver=False)


async def asked(desk: Desk, words: str, thread: str, *, user: str = "ada") -> str:
    """Mention the bot in a message whose event never comes."""
    return await unbrought(desk, f"<@{desk.slack.bot_user_id}> {words}", thread, user=user)


def reads(desk: Desk) -> list[ApiCall]:
    """Return the calls that read a thread after a gap."""
    calls = [one for one in desk.slack.calls if one.method == "conversations.replies"]
    return [one for one in calls if "oldest" in one.params]


def late(desk: Desk, thread: str) -> list[str]:
    """Return what a thread was told about a gap, beside answers, and replies that stay."""
    notices = [one for one in desk.posts(thread) if key_of(one).endswith(f"|{OwedKind.NOTICE}")]
    other = re.compile(":(command|sorry):")
    return [one.text for one in notices if not other.search(key_of(one))]


@pytest.mark.parametrize(
    "outer",
    [{"authorizations": {"team_id": TEAM_ID, "is_bot": False}}, {"user": 5}],
    ids=["authorizations", "user"],
)
async def test_a_reply_whose_event_bolt_cannot_read_is_found_in_its_thread(
    bot: Bot, desk: Desk, outer: JSON
) -> None:
    """Slack need not send it again, and it is lost to nobody.

    The first shape is that of `Events_Basics.json` in stoiveyp/Slack.NetStandard.
    """
    thread = await desk.linked_thread()
    ts = await unbrought(desk, "Please rebase.", thread)
    event = desk.slack.event_of("general", ts)
    delivery = await (await desk.slack.deliver_event(event, **outer)).settled()
    assert (delivery.acked, delivery.attempts) == (True, 1)
    await desk.until_delivered(ts)
    assert len(desk.received()) == 1


async def test_what_was_written_while_nobody_listened_arrives_in_order_and_is_said_to_be_late(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Two people write in two threads; each reply arrives once, even if its event comes too."""
    desk.devin.add_session(OTHER_SESSION)
    async with running(desk, environ):
        one, two = await desk.linked_thread(), await desk.linked_thread(OTHER_SESSION)
        before = await desk.reply("Before", one)
        await desk.until_delivered(before)
        await until_caught_up(store)
    first = await unbrought(desk, "First", one)
    await unbrought(desk, "Elsewhere", two, user="ben")
    last = await unbrought(desk, "Last", one, user="ben")
    async with running(desk, environ):
        await desk.until_delivered(last)
        await desk.until_received("Elsewhere", OTHER_SESSION)
        await desk.slack.deliver_event(desk.slack.event_of("general", first), retry_num=3)
        await desk.until_said(delivery_reports.late(2, [], silenced=False), one)
        await desk.until_said(LATE, two)
        await until_caught_up(store)
        texts = [one.partition("\n\n")[2] for one in await desk.fence(one)]
    assert texts == ["Before", "First", "Last"]
    assert len(desk.received(OTHER_SESSION)) == 1
    assert late(desk, one) == [delivery_reports.late(2, [], silenced=False).text]
    assert late(desk, two) == [LATE.text]
    async with running(desk, environ):
        await until_caught_up(store)
    assert [len(late(desk, thread)) for thread in (one, two)] == [1, 1]


async def test_threads_of_one_session_are_caught_up_in_the_order_of_writing(
    environ: dict[str, str], desk: Desk
) -> None:
    """The order in which the threads are read does not matter."""
    async with running(desk, environ):
        threads = [await desk.linked_thread() for _ in range(2)]
    for number in range(6):
        await unbrought(desk, f"Reply {number}", threads[number % 2])
    async with running(desk, environ):
        await desk.until_received("Reply 5")
    texts = [one.partition("\n\n")[2] for one in desk.received()]
    assert texts == [f"Reply {number}" for number in range(6)]


async def test_a_reply_that_comes_first_after_the_gap_hides_nothing_and_waits_its_turn(
    environ: dict[str, str], desk: Desk
) -> None:
    """The missing replies were written before it; Slack may let them be read only later."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
    await unbrought(desk, "Missing", thread)
    desk.slack.fail_next("conversations.replies", retry_after=2)
    async with running(desk, environ):
        live = await desk.reply("Live", thread)
        await desk.until_delivered(live)
    texts = [one.partition("\n\n")[2] for one in desk.received()]
    assert texts == ["Missing", "Live"]


async def test_a_process_that_dies_before_it_has_read_leaves_that_to_the_next(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Replies that it accepted in the meantime hide nothing."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await until_caught_up(store)
    await unbrought(desk, "Missing", thread)
    desk.slack.fail_next("conversations.replies", retry_after=3)
    before = len(reads(desk))
    async with running(desk, environ):
        await desk.reply("Live", thread)
        await desk.until_heard()
        await wait_until(lambda: len(reads(desk)) > before, "it begins to read")
    assert desk.received() == []
    async with running(desk, environ):
        await desk.until_received("Live")
        await until_caught_up(store)
    texts = [one.partition("\n\n")[2] for one in desk.received()]
    assert texts == ["Missing", "Live"]


async def test_only_what_an_event_would_have_brought_to_devin_is_accepted(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Asides, guests, bots, the relay's posts, and messages before the link or a mute are not."""
    root = await desk.slack.say("Shall we ship it?")
    await unbrought(desk, "Before the link", root)
    async with running(desk, environ):
        await desk.mention(f"link {SESSION}", thread=root)
        await desk.until_linked(root)
        await desk.mention("mute", thread=root)
        await desk.until_said(muted(), root)
        await unbrought(desk, "While muted", root)
        await desk.mention("unmute", thread=root)
        await desk.until_said(muted(is_muted=False), root)
        await until_caught_up(store)
    for text, user in {"(aside) psst": "ada", "Me too": "gus", "Build green": "bolt-ci"}.items():
        await unbrought(desk, text, root, user=user)
    await unbrought(desk, "For Devin", root)
    async with running(desk, environ):
        await desk.until_received("For Devin")
        await desk.until_whispered(GUEST, "gus")
        await until_caught_up(store)
    assert len(desk.received()) == 1
    assert late(desk, root) == [LATE.text]


SILENCING = ["mute", "unlink"]


def test_only_what_takes_later_replies_away_from_devin_silences_them() -> None:
    """A missed one takes them away for good; after any other, they go on."""
    assert sorted(verb for verb, one in VERBS.items() if one.silences) == SILENCING


@pytest.mark.parametrize("verb", SILENCING)
async def test_what_follows_an_unheard_request_to_stop_stays_in_slack(
    environ: dict[str, str], desk: Desk, store: Store, verb: str
) -> None:
    """Nobody carried it out, so its author is asked again; later replies are never fetched."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
    await unbrought(desk, "For Devin", thread)
    await asked(desk, verb, thread)
    await unbrought(desk, "Between us", thread)
    for _ in range(2):
        async with running(desk, environ):
            await until_caught_up(store)
            await desk.until_received("For Devin")
    assert len(desk.received()) == 1
    assert late(desk, thread) == [delivery_reports.late(1, [verb], silenced=True).text]


@pytest.mark.parametrize("verb", SILENCING)
async def test_what_follows_it_stays_in_slack_also_if_its_event_comes_while_the_thread_is_read(
    environ: dict[str, str],
    desk: Desk,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
) -> None:
    """It comes just before the link no longer takes it, after the thread was read."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
    await asked(desk, verb, thread)
    event = desk.slack.event_of("general", await unbrought(desk, "Between us", thread))
    take_replies_from, brought = Links.take_replies_from, []

    async def take_late(self: Links, of: ThreadRef, since: Micros) -> None:
        delivery = await desk.slack.deliver_event(event)
        brought.append((await delivery.settled()).acked)
        await take_replies_from(self, of, since)

    async with running(desk, environ):
        with monkeypatch.context() as patched:
            patched.setattr(Links, "take_replies_from", take_late)
            await until_caught_up(store)
        assert await desk.fence(thread) == []
    assert brought == [True]


@pytest.mark.parametrize("verb", SILENCING)
async def test_a_reply_that_was_edited_into_a_command_is_no_unheard_request(
    environ: dict[str, str], desk: Desk, store: Store, verb: str
) -> None:
    """It was for Devin, who has it, and so is what was written since."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        ts = await desk.reply("Please rebase", thread)
        await desk.until_delivered(ts)
        await desk.slack.edit("general", ts, f"<@{desk.slack.bot_user_id}> {verb}")
        await desk.until_whispered(delivery_reports.ANSWERED_BEFORE, "ada")
    await unbrought(desk, "For Devin", thread)
    async with running(desk, environ):
        await desk.until_received("For Devin")
        await until_caught_up(store)
    assert late(desk, thread) == [LATE.text]


async def test_who_may_not_mute_a_thread_does_not_stop_it_while_nobody_listens(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """A guest's request is refused as usual; what others wrote after that is for Devin."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await until_caught_up(store)
    await asked(desk, "mute", thread, user="gus")
    await unbrought(desk, "For Devin", thread)
    async with running(desk, environ):
        await desk.until_received("For Devin")
        await desk.until_whispered(GUEST, "gus")
        await until_caught_up(store)
    assert late(desk, thread) == [LATE.text]


async def test_each_refused_mention_is_answered(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """A guest who was told once in a thread may ask there again, as with an event."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await until_caught_up(store)
    for words in ("could you check this?", "and this?"):
        await asked(desk, words, thread, user="gus")
    await unbrought(desk, "me too", thread, user="gus")
    async with running(desk, environ):
        await wait_until(lambda: len(desk.whispers("gus")) >= 3, "each is answered")
        await until_caught_up(store)
    assert len(desk.whispers("gus")) == 3


async def test_an_order_whose_event_is_on_its_way_is_obeyed_and_not_asked_for_again(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """The command is in the thread that is read, and its event comes a moment later."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        is_asked, before = asyncio.Event(), len(desk.slack.calls)
        desk.slack.fail_next("conversations.replies", until=is_asked)
        desk.slack.drop_connections()
        await wait_until(
            lambda: "conversations.replies" in [one.method for one in desk.slack.calls[before:]],
            "the thread is being read",
        )
        ts = await asked(desk, "mute", thread)  # by now: one of 2 s ago isn't waited for
        await desk.slack.deliver_event(desk.slack.event_of("general", ts))
        is_asked.set()
        await desk.until_said(muted(), thread)
        await until_caught_up(store)
    assert late(desk, thread) == []


async def test_an_unheard_question_is_to_be_asked_again(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """It stops nothing, and is not answered hours later; an answered one is not mentioned."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await desk.mention("help", thread=thread)
        await desk.until_said(HELP, thread)
    await asked(desk, "status", thread)
    await unbrought(desk, "For Devin", thread)
    async with running(desk, environ):
        await desk.until_received("For Devin")
        await until_caught_up(store)
    assert late(desk, thread) == [delivery_reports.late(1, ["status"], silenced=False).text]


@pytest.mark.parametrize(
    "reason",
    [
        *("channel_not_found", "not_in_channel", "missing_scope", "thread_not_found"),
        "team_access_not_granted",
    ],
)
async def test_a_thread_out_of_reach_is_said_and_costs_no_other_anything(
    environ: dict[str, str],
    desk: Desk,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    reason: str,
) -> None:
    """The newest thread is tried first; the others are read all the same."""
    desk.devin.add_session(OTHER_SESSION)
    async with running(desk, environ):
        good = await desk.linked_thread()
        await desk.linked_thread(OTHER_SESSION, channel="shared")
    await unbrought(desk, "For Devin", good)
    desk.slack.fail_next("conversations.replies", error=reason)
    async with running(desk, environ):
        await desk.until_received("For Devin")
        await until_caught_up(store)
    (record,) = [one for one in caplog.records if one.getMessage() == "thread not read"]
    assert (record.levelname, record.__dict__["reason"]) == (
        "ERROR",
        f"conversations.replies: {reason}",
    )


async def test_a_token_that_no_longer_serves_ends_it_and_leaves_the_gap_to_one_that_does(
    environ: dict[str, str], desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Asking for every other thread would not help."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
    await unbrought(desk, "For Devin", thread)
    desk.slack.fail_next("conversations.replies", error="token_revoked")
    async with running(desk, environ):
        await wait_until(lambda: "catch-up ended" in caplog.messages, "it ends")
    async with running(desk, environ):
        await desk.until_received("For Devin")


async def test_slack_may_ask_for_patience(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """The same thread is requested again after `Retry-After`."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await until_caught_up(store)
    await unbrought(desk, "For Devin", thread)
    desk.slack.fail_next("conversations.replies", retry_after=2)
    async with running(desk, environ):
        await desk.until_received("For Devin")
    _, one, two = reads(desk)
    assert two.at - one.at >= 2
    assert one.params["ts"] == two.params["ts"] == thread


async def test_a_session_whose_author_slack_does_not_name_is_left_for_the_next_attempt(
    environ: dict[str, str], desk: Desk, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Its threads do not count as read; they are told only once they do, and then once."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await desk.until_heard()
    await unbrought(desk, "First", thread, user="ben")
    await asked(desk, "status", thread)
    await unbrought(desk, "Last", thread)
    desk.slack.fail_next("users.info", status=503, times=100_000)
    async with running(desk, environ):
        await wait_until(lambda: "session put off" in caplog.messages, "it is left")
        assert await store.field(HEARD_KEY, "gap") is not None
        assert (desk.received(), desk.whispers("ben"), late(desk, thread)) == ([], [], [])
        desk.slack.fail_no_more()
        await desk.until_received("Last")
        await until_caught_up(store)
        texts = [one.partition("\n\n")[2] for one in await desk.fence(thread)]
    assert texts == ["First", "Last"]
    assert late(desk, thread) == [delivery_reports.late(2, ["status"], silenced=False).text]
    assert desk.whispers("ben") == []


async def test_an_order_whose_author_slack_never_tells_holds_up_nothing_for_good(
    environ: dict[str, str], desk: Desk
) -> None:
    """It is refused in the end, and what others wrote after it is for Devin."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await desk.until_heard()
    await asked(desk, "mute", thread, user="ben")
    await unbrought(desk, "For Devin", thread)
    desk.slack.fail_next("users.info", status=503, times=100_000)
    async with running(desk, environ, GIVE_UP_AFTER="1s"):
        desk.slack.workspace.clock.ahead += 30.0
        await desk.until_whispered(NOT_IDENTIFIED, "ben")
        desk.slack.fail_no_more()
        await desk.until_received("For Devin")


async def test_a_connection_that_was_lost_is_a_gap_and_a_refresh_is_none(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Slack asks for a new connection every few hours; that need not cost a call per link."""
    thread = await desk.linked_thread()
    await until_caught_up(store)
    known = reads(desk)
    await desk.slack.disconnect("refresh_requested")
    await wait_until(lambda: not desk.slack.connections, "the old connection is leaving")
    await desk.slack.wait_connected()
    await desk.fence(thread)
    assert reads(desk) == known

    await unbrought(desk, "Lost", thread)
    await desk.slack.close_connections()
    await desk.until_received("Lost")
    await desk.until_said(LATE, thread)


async def test_of_two_processes_one_tells_each_thread_once(
    settings: Settings, environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """Both start at the same moment."""
    async with running(desk, environ):
        thread = await desk.linked_thread()
        await until_caught_up(store)
    await unbrought(desk, "For Devin", thread)
    async with open_bot(settings), open_bot(settings):
        await desk.slack.wait_connected(2)
        await desk.until_received("For Devin")
        await until_caught_up(store)
        assert len(await desk.fence(thread)) == 1
    assert len(late(desk, thread)) == 1


async def test_it_can_be_switched_off(
    environ: dict[str, str], desk: Desk, store: Store, redis_url: str
) -> None:
    """With `CATCH_UP=0` no thread is read at a start, and none is noted; each is at its link."""
    for _ in range(2):
        before = len(reads(desk))
        async with running(desk, environ, CATCH_UP="0"):
            thread = await desk.linked_thread()
            await desk.reply("Hello", thread)
            await desk.fence(thread)
            await until_caught_up(store)
        assert {one.params["ts"] for one in reads(desk)[before:]} == {thread}
    async with Redis.from_url(node_url(redis_url)) as raw:
        assert not await raw.exists(at(HEARD_KEY))


async def test_switched_off_it_still_reads_what_a_link_was_too_slow_for(
    environ: dict[str, str], desk: Desk, store: Store
) -> None:
    """A reply that is written while a short ID is looked up met no link, and is not lost."""
    desk.devin.read_seconds = 0.4
    async with running(desk, environ, CATCH_UP="0"):
        before, thread = lists(), await desk.slack.say("Is it green?")
        await desk.mention(f"link {short_id(SessionId(SESSION))}", thread=thread)
        await wait_until(lambda: lists() > before, "Devin is asked")
        await desk.reply("Not yet", thread)
        await desk.until_received("Not yet")
        await until_caught_up(store)
    assert late(desk, thread) == [], "nobody missed it"


async def test_a_reply_in_a_thread_that_rested_longer_than_is_read_back_is_found(
    environ: dict[str, str], desk: Desk, raw: Redis
) -> None:
    """Devin may have worked for a day before it asked; `CATCH_UP` bounds how far back is read."""
    async with running(desk, environ, CATCH_UP="1h"):
        thread = await desk.linked_thread()
    (name,) = await raw.zrange(at(THREADS_KEY), 0, -1)
    await raw.zadd(at(THREADS_KEY), {str(name): (time.time() - 2 * 3_600) * 1000})
    await unbrought(desk, "Yes, go on", thread)
    async with running(desk, environ, CATCH_UP="1h"):
        await desk.until_received("Yes, go on")
        await desk.until_said(LATE, thread)


# Without a bot around it.


class Heard(Replies):
    """Replies that are only recorded."""

    def __init__(self) -> None:
        self.accepted: list[str] = []

    async def accept(self, reply: Reply, evidence: Evidence = Evidence.EVENT) -> Change:
        """Record the reply."""
        assert evidence is Evidence.THREAD
        self.accepted.append(reply.text)
        return Change.REPEATED


class Study:
    """A catch-up with only Redis and Slack, and with links to read."""

    def __init__(self, box: Sandbox, store: Store, raw: Redis, client: SlackClient) -> None:
        self.desk = Desk(box)
        self.raw = raw
        self.heard = Heard()
        self.links = Links(store, CATCH_UP)
        self.clock = client.clock
        self._box = box
        self._store = store
        self._client = client

    def gaps(self, who: str = "a") -> Checkpoints:
        """Return a process's checkpoints."""
        return Checkpoints(self._store, CATCH_UP, who)

    def listening(self, who: str = "a") -> Listening:
        """Return a process's listening state."""
        return Listening(self.gaps(who), self.clock)

    def catch_up(
        self, listening: Listening, *, most: int = 2_000, who: str = "a", **times: Any
    ) -> CatchUp:
        """Return a process's catch-up, with these times."""
        timing = replace(BRISK, **{"thread_pause": 0.0, **times})
        parts = parts_of(self._box, self._store, self._client, timing=timing)
        state = copy(parts.state)
        state.checkpoints, state.links = self.gaps(who), self.links
        cases = copy(parts.cases)
        cases.state, cases.replies, cases.listening = state, self.heard, listening
        return CatchUp(cases, Planned(), most)

    async def linked(self, number: int) -> list[str]:
        """Link that many threads, oldest first, each with a reply that no event brought."""
        channel = self.desk.slack.workspace.channel("general").id
        ada = self.desk.slack.workspace.user("ada").id
        begin, roots = Micros(time.time_ns() // 1000) - 3_000_000 * number, []
        for place in range(number):
            made = begin + place * 1_000_000
            root, ts = micros_ts(made - 10), micros_ts(made + 500_000)
            thread = ThreadRef(team=self.desk.slack.team_id, channel=channel, thread_ts=root)
            self.desk.slack.workspace.put(Message(channel, root, user=ada, text="Root"))
            text = f"Reply {place}"
            reply = Message(channel, ts, user=ada, text=text, thread_ts=root)
            self.desk.slack.workspace.put(reply)
            session = SessionId(f"devin-{place:032x}")
            link = Link(session=session, by=UserId(ada), linked_at=1, since=made)
            await self.links.create(thread, link)
            await self.raw.zadd(at(THREADS_KEY), {thread.name: int(made) // 1000})
            roots.append(root)
        return roots


@pytest.fixture
async def study(box: Sandbox, settings: Settings, store: Store, raw: Redis) -> AsyncIterator[Study]:
    """A study without a bot."""
    async with open_slack(settings) as client:
        yield Study(box, store, raw, client)


@pytest.mark.parametrize(("most", "read"), [(2, [4, 3]), (100, [4, 3, 2, 1, 0])])
async def test_the_latest_links_are_read_first_and_no_more_than_the_limit(
    study: Study, store: Store, most: int, read: list[int]
) -> None:
    """Each thread is read once, from its checkpoint on."""
    roots = await study.linked(5)
    listening = study.listening()
    async with study.catch_up(listening, most=most).running():
        listening.missed()
        await wait_until(lambda: len(study.heard.accepted) >= len(read), "all are read")
        await until_caught_up(store)
    assert study.heard.accepted == [f"Reply {place}" for place in read]
    assert [call.params["ts"] for call in reads(study.desk)] == [roots[place] for place in read]


async def test_threads_whose_session_is_open_are_read_first(study: Study, store: Store) -> None:
    """Somebody may have answered there; nothing more is expected of a session that is over."""
    await study.linked(3)
    watches = Watches(store, CATCH_UP)
    for poll in (await watches.take(3, timedelta(0)))[0]:
        state = SessionState.WAITING if poll.session.endswith("0") else SessionState.ENDED
        await watches.record(poll, Polled(seen=Watched(state=state, read_at=Millis(1)), after=None))
    listening = study.listening()
    async with study.catch_up(listening, most=2).running():
        listening.missed()
        await wait_until(lambda: len(study.heard.accepted) == 2, "both are read")
        await until_caught_up(store)
    assert study.heard.accepted == ["Reply 0", "Reply 2"]


async def test_without_a_checkpoint_it_is_read_as_far_back_as_the_setting_says(
    study: Study, an_hour: "AnHour"
) -> None:
    """Nobody knows then since when nobody listens; a checkpoint from before that counts as none."""
    await an_hour.linked_and_replied()
    study.clock.note(an_hour.now)
    listening = Listening(study.gaps(), study.clock, timedelta(minutes=20))
    await listening.begin()
    after = await an_hour.read_from()
    assert 0 <= after - (an_hour.now - HOUR // 3 - OVERLAP) < HOUR // 60


async def test_what_is_refused_while_a_refusal_in_its_thread_is_noted_is_noted_as_well(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread may be read in between, before it was written."""
    (root,) = await study.linked(1)
    channel = study.desk.slack.workspace.channel("general").id
    thread = ThreadRef(team=study.desk.slack.team_id, channel=channel, thread_ts=root)
    first, listening, note = ts_micros(root) + 500_000, study.listening(), Checkpoints.note
    later = [Missed(thread, first + 500_000)]

    async def note_slowly(self: Checkpoints, missed: Sequence[Missed]) -> None:
        await note(self, missed)
        if later:
            gap, unread = await self.unread()
            await self.read(gap, SessionId(SESSION), unread)
            listening.refused(later.pop())

    monkeypatch.setattr(Checkpoints, "note", note_slowly)
    listening.refused(Missed(thread, first))
    await listening.note()
    await listening.note()
    monkeypatch.undo()
    _, unread = await study.gaps().unread()
    assert [one.thread for one in unread] == [thread]


async def test_what_may_be_missed_while_a_gap_is_noted_is_a_gap_as_well(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads may be read in between."""
    listening, note, gaps = study.listening(), Checkpoints.note_all, list[str]()

    async def note_slowly(
        self: Checkpoints,
        since: Micros | None = None,
        oldest: Micros = Micros(0),
        *,
        is_start: bool = False,
    ) -> None:
        await note(self, since, oldest, is_start=is_start)
        gaps.append((await self.unread())[0])
        if len(gaps) == 1:
            listening.missed()

    monkeypatch.setattr(Checkpoints, "note_all", note_slowly)
    listening.missed()
    await listening.note()
    assert listening.has_unnoted
    await listening.note()
    assert (len(set(gaps)), listening.has_unnoted) == (2, False)


async def test_slack_is_asked_at_its_pace(study: Study) -> None:
    """The number of links does not matter."""
    await study.linked(4)
    listening = study.listening()
    async with study.catch_up(listening, thread_pause=0.5).running():
        listening.missed()
        await wait_until(lambda: len(study.heard.accepted) == 4, "all are read")
    calls = [call.at for call in reads(study.desk)]
    assert calls[-1] - calls[0] > 0.5  # of 1.5: a busy machine may receive the first one late


async def test_the_end_of_a_process_is_not_held_up_and_the_next_one_goes_on(
    study: Study, store: Store
) -> None:
    """The process stops at once, and threads that it has read are not read again."""
    await study.linked(3)
    first_pace, listening = 60, study.listening()

    async def is_one_read() -> bool:
        _, unread = await study.gaps("b").unread()
        return len(unread) == 2

    async with study.catch_up(listening, thread_pause=first_pace).running():
        listening.missed()
        await wait_until(is_one_read, "one is read")
        began = time.monotonic()
    assert time.monotonic() - began < first_pace / 2
    assert await study.gaps("b").claim()
    await study.gaps("b").let_go()
    assert await store.get(LEASE) is None
    assert await is_one_read()
    other = study.listening("b")
    async with study.catch_up(other, who="b").running():
        other.wanted.set()
        await until_caught_up(store)
    assert study.heard.accepted == ["Reply 2", "Reply 1", "Reply 0"]


async def test_one_process_at_a_time_reads_and_another_waits_for_it(study: Study) -> None:
    """If the reader dies, another process takes over."""
    one, two = study.gaps("a"), study.gaps("b")
    assert await one.claim() == ""
    await one.note_all()
    gap = await one.claim()
    assert gap
    assert await two.claim() == ""
    assert await one.claim() == gap
    assert await two.let_go(gap="1")
    assert await two.claim() == ""
    await one.let_go()
    assert await two.claim() == gap
    assert not await two.let_go(gap)
    assert await one.claim() == ""


async def test_a_thread_that_was_out_of_reach_for_long_is_read_back_no_further_than_others(
    study: Study, store: Store
) -> None:
    """What was written while the bot was not in the channel is not sent days later."""
    (root,) = await study.linked(1)
    now = Micros(time.time_ns() // 1000)
    channel = study.desk.slack.workspace.channel("general").id
    ada, days = study.desk.slack.workspace.user("ada").id, 24 * HOUR
    old = micros_ts(now - 2 * days)
    study.desk.slack.workspace.put(Message(channel, old, user=ada, text="Old", thread_ts=root))
    thread = ThreadRef(team=study.desk.slack.team_id, channel=channel, thread_ts=root)
    link = Link(session=SessionId("devin-1"), by=UserId(ada), linked_at=1, since=now - 9 * days)
    await study.links.remove(thread)
    await study.links.create(thread, link)
    await study.gaps().note([Missed(thread, now - 9 * days)])
    study.clock.note(now)
    async with study.catch_up(study.listening()).running():
        await until_caught_up(store)
    assert study.heard.accepted == ["Reply 0"]


async def test_a_session_whose_mail_waits_is_read_before_what_was_noted_earlier(
    study: Study, store: Store
) -> None:
    """It was started, or its thread linked, while a long backfill goes on."""
    roots = await study.linked(4)
    begun, listening, other = asyncio.Event(), study.listening(), study.gaps("b")
    ada, channel = UserId("U0ADA00000"), study.desk.slack.workspace.channel("general").id
    threads = [
        ThreadRef(team=study.desk.slack.team_id, channel=channel, thread_ts=one) for one in roots
    ]
    study.desk.slack.fail_next("conversations.replies", until=begun)
    await other.note([Missed(one, ts_micros(one.thread_ts)) for one in threads[1:]])
    async with study.catch_up(listening).running():
        await wait_until(
            lambda: "conversations.replies" in [one.method for one in study.desk.slack.calls],
            "the first thread is being read",
        )
        await other.note([Missed(threads[0], ts_micros(roots[0]))])
        session, mailbox = SessionId(f"devin-{0:032x}"), Mailbox(store, CATCH_UP)
        ts = micros_ts(Micros(time.time_ns() // 1000))
        await mailbox.accept(Reply(thread=threads[0], ts=ts, author=ada), session, timedelta(0))
        assert isinstance(await mailbox.take(session, "token"), Later)
        begun.set()
        await until_caught_up(store)
    assert study.heard.accepted == ["Reply 3", "Reply 0", "Reply 2", "Reply 1"]


async def test_what_a_dead_process_was_reading_is_read_by_one_that_wants_nothing(
    study: Study, store: Store, raw: Redis
) -> None:
    """That process has been alive since before the gap, and Slack brings it everything."""
    await study.linked(1)
    async with study.catch_up(study.listening("b"), who="b").running():
        dead = study.gaps("dead")
        await dead.note_all(Micros(1))
        await dead.claim()
        assert study.heard.accepted == []
        await raw.delete(at(LEASE))  # as it expires
        await until_caught_up(store)
    assert study.heard.accepted == ["Reply 0"]


async def test_a_reading_that_fails_as_nobody_foresaw_is_not_the_last(
    study: Study, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The failure is in the log, and the next gap is read."""
    await study.linked(1)
    listening, find = study.listening(), study.links.of

    async def fails(threads: Sequence[ThreadRef]) -> Sequence[Link | None]:
        monkeypatch.setattr(study.links, "of", find)
        raise RuntimeError(f"nobody foresaw {len(threads)}")

    monkeypatch.setattr(study.links, "of", fails)
    async with study.catch_up(listening).running():
        listening.missed()
        await wait_until(lambda: "unforeseen: RuntimeError" in caplog.messages, "it fails")
        listening.missed()
        await until_caught_up(store)
    assert study.heard.accepted == ["Reply 0"]


async def test_only_refused_events_are_warned_of(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that is read again for another reason is no sign of trouble."""
    listening = study.listening()
    threads = [ThreadRef(team=TEAM_ID, channel="C1", thread_ts=f"{n}.000001") for n in range(3)]
    for thread in threads:
        listening.reread(Missed(thread, Micros(1), is_refused=False))
    listening.refused(Missed(threads[0], Micros(1)))
    await listening.note()
    listening.reread(Missed(threads[0], Micros(1), is_refused=False))
    await listening.note()
    (warning,) = [one for one in caplog.records if one.getMessage() == "refused events noted"]
    assert vars(warning)["threads"] == 1


async def test_only_who_reads_renews_the_hold(store: Store, raw: Redis) -> None:
    """One that was frozen does not keep others from following the next reader if that dies."""
    first, second = (Checkpoints(store, CATCH_UP, who) for who in ("a", "b"))
    await first.note_all()
    await first.claim()
    await raw.delete(at(LEASE))
    await second.claim()
    await raw.pexpire(at(LEASE), 1000)
    await first.renew()
    assert await raw.pttl(at(LEASE)) <= 1000
    await second.renew()
    assert await raw.pttl(at(LEASE)) > 1000


async def test_a_second_gap_while_the_first_is_read_is_read_too(study: Study) -> None:
    """The second gap is not removed with the first one."""
    gaps = study.gaps()
    await gaps.note_all()
    first = await gaps.claim()
    assert first
    await asyncio.gather(gaps.note_all(), gaps.renew())
    assert await gaps.let_go(first)
    second = await gaps.claim()
    assert second
    assert int(second) > int(first)


HOUR = 3_600 * 1_000_000
OVERLAP = 5 * 60 * 1_000_000


class AnHour:
    """A link that is an hour old, a reply that was accepted just now, and the threads to read."""

    def __init__(self, study: Study, store: Store) -> None:
        self.now = Micros(time.time_ns() // 1000)
        self._study = study
        self._store = store
        self.thread = ThreadRef(
            team=study.desk.slack.team_id, channel="C1", thread_ts="1764000000.000100"
        )
        ts = micros_ts(self.now - 1_000_000)
        self.reply = Reply(thread=self.thread, ts=ts, author=UserId("U0ADA"))

    async def linked_and_replied(self) -> None:
        """Link the thread, and accept a reply that was written a second ago."""
        session, since = SessionId("devin-1"), self.now - HOUR
        link = Link(session=session, by=self.reply.author, linked_at=1, since=since)
        await self._study.links.create(self.thread, link)
        accepted = await Mailbox(self._store, CATCH_UP).accept(self.reply, session, timedelta(0))
        assert accepted.change is Change.ACCEPTED

    async def read_from(self) -> Micros:
        """Return the time from which the thread is to be read."""
        _, (unread,) = await self._study.gaps().unread()
        assert unread.thread == self.thread
        return unread.after


@pytest.fixture
def an_hour(study: Study, store: Store) -> AnHour:
    """A thread with an hour of history."""
    return AnHour(study, store)


async def test_an_accepted_reply_vouches_for_nothing_but_itself(
    study: Study, an_hour: AnHour
) -> None:
    """Reading begins at the checkpoint, whatever was accepted since."""
    kept = an_hour.now - HOUR // 2
    await study.gaps("one that is gone").kept(kept)
    await an_hour.linked_and_replied()
    await study.gaps().note_all()
    assert await an_hour.read_from() == kept - OVERLAP


async def test_the_checkpoint_stays_where_it_is_while_a_refused_event_is_not_noted(
    study: Study, an_hour: AnHour
) -> None:
    """Whatever came after that event, it is read by whoever comes next."""
    await an_hour.linked_and_replied()
    study.clock.note(an_hour.now)
    one = study.listening()
    one.kept(an_hour.now - HOUR // 2)
    await one.move_checkpoint()
    one.refused(Missed(an_hour.thread, an_hour.now - HOUR // 4))
    one.kept(an_hour.now)
    await one.move_checkpoint()
    await study.gaps("one that follows").note_all()
    assert await an_hour.read_from() == an_hour.now - HOUR // 2 - OVERLAP


async def test_what_a_killed_process_took_with_it_is_noted_though_another_reads(
    study: Study, an_hour: AnHour
) -> None:
    """The process refused an event and could not note it; its successor has the thread read."""
    await an_hour.linked_and_replied()
    reader = study.gaps("reader")
    await reader.note_all(an_hour.now)
    gap = await reader.claim()
    assert gap
    kept = an_hour.now - HOUR // 2
    await study.gaps("killed").kept(kept)
    await study.gaps("one that follows").note_all()
    assert await an_hour.read_from() == kept - OVERLAP
    assert await reader.let_go(gap)


async def test_a_process_that_lost_its_connection_reads_from_what_it_kept(
    study: Study, an_hour: AnHour
) -> None:
    """It reads from a refused event instead, if that is earlier."""
    await an_hour.linked_and_replied()
    await study.gaps().note_all(an_hour.now - HOUR // 4)
    assert await an_hour.read_from() == an_hour.now - HOUR // 4 - OVERLAP
    await study.gaps().note([Missed(an_hour.thread, an_hour.now - HOUR // 2)])
    assert await an_hour.read_from() == an_hour.now - HOUR // 2 - 1
    await study.gaps().note([Missed(an_hour.thread, an_hour.now)])
    assert await an_hour.read_from() == an_hour.now - HOUR // 2 - 1


@pytest.mark.parametrize(("waited", "step"), [(15, Later), (31, Head)])
async def test_a_reply_waits_for_what_is_missing_from_when_it_was_accepted(
    study: Study, an_hour: AnHour, store: Store, raw: Redis, waited: int, step: type[Step]
) -> None:
    """It waits half a minute, no matter how long or how often others waited for the same thread."""
    await an_hour.linked_and_replied()
    session, mailbox = SessionId("devin-1"), Mailbox(store, CATCH_UP)
    for since in (HOUR // 2, HOUR // 4):
        await study.gaps().note([Missed(an_hour.thread, an_hour.now - since)])
        assert isinstance(await mailbox.take(session, "token"), Later)
        # The wait of an earlier reply is over.
        await raw.zadd(at(READ_FIRST_KEY), {session: 1})
        await raw.zadd(at(DUE_KEY), {session: 1})
    seconds, _ = await raw.time()
    accepted = (seconds - waited) * 1_000
    await raw.hset(at(subject_key(an_hour.reply.id)), "accepted", str(accepted))
    assert isinstance(await mailbox.take(session, "token"), step)


async def test_nothing_is_read_from_before_the_link(study: Study, an_hour: AnHour) -> None:
    """This holds no matter how long ago something was refused."""
    await an_hour.linked_and_replied()
    await study.gaps().note([Missed(an_hour.thread, an_hour.now - 2 * HOUR)])
    assert await an_hour.read_from() == an_hour.now - HOUR


@pytest.mark.parametrize(("reason", "calls"), [("not_in_channel", 1), ("thread_not_found", 3)])
async def test_a_channel_out_of_reach_is_asked_for_once_and_its_threads_stay_unread(
    study: Study, store: Store, reason: str, calls: int
) -> None:
    """Once it is invited again, the bot finds the missed replies at its next start."""
    await study.linked(3)
    study.desk.slack.fail_next("conversations.replies", error=reason)
    listening = study.listening()
    async with study.catch_up(listening).running():
        listening.missed()
        await wait_until(lambda: len(reads(study.desk)) == calls, "all are tried")
        await until_caught_up(store)
        assert len(reads(study.desk)) == calls
        listening.missed()
        await wait_until(lambda: len(set(study.heard.accepted)) == 3, "all are read")
