"""On call, people ask `devin-relay why` about one message; it tells, and changes nothing.

Most tests have no bot: what it would have left in Redis is put there by its own repositories.
"""

import re
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bot import why
from bot.app import Bot
from bot.model.findings import Finding
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Refusal, Reply
from bot.model.sessions import Follow, SessionId, SessionState, Watched
from bot.model.threads import Link, ThreadRef, ts_micros
from bot.redis.connection import Store, claim_schema
from bot.redis.keys import (
    BEHIND_KEY,
    DUE_KEY,
    OUTBOX_KEY,
    SCHEMA_KEY,
    UNREAD_KEY,
    WATCH_KEY,
    Key,
    lease_key,
    mail_key,
    subject_key,
    watched_key,
)
from bot.settings import Settings, load_settings
from bot.store.claims import Claims
from bot.store.links import Links
from bot.store.mailbox import Head, Mailbox
from bot.store.outbox import words_owed, words_subject
from sandbox.slack.world.shapes import permalink
from sandbox.slack.world.workspace import TEAM_ID, Org
from tests.support.desk import SESSION, Desk, in_org_too
from tests.support.keys import TENANT, at
from tests.support.processes import bot_process, command
from tests.support.waiting import wait_until

Environ = dict[str, str]
ID = SessionId(SESSION)
TTL = timedelta(days=90)
NONE = timedelta(0)
WRITTEN = "Please rebase onto zanzibar"
"""What Ada says; no word of it may be told."""


def address(desk: Desk, ts: str, channel: str = "general") -> str:
    """Return the permalink of a message."""
    return permalink(desk.slack.workspace.message(channel, ts))


def look(found: Finding) -> str:
    """Return a finding as a line, with the mark that the command line gives it."""
    assert "zanzibar" not in found.says + found.fix
    mark = "✗" if not found.is_good else "!" if found.warns else "✓"
    return f"{mark} {found.what}: {found.says} → {found.fix}"


async def told(settings: Settings, message: str) -> dict[str, str]:
    """Ask about a message; return what is said of it, of its thread, and so on."""
    place = why.parse_place(message)
    assert place is not None
    return {found.what: look(found) async for found in why.findings(settings, place)}


# As people live it.


@in_org_too
@pytest.mark.times(notice_wait=timedelta(minutes=14))
async def test_on_call_reads_that_devin_puts_a_reply_off(
    bot: Bot, desk: Desk, environ: Environ, raw: Redis, tmp_path: Path, *, is_org: bool
) -> None:
    """Devin takes nothing, and Ada replies: it says since when, and when that is tried next."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited", retry_after="600")
    ts = await desk.reply(WRITTEN, thread)
    tenant = Org().id if is_org else TEAM_ID
    key = at(watched_key(ID), tenant)
    await wait_until(lambda: raw.hexists(key, "attempts"), "the reply waits")
    code, out, err = await command(environ, tmp_path, "why", address(desk, ts))
    assert (code, err) == (0, ""), out
    message, thread_line, reply, fix, report, session, words, last = out.splitlines()
    place = desk.slack.workspace.channel("general").id
    assert message.startswith(f"✓ Message: {tenant}:{place}:{ts}, written at ")
    assert f"✓ Thread: {thread} is linked to {SESSION}, by U0ADA00000 at " in thread_line
    assert reply.startswith(f"! Reply: has waited for {SESSION} since ")
    assert "; Devin has put it off since " in reply
    assert re.search(
        r", 1 try so far; it is tried next at [0-9:]{8} UTC \(in about [0-9] minutes\)", reply
    )
    assert re.search(r", and given up at [0-9:]{8} UTC \(in about 1[0-9] minutes\) or later", reply)
    assert fix == "  → Wait. Log `waits` has Devin's reason."
    assert report.startswith("✓ Report: ⏳ comes at ")
    assert session.startswith(f"✓ Session: {SESSION} is working, read last at ")
    assert words.startswith("✓ Devin's words: all that was read for this thread is in it")
    assert "; `status` tells if its channel bars them" in words
    assert last == "No problems found"
    assert "zanzibar" not in out


async def test_what_devin_wrote_leads_to_its_session(
    bot: Bot, desk: Desk, settings: Settings
) -> None:
    """It isn't a reply, so it says when the session is read, and what waits for the thread."""
    thread = await desk.linked_thread()
    desk.devin.say(SESSION, "zanzibar is rebased")
    await desk.until_said("zanzibar", thread)
    (post,) = [one for one in desk.posts(thread) if "zanzibar" in one.text]
    found = await told(settings, address(desk, post.ts))
    assert "by the bot itself, so it isn't for Devin" in found["Message"]
    assert "Reply" not in found
    assert "read last at " in found["Session"]
    assert found["Devin's words"].startswith("✓ ")


