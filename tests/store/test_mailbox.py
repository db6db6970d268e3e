"""Each of the mailbox's scripts on a real Valkey changes what it should, and nothing else.

The loss of a lease holder is simulated by deleting its lease, which is what its expiry does.
"""

import time
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.model.people import UserId
from bot.model.replies import Change, Evidence, Outcome, OutcomeKind, Reply, reply_id
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.times import Micros, Millis, micros_ts, ts_micros
from bot.redis import keep
from bot.redis.connection import Store
from bot.redis.keys import (
    DUE_KEY,
    OUTBOX_KEY,
    THREADS_KEY,
    lease_key,
    link_key,
    mail_key,
    subject_key,
    watched_key,
)
from bot.reporting.outcomes import Report
from bot.store.links import Links
from bot.store.lua import scripts
from bot.store.mailbox import Head, Later, Mailbox, Nothing
from bot.store.outbox import Begun, Ended, Outbox, Owed, OwedKind
from bot.store.revisions import Revisions
from bot.store.watches import Watches
from tests.support.desk import OTHER_SESSION, SESSION
from tests.support.entries import Entries, linked
from tests.support.keys import at

ID, OTHER = SessionId(SESSION), SessionId(OTHER_SESSION)
THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL", thread_ts="1764000000.000100")
LINK = Link(session=ID, by=UserId("U0ADA"), linked_at=1764000000)
TTL = timedelta(days=90)
NONE = timedelta(0)
SOON = timedelta(hours=1)
"""No test is so slow that it comes by itself."""
"""A time that is not over before the next step, even on a slow machine."""

DELIVERED = Outcome(kind=OutcomeKind.DELIVERED, status=200)
SUSPENDED = Outcome(kind=OutcomeKind.SUSPENDED, detail="asleep", status=200)
UNCERTAIN = Outcome(kind=OutcomeKind.UNCERTAIN, detail="connection lost")


def a_reply(second: int, text: str = "hello") -> Reply:
    return Reply(
        thread=THREAD, ts=f"{1764000000 + second}.000200", author=UserId("U0ADA"), text=text
    )


@pytest.fixture
async def mailbox(store: Store) -> Mailbox:
    """A mailbox whose thread is linked."""
    await linked(store, THREAD, LINK, TTL)
    return Mailbox(store, TTL)


async def not_before(raw: Redis, second: int) -> int:
    return int(await raw.hget(at(subject_key(a_reply(second).id)), "not_before") or 0)


async def its_time_comes(raw: Redis, second: int) -> None:
    """Let the time come before which a reply is not sent."""
    await raw.hset(at(subject_key(a_reply(second).id)), "not_before", 1)
    await raw.zadd(at(DUE_KEY), {ID: 1})


async def taken(mailbox: Mailbox, token: str) -> Head:
    step = await mailbox.take(ID, token)
    assert isinstance(step, Head), step
    return step


async def filled(mailbox: Mailbox, *seconds: int) -> list[Reply]:
    replies = [a_reply(second) for second in seconds]
    for reply in replies:
        assert (await mailbox.accept(reply, ID, NONE)).change is Change.ACCEPTED
    return replies


async def relinked(store: Store, second: int = 1) -> None:
    """Link the thread to another session, as was asked for at that time."""
    links, since = Links(store, TTL), ts_micros(a_reply(second).ts)
    await links.remove(THREAD)
    await links.create(THREAD, LINK.model_copy(update={"session": OTHER, "since": since}))


async def notice_begun(mailbox: Mailbox, store: Store, reply: Reply) -> Begun:
    """Let Devin put the head off, and begin to tell that it waits."""
    await mailbox.defer(ID, "a", await taken(mailbox, "a"), NONE, NONE)
    begun = await Outbox(store).begin(Owed(reply.id, 1, OwedKind.DELAY))
    assert begun is not None
    return begun


async def is_taken_back(store: Store, notice: Owed) -> bool:
    """Return True if the next try at that notice takes it back."""
    begun = await Outbox(store).begin(notice)
    report = None if begun is None else Report.of(begun)
    return report is not None and not report.is_waiting and report.delay_told_in != ""


# Accepting.


async def test_a_reply_is_accepted_once(mailbox: Mailbox, raw: Redis) -> None:
    """The first time it wakes its session; every later time it changes nothing."""
    reply = a_reply(1)
    first = await mailbox.accept(reply, ID, NONE)
    assert (first.change, first.wake_after) == (Change.ACCEPTED, 0.0)
    before = await raw.hgetall(at(subject_key(reply.id)))
    for _ in range(3):
        assert (await mailbox.accept(reply, ID, NONE)).change is Change.REPEATED
    assert await raw.hgetall(at(subject_key(reply.id))) == before
    assert await mailbox.length(ID) == 1


async def test_an_accept_whose_answer_was_lost_is_answered_the_same_again(
    mailbox: Mailbox, store: Store, raw: Redis
) -> None:
    """redis-py repeats it, perhaps when Devin has refused the reply, and nobody sends it again."""
    reply, record = a_reply(1), at(subject_key(a_reply(1).id))

    async def accepted(call: str) -> object:
        change, _ = await scripts.accept(
            store,
            session=ID,
            text=reply.to_json(),
            reply_id=reply.id,
            score=ts_micros(reply.ts),
            wait=0,
            link_ttl=60,
            thread=THREAD.name,
            evidence=Evidence.PERSON,
            call=call,
        )
        return change

    assert [await accepted(call) for call in ("x", "x", "y")] == [
        "accepted",
        "accepted",
        "repeated",
    ]
    refused = Outcome(kind=OutcomeKind.REFUSED)
    await mailbox.finish(ID, "a", await taken(mailbox, "a"), refused, go_on=True)
    assert await accepted("x") == "accepted"
    assert not await mailbox.length(ID)
    assert await raw.hget(record, "round") == "1"
    assert await accepted("y") == "accepted"
    assert await mailbox.length(ID) == 1


