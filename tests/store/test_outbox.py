"""A try holds its entry of the outbox; one that was frozen changes nothing of the next."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.features.adoption.use import Adopting
from bot.features.digest.use import Digests
from bot.features.reviews.use import Reviews
from bot.model.errors import SlackAway
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Reply
from bot.model.sessions import Said, SessionId, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import Millis
from bot.redis import keep
from bot.redis.connection import Store, millis, seconds
from bot.redis.keys import OUTBOX_KEY, WATCH_KEY, subject_key, watched_key, words_key
from bot.store.cards import Cards, CardShown, card_owed
from bot.store.links import Links
from bot.store.lua import scripts
from bot.store.mailbox import Head, Mailbox
from bot.store.outbox import Begun, DueAgain, Ended, Leaves, Outbox, Owed, OwedKind, Owing
from bot.store.state import backlog
from bot.store.watches import Polled, Watches
from bot.store.words import MOST_BYTES, MOST_ITEMS, PARTS, BatchEnded, Words, words_owed
from tests.support.desk import SESSION
from tests.support.entries import Entries, expire
from tests.support.keys import at

ID = SessionId(SESSION)
TTL, DAY, NOW = timedelta(days=90), timedelta(days=1), timedelta(0)
THREAD = ThreadRef(team="T0TEAM", channel="C0GENERAL", thread_ts="1764000000.000100")
LINK = Link(session=ID, by=UserId("U0ADA"), linked_at=1764000000)
NOTICE = Owed("T0TEAM:said:1", 1, OwedKind.NOTICE)
REPLY = Reply(thread=THREAD, ts="1764000001.000100", author=UserId("U0ADA"), text="Rebase")
REFUSED = Outcome(kind=OutcomeKind.REFUSED, status=403)


class Tries:
    """Begins tries at entries, and lets their leases run out."""

    def __init__(self, store: Store, raw: Redis) -> None:
        self.store = store
        self.outbox = Outbox(store)
        self._raw = raw

    async def begin(self, owed: Owed) -> Begun:
        """Begin a try."""
        begun = await self.outbox.begin(owed)
        assert begun is not None
        return begun

    async def follow(self, frozen: Begun) -> Begun:
        """Begin the next try after one whose process is frozen."""
        await expire(self._raw, frozen.owed)
        return await self.begin(frozen.owed)

    async def due_in(self, owed: Owed) -> float:
        """Return the seconds until an entry is due."""
        due, (now, _) = await self._raw.zscore(at(OUTBOX_KEY), str(owed)), await self._raw.time()
        assert due is not None
        return float(due) / 1000 - float(now)

    async def say(self, *texts: str) -> None:
        """Let the session say something to the thread."""
        watches = Watches(self.store, TTL)
        await watches.hurry(ID)
        (poll,) = (await watches.take(1, DAY))[0]
        said = [(THREAD, Said(id=text, session=ID, text=text)) for text in texts]
        # Two polls may begin in one millisecond, and one that leaves all as it was is a repeat.
        seen = Watched(read_at=poll.began, cursor=" ".join(texts))
        found = Polled(seen=seen, after=NOW, said=said)
        assert await watches.record(poll, found) is not None

    async def take(self, ttl: timedelta = TTL) -> Head:
        """Take a reply."""
        mailbox = Mailbox(self.store, ttl)
        await mailbox.accept(REPLY, ID, NOW)
        head = await mailbox.take(ID, "token")
        assert isinstance(head, Head)
        return head

    async def finish(self, ttl: timedelta = TTL) -> Owed:
        """Give a reply an outcome, and return the report that this owes."""
        head = await self.take(ttl)
        await Mailbox(self.store, ttl).finish(ID, "token", head, REFUSED, go_on=False)
        return Owed(REPLY.id, 1, OwedKind.OUTCOME)


@pytest.fixture
async def tries(store: Store, raw: Redis) -> Tries:
    """A linked thread, and tries."""
    await Links(store, TTL).create(THREAD, LINK)
    return Tries(store, raw)


async def notice(tries: Tries) -> Owed:
    """Owe a notice."""
    await tries.outbox.owe(NOTICE, "It is done.", DAY)
    return NOTICE


async def words(tries: Tries) -> Owed:
    """Owe the thread words."""
    await tries.say("Paragraph 1.")
    return words_owed(THREAD)


async def card(_: Tries) -> Owed:
    """Return the thread's card, which its link owes."""
    return card_owed(THREAD, LINK)


async def report(tries: Tries) -> Owed:
    """Owe a report."""
    return await tries.finish()