async def test_what_ada_says_through_the_bot_is_a_reply(
    bot: Bot, desk: Desk, settings: Settings
) -> None:
    """`/devin-say` posts it in the bot's name."""
    await desk.slack.slash("/devin-say", f"{SESSION} {WRITTEN}", channel="general")
    await desk.until_received("zanzibar")
    posts = desk.slack.workspace.channel("general").messages.values()
    (post,) = [one for one in posts if "zanzibar" in one.text]
    await desk.until_delivered(post.ts)
    found = await told(settings, address(desk, post.ts))
    assert "by the bot itself" not in found["Message"]
    assert "✓ Reply: ended as delivered" in found["Reply"]


async def test_someone_who_was_turned_away_is_told_of(
    bot: Bot, desk: Desk, settings: Settings
) -> None:
    """A guest's reply was never accepted."""
    thread = await desk.linked_thread()
    ts = await desk.reply(WRITTEN, thread, user="gus")
    await wait_until(lambda: desk.whispers("gus"), "they are told")
    found = await told(settings, address(desk, ts))
    assert "! Reply: was never accepted: its author may not message Devin → " in found["Reply"]
    assert "Log `turned away` has the rule." in found["Reply"]


async def test_a_command_was_for_the_bot(bot: Bot, desk: Desk, settings: Settings) -> None:
    """So it never was a reply."""
    thread = await desk.linked_thread()
    await desk.mention("status", thread=thread)
    asked = [one for one in desk.slack.thread("general", thread) if "status" in one.text]
    await wait_until(lambda: desk.said(thread), "it is answered")
    await desk.until_heard()
    found = await told(settings, address(desk, asked[0].ts))
    assert "it was for the bot, which has answered it" in found["Reply"]


# What Redis has of a reply.


@dataclass(frozen=True)
class Case:
    """A thread of Slack's that is linked in Redis, and a reply in it that no bot has heard."""

    desk: Desk
    settings: Settings
    store: Store
    raw: Redis
    thread: ThreadRef
    ts: str

    @property
    def reply(self) -> Reply:
        """The reply."""
        return Reply(thread=self.thread, ts=self.ts, author=UserId("U0ADA"), text=WRITTEN)

    @property
    def mailbox(self) -> Mailbox:
        """The mailboxes."""
        return Mailbox(self.store, TTL)

    async def accepted(self) -> Reply:
        """Accept the reply."""
        await self.mailbox.accept(self.reply, ID, NONE)
        return self.reply

    async def taken(self) -> Head:
        """Accept the reply, and take it."""
        await self.accepted()
        head = await self.mailbox.take(ID, "token")
        assert isinstance(head, Head)
        return head

    async def ended(self, outcome: Outcome, **how: Any) -> None:
        """Let the delivery of the reply end."""
        head = await self.taken()
        await self.mailbox.finish(ID, "token", head, outcome, go_on=False, **how)

    async def record(self, **fields: object) -> None:
        """Change the record of the reply."""
        for name, value in fields.items():
            await self.raw.hset(at(subject_key(self.reply.id)), name, str(value))

    async def scored(self, key: Key, member: str, score: int) -> None:
        """Set a member of a sorted set."""
        await self.raw.zadd(at(key), {member: score})
        await self.raw.expire(at(key), 1_000)

    async def told(self, **changes: Any) -> dict[str, str]:
        """Ask about the reply."""
        return await self.told_of(self.ts, **changes)

    async def told_of(self, ts: str, channel: str = "general", **changes: Any) -> dict[str, str]:
        """Ask about a message."""
        settings = self.settings.model_copy(update=changes)
        return await told(settings, address(self.desk, ts, channel))

    async def says(self, **changes: Any) -> str:
        """Return what is said of the reply itself."""
        return (await self.told(**changes))["Reply"]


