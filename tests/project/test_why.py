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
from bot.model.sessions import Said, SessionId, SessionState, Trouble, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros, Millis, ts_micros
from bot.redis.connection import Store, claim_schema
from bot.redis.keys import (
    DUE_KEY,
    OUTBOX_KEY,
    READ_FIRST_KEY,
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
from bot.store.traces import trace
from bot.store.words import files_owed, words_owed, words_subject
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
    """Ask about a message; return the verdict as `Message`, and each line of facts by its name."""
    place = why.parse_place(message)
    assert place is not None
    found = {one.what: look(one) async for one in why.findings(settings, place)}
    if "Message" in found:
        found["Message"], *lines = found["Message"].split("\n")
        found |= {name: facts for name, _, facts in (line.partition(": ") for line in lines)}
    return found


# As people live it.


@in_org_too
@pytest.mark.times(delay_wait=timedelta(minutes=14))
async def test_on_call_reads_that_devin_puts_a_reply_off(
    bot: Bot, desk: Desk, environ: Environ, raw: Redis, tmp_path: Path, *, is_org: bool
) -> None:
    """Devin takes nothing, and Ada replies: the verdict comes first, then what Redis keeps."""
    thread = await desk.linked_thread()
    desk.devin.behave(SESSION, "rate_limited", retry_after="600")
    ts = await desk.reply(WRITTEN, thread)
    tenant = Org().id if is_org else TEAM_ID
    key = at(watched_key(ID), tenant)
    await wait_until(lambda: raw.hexists(key, "attempts"), "the reply waits")
    code, out, err = await command(environ, tmp_path, "why", address(desk, ts))
    assert (code, err) == (0, ""), out
    verdict, message, reply, of_thread, session, mailbox, due, fix, last = out.splitlines()
    place = desk.slack.workspace.channel("general").id
    says = (
        r"waits, since Devin has put its session off; tried again .+ \(about . minutes from now\)"
    )
    verdict, given_up = verdict.split(", given up ")
    assert re.fullmatch(re.escape(f"! Message: {tenant}:{place}:{ts} ") + says, verdict)
    assert re.fullmatch(r".+ UTC \(about 1[45] minutes from now\)", given_up), "by GIVE_UP_AFTER"
    assert re.match(r"    message: written [-0-9]{10} [:0-9]{8} UTC \(.+ ago\), by U", message)
    assert reply.startswith(f"    reply: state waiting, session {SESSION}, round 1, accepted ")
    assert of_thread.startswith(f"    thread: thread_ts {thread}, session {SESSION}, by U0ADA")
    assert session.startswith(f"    session: session {SESSION}, state working, since ")
    assert ", attempts 1" in session
    assert mailbox.startswith("    mailbox: queued 1, place 1, first ")
    assert re.search(r", due .+ UTC \(about [0-9] minutes from now\)", mailbox)
    assert re.search(r", delay .+ UTC \(.+ from now\)", due)
    assert fix.startswith(
        "  → Wait. Log `waits` has Devin's reason: docs/troubleshooting.md, A reply"
    )
    assert last == "No problems found"
    assert "zanzibar" not in out


async def test_what_devin_wrote_leads_to_its_session(
    bot: Bot, desk: Desk, settings: Settings
) -> None:
    """It isn't a reply, so what is known of its session counts."""
    thread = await desk.linked_thread()
    desk.devin.say(SESSION, "zanzibar is rebased")
    await desk.until_said("zanzibar", thread)
    (post,) = [one for one in desk.posts(thread) if "zanzibar" in one.text]
    found = await told(settings, address(desk, post.ts))
    assert "was written by the bot, so it isn't for Devin" in found["Message"]
    assert "Devin's message is not in the thread" in found["due"], "the page to read"
    assert "read_at " in found["session"]
    assert re.search(r"linked [-0-9]{10} .+ ago", found["thread"])


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
    assert "was sent: Devin has it" in found["Message"]


async def test_who_was_turned_away_or_answered_is_told_of(
    bot: Bot, desk: Desk, settings: Settings
) -> None:
    """A guest's reply was never accepted, and a command never was a reply."""
    thread = await desk.linked_thread()
    ts = await desk.reply(WRITTEN, thread, user="gus")
    await wait_until(lambda: desk.whispers("gus"), "they are told")
    found = await told(settings, address(desk, ts))
    assert "! Message: " in found["Message"]
    assert "was never accepted: its author may not message Devin" in found["Message"]
    await desk.mention("status", thread=thread)
    asked = [one for one in desk.slack.thread("general", thread) if "status" in one.text]
    await wait_until(lambda: desk.said(thread), "it is answered")
    await desk.until_heard()
    found = await told(settings, address(desk, asked[0].ts))
    assert "it was for the bot, which has answered it" in found["Message"]


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

    async def scored(self, key: Key, member: str, score: Millis | Micros) -> None:
        """Set a member of a sorted set."""
        await self.raw.zadd(at(key), {member: int(score)})
        await self.raw.expire(at(key), 1_000)

    async def told(self, **changes: Any) -> dict[str, str]:
        """Ask about the reply."""
        return await self.told_of(self.ts, **changes)

    async def told_of(self, ts: str, channel: str = "general", **changes: Any) -> dict[str, str]:
        """Ask about a message."""
        settings = self.settings.model_copy(update=changes)
        return await told(settings, address(self.desk, ts, channel))

    async def says(self) -> str:
        """Return the verdict, without the ID."""
        mark, _, _, says = (await self.told())["Message"].split(" ", 3)
        return f"{mark} {says}"


def ms(seconds: float = 0) -> Millis:
    """Return the time in so many seconds."""
    return Millis((time.time() + seconds) * 1000)


@pytest.fixture
async def case(desk: Desk, settings: Settings, store: Store, raw: Redis) -> Case:
    """A linked thread with a reply."""
    await claim_schema(store)
    root = await desk.slack.say("Shall we?", deliver=False)
    ts = await desk.slack.say(WRITTEN, thread=root, deliver=False)
    place = desk.slack.workspace.channel("general").id
    thread = ThreadRef(team=TENANT, channel=place, thread_ts=root)
    link = Link(
        session=ID, by=UserId("U0BEN"), linked_at=int(time.time()), since=ts_micros(root) - 1
    )
    await Links(store, TTL).create(thread, link)
    return Case(desk, settings, store, raw, thread, ts)


async def test_a_reply_that_waits_says_what_for(case: Case) -> None:
    """A process, Devin, its threads, another reply or its time; what nobody takes needs people."""
    await case.accepted()
    assert await case.says() == "! waits for its time"
    await case.scored(DUE_KEY, ID, ms(-60))
    assert await case.says() == "✗ waits, and no process has taken it"
    await case.scored(DUE_KEY, ID, ms(20))
    await case.scored(READ_FIRST_KEY, ID, ms(9))
    assert await case.says() == "! waits until its session's threads are read"
    await case.raw.hset(at(watched_key(ID)), "failing", str(ms(-9)))
    assert (await case.says()).startswith(
        "! waits, since Devin has put its session off; tried again "
    )
    await case.raw.zadd(at(mail_key(ID)), {f"{TENANT}:C0FLOOD:{one}": one for one in range(10_500)})
    assert await case.says() == "! waits for the one that is first"
    assert f"→ Ask why of {TENANT}:C0FLOOD:0." in (await case.told())["due"]
    mailbox = (await case.told())["mailbox"]
    assert mailbox.startswith(f"queued 10501, place 10501, first {TENANT}:C0FLOOD:0, due ")
    await case.raw.set(at(lease_key(ID)), "token", 100)
    assert await case.says() == "! waits: a process is taking mail of its session"
    assert ", leased" in (await case.told())["mailbox"]
    await case.raw.zrem(at(DUE_KEY), ID)
    await case.raw.delete(at(mail_key(ID)), at(lease_key(ID)))
    assert await case.says() == "✗ waits, and no process has taken it"


STATES = [
    ({"state": "sending"}, "✗ is being sent, but its process died or froze"),
    ({"state": "withdrawn"}, "! was withdrawn"),
    ({"state": "ahead"}, "! has not come yet, but its edit has"),
    ({"state": "new"}, "✗ isn't known: a record without meaning here (new)"),
    ({"state": "done", "outcome": "{"}, "✗ isn't known: a record without meaning here (done)"),
]
ENDS = [
    (OutcomeKind.DELIVERED, None, "✓ was sent: Devin has it"),
    (OutcomeKind.UNCERTAIN, None, "✗ was sent, and Devin may have it (uncertain)"),
    (OutcomeKind.UNCONFIRMED, None, "✗ was sent, and Devin may have it"),
    (OutcomeKind.SUSPENDED, None, "✗ was sent, and Devin may have it"),
    (OutcomeKind.GIVEN_UP, None, "✗ wasn't sent (given_up)"),
    (OutcomeKind.ENDED, None, "✗ wasn't sent (ended)"),
    (OutcomeKind.REFUSED, Refusal.FORBIDDEN, "✗ was rejected (forbidden)"),
]


async def test_a_reply_says_what_became_of_it(case: Case, subtests: pytest.Subtests) -> None:
    """Each state and each outcome is one line, and Devin's own words about it aren't there."""
    await case.taken()
    assert await case.says() == "! is being sent"
    await case.raw.delete(at(lease_key(ID)))
    await case.scored(READ_FIRST_KEY, ID, ms(9))
    assert await case.says() == "! was being sent; waits until threads are read"
    await case.raw.zrem(at(READ_FIRST_KEY), ID)
    ends = [
        ({"state": "done", "outcome": one.to_json()}, says)
        for kind, refusal, says in ENDS
        for one in [Outcome(kind=kind, refusal=refusal, detail="no zanzibar", status=403)]
    ]
    assert {kind for kind, *_ in ENDS} == {*OutcomeKind}
    for fields, says in [*STATES, *ends]:
        with subtests.test(str(fields)):
            await case.record(**fields)
            assert (await case.says()).startswith(says)
    assert ", kind refused, refusal forbidden, status 403" in (await case.told())["reply"]


class GoesOn(Store):
    """Finishes a delivery just before the lease on its session is read."""

    def __init__(self, case: Case, head: Head) -> None:
        self.__dict__.update(vars(case.store))
        self._case, self._head = case, head

    async def get(self, key: Key) -> str | None:
        """Return the string at `key`."""
        if key == lease_key(ID):
            outcome = Outcome(kind=OutcomeKind.DELIVERED)
            await self._case.mailbox.finish(ID, "token", self._head, outcome, go_on=False)
        return await super().get(key)


async def test_a_reply_that_is_sent_while_its_facts_are_read_is_no_problem(case: Case) -> None:
    """They are of one moment, or a lease that just ended would mean that a process died."""
    store = GoesOn(case, await case.taken())
    _, facts = await trace(store, case.reply.id, case.thread)
    assert (facts["reply"]["state"], facts["mailbox"]["leased"]) == ("done", False)


async def test_what_devin_has_says_what_devin_does_with_it(case: Case) -> None:
    """The likeliest question of all is why Devin doesn't answer; its session has the reason."""

    async def read(**seen: Any) -> str:
        record = Watched(read_at=ms(5), since=ms(-180), **seen).to_json()
        await case.raw.hset(at(watched_key(ID)), "seen", record)
        return (await case.told())["Message"]

    await case.ended(Outcome(kind=OutcomeKind.DELIVERED), is_owed=False)
    found = await read(state=SessionState.WORKING, last=Said(at=ms(-60)))
    assert ": Devin has it, and has said nothing since; state working since 20" in found
    assert " UTC (3 minutes ago), read 20" in found
    assert (
        "See docs/troubleshooting.md, A reply with ✅, and no answer." in (await case.told())["due"]
    )
    for partly in ({"has_more": True}, {"is_too_long": True}, {"reread_since": 1}):
        found = await read(state=SessionState.WORKING, last=Said(at=ms(-60)), **partly)
        assert found.endswith(": Devin has it; its session's messages haven't been read since")
    await case.raw.hset(at(watched_key(ID)), "read_wanted_at", str(ms(10)))
    assert "haven't been read since" in await read(state=SessionState.WORKING, has_more=True)
    await case.raw.hset(at(watched_key(ID)), "read_wanted_at", str(ms(-90)))
    record = Watched(read_at=ms(-120), unread_since=ms(-90), since=ms(-180)).to_json()
    await case.raw.hset(at(watched_key(ID)), "seen", record)
    assert "its session's messages can't be read" in (await case.told())["Message"]
    found = await read(state=SessionState.SUSPENDED, trouble=Trouble.LIMIT)
    assert " has said nothing since; state suspended (limit) since " in found
    found = await read(state=SessionState.WAITING, last=Said(at=ms(4)))
    assert ": Devin has it, and has spoken since; state waiting since " in found
    assert "follows nothing" not in found
    await relinked(case, since=0, follow="off")
    found = await read(state=SessionState.WAITING, last=Said(at=ms(4)))
    assert found.endswith("; its thread follows nothing")
    assert "→ To see it: @Devin Relay follow." in (await case.told())["due"]
    await relinked(case, session=SessionId("devin-1"))
    assert await case.says() == "✓ was sent: Devin has it"
    await Links(case.store, TTL).remove(case.thread)
    found = await read(state=SessionState.WAITING, last=Said(at=ms(4)))
    assert " has spoken since; " in found
    assert "follows nothing" not in found  # where there is no link, `follow` is refused


async def test_what_is_owed_needs_somebody_once_it_is_overdue(case: Case) -> None:
    """A report, the session's poll, and Devin's words and files."""
    await case.ended(Outcome(kind=OutcomeKind.DELIVERED))
    await case.scored(OUTBOX_KEY, f"{case.reply.id}|1|outcome", ms(50))
    await case.scored(OUTBOX_KEY, str(words_owed(case.thread)), ms(20))
    await case.scored(OUTBOX_KEY, str(files_owed(case.thread)), ms(30))
    await case.scored(WATCH_KEY, ID, ms(20))
    words = at(subject_key(words_subject(case.thread)))
    await case.raw.hset(words, "waiting_since", str(ms(-60)))
    await case.raw.expire(words, 1_000)
    found = await case.told()
    assert found["Message"].startswith("! ")
    assert found["Message"].endswith("; not told yet: words, files, outcome")
    assert ", words_wait " in found["thread"]
    assert re.fullmatch(
        r"poll .+ from now\), words .+ from now\), files .+, outcome .+ from now\) → .+",
        found["due"],
    )
    for key, member in (
        (OUTBOX_KEY, f"{case.reply.id}|1|outcome"),
        (OUTBOX_KEY, str(words_owed(case.thread))),
        (WATCH_KEY, ID),
    ):
        await case.scored(key, member, ms(-30))
    has_it = "✗ was sent: Devin has it; its session's messages haven't been read since"
    overdue = "; not told yet: words, files, outcome; overdue: poll, words, outcome"
    assert await case.says() == f"{has_it}{overdue}"
    fix = (await case.told())["due"].rpartition(" → ")[2]
    pages = "docs/operations.md, RelayWatchLate, RelayWordsWaiting, RelaySlackErrors."
    assert fix == f"Is a process ready? See {pages}"
    for member in (f"{case.reply.id}|1|outcome", str(words_owed(case.thread))):
        await case.raw.zrem(at(OUTBOX_KEY), member)
    assert "words_wait" not in (await case.told())["thread"], "all were told; their record stays"


async def test_a_broken_record_ends_no_diagnosis(case: Case) -> None:
    """That is when people ask; what can't be read counts as missing."""
    await case.ended(Outcome(kind=OutcomeKind.UNCERTAIN), is_owed=False)
    await case.record(outcome="{", accepted="soon", round="?", reply="{", sending_since=10**20)
    await case.raw.hset(at(watched_key(ID)), mapping={"seen": "{", "failing": "?"})
    found = await case.told()
    assert "isn't known: a record without meaning here (done)" in found["Message"]
    assert "accepted soon, " in found["reply"]
    assert f"sending_since {10**20}" in found["reply"]
    assert found["session"].startswith(f"session {SESSION}, ")


# Why there is nothing of it.


async def relinked(case: Case, **changes: object) -> None:
    """Change the link of the thread."""
    await Links(case.store, TTL).remove(case.thread)
    link = Link(session=ID, by=UserId("U0BEN"), linked_at=int(time.time()))
    await Links(case.store, TTL).create(case.thread, link.model_copy(update=changes))


async def test_a_message_that_was_never_accepted_says_why(case: Case) -> None:
    """Its thread is muted, linked later, unread after an outage, or not linked; it is an aside."""
    assert await case.says() == "! was never accepted: it may be on its way"
    await case.scored(UNREAD_KEY, case.thread.name, Micros(1))
    assert "its thread is yet to be read for missed replies" in await case.says()
    ts = await case.desk.slack.say(
        f"(aside) {WRITTEN}", thread=case.thread.thread_ts, deliver=False
    )
    assert "it is an aside, Slack's own, or no reply" in (await case.told_of(ts))["Message"]
    await relinked(case, since=ts_micros(case.ts))
    assert "it is older than the link, or unmuting" in await case.says()
    await relinked(case, muted=True)
    assert "its thread is muted" in await case.says()
    assert ", muted" in (await case.told())["thread"]
    await Links(case.store, TTL).remove(case.thread)
    assert "its thread isn't linked" in await case.says()
    await Claims(case.store).claim(f"turned away:{case.reply.id}")
    assert "its author may not message Devin" in await case.says()
    case.desk.slack.fail_next("conversations.replies", error="internal_error")
    assert "Slack doesn't show it (internal_error)" in await case.says()


async def test_a_message_whose_record_may_be_gone_is_not_told_as_never_accepted(case: Case) -> None:
    """What became of a reply is kept for 7 days, and its thread may have changed since."""
    for days, says in (
        (6, "was never accepted: "),
        (8, "was never accepted, or ended over 7 days"),
    ):
        id_ = f"{TENANT}:-Fx0123:{int(ms(-days * 86_400)) // 1_000}.000100"
        found = await told(case.settings, id_)
        assert found["Message"].startswith(f"! Message: {id_} {says}")


async def test_an_event_that_never_came_needs_somebody(case: Case) -> None:
    """An older message that nothing explains."""
    lost = f"{TENANT}:-Fx0123:1764000000.000100"
    thread = ThreadRef.nowhere(TENANT, "Fx0123", "1764000000.000100")
    link = Link(session=ID, by=UserId("U0BEN"), linked_at=int(time.time()))
    await Links(case.store, TTL).create(thread, link)
    found = await told(case.settings, lost)
    assert found["Message"].startswith(f"✗ Message: {lost} isn't known: no event came, ")
    assert "written 2025-11-24 16:00:00 UTC (" in found["message"]


async def test_slack_says_where_the_bot_is_not_and_what_is_gone(case: Case) -> None:
    """No event comes of a channel without the bot."""
    ts = await case.desk.slack.say(WRITTEN, channel="random", deliver=False)
    found = await case.told_of(ts, "random")
    assert "Slack doesn't show it (not_in_channel)" in found["Message"]
    asked = address(case.desk, case.ts)
    await case.desk.slack.delete("general", case.ts)
    found = await told(case.settings, asked)
    assert "Slack doesn't show it (not there)" in found["Message"]
    assert f"session {SESSION}" in found["thread"]


async def test_without_slack_an_id_is_enough(case: Case) -> None:
    """A permalink doesn't name the workspace; the record of a reply knows its thread."""
    await case.accepted()
    away = {"slack_api_url": "http://127.0.0.1:1/api/"}
    found = await case.told(**away)
    assert found["Slack bot token"].startswith("✗ Slack bot token: Can't reach Slack (")
    assert "its workspace isn't known without Slack → Name it as the log" in found["Message"]
    found = await told(case.settings.model_copy(update=away), case.reply.id)
    assert "waits for its time" in found["Message"]
    assert f"thread_ts {case.thread.thread_ts}, session {SESSION}" in found["thread"]


async def test_without_slack_the_thread_of_what_devin_has_is_not_known(case: Case) -> None:
    """Its text and its place are deleted by then; it isn't a thread of its own."""
    await case.ended(Outcome(kind=OutcomeKind.DELIVERED))
    away = {"slack_api_url": "http://127.0.0.1:1/api/"}
    found = await told(case.settings.model_copy(update=away), case.reply.id)
    assert found["thread"] == "not known"


async def test_a_workflow_step_is_in_no_channel(case: Case) -> None:
    """So Slack isn't asked for it."""
    step = ThreadRef.nowhere(TENANT, "Fx0123", "1764000000.000100")
    reply = case.reply.model_copy(update={"thread": step, "ts": step.thread_ts})
    await case.mailbox.accept(reply, ID, NONE)
    found = await told(case.settings, reply.id)
    assert found["Message"].startswith(f"! Message: {reply.id} waits")
    assert "conversations.replies" not in {call.method for call in case.desk.slack.calls}


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
    place = why.MessageAt("", "G0123ABCD", "1764000000.000100")
    assert why.parse_place(plain) == why.parse_place(f" {plain}?tracked=1 ") == place
    threaded = why.parse_place(f"{plain}?thread_ts=1763000000.000200&cid=G0123ABCD")
    assert threaded == why.MessageAt("", "G0123ABCD", "1764000000.000100", "1763000000.000200")
    id_ = why.parse_place("E0123ABCD:-Fx0123:1764000000.000100")
    assert id_ == why.MessageAt("E0123ABCD", "-Fx0123", "1764000000.000100")


async def test_a_newer_release_or_none_has_used_this_redis(
    case: Case, environ: Environ, tmp_path: Path
) -> None:
    """Then what is there can't be judged."""
    asked = address(case.desk, case.ts)
    await case.raw.delete(at(SCHEMA_KEY))
    found = await case.told()
    assert found["Redis"].startswith(f"✗ Redis: no relay of {TENANT} has used it → Check REDIS_URL")
    found = await told(case.settings, f"T0ELSE:{case.thread.channel}:{case.ts}")
    assert found["Redis"].startswith("✗ Redis: no relay of T0ELSE has used it")
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
        assert " was sent: Devin has it" in out
        await desk.until_delivered(await desk.reply("Still here?", thread))
        assert await run.stop() == 0
    code, out, _ = await command(environ, tmp_path, "why", address(desk, ts))
    assert code == 1
    assert "Start the relay" in out