async def test_a_repeat_of_a_waiting_reply_wakes_its_session(mailbox: Mailbox, raw: Redis) -> None:
    """If a process crashes between the push and the wake-up, Slack's retry repairs it."""
    (reply,) = await filled(mailbox, 1)
    assert (await mailbox.accept(reply, ID, NONE)).wake_after == 0.0
    await raw.zrem(at(DUE_KEY), ID)
    assert (await mailbox.accept(reply, ID, NONE)).wake_after == 0.0


async def test_a_repeat_of_a_reply_in_work_or_done_wakes_nobody(mailbox: Mailbox) -> None:
    """Its session is already at work, or has nothing to do."""
    (reply,) = await filled(mailbox, 1)
    head = await taken(mailbox, "a")
    assert (await mailbox.accept(reply, ID, NONE)).wake_after is None
    await mailbox.finish(ID, "a", head, DELIVERED, go_on=True)
    again = await mailbox.accept(reply, ID, NONE)
    assert (again.change, again.wake_after) == (Change.REPEATED, None)
    assert await mailbox.take(ID, "b") is Nothing.EMPTY


async def test_only_the_first_reply_of_a_mailbox_wakes_its_session(mailbox: Mailbox) -> None:
    """One wake-up serves many replies; the deliverer takes them all."""
    await filled(mailbox, 1)
    assert (await mailbox.accept(a_reply(2), ID, NONE)).wake_after is None


async def test_a_reply_is_for_devin_from_the_microsecond_after_its_link(store: Store) -> None:
    """Slack orders messages by microseconds, and a reply may follow a mention at once."""
    linked_at = ts_micros(a_reply(1).ts)
    unmuted_at = linked_at + 10
    links, mailbox = Links(store, TTL), Mailbox(store, TTL)
    await links.create(THREAD, LINK.model_copy(update={"since": linked_at}))

    async def accepted(at: Micros) -> Change:
        reply = a_reply(1).model_copy(update={"ts": micros_ts(at)})
        return (await mailbox.accept(reply, ID, NONE)).change

    assert await accepted(linked_at) is Change.EARLIER
    assert await accepted(linked_at + 1) is Change.ACCEPTED
    for muted in (True, False):
        await links.mute(THREAD, since=unmuted_at, muted=muted)
    assert await accepted(unmuted_at) is Change.EARLIER
    assert await accepted(unmuted_at + 1) is Change.ACCEPTED


async def test_a_reply_is_not_accepted_without_its_link(mailbox: Mailbox, store: Store) -> None:
    """The same step checks the link: a thread unlinked, muted or relinked meanwhile is refused."""
    links = Links(store, TTL)
    other = await mailbox.accept(a_reply(1), OTHER, NONE)
    await links.mute(THREAD, muted=True)
    muted = await mailbox.accept(a_reply(1), ID, NONE)
    await links.remove(THREAD)
    unlinked = await mailbox.accept(a_reply(1), ID, NONE)
    assert [other.change, muted.change, unlinked.change] == [
        Change.UNLINKED,
        Change.MUTED,
        Change.UNLINKED,
    ]
    assert [one.wake_after for one in (other, muted, unlinked)] == [None] * 3
    assert not await mailbox.length(ID)


@pytest.mark.parametrize("kind", OutcomeKind)
async def test_a_person_may_send_only_what_devin_never_took(
    mailbox: Mailbox, raw: Redis, kind: OutcomeKind
) -> None:
    """It begins the next round, and a late event of an earlier edit still counts for nothing."""
    reply, record = a_reply(1), at(subject_key(a_reply(1).id))
    await mailbox.accept(reply, ID, NONE, Evidence.PERSON)
    await raw.hset(record, "edited", "7")
    await mailbox.finish(ID, "a", await taken(mailbox, "a"), Outcome(kind=kind), go_on=True)
    change = (await mailbox.accept(reply, ID, NONE, Evidence.PERSON)).change
    is_sent = kind in {OutcomeKind.ENDED, OutcomeKind.REFUSED, OutcomeKind.GIVEN_UP}
    assert change is (Change.ACCEPTED if is_sent else Change.REPEATED)
    assert await raw.hmget(record, "round", "edited") == ["2" if is_sent else "1", "7"]