End = Callable[[Tries, Begun], Awaitable[object]]
ENDS: list[tuple[Callable[[Tries], Awaitable[Owed]], End]] = [
    (notice, lambda tries, one: tries.outbox.settle(one, DueAgain(0.0, may_be_done=True))),
    (notice, lambda tries, one: tries.outbox.settle(one, DueAgain(0.0, may_be_done=False))),
    (notice, lambda tries, one: tries.outbox.settle(one, Ended())),
    (notice, lambda tries, one: tries.outbox.settle(one, Ended(Leaves.FACT))),
    (notice, lambda tries, one: tries.outbox.settle(one, Ended(Leaves.NOTHING))),
    (words, lambda tries, one: BatchEnded().settle(tries.store, one)),
    (card, lambda tries, one: CardShown(ts="1.1", shows="").settle(tries.store, one)),
    (report, lambda tries, one: tries.outbox.settle(one, Ended())),
]
IDS = [
    *("pause, perhaps done", "pause", "end", "forget", "take back"),
    *("end words", "end card", "end report"),
]


@pytest.mark.parametrize(("owe", "end"), ENDS, ids=IDS)
async def test_a_try_that_was_frozen_changes_nothing_of_the_next(
    tries: Tries, raw: Redis, owe: Callable[[Tries], Awaitable[Owed]], end: End
) -> None:
    """The next one has begun meanwhile: it stays begun, and so does its entry."""
    frozen = await tries.begin(await owe(tries))
    await tries.follow(frozen)
    record = at(subject_key(frozen.owed.subject))
    before = await raw.hgetall(record), await raw.zrange(at(OUTBOX_KEY), 0, -1, withscores=True)
    await end(tries, frozen)
    after = await raw.hgetall(record), await raw.zrange(at(OUTBOX_KEY), 0, -1, withscores=True)
    assert after == before
    assert await tries.outbox.begin(frozen.owed) is None


@pytest.mark.parametrize(("owe", "end"), ENDS, ids=IDS)
async def test_a_try_whose_lease_ran_out_still_ends_its_entry(
    tries: Tries, raw: Redis, owe: Callable[[Tries], Awaitable[Owed]], end: End
) -> None:
    """Nobody else has begun: what was told counts, and an end that is sent twice counts once."""
    begun = await tries.begin(await owe(tries))
    field = f"begun|{begun.owed.number}|{begun.owed.kind}"
    await end(tries, begun)
    assert await raw.hget(at(subject_key(begun.owed.subject)), field) in {None, "0"}
    rest = await raw.zrange(at(OUTBOX_KEY), 0, -1, withscores=True)
    await end(tries, begun)
    assert await raw.zrange(at(OUTBOX_KEY), 0, -1, withscores=True) == rest


async def test_a_batch_is_ended_only_by_the_try_that_posts_it(tries: Tries) -> None:
    """A process that froze after its post must not drop the batch that another one posts now."""
    queue, owed = Words(tries.store), await words(tries)
    frozen = await tries.begin(owed)
    assert await queue.cut(frozen, THREAD, "") is not None
    second = await tries.follow(frozen)
    assert second.again
    assert await queue.cut(second, THREAD, "") is not None
    await tries.say("Paragraph 2.")
    assert await BatchEnded().settle(tries.store, second)
    third = await tries.begin(owed)
    batch = await queue.cut(third, THREAD, "")
    assert batch is not None
    await tries.say("Paragraph 3.")
    assert not await BatchEnded().settle(tries.store, frozen)
    assert await queue.cut(frozen, THREAD, "") is None
    with pytest.raises(SlackAway, match="another try"):
        await queue.note(frozen, PARTS, "1")
    still = await queue.cut(third, THREAD, "")
    assert still is not None
    assert (still.number, still.items, still.notes) == (batch.number, batch.items, {})