def ms(seconds: float = 0) -> int:
    """Return the time in so many seconds."""
    return int((time.time() + seconds) * 1000)


@pytest.fixture
async def case(desk: Desk, settings: Settings, store: Store, raw: Redis) -> Case:
    """A linked thread with a reply."""
    await claim_schema(store)
    root = await desk.slack.say("Shall we?", deliver=False)
    ts = await desk.slack.say(WRITTEN, thread=root, deliver=False)
    place = desk.slack.workspace.channel("general").id
    thread = ThreadRef(team=TENANT, channel=place, thread_ts=root)
    link = Link(session=ID, by=UserId("U0BEN"), at=int(time.time()), since=ts_micros(root) - 1)
    await Links(store, TTL).create(thread, link)
    return Case(desk, settings, store, raw, thread, ts)


async def test_a_reply_of_a_flood_has_its_exact_place(case: Case) -> None:
    """However many are before it; and one that leaves meanwhile has no place."""
    await case.accepted()
    mail = at(mail_key(ID))
    await case.raw.zadd(mail, {f"{TENANT}:C0FLOOD:{number}": number for number in range(10_500)})
    says = await case.says()
    assert f", as number 10501 of 10501; {TENANT}:C0FLOOD:0 is first" in says
    await case.raw.zrem(mail, case.reply.id)
    says = await case.says()
    assert "; a process is taking mail of its session → Ask again in a few seconds." in says


async def test_mail_that_is_never_due_needs_somebody(case: Case) -> None:
    """All processes look for what is due, so none would ever send it."""
    await case.accepted()
    await case.raw.zrem(at(DUE_KEY), ID)
    says = await case.says()
    assert says.startswith("✗ Reply: has waited for ")
    assert "; it was due at no time, and no process takes it → " in says
    assert "RelayMailStuck" in says


async def test_a_reply_that_is_being_sent_says_since_when(case: Case) -> None:
    """After a minute it may be files, or Devin; without a lease, its process is gone."""
    await case.taken()
    assert (await case.says()).startswith(f"✓ Reply: is being sent to {SESSION}, since ")
    await case.record(sending_since=ms(-90))
    says = await case.says()
    assert says.startswith("! Reply: is being sent to ")
    assert "Large files take long; else: See docs/operations.md, RelayDevinSlow." in says
    await case.raw.delete(at(lease_key(ID)))
    says = await case.says()
    assert says.startswith("✗ Reply: is being sent to ")
    assert "; its process died or froze → Within 20 seconds, another process" in says
    await case.record(sending_since=ms())
    assert (await case.says()).startswith("! ")