@pytest.mark.parametrize("state", ["waiting", "sending", "done"])
async def test_what_an_earlier_link_took_although_it_is_for_this_one_is_read_for_it(
    mailbox: Mailbox, store: Store, state: str
) -> None:
    """An event of it brings it nowhere; nor does the read of what is for the earlier one."""
    before, reply = a_reply(1), a_reply(3)
    await filled(mailbox, 1, 3)
    await relinked(store, 2)
    if state == "done":
        for _ in range(2):
            await mailbox.finish(ID, "a", await taken(mailbox, "a"), DELIVERED, go_on=False)

    async def accepted(one: Reply, session: SessionId, evidence: Evidence) -> Change:
        return (await mailbox.accept(one, session, NONE, evidence)).change

    if state == "sending":
        await mailbox.finish(ID, "a", await taken(mailbox, "a"), DELIVERED, go_on=True)
        assert await accepted(reply, OTHER, Evidence.THREAD) is Change.SENDING
        await mailbox.finish(ID, "a", await taken(mailbox, "a"), DELIVERED, go_on=False)

    assert await accepted(reply, OTHER, Evidence.EVENT) is Change.REPEATED
    assert await accepted(before, OTHER, Evidence.THREAD) is Change.EARLIER
    assert await accepted(reply, ID, Evidence.THREAD) is Change.UNLINKED
    assert await accepted(reply, OTHER, Evidence.THREAD) is Change.ACCEPTED
    assert await accepted(reply, OTHER, Evidence.THREAD) is Change.REPEATED
    waits = int(state == "waiting")
    assert (await mailbox.length(ID), await mailbox.length(OTHER)) == (waits, 1)
    assert await mailbox.round_of(reply.id) == 2


async def test_what_its_author_took_back_is_for_no_later_link(
    mailbox: Mailbox, store: Store
) -> None:
    """Also if the thread shows it, since another edit has undone the one that took it back."""
    (reply,) = await filled(mailbox, 2)
    await Revisions(store).withdraw(reply.id, Micros(1), may_be_ahead=False)
    await relinked(store)
    accepted = await mailbox.accept(reply, OTHER, NONE, Evidence.THREAD)
    assert accepted.change is Change.REPEATED


@pytest.mark.parametrize("is_done", [False, True], ids=["waiting", "done"])
async def test_that_a_reply_waits_is_taken_back_once_another_link_has_it(
    mailbox: Mailbox, store: Store, *, is_done: bool
) -> None:
    """Nothing else ends the notice: its round has no outcome, or none that was told yet."""
    (reply,) = await filled(mailbox, 2)
    begun = await notice_begun(mailbox, store, reply)
    await Outbox(store).settle(begun, Ended(delay_told_in=THREAD.thread_ts))
    if is_done:
        ended = Outcome(kind=OutcomeKind.ENDED)
        await mailbox.finish(ID, "a", await taken(mailbox, "a"), ended, go_on=True)
    await relinked(store)
    accepted = await mailbox.accept(reply, OTHER, NONE, Evidence.THREAD)
    assert accepted.change is Change.ACCEPTED
    assert await is_taken_back(store, begun.owed)


@pytest.mark.parametrize("how", ["withdrawn", "done", "relinked"])
async def test_a_notice_that_is_told_just_as_its_reply_waits_no_longer_is_taken_back(
    mailbox: Mailbox, store: Store, how: str
) -> None:
    """Its try began before, and tells it in any case."""
    (reply,) = await filled(mailbox, 2)
    begun = await notice_begun(mailbox, store, reply)
    if how == "withdrawn":
        await Revisions(store).withdraw(reply.id, may_be_ahead=False)
    elif how == "relinked":
        await relinked(store)
        await mailbox.accept(reply, OTHER, NONE, Evidence.THREAD)
    else:
        await mailbox.finish(ID, "a", await taken(mailbox, "a"), DELIVERED, go_on=True)
    await Outbox(store).settle(begun, Ended(delay_told_in=THREAD.thread_ts))
    assert await is_taken_back(store, begun.owed)


async def test_a_notice_that_was_taken_back_with_an_outcome_is_left_alone(
    mailbox: Mailbox, store: Store
) -> None:
    """Its thread may be another session's by now."""
    (reply,) = await filled(mailbox, 2)
    outbox, notice = Outbox(store), await notice_begun(mailbox, store, reply)
    await outbox.settle(notice, Ended(delay_told_in=THREAD.thread_ts))
    ended = Outcome(kind=OutcomeKind.ENDED)
    await mailbox.finish(ID, "a", await taken(mailbox, "a"), ended, go_on=True)
    told = await outbox.begin(Owed(reply.id, 1, OwedKind.OUTCOME))
    assert told is not None
    await outbox.settle(told, Ended())
    assert (await mailbox.accept(reply, ID, NONE, Evidence.PERSON)).change is Change.ACCEPTED
    assert await outbox.begin(notice.owed) is None


async def test_traffic_keeps_a_link_alive(mailbox: Mailbox, raw: Redis) -> None:
    """An accepted reply renews the link's time to live, and its channel's."""
    keys = (at(link_key(THREAD)), at(THREADS_KEY))
    for key in keys:
        await raw.expire(key, 60)
    await filled(mailbox, 1)
    for key in keys:
        assert await raw.ttl(key) > TTL.total_seconds() - 60


async def test_replies_are_taken_in_the_order_they_were_written(mailbox: Mailbox) -> None:
    """Slack's `ts` decides, to the microsecond, and not the order of arrival."""
    await filled(mailbox, 5, 2, 9, 1)
    close = [a_reply(2).model_copy(update={"ts": f"1764000002.00020{n}"}) for n in (9, 1, 3)]
    for reply in close:
        await mailbox.accept(reply, ID, NONE)
    seen = []
    step = await mailbox.take(ID, "a")
    while isinstance(step, Head):
        seen.append(step.reply.ts)
        step = await mailbox.finish(ID, "a", step, DELIVERED, go_on=True)
    assert step is Nothing.EMPTY
    assert len(seen) == 7
    assert seen == sorted(seen, key=ts_micros)


