"""Each thread is owed each message once, and the last of a turn, however its people follow."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.devin.api import Cursor, DevinMessage, MessagePage, SessionSummary, Source
from bot.mirror.news import Reading, found_in
from bot.model.people import UserId
from bot.model.sessions import Follow, SaidKind, SessionId, SessionState, Watched
from bot.model.threads import Link, ThreadRef
from bot.model.times import Millis, as_datetime
from bot.store.watches import LinkedThread, TakenPoll, short_id
from tests.support.tables import each

SESSION = SessionId("devin-0123")
NOW = Millis(1_764_000_000_000)
STEP = 5_000
THREADS = [ThreadRef(team="T1", channel="C1", thread_ts=f"{n}.000000") for n in (1, 2)]

SAY, POLL, REST, WORK = "say", "poll", "rest", "work"
LINK, UNLINK = "link", "unlink"
CHOICES = tuple(Follow)


@dataclass
class Watch:
    """A session, and two threads that people link and have follow it as they like."""

    now: Millis = NOW
    state: SessionState = SessionState.WORKING
    listed: list[DevinMessage] = field(default_factory=list)
    seen: Watched = field(
        default_factory=lambda: Watched(state=SessionState.WORKING, read_at=NOW - 60_000)
    )
    linked: dict[ThreadRef, LinkedThread] = field(default_factory=dict)
    owed: list[tuple[ThreadRef, str]] = field(default_factory=list)
    read: int = 0

    def do(self, what: str, thread: ThreadRef) -> None:
        """Let this happen, some seconds after what came before."""
        self.now += STEP
        if what == SAY:
            name, at = f"m{len(self.listed)}", as_datetime(self.now)
            self.listed.append(DevinMessage(name, Source.DEVIN, name, at))
        elif what in {REST, WORK}:
            self.state = SessionState.FINISHED if what == REST else SessionState.WORKING
        elif what == POLL:
            self.poll()
        elif what == LINK:
            link = Link(session=SESSION, by=UserId("U1"), linked_at=1)
            new = LinkedThread(thread, link, self.now, is_caught_up=False)
            self.linked.setdefault(thread, new)
        elif what == UNLINK:
            self.linked.pop(thread, None)
        elif thread in self.linked:
            self.follow(self.linked[thread], Follow(what))

    def follow(self, one: LinkedThread, how: Follow) -> None:
        """Let a thread follow so, as `Links.follow` and `SET_LINK` note it."""
        begins = one.link.follow == Follow.OFF and how is not Follow.OFF
        one = replace(one, link=one.link.model_copy(update={"follow": how}))
        if begins:
            one = replace(one, follows_from=self.now, is_caught_up=False)
        self.linked[one.thread] = one

    def poll(self) -> None:
        """Poll the session, and record it as `RECORD_POLL` does."""
        known = [short_id(one.id) for one in self.listed[: self.read]]
        page = MessagePage(list(self.listed), Cursor("v3 "), timedelta(0))
        summary = SessionSummary(SESSION, "", self.state, as_datetime(self.now))
        threads = list(self.linked.values())
        poll = TakenPoll(SESSION, self.now, self.seen, threads=threads, read_ids=known)
        found = found_in(poll, Reading(summary=summary, page=page, default=Follow.ALL))
        self.seen, self.read = found.seen, len(self.listed)
        for thread, one in found.said:
            if one.kind is SaidKind.MESSAGE:
                self.owed.append((thread, one.text))
                self.linked[thread] = replace(self.linked[thread], owed=short_id(one.id))
        for joined in found.caught_up:
            self.linked[joined.thread] = replace(self.linked[joined.thread], is_caught_up=True)

    def due(self) -> set[tuple[ThreadRef, str]]:
        """Return the last message for each thread that follows, and did when that was said."""
        if not self.listed or self.state is SessionState.WORKING:
            return set()
        last = self.listed[-1]
        return {
            (one.thread, last.id)
            for one in self.linked.values()
            if one.link.follow != Follow.OFF and as_datetime(one.follows_from) <= last.at
        }


STEPS = st.lists(
    st.tuples(
        st.sampled_from([SAY, SAY, POLL, POLL, POLL, REST, WORK, LINK, UNLINK, *CHOICES]),
        st.sampled_from(THREADS),
    ),
    max_size=25,
)


@given(STEPS)
def test_a_thread_is_owed_each_message_once_and_the_last_of_each_turn(
    steps: list[tuple[str, ThreadRef]],
) -> None:
    """Whatever it followed when that was said, and whenever a poll reads it."""
    watch = Watch()
    for thread in THREADS:
        watch.do(LINK, thread)
    for what, thread in steps:
        was_at_work, before = watch.seen.state is SessionState.WORKING, watch.read
        watch.do(what, thread)
        ends_turn = was_at_work or len(watch.listed) > before
        if what == POLL and ends_turn and watch.seen.last is not None:
            assert watch.due() <= set(watch.owed)
    assert all(count == 1 for count in Counter(watch.owed).values())


@each(
    ("first", "then", "before"),
    [
        (Follow.TURNS, Follow.ALL, 0),
        (Follow.ALL, Follow.TURNS, 1),
        (Follow.TURNS, Follow.TURNS, 0),
        (Follow.ALL, Follow.ALL, 1),
        (Follow.TURNS, Follow.OFF, 0),
        (Follow.ALL, Follow.OFF, 1),
    ],
)
def test_a_switch_in_the_middle_of_a_turn_neither_loses_nor_repeats_its_last_message(
    first: Follow, then: Follow, before: int
) -> None:
    """Words and the state behind them come in different reads."""
    watch, (thread, *_) = Watch(), THREADS
    for what in (LINK, POLL, first, SAY, POLL):
        watch.do(what, thread)
    assert len(watch.owed) == before
    for what in (then, REST, POLL, POLL):
        watch.do(what, thread)
    assert len(watch.owed) == (before if then is Follow.OFF else 1)