async def test_a_reply_that_waits_says_what_for(case: Case) -> None:
    """A process that takes mail, its thread, or just its time."""
    await case.accepted()
    assert "! Reply: has waited for " in await case.says()
    await case.scored(DUE_KEY, ID, ms(-60))
    says = await case.says()
    assert says.startswith("✗ Reply: has waited for ")
    assert "; it was due at " in says
    assert "and no process takes it → See docs/operations.md, RelayMailStuck." in says
    await case.scored(DUE_KEY, ID, ms(20))
    await case.scored(BEHIND_KEY, ID, 1)
    says = await case.says()
    assert "; its session's threads are read first, until " in says
    assert re.search(r"until [0-9:]{8} UTC \(in 2[0-9] seconds\) at most", says)
    await case.record(accepted=ms(-31))
    assert "; it is due at " in await case.says()
    await case.raw.set(at(lease_key(ID)), "token", 100)
    assert "; a process is taking mail" in await case.says()


ENDS = [
    (Outcome(kind=OutcomeKind.DELIVERED), "✓", "ended as delivered for"),
    (Outcome(kind=OutcomeKind.UNCERTAIN), "✗", "press *Send again*"),
    (Outcome(kind=OutcomeKind.UNCONFIRMED), "✗", "press *Send again*"),
    (Outcome(kind=OutcomeKind.SUSPENDED), "✗", "press *Send again*"),
    (Outcome(kind=OutcomeKind.GIVEN_UP), "✗", "Press *Send again*"),
    (Outcome(kind=OutcomeKind.ENDED), "✗", "Link or start another one."),
    (Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.INVALID), "✗", "(invalid) → The thread"),
    (Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.FORBIDDEN), "✗", "RelayForbidden"),
    (Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.KEY_REJECTED), "✗", "RelayKeyRejected"),
    (Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.ACTING), "✗", "see ACT_AS"),
]


async def test_a_reply_that_has_ended_says_how(case: Case, subtests: pytest.Subtests) -> None:
    """It says what the outcome means, and what is to be done."""
    await case.ended(ENDS[0][0], is_owed=False)
    assert {one.kind for one, *_ in ENDS} == {*OutcomeKind}
    for outcome, mark, says in ENDS:
        with subtests.test(outcome.kind.value):
            await case.record(outcome=outcome.to_json())
            found = await case.told()
            assert found["Reply"].startswith(f"{mark} Reply: ended as {outcome.kind} for {SESSION}")
            assert says in found["Reply"]
            assert "Report" not in found


async def test_a_reply_that_was_taken_back_or_came_late_says_so(case: Case) -> None:
    """Neither goes to Devin now."""
    await case.accepted()
    await case.record(state="withdrawn")
    assert "was deleted, or edited, before it was sent or came itself" in await case.says()
    await case.record(state="ahead")
    assert "or came itself → *Send to Devin*" in await case.says()
    await case.record(state="new")
    assert "✗ Reply: has a record that this release can't read (new)" in await case.says()


async def test_a_report_that_slack_does_not_take_waits(case: Case) -> None:
    """Once it is overdue, no process tells it."""
    await case.ended(Outcome(kind=OutcomeKind.UNCERTAIN))
    says = (await case.told())["Report"]
    assert says.startswith("! Report: its outcome isn't in the thread yet; it is due at ")
    await case.scored(OUTBOX_KEY, f"{case.reply.id}|1|outcome", ms(-30))
    says = (await case.told())["Report"]
    assert says.startswith("✗ Report: its outcome isn't in the thread yet; it is due at ")
    assert "RelayReportsWaiting" in says
    await case.scored(OUTBOX_KEY, f"{case.reply.id}|1|outcome", ms(50))
    assert "UTC (in 4" in (await case.told())["Report"]


async def test_a_broken_record_ends_no_diagnosis(case: Case) -> None:
    """That is when people ask; what can't be read counts as missing."""
    await case.ended(Outcome(kind=OutcomeKind.UNCERTAIN), is_owed=False)
    await case.record(outcome="{", accepted="soon", round="?", reply="{")
    await case.raw.hset(at(watched_key(ID)), mapping={"seen": "{", "failing": "?"})
    await case.scored(OUTBOX_KEY, f"{case.reply.id}|1|telegram", ms(-30))
    record = at(subject_key(words_subject(case.thread)))
    await case.raw.hset(record, mapping={"posting": "{", "waits": "?"})
    await case.raw.expire(record, 1_000)
    found = await case.told()
    assert "✗ Reply: has a record that this release can't read (done)" in found["Reply"]
    assert f"{SESSION} is unknown, not read yet" in found["Session"]
    await case.record(state="sending", sending_since=10**20)
    assert "since a time that can't be read" in (await case.told())["Reply"]