# The time before which a reply is not sent.


async def test_a_reply_waits_for_earlier_ones(mailbox: Mailbox, raw: Redis) -> None:
    """Nobody gets it before its time; an earlier one that comes until then goes first."""
    first = await mailbox.accept(a_reply(2), ID, SOON)
    assert first.wake_after == SOON.total_seconds()
    step = await mailbox.take(ID, "a")
    assert isinstance(step, Later)
    assert 0 < step.after <= SOON.total_seconds()
    await mailbox.accept(a_reply(1), ID, NONE)
    await raw.zadd(at(DUE_KEY), {ID: 1})
    head = await taken(mailbox, "a")
    assert head.reply == a_reply(1)
    step = await mailbox.finish(ID, "a", head, DELIVERED, go_on=True)
    assert isinstance(step, Later)
    assert await raw.zscore(at(DUE_KEY), ID) == await not_before(raw, 2)
    assert not await raw.exists(at(lease_key(ID)))
    await its_time_comes(raw, 2)
    assert (await taken(mailbox, "b")).reply == a_reply(2)


async def test_an_earlier_reply_has_a_time_of_its_own(mailbox: Mailbox, raw: Redis) -> None:
    """It may come late as well, and others that are earlier still behind it."""
    await mailbox.accept(a_reply(2), ID, NONE)
    await mailbox.accept(a_reply(1), ID, SOON)
    assert isinstance(await mailbox.take(ID, "a"), Later)
    assert await raw.zscore(at(DUE_KEY), ID) == await not_before(raw, 1)
    await its_time_comes(raw, 1)
    head = await taken(mailbox, "a")
    step = await mailbox.finish(ID, "a", head, DELIVERED, go_on=True)
    assert isinstance(step, Head)
    assert step.reply == a_reply(2)


async def test_a_later_reply_does_not_put_off_what_is_due(mailbox: Mailbox, raw: Redis) -> None:
    """It does not delay replies that wait for Devin, either: Devin sets their due time."""
    await mailbox.accept(a_reply(1), ID, NONE)
    await raw.zadd(at(DUE_KEY), {ID: 1})
    head = await taken(mailbox, "a")
    await mailbox.accept(a_reply(2), ID, SOON)
    assert await raw.zscore(at(DUE_KEY), ID) == 1
    await mailbox.defer(ID, "a", head, timedelta(seconds=30), SOON)
    due = await raw.zscore(at(DUE_KEY), ID)
    await mailbox.accept(a_reply(3), ID, timedelta(seconds=60))
    assert await raw.zscore(at(DUE_KEY), ID) == due


# Taking.


async def test_a_session_has_one_holder(mailbox: Mailbox, raw: Redis) -> None:
    """A second one is told so; the lease expires on its own."""
    await filled(mailbox, 1, 2)
    await taken(mailbox, "a")
    assert await mailbox.take(ID, "b") is Nothing.HELD
    assert 0 < await raw.pttl(at(lease_key(ID))) <= keep.SESSION_LEASE.total_seconds() * 1000


async def test_a_head_that_another_was_sending_is_interrupted(mailbox: Mailbox, raw: Redis) -> None:
    """Nobody knows whether Devin got it since it was marked. The next one is an ordinary head."""
    await filled(mailbox, 1, 2)
    began = (await taken(mailbox, "a")).sending_since - 2000
    await raw.hset(at(subject_key(a_reply(1).id)), "sending_since", str(began))
    await raw.delete(at(lease_key(ID)))
    head = await taken(mailbox, "b")
    assert (head.reply, head.interrupted, head.sending_since) == (a_reply(1), True, began)
    assert (await taken(mailbox, "b")).interrupted, "the answer was lost, and it is taken again"
    step = await mailbox.finish(ID, "b", head, UNCERTAIN, go_on=True)
    assert isinstance(step, Head)
    assert (step.reply, step.interrupted) == (a_reply(2), False)


@pytest.mark.parametrize("go_on", [True, False])
async def test_an_empty_mailbox_leaves_nothing_behind(
    mailbox: Mailbox, raw: Redis, *, go_on: bool
) -> None:
    """There is no lease, due time or failure: an idle session costs nothing."""
    await filled(mailbox, 1)
    await mailbox.defer(ID, "a", await taken(mailbox, "a"), NONE, SOON)
    given_up = Outcome(kind=OutcomeKind.GIVEN_UP)
    step = await mailbox.finish(ID, "b", await taken(mailbox, "b"), given_up, go_on=go_on)
    assert step is Nothing.EMPTY
    assert await raw.exists(at(lease_key(ID)), at(mail_key(ID)), at(DUE_KEY)) == 0
    assert await raw.hmget(at(watched_key(ID)), "failing", "attempts") == [None, None]