async def test_a_batch_has_as_much_as_one_try_can_post(tries: Tries) -> None:
    """What is more waits for the next batch; a single item is posted whatever its length."""
    queue, long, longer = Words(tries.store), "a" * (MOST_BYTES // 2), "b" * (2 * MOST_BYTES)
    await tries.say(long, long, longer, *(["c"] * (MOST_ITEMS + 1)))
    sizes = []
    for _ in range(5):
        begun = await tries.begin(words_owed(THREAD))
        batch = await queue.cut(begun, THREAD, "")
        assert batch is not None
        sizes.append(len(batch.items))
        await BatchEnded().settle(tries.store, begun)
    assert sizes == [1, 1, 1, MOST_ITEMS, 1]


async def test_an_item_that_cannot_be_read_is_left_out_and_logged_without_its_text(
    tries: Tries, raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are shown; whoever is on call learns which thread lacks something."""
    owed = await words(tries)
    await raw.rpush(at(words_key(THREAD)), '{"text": "secret", "at": "now"}')
    batch = await Words(tries.store).cut(await tries.begin(owed), THREAD, "")
    assert batch is not None
    assert len(batch.items) == 1
    (line,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert line.message == "words unreadable"
    assert {"subject": owed.subject, "items": 1, "batch": 1}.items() <= vars(line).items()
    assert "secret" not in str(vars(line))


async def test_a_card_that_changes_during_its_edit_is_edited_again(
    tries: Tries, raw: Redis
) -> None:
    """So in the end it is right; that it has once shown what Devin does stays known."""
    cards, owed = Cards(tries.store), await card(tries)
    begun = await tries.begin(owed)
    await cards.want(THREAD, LINK)
    assert not await cards.was_open(THREAD, LINK)
    assert await CardShown(ts="1.1", shows="working").settle(tries.store, begun)
    begun = await tries.begin(owed)
    hidden = CardShown(ts="1.1", shows="waiting", is_open=False)
    assert not await hidden.settle(tries.store, begun)
    assert await raw.zscore(at(OUTBOX_KEY), str(owed)) is None
    assert await cards.was_open(THREAD, LINK)


async def test_a_post_may_be_the_card_until_it_is_known_which_one_is(tries: Tries) -> None:
    """The card's `ts` is noted once Slack's own state is set. A link without a card has none."""
    cards, owed = Cards(tries.store), await card(tries)
    assert await cards.is_at(THREAD, LINK, "2.2")
    assert not await cards.is_at(THREAD, LINK.model_copy(update={"card": "9"}), "2.2")
    await CardShown(ts="1.1", shows="").settle(tries.store, await tries.begin(owed))
    assert await cards.is_at(THREAD, LINK, "1.1")
    assert not await cards.is_at(THREAD, LINK, "2.2")


async def test_a_card_that_rests_is_due_later_and_an_edit_that_is_asked_for_comes_before_that(
    tries: Tries, raw: Redis
) -> None:
    """A retry is not brought forward like that, and nothing counts what rests as waiting."""
    cards, owed = Cards(tries.store), await card(tries)
    long = 60
    rests = CardShown(ts="1.1", shows="", slot="processing", rest=2400.0)
    await rests.settle(tries.store, await tries.begin(owed))
    assert await raw.hget(at(subject_key(owed.subject)), "slot") == "processing"
    assert await tries.due_in(owed) > long
    assert (await Entries(tries.store).depths())[1] == 0
    await cards.want(THREAD, LINK)
    assert await tries.due_in(owed) < long
    await tries.outbox.settle(await tries.begin(owed), DueAgain(600.0, may_be_done=False))
    await cards.want(THREAD, LINK)
    assert await tries.due_in(owed) > long


@pytest.mark.parametrize("kind", [Adopting.kind, Digests.kind, Reviews.kind])
async def test_the_own_work_of_the_relay_is_no_report_that_waits(tries: Tries, kind: str) -> None:
    """It is due again and again, or was due just now, so a drain would never end."""
    await tries.outbox.settle(await tries.begin(await card(tries)), Ended())
    await tries.outbox.owe(Owed("T0TEAM:own:1", 1, kind), "", DAY)
    assert (await Entries(tries.store).depths())[1] == 0
    await notice(tries)
    assert (await Entries(tries.store).depths())[1] == 1


async def test_beyond_the_entries_that_are_opened_those_that_are_due_wait(
    tries: Tries, raw: Redis
) -> None:
    """What is due later may be a card that rests."""
    await card(tries)
    await notice(tries)
    later = Owed("T0TEAM:said:2", 1, OwedKind.NOTICE)
    due = await raw.zscore(at(OUTBOX_KEY), str(NOTICE))
    assert due is not None
    await tries.outbox.owe(later, "Later.", DAY, Millis(int(due) + 600_000))
    counts = [(await backlog(tries.store, most)).reports for most in (1, 2, 3)]
    assert counts == [2, 2, 3]


async def test_words_of_the_next_batch_wait_since_the_end_of_the_last(
    tries: Tries, raw: Redis
) -> None:
    """A thread that is never empty for a moment is not one whose words are late."""
    queue, owed = Words(tries.store), await words(tries)
    begun = await tries.begin(owed)
    assert await queue.cut(begun, THREAD, "") is not None
    await tries.say("Paragraph 2.")
    hour = millis(timedelta(hours=1))
    await raw.hincrby(at(subject_key(owed.subject)), "waiting_since", -hour)
    assert (await backlog(tries.store)).words_ms >= hour
    assert await BatchEnded().settle(tries.store, begun)
    assert (await backlog(tries.store)).words_ms < hour


async def test_a_try_that_is_begun_by_a_script_sent_twice_is_the_same_try(tries: Tries) -> None:
    """The answer to the first sending was lost; the second has what holds the entry."""
    await notice(tries)

    async def begin(token: str) -> Sequence[Any] | None:
        begun: Sequence[Any] | None = await scripts.begin_entry(
            tries.store, owed=str(NOTICE), token=token, lease_ms=45_000
        )
        return begun

    assert await begin("one")
    assert await begin("two") is None
    held, again, _ = await begin("one") or ()
    assert again, "an earlier try may have been begun, too"
    await tries.outbox.settle(Begun(NOTICE, held, again=True, record={}), Ended())
    assert await begin("two") is None


async def test_a_subject_is_owed_once(tries: Tries, raw: Redis) -> None:
    """A request that comes again changes nothing, also once its entry has ended."""
    owing = [await tries.outbox.owe(NOTICE, text, DAY) for text in ("It is done.", "Again.")]
    assert await tries.outbox.content(NOTICE.subject) == "It is done."
    await tries.outbox.settle(await tries.begin(NOTICE), Ended(Leaves.FACT))
    owing.append(await tries.outbox.owe(NOTICE, "And again.", DAY))
    assert owing == [Owing.NEW, Owing.OPEN, Owing.DONE]
    assert await raw.zscore(at(OUTBOX_KEY), str(NOTICE)) is None
    assert await tries.outbox.content(NOTICE.subject) is None


@pytest.mark.parametrize("may_be_done", [False, True])
async def test_an_entry_that_is_put_off_is_due_at_its_time(
    tries: Tries, raw: Redis, *, may_be_done: bool
) -> None:
    """Slack asked to wait, so no other process may poll it before that."""
    begun, (second, _) = await tries.begin(await notice(tries)), await raw.time()
    await tries.outbox.settle(begun, DueAgain(60.0, may_be_done=may_be_done))
    due = await raw.zscore(at(OUTBOX_KEY), str(NOTICE))
    assert due is not None
    assert due >= (second + 60) * 1000
    assert (await tries.begin(NOTICE)).again is may_be_done


async def test_what_is_taken_back_may_be_owed_again_at_once(tries: Tries, raw: Redis) -> None:
    """It ends and is forgotten in one step, so nothing of it meets what is owed next."""
    begun = await tries.begin(await notice(tries))
    await tries.outbox.settle(begun, Ended(Leaves.NOTHING))
    assert not await raw.exists(at(subject_key(NOTICE.subject)))
    assert await tries.outbox.owe(NOTICE, "Once more.", DAY) is Owing.NEW
    await tries.outbox.settle(begun, Ended(Leaves.NOTHING))
    assert await tries.outbox.content(NOTICE.subject) == "Once more."
    assert (await tries.begin(NOTICE)).again is False


async def test_an_entry_shortens_the_life_of_no_other(tries: Tries, raw: Redis) -> None:
    """They share one key, which is kept for as long as its longest entry: here, the card."""
    owed = Owed(REPLY.id, 1, OwedKind.DELAY)
    mailbox = Mailbox(tries.store, TTL)
    head = await tries.take()
    acts: Sequence[Callable[[], Awaitable[object]]] = (
        lambda: tries.say("Paragraph 1."),
        lambda: tries.outbox.owe(NOTICE, "It is done.", DAY),
        lambda: mailbox.defer(ID, "token", head, NOW, NOW),
        tries.finish,
    )
    for act in acts:
        await act()
        assert await raw.ttl(at(OUTBOX_KEY)) >= seconds(TTL) - 60
    assert await raw.zscore(at(OUTBOX_KEY), str(owed)) is not None


async def test_a_session_is_watched_for_a_day_at_least(store: Store, raw: Redis) -> None:
    """Links that are kept for less, and replies, do not shorten that."""
    hour = timedelta(hours=1)
    await Links(store, hour).create(THREAD, LINK)
    least = seconds(keep.WATCHED) - 60
    for key in (watched_key(ID), WATCH_KEY):
        assert await raw.ttl(at(key)) >= least
    await Tries(store, raw).finish(hour)
    for key in (watched_key(ID), WATCH_KEY):
        assert await raw.ttl(at(key)) >= least