# Why there is nothing of it.


async def relinked(case: Case, **changes: object) -> None:
    """Change the link of the thread."""
    await Links(case.store, TTL).remove(case.thread)
    link = Link(session=ID, by=UserId("U0BEN"), at=int(time.time()))
    await Links(case.store, TTL).create(case.thread, link.model_copy(update=changes))


async def test_a_thread_that_is_not_for_devin_says_so(case: Case) -> None:
    """It is muted, linked later, unread after an outage, or not linked at all."""
    assert "! Reply: was never accepted: it may be on its way" in await case.says()
    await case.scored(UNREAD_KEY, case.thread.name, 1)
    assert "its thread is yet to be read for missed replies → Wait." in await case.says()
    await relinked(case, since=ts_micros(case.ts))
    assert "its thread was linked or unmuted after it" in await case.says()
    await relinked(case, muted=True)
    found = await case.told()
    assert "its thread takes no replies, as it is muted" in found["Reply"]
    assert "it is muted, so nothing in it goes to Devin → " in found["Thread"]
    await Links(case.store, TTL).remove(case.thread)
    found = await case.told()
    assert "its thread isn't linked" in found["Reply"]
    assert f"! Thread: {case.thread.thread_ts} isn't linked to a session" in found["Thread"]
    assert "Session" not in found


async def test_a_message_that_is_not_for_devin_says_so(case: Case) -> None:
    """It is an aside, a bot's, or a notice of Slack's own."""
    slack, root = case.desk.slack, case.thread.thread_ts

    async def says(text: str = WRITTEN, thread: str | None = root, **how: Any) -> str:
        ts = await slack.say(text, thread=thread, deliver=False, **how)
        return (await case.told_of(ts))["Reply"]

    assert "it is an aside → *Send to Devin*" in await says(f"(aside) {WRITTEN}")
    assert "a bot that isn't in ALLOW_BOTS wrote it" in await says(user="bolt-ci")
    assert "it is a message of Slack's own" in await says(subtype="channel_topic")
    only = frozenset({"C0OTHER000"})
    assert "its channel isn't in ALLOW_CHANNELS" in await case.says(allow_channels=only)
    await Claims(case.store).claim(f"turned away:{case.reply.id}")
    assert "its author may not message Devin" in await case.says()


async def test_an_event_that_never_came_needs_somebody(case: Case) -> None:
    """An older message that nothing explains."""
    lost = f"{TENANT}:{case.thread.channel}:1764000000.000100"
    case.desk.slack.fail_next("conversations.replies", error="internal_error")
    await relinked(case)
    found = await told(case.settings, lost)
    assert "Slack doesn't show it (internal_error)" in found["Message"]
    assert "written at 2025-11-24 16:00:00 UTC (" in found["Message"]
    await relinked(case)
    case.desk.slack.fail_next("conversations.replies", error="internal_error")
    place = f"https://acme.slack.com/archives/{case.thread.channel}/p1764000000000100"
    found = await told(case.settings, f"{place}?thread_ts={case.thread.thread_ts}&cid=C1")
    assert found["Reply"].startswith("✗ Reply: was never accepted: no event came")