async def test_mail_that_outlives_its_link_brings_back_no_field_of_the_thread(
    mailbox: Mailbox, store: Store, raw: Redis
) -> None:
    """It is still delivered; a script that writes such a field asks first if the thread is linked.

    What is known of the session may have expired by then, and what is noted of it expires, too.
    """
    await filled(mailbox, 1)
    await Links(store, TTL).remove(THREAD)
    await raw.delete(at(watched_key(ID)))
    head = await taken(mailbox, "a")
    await mailbox.defer(ID, "a", head, NONE, SOON)
    assert await raw.ttl(at(watched_key(ID))) > 0
    await mailbox.finish(ID, "b", await taken(mailbox, "b"), DELIVERED, go_on=True)
    left = [str(one) for one in await raw.hkeys(at(watched_key(ID)))]
    assert "replied" in left
    assert [one for one in left if one.endswith(THREAD.name)] == []


async def test_no_text_is_kept_of_an_edit_that_came_while_its_reply_was_sent(
    mailbox: Mailbox, store: Store, raw: Redis
) -> None:
    """Nor of the reply itself, once Devin has it."""
    await filled(mailbox, 1)
    head = await taken(mailbox, "a")
    await Revisions(store).change(a_reply(1, "hello again"), Micros(1), may_be_ahead=False)
    record = at(subject_key(head.reply.id))
    assert "hello again" in str(await raw.hget(record, "meanwhile"))
    await mailbox.finish(ID, "a", head, DELIVERED, go_on=True)
    assert "hello" not in str(await raw.hvals(record))


@pytest.mark.parametrize("state", ["withdrawn", "done", "expired"])
async def test_what_is_not_to_be_sent_holds_up_no_session(
    mailbox: Mailbox, raw: Redis, state: str
) -> None:
    """Such an entry is dropped from the mailbox, and the next reply goes."""
    first, second = await filled(mailbox, 1, 2)
    if state == "expired":
        await raw.delete(at(subject_key(first.id)))
    else:
        await raw.hset(at(subject_key(first.id)), "state", state)
    assert (await taken(mailbox, "t1")).reply == second
    assert await mailbox.length(ID) == 1


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"v": 1}', '{"v": "1", "text": 1}'])
async def test_a_broken_reply_is_a_head_that_says_so(
    mailbox: Mailbox, raw: Redis, broken: str
) -> None:
    """Nobody can ever read it, so it must not stay first in its mailbox; its place is known."""
    (reply,) = await filled(mailbox, 1)
    await raw.hset(at(subject_key(reply.id)), "reply", broken)
    head = await taken(mailbox, "a")
    assert head.flaw is not None
    assert head.reply.id == reply.id
    refused = Outcome(kind=OutcomeKind.REFUSED, detail="broken")
    assert await mailbox.finish(ID, "a", head, refused, go_on=True) is Nothing.EMPTY
    assert await mailbox.kept(reply.id) == head.reply, "its report can be told"


async def test_a_reply_without_a_record_of_its_round_is_in_its_first(
    mailbox: Mailbox, raw: Redis
) -> None:
    """A missing field does not block its session, either."""
    (reply,) = await filled(mailbox, 1)
    await raw.hdel(at(subject_key(reply.id)), "round", "accepted")
    head = await taken(mailbox, "a")
    assert (head.round, head.accepted) == (1, head.now)


# Finishing.


async def test_an_outcome_is_written_popped_and_owed_in_one_step(
    mailbox: Mailbox, store: Store, raw: Redis
) -> None:
    """The reply leaves the mailbox exactly when its outcome and its report are there."""
    await filled(mailbox, 1)
    head = await taken(mailbox, "a")
    await mailbox.finish(ID, "a", head, SUSPENDED, go_on=True)
    report = Owed(head.reply.id, 1, OwedKind.OUTCOME)
    assert await raw.zrange(at(OUTBOX_KEY), 0, -1) == [str(report)]
    begun = await Entries(store).begin(report)
    assert begun is not None
    assert (begun.outcome, begun.reply) == (SUSPENDED, a_reply(1))
    assert await Watches(store, TTL).last_outcome(ID, THREAD) == SUSPENDED
    assert not await mailbox.length(ID)


async def test_the_words_of_a_delivered_reply_are_not_kept(mailbox: Mailbox, raw: Redis) -> None:
    """Only a reply that may be sent again keeps its text; its acceptance is remembered."""
    replies = await filled(mailbox, 1, 2)
    step = await mailbox.finish(ID, "a", await taken(mailbox, "a"), DELIVERED, go_on=True)
    assert isinstance(step, Head)
    await mailbox.finish(ID, "a", step, SUSPENDED, go_on=True)
    assert await mailbox.kept(replies[0].id) is None
    assert await mailbox.kept(replies[1].id) == replies[1]
    assert "hello" not in str(await raw.hgetall(at(subject_key(replies[0].id))))
    for reply in replies:
        assert await raw.ttl(at(subject_key(reply.id))) <= keep.DONE.total_seconds()


async def test_of_a_workflow_s_reply_is_kept_only_whom_to_tell(
    mailbox: Mailbox, raw: Redis
) -> None:
    """Its blocks contain its text as well."""
    words = {"type": "rich_text", "elements": ["hello"]}
    reply = a_reply(1).model_copy(update={"step": "Fx0STEP", "blocks": (words,)})
    await mailbox.accept(reply, ID, NONE)
    await mailbox.finish(ID, "a", await taken(mailbox, "a"), DELIVERED, go_on=True)
    kept = await mailbox.kept(reply.id)
    assert kept is not None
    assert kept.step == reply.step
    assert "hello" not in str(await raw.hgetall(at(subject_key(reply.id))))