async def test_slack_says_where_the_bot_is_not_and_what_is_gone(case: Case) -> None:
    """No event comes of a channel without the bot."""
    ts = await case.desk.slack.say(WRITTEN, channel="random", deliver=False)
    found = await case.told_of(ts, "random")
    assert found["Message"].startswith("✗ Message: ")
    assert "the bot isn't in its channel, and hears nothing there → /invite it" in found["Message"]
    assert "Slack sends no events from that channel" in found["Reply"]
    asked = address(case.desk, case.ts)
    await case.desk.slack.delete("general", case.ts)
    found = await told(case.settings, asked)
    assert found["Message"].endswith("; it is no longer in Slack, or never was → ")
    assert f"Thread: {case.thread.thread_ts} is linked to {SESSION}" in found["Thread"]
    assert "it isn't in Slack" in found["Reply"]


async def test_without_slack_an_id_is_enough(case: Case) -> None:
    """A permalink doesn't name the workspace."""
    await case.accepted()
    away = {"slack_api_url": "http://127.0.0.1:1/api/"}
    found = await case.told(**away)
    assert found["Slack bot token"].startswith("✗ Slack bot token: Can't reach Slack (")
    assert "its workspace isn't known without Slack → Name it as the log" in found["Message"]
    settings = case.settings.model_copy(update=away)
    found = await told(settings, case.reply.id)
    assert "Slack doesn't show it (" in found["Message"]
    assert f"Thread: {case.thread.thread_ts} is linked to {SESSION}" in found["Thread"]
    assert "! Reply: has waited for " in found["Reply"]


async def test_without_slack_the_thread_of_a_message_may_be_unknown(case: Case) -> None:
    """Then nothing is judged by it, until somebody names it; a session that is known is told."""
    settings = case.settings.model_copy(update={"slack_api_url": "http://127.0.0.1:1/api/"})
    found = await told(settings, case.reply.id)
    assert found["Thread"].startswith("! Thread: isn't known, as Slack doesn't show the message → ")
    assert "Ask with a permalink that has thread_ts" in found["Thread"]
    assert "! Reply: was never accepted: its thread would tell why → Ask with" in found["Reply"]
    assert "Session" not in found
    await case.ended(Outcome(kind=OutcomeKind.DELIVERED), is_owed=False)
    found = await told(settings, case.reply.id)
    assert "Ask with a permalink" in found["Thread"]
    assert "✓ Reply: ended as delivered" in found["Reply"]
    assert SESSION in found["Session"]
    assert "Devin's words" not in found
    found = await told(settings, f"{TENANT}:{case.thread.channel}:{case.thread.thread_ts}")
    assert "is linked to" in found["Thread"], "a message that begins a linked thread"
    case.desk.slack.fail_next("conversations.replies", error="missing_scope")
    found = await case.told()
    assert f"Thread: {case.thread.thread_ts} is linked to" in found["Thread"], "by its permalink"
    assert "(missing_scope) → See docs/operations.md, RelaySlackErrors." in found["Message"]


async def test_a_message_of_another_workspace_is_not_asked_for(case: Case) -> None:
    """What is known here is about another message."""
    found = await told(case.settings, f"T0ELSE:{case.thread.channel}:{case.ts}")
    says = f"✗ Message: its workspace is T0ELSE, and the bot's is {TENANT} → Ask with the settings"
    assert found["Message"].startswith(says)
    assert len(found) == 1


async def test_a_workflow_step_is_in_no_channel(case: Case) -> None:
    """So nobody is asked to invite the bot there."""
    step = ThreadRef.nowhere(TENANT, "Fx0123", "1764000000.000100")
    reply = case.reply.model_copy(update={"thread": step, "ts": step.thread_ts})
    await case.mailbox.accept(reply, ID, NONE)
    found = await told(case.settings, reply.id)
    assert found["Message"].startswith(f"✓ Message: {reply.id}, written at ")
    assert " for a workflow's step" in found["Message"]
    assert "has waited for " in found["Reply"]
    assert not {"Thread", "Devin's words"} & found.keys()


# Its session.


async def test_a_session_says_whether_and_when_it_is_read(case: Case) -> None:
    """A session that has ended is polled no more, and an overdue poll needs somebody."""
    key = at(watched_key(ID))
    await case.scored(WATCH_KEY, ID, ms(30))
    for state in (SessionState.WAITING, SessionState.UNKNOWN):
        seen = Watched(state=state, read_at=ms(-120))
        await case.raw.hset(key, "seen", seen.to_json())
        says = (await case.told())["Session"]
        assert says.startswith(f"✓ Session: {SESSION} is {state.value}, read last at ")
        assert "; polled next at " in says
    await case.raw.hset(key, "seen", Watched(is_missing=True, read_at=ms(-120)).to_json())
    says = (await case.told())["Session"]
    assert says.startswith(f"! Session: {SESSION} is not found by Devin, read last at ")
    assert "RelayReadsFail" in says
    for name, read_at, wanted_at in (("working", -70, -80), ("waiting", -120, -90)):
        seen = Watched(state=SessionState(name), read_at=ms(read_at))
        await case.raw.hset(key, "seen", seen.to_json())
        await case.raw.hset(key, "read_wanted_at", str(ms(wanted_at)))
        says = (await case.told())["Session"]
        assert says.startswith(f"! Session: {SESSION} is {name}, read last at ")
        assert " → See docs/operations.md, RelayReadsFail." in says
    await case.scored(WATCH_KEY, ID, ms(-30))
    says = (await case.told())["Session"]
    assert says.startswith("✗ ")
    assert "RelayWatchLate" in says
    await case.raw.zrem(at(WATCH_KEY), ID)
    await case.raw.hset(key, "seen", Watched(is_missing=True).to_json())
    says = (await case.told())["Session"]
    assert says.startswith(f"! Session: {SESSION} is not found by Devin, not read yet; 0 queued")
    assert "A reply has it read again." in says


async def test_words_that_wait_are_told_of(case: Case) -> None:
    """Since when, when they are tried next, and how many are being posted."""
    owed, record = str(words_owed(case.thread)), at(subject_key(words_subject(case.thread)))
    await case.scored(OUTBOX_KEY, owed, ms(20))
    await case.raw.hset(record, "waits", str(ms(-60)))
    says = (await case.told())["Devin's words"]
    assert says.startswith("! Devin's words: have waited since ")
    assert "; they are tried next at " in says
    assert " → See docs/operations.md, RelayWordsWaiting." in says
    await case.raw.hset(record, "waits", str(ms(-400)))
    assert (await case.told())["Devin's words"].startswith("✗ ")
    await case.raw.delete(record)
    await case.raw.zrem(at(OUTBOX_KEY), owed)
    await case.raw.hdel(at(watched_key(ID)), f"joined:{case.thread.name}")
    says = (await case.told())["Devin's words"]
    assert says.startswith(f"! Devin's words: this thread doesn't follow {SESSION}")


async def test_a_thread_that_follows_nothing_is_not_well(case: Case) -> None:
    """By its own choice, or by MIRROR; what it follows is told with its link."""
    found = await case.told(mirror=Follow.OFF)
    assert "; it follows off, as MIRROR has it" in found["Thread"]
    assert found["Devin's words"].startswith("! Devin's words: this thread doesn't follow ")
    assert "; it follows all, as MIRROR has it" in (await case.told())["Thread"]
    await Links(case.store, TTL).follow(case.thread, Follow.OFF)
    found = await case.told()
    assert found["Thread"].endswith("; it follows off → ")
    assert found["Devin's words"].startswith("! ")


# The command.