async def test_a_frozen_holder_writes_nothing_once_another_took_over(
    mailbox: Mailbox, raw: Redis
) -> None:
    """The token on the reply is the fence, before and after the other one's outcome."""
    (reply,) = await filled(mailbox, 1)
    frozen = await taken(mailbox, "a")
    await raw.delete(at(lease_key(ID)))
    other = await taken(mailbox, "b")
    assert await mailbox.finish(ID, "a", frozen, DELIVERED, go_on=True) is Nothing.LOST
    assert await mailbox.defer(ID, "a", frozen, SOON, SOON) is None
    assert await raw.hget(at(subject_key(reply.id)), "state") == "sending"
    assert await mailbox.length(ID) == 1
    await mailbox.finish(ID, "b", other, UNCERTAIN, go_on=True)
    assert await mailbox.finish(ID, "a", frozen, DELIVERED, go_on=True) is Nothing.LOST
    assert await raw.hget(at(subject_key(reply.id)), "outcome") == UNCERTAIN.to_json()
    assert await raw.zcard(at(OUTBOX_KEY)) == 1


async def test_an_outcome_counts_while_another_holds_the_session_for_an_earlier_reply(
    mailbox: Mailbox, raw: Redis
) -> None:
    """The lease moved on, but not the reply: the outcome is written, the session left alone."""
    await filled(mailbox, 2)
    head = await taken(mailbox, "a")
    await raw.delete(at(lease_key(ID)))
    await filled(mailbox, 1)
    assert (await taken(mailbox, "b")).reply == a_reply(1)
    assert await mailbox.finish(ID, "a", head, DELIVERED, go_on=True) is Nothing.HELD
    assert await raw.hget(at(subject_key(head.reply.id)), "state") == "done"
    assert await raw.get(at(lease_key(ID))) == "b"


async def test_a_holder_that_lost_its_session_leaves_the_next_ones_hold(
    mailbox: Mailbox, raw: Redis
) -> None:
    """Neither deferring nor putting back its own reply frees a session that another holds."""
    for second, ends in ((8, "defer"), (4, "put back")):
        await filled(mailbox, second)
        late = await taken(mailbox, ends)
        await raw.delete(at(lease_key(ID)))
        await filled(mailbox, second - 1)
        other = await taken(mailbox, "b")
        if ends == "defer":
            await mailbox.defer(ID, ends, late, NONE, SOON)
        else:
            await mailbox.defer(ID, ends, late, NONE)
        assert await raw.hget(at(subject_key(late.reply.id)), "state") == "waiting"
        assert await raw.get(at(lease_key(ID))) == "b"
        await mailbox.defer(ID, "b", other, NONE)


async def test_a_finish_whose_answer_was_lost_is_harmless(mailbox: Mailbox, raw: Redis) -> None:
    """A repetition returns the same next head, and one report is owed.

    So does one that comes when the delivery is over: else nobody would send that head, and its
    outcome would be uncertain.
    """
    await filled(mailbox, 1, 2)
    head = await taken(mailbox, "a")
    steps = [
        await mailbox.finish(ID, "a", head, DELIVERED, go_on=go_on) for go_on in (True, True, False)
    ]
    assert all(isinstance(step, Head) and not step.interrupted for step in steps)
    assert {step.reply.ts for step in steps if isinstance(step, Head)} == {a_reply(2).ts}
    assert await raw.zcard(at(OUTBOX_KEY)) == 1


async def test_a_finish_without_going_on_frees_the_session(mailbox: Mailbox, raw: Redis) -> None:
    """Its mail is due at once, for any holder, behind mail that has been due for longer."""
    await filled(mailbox, 1, 2)
    head = await taken(mailbox, "a")
    before = (time.time() - 60) * 1000
    await raw.zadd(at(DUE_KEY), {ID: before - 1, OTHER: before})
    assert await mailbox.finish(ID, "a", head, DELIVERED, go_on=False) == Later(0.0)
    assert await raw.exists(at(lease_key(ID))) == 0
    assert await raw.zrange(at(DUE_KEY), 0, -1) == [OTHER, ID]
    head = await taken(mailbox, "b")
    assert await mailbox.finish(ID, "b", head, DELIVERED, go_on=False) is Nothing.EMPTY


# Waiting for Devin.


async def test_a_deferred_reply_stays_first_and_owes_one_notice(
    mailbox: Mailbox, raw: Redis
) -> None:
    """Attempts are counted, its order is kept, and the notice is owed once."""
    await filled(mailbox, 1, 2)
    for attempt in (1, 2, 3):
        head = await taken(mailbox, f"t{attempt}")
        assert (head.reply, head.attempts, head.interrupted) == (a_reply(1), attempt - 1, False)
        deferred = await mailbox.defer(ID, f"t{attempt}", head, SOON, timedelta(seconds=30))
        assert deferred is not None
        assert deferred == (attempt, 30.0 if attempt == 1 else None)
        step = await mailbox.take(ID, "x")
        assert isinstance(step, Later)
        assert 0 < step.after <= SOON.total_seconds()
        await raw.zadd(at(DUE_KEY), {ID: 0})
    notice = Owed(a_reply(1).id, 1, OwedKind.DELAY)
    assert await raw.zrange(at(OUTBOX_KEY), 0, -1) == [str(notice)]