async def test_nothing_is_changed(case: Case) -> None:
    """Neither a key nor a TTL, nor anything in Slack or Devin."""
    await case.accepted()

    async def kept() -> dict[str, tuple[object, bool]]:
        keys = sorted([key async for key in case.raw.scan_iter("*")])
        return {key: (await case.raw.dump(key), await case.raw.ttl(key) > 0) for key in keys}

    async def ttls() -> dict[str, int]:
        return {key: await case.raw.ttl(key) for key in await kept()}

    before, lasted = await kept(), await ttls()
    assert len(before) > 5
    await case.told()
    assert await kept() == before
    assert all(ttl <= lasted[key] for key, ttl in (await ttls()).items())
    called = {call.method for call in case.desk.slack.calls}
    assert called == {"auth.test", "conversations.replies"}
    assert case.desk.devin.requests == []


async def test_what_names_no_message_is_a_bad_command_line(
    environ: Environ, tmp_path: Path
) -> None:
    """It says what would."""
    for wrong in ("https://acme.slack.com/archives/C0123ABCD", "1764000000.000100", "hello"):
        assert why.parse_place(wrong) is None
    code, out, err = await command(environ, tmp_path, "why", "https://example.com/p1")
    assert (code, out) == (2, "")
    assert "T0123ABCD:C0123ABCD:1764000000.000100" in err
    code, out, err = await command(environ, tmp_path, "why")
    assert (code, out) == (2, "")
    assert "<permalink>" in err


def test_an_address_is_read_as_people_copy_it() -> None:
    """Slack's own, of either kind of workspace, and what the log has of a reply or a step."""
    plain = "https://acme.enterprise.slack.com/archives/G0123ABCD/p1764000000000100"
    place = why.Place("", "G0123ABCD", "1764000000.000100")
    assert why.parse_place(plain) == why.parse_place(f" {plain}?tracked=1 ") == place
    threaded = why.parse_place(f"{plain}?thread_ts=1763000000.000200&cid=G0123ABCD")
    assert threaded == why.Place("", "G0123ABCD", "1764000000.000100", "1763000000.000200")
    id_ = why.parse_place("E0123ABCD:-Fx0123:1764000000.000100")
    assert id_ == why.Place("E0123ABCD", "-Fx0123", "1764000000.000100")


async def test_a_newer_release_or_none_has_used_this_redis(
    case: Case, environ: Environ, tmp_path: Path
) -> None:
    """Then what is there can't be judged."""
    asked = address(case.desk, case.ts)
    await case.raw.delete(at(SCHEMA_KEY))
    found = await case.told()
    assert found["Redis"].startswith(f"✗ Redis: no relay of {TENANT} has used it → Check REDIS_URL")
    await case.raw.set(at(SCHEMA_KEY), "99", 100)
    code, out, err = await command(environ, tmp_path, "why", asked)
    assert (code, out) == (1, "")
    assert "A newer release has written to this Redis (schema 99, this one reads 1)" in err
    environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
    found = await told(load_settings(environ, None), asked)
    assert found["Redis"].startswith("✗ Redis: can't be read (")


async def test_an_embedded_valkey_is_asked_only_while_a_relay_runs(
    environ: Environ, desk: Desk, tmp_path: Path
) -> None:
    """None is started, and no directory is left behind."""
    del environ["REDIS_URL"]
    root = await desk.slack.say("Shall we?")
    code, out, err = await command(environ, tmp_path, "why", address(desk, root))
    assert (code, err) == (1, "")
    assert "✗ Redis: can't be read (" in out
    assert "  → Start the relay, or ask on its machine" in out
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240
    async with bot_process(environ, tmp_path, "run") as run:
        await desk.slack.wait_connected()
        thread = await desk.linked_thread()
        ts = await desk.reply(WRITTEN, thread)
        await desk.until_delivered(ts)
        code, out, err = await command(environ, tmp_path, "why", address(desk, ts))
        assert (code, err) == (0, ""), out
        assert f"✓ Reply: ended as delivered for {SESSION}: Devin has it\n" in out
        await desk.until_delivered(await desk.reply("Still here?", thread))
        assert await run.stop() == 0
    code, out, _ = await command(environ, tmp_path, "why", address(desk, ts))
    assert code == 1
    assert "Start the relay" in out