async def test_each_round_owes_a_notice_of_its_own(mailbox: Mailbox) -> None:
    """A reply that is sent again is reported as waiting again, and may wait as long as before."""
    (reply,) = await filled(mailbox, 1)
    await mailbox.defer(ID, "a", await taken(mailbox, "a"), NONE, SOON)
    head = await taken(mailbox, "b")
    await mailbox.finish(ID, "b", head, Outcome(kind=OutcomeKind.GIVEN_UP), go_on=True)
    await mailbox.send_again(reply, 1)
    again = await taken(mailbox, "c")
    assert again.accepted >= head.now
    deferred = await mailbox.defer(ID, "c", again, NONE, SOON)
    assert deferred is not None
    assert deferred[1] == SOON.total_seconds()


@pytest.mark.parametrize("kind", [OutcomeKind.GIVEN_UP, OutcomeKind.UNCERTAIN])
async def test_an_answer_of_devins_ends_the_count_of_failures(
    mailbox: Mailbox, raw: Redis, kind: OutcomeKind
) -> None:
    """The next reply starts with no failures; not so after one that ended without an answer."""
    await filled(mailbox, 1, 2, 3)
    await mailbox.defer(ID, "a", await taken(mailbox, "a"), NONE, SOON)
    head = await taken(mailbox, "a")
    assert head.attempts == 1
    step = await mailbox.finish(ID, "a", head, Outcome(kind=kind), go_on=True)
    assert isinstance(step, Head)
    assert (step.attempts, step.failing_since is None) == (1, False)
    step = await mailbox.finish(ID, "a", step, DELIVERED, go_on=True)
    assert isinstance(step, Head)
    assert (step.attempts, step.failing_since) == (0, None)
    assert await raw.hmget(at(watched_key(ID)), "failing", "attempts") == [None, None]


@pytest.mark.parametrize(
    ("accepted", "failing_since", "waited"), [(1, 4, 6), (4, 1, 6), (1, None, 0)]
)
def test_devin_has_been_failing_a_reply_since_it_was_there(
    accepted: int, failing_since: int | None, waited: int
) -> None:
    """Earlier failures do not count, nor does the time while others were ahead and answered."""
    head = Head(
        reply=a_reply(1),
        round=1,
        accepted=Millis(accepted * 1000),
        failing_since=Millis(failing_since * 1000) if failing_since else None,
        attempts=1,
        now=Millis(10_000),
        sending_since=Millis(10_000),
        interrupted=False,
    )
    assert head.waited == timedelta(seconds=waited)


async def test_a_hold_is_renewed_by_its_holder_only(mailbox: Mailbox, raw: Redis) -> None:
    """A sign of life extends it; one of another holder, or a late one, does not."""
    await filled(mailbox, 1)
    await taken(mailbox, "a")
    half = keep.SESSION_LEASE.total_seconds() * 500
    await raw.pexpire(at(lease_key(ID)), int(half))
    assert not await mailbox.renew(ID, "b")
    assert await raw.pttl(at(lease_key(ID))) <= half
    assert await mailbox.renew(ID, "a")
    assert await raw.pttl(at(lease_key(ID))) > half
    await raw.delete(at(lease_key(ID)))
    assert not await mailbox.renew(ID, "a")
    assert await raw.exists(at(lease_key(ID))) == 0


# Sending again.


async def test_a_reply_is_sent_again_once_for_each_round(mailbox: Mailbox, raw: Redis) -> None:
    """The button of a round works once; the next round has a separate button and reports."""
    (reply,) = await filled(mailbox, 1)
    for number in (1, 2, 3):
        head = await taken(mailbox, f"t{number}")
        assert (head.round, head.interrupted) == (number, False)
        await mailbox.finish(ID, f"t{number}", head, SUSPENDED, go_on=True)
        assert await mailbox.send_again(reply, number - 1) is None
        assert await mailbox.send_again(reply, number) == ID
        assert await mailbox.send_again(reply, number) is None
    owed = [str(Owed(reply.id, number, OwedKind.OUTCOME)) for number in (1, 2, 3)]
    assert await raw.zrange(at(OUTBOX_KEY), 0, -1) == owed
    assert await mailbox.send_again(reply, 1) is None


async def test_a_press_whose_answer_was_lost_is_answered_the_same_again(
    mailbox: Mailbox, store: Store, raw: Redis
) -> None:
    """redis-py repeats it: this press did it, whatever the second run finds."""
    (reply,) = await filled(mailbox, 1)
    await mailbox.finish(ID, "a", await taken(mailbox, "a"), SUSPENDED, go_on=True)
    answers = [
        await scripts.send_again(
            store, reply_id=reply.id, score=ts_micros(reply.ts), number=1, press=press
        )
        for press in ("x", "x", "y")
    ]
    assert answers == [ID, ID, None]
    assert await raw.hget(at(subject_key(reply.id)), "round") == "2"


async def test_a_reply_is_sent_again_in_its_old_place(mailbox: Mailbox) -> None:
    """Later replies that still wait come after it."""
    first, *_ = await filled(mailbox, 1, 2, 3)
    head = await taken(mailbox, "a")
    await mailbox.finish(ID, "a", head, SUSPENDED, go_on=False)
    await mailbox.send_again(first, 1)
    assert (await taken(mailbox, "b")).reply == first


async def test_a_press_ends_no_pause_that_devin_has_asked_for(mailbox: Mailbox, raw: Redis) -> None:
    """What is sent again waits with the mail that waits already."""
    first, _ = await filled(mailbox, 1, 2)
    head = await mailbox.finish(ID, "a", await taken(mailbox, "a"), SUSPENDED, go_on=True)
    assert isinstance(head, Head)
    await mailbox.defer(ID, "a", head, timedelta(seconds=30), SOON)
    due = await raw.zscore(at(DUE_KEY), ID)
    assert await mailbox.send_again(first, 1) == ID
    assert await raw.zscore(at(DUE_KEY), ID) == due


async def test_what_waits_or_was_forgotten_is_not_sent_again(mailbox: Mailbox, raw: Redis) -> None:
    """These are replies without an outcome, delivered ones, and ones that are gone."""
    waiting, gone = await filled(mailbox, 1, 2)
    assert await mailbox.send_again(waiting, 1) is None
    await raw.delete(at(subject_key(gone.id)))
    assert await mailbox.send_again(gone, 1) is None
    await mailbox.finish(ID, "a", await taken(mailbox, "a"), DELIVERED, go_on=True)
    assert await mailbox.send_again(waiting, 1) is None
    assert await mailbox.take(ID, "b") is Nothing.EMPTY


async def test_a_late_repeat_of_an_earlier_finish_does_not_end_a_new_round(
    mailbox: Mailbox, raw: Redis
) -> None:
    """The answer of round 1 was lost; its repetition comes while round 2 waits."""
    (reply,) = await filled(mailbox, 1)
    head = await taken(mailbox, "a")
    await mailbox.finish(ID, "a", head, SUSPENDED, go_on=True)
    await mailbox.send_again(reply, 1)
    step = await mailbox.finish(ID, "a", head, SUSPENDED, go_on=True)
    assert isinstance(step, Head)
    assert (step.round, step.interrupted) == (2, False)
    assert await raw.hget(at(subject_key(reply.id)), "outcome") is None


# The poll.


async def test_a_poll_finds_due_sessions_that_nobody_holds(
    mailbox: Mailbox, store: Store, raw: Redis
) -> None:
    """They have been due for longer than the grace period, and have no lease holder."""
    reports = Entries(store)
    await filled(mailbox, 1)
    grace = timedelta(seconds=5)
    assert await reports.overdue(grace, 10) == ([], [])
    await raw.zadd(at(DUE_KEY), {ID: (time.time() - 60) * 1000})
    assert await reports.overdue(grace, 10) == ([ID], [])
    await taken(mailbox, "a")
    assert await reports.overdue(grace, 10) == ([], [])
    await raw.delete(at(lease_key(ID)))
    assert await reports.overdue(grace, 10) == ([ID], [])


async def test_held_sessions_hide_no_abandoned_one(
    mailbox: Mailbox, store: Store, raw: Redis
) -> None:
    """A busy session keeps its old due time, so any number of them may come first."""
    held = [SessionId(f"devin-{number:032x}") for number in range(600)]
    due = {str(session): number for number, session in enumerate([*held, ID, OTHER])}
    await raw.zadd(at(DUE_KEY), due)
    await raw.expire(at(DUE_KEY), 60)
    async with raw.pipeline() as pipeline:
        for session in held:
            pipeline.set(at(lease_key(session)), "somebody", ex=60)
        await pipeline.execute()
    assert await Entries(store).overdue(NONE, 500) == ([ID, OTHER], [])
    assert await Entries(store).overdue(NONE, 1) == ([ID], []), "the longest due first"
    await raw.delete(*(at(lease_key(session)) for session in held))
    found, _ = await Entries(store).overdue(NONE, 500)
    assert found == held[:500]


async def test_a_poll_finds_late_reports(mailbox: Mailbox, store: Store, raw: Redis) -> None:
    """A begun one is left for a while, a waiting one until it is due; a told one is not found."""
    reports, grace = Entries(store), timedelta(seconds=5)
    await filled(mailbox, 1)
    await mailbox.finish(ID, "a", await taken(mailbox, "a"), SUSPENDED, go_on=True)
    report = Owed(a_reply(1).id, 1, OwedKind.OUTCOME)
    assert await reports.overdue(grace, 10) == ([], [])
    await raw.zadd(at(OUTBOX_KEY), {str(report): 0})
    assert await reports.overdue(grace, 10) == ([], [report])
    assert await reports.begin(report) is not None
    assert await reports.overdue(grace, 10) == ([], [])
    assert await reports.begin(report) is None, "another is telling it"
    await reports.end(report, told=True)
    assert await raw.zcard(at(OUTBOX_KEY)) == 0


async def test_a_report_on_a_forgotten_reply_leaves_no_key_behind(
    mailbox: Mailbox, store: Store, raw: Redis
) -> None:
    """The reply expired before Slack came back: no key without a TTL is written."""
    reports = Entries(store)
    await filled(mailbox, 1)
    await mailbox.defer(ID, "a", await taken(mailbox, "a"), NONE, NONE)
    notice = Owed(a_reply(1).id, 1, OwedKind.DELAY)
    await reports.begin(notice)
    await raw.delete(at(subject_key(a_reply(1).id)))
    await reports.end(notice, told=True)
    assert await reports.begin(notice) is None
    assert (
        await raw.exists(at(subject_key(reply_id(THREAD.team, THREAD.channel, a_reply(1).ts)))) == 0
    )
    assert await raw.zcard(at(OUTBOX_KEY)) == 0
