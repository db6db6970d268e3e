"""Each stay of a session in a state is told once, however states, words and replies are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.devin.api import Cursor, DevinMessage, MessagePage, SessionSummary, Source
from bot.mirror.news import Reading, found_in
from bot.mirror.pace import SETTLING_MS, STANDING_MS, told_of
from bot.model.people import UserId
from bot.model.sessions import (
    CLOSINGS,
    Follow,
    Said,
    SaidKind,
    SessionId,
    SessionState,
    Trouble,
    Watched,
)
from bot.model.threads import Link, ThreadRef
from bot.model.times import Millis, as_datetime, as_millis
from bot.store.watches import LinkedThread, TakenPoll, short_id
from tests.support.tables import each

SESSION = SessionId("devin-0123")
NOW = Millis(1_764_000_000_000)
CHOICE = "Which one?\n\n1. Red\n2. Blue"
REMARK = "The tests pass."
_LINKED = LinkedThread(
    ThreadRef(team="T1", channel="C1", thread_ts="1.000000"),
    Link(session=SESSION, by=UserId("U1"), linked_at=1),
)


@dataclass(frozen=True)
class Step:
    """One poll: `after` ms, it reads `state` and what was `said`; a reply came before it, or not.

    A reply is listed as a person's message, if Devin lists it by then, as is one `in_devin`.
    """

    state: SessionState
    said: Sequence[str] = ()
    after: int = 5_000
    replied: bool = False
    lists_reply: bool = True
    in_devin: bool = False
    trouble: Trouble | None = None
    acus: float | None = None
    pull: str = ""


@dataclass
class Conversation:
    """A session as the watch reads it, poll by poll."""

    now: Millis = NOW
    replied: Millis = Millis(0)
    sent: Millis = Millis(0)
    seen: Watched = field(
        default_factory=lambda: Watched(state=SessionState.WORKING, read_at=NOW - 60_000)
    )
    listed: list[DevinMessage] = field(default_factory=list)
    told: list[Said] = field(default_factory=list)

    def poll(self, step: Step, summary: SessionSummary | None = None) -> list[Said]:
        """Poll once, and find the step's state, or that of `summary`; return the events."""
        shown = frozenset(short_id(one.id) for one in self.listed)
        if step.replied:
            self.replied = self.sent = self.now + step.after // 2
            if step.lists_reply:
                self._list("Go on", Source.USER, self.replied)
        elif step.in_devin:
            self._list("Go on", Source.USER, self.now + step.after // 2)
        self.now += step.after
        for text in step.said:
            self._list(text, Source.DEVIN, self.now - 100)
        at = as_datetime(self.now)
        reading = Reading(
            summary=told_of(
                self.seen,
                SESSION,
                {
                    SESSION: summary
                    or SessionSummary(
                        SESSION, "", step.state, at, trouble=step.trouble, acus=step.acus
                    )
                },
            ),
            page=MessagePage(list(self.listed), Cursor("v3 "), timedelta(0)),
            default=Follow.ALL,
        )
        poll = TakenPoll(
            SESSION,
            self.now,
            self.seen,
            self.replied,
            Millis(0),
            "",
            [_LINKED],
            shown,
            reply_sent_at=self.sent,
        )
        found = found_in(poll, reading)
        self.seen = found.seen
        events = [item for _, item in found.said if item.kind is not SaidKind.MESSAGE]
        self.told += events
        return events

    def _list(self, text: str, source: Source, at: Millis) -> None:
        when = datetime.fromtimestamp(int(at) // 1000, UTC)  # Devin's times are in whole seconds
        self.listed.append(DevinMessage(f"m{len(self.listed)}", source, text, when))

    def count(self, kind: SaidKind) -> int:
        """Return how many events of a kind were found."""
        return sum(one.kind is kind for one in self.told)


def kinds(*steps: Step) -> list[list[str]]:
    """Return the kinds of events that each poll finds."""
    talk = Conversation()
    return [[str(one.kind) for one in talk.poll(step)] for step in steps]


WORKING = Step(SessionState.WORKING)
WAITING = Step(SessionState.WAITING)
APPROVAL = Step(SessionState.APPROVAL)
FINISHED = Step(SessionState.FINISHED)
ASLEEP = Step(SessionState.SUSPENDED)
ASKED = Step(SessionState.WAITING, [CHOICE])
EXPLAINED = Step(SessionState.APPROVAL, ["I want to drop the table."])


@each(
    ("steps", "events"),
    [
        ([ASKED, ASLEEP, WAITING], [["question"], [], []]),
        ([APPROVAL, ASLEEP, APPROVAL], [["approval"], [], []]),
        ([ASKED, ASLEEP, WORKING], [["question"], [], ["moved_on"]]),
        ([ASKED, ASLEEP, APPROVAL], [["question"], [], ["moved_on", "approval"]]),
        ([APPROVAL, ASLEEP, WAITING], [["approval"], [], ["moved_on"]]),
        (
            [ASKED, ASLEEP, Step(SessionState.SUSPENDED, replied=True), WAITING],
            [["question"], [], ["answered"], []],
        ),
        (
            [ASKED, Step(SessionState.SUSPENDED, trouble=Trouble.LIMIT), WAITING],
            [["question"], ["trouble"], []],
        ),
    ],
)
def test_what_a_session_asks_stays_open_while_it_sleeps(
    steps: list[Step], events: list[list[str]]
) -> None:
    """It has not moved on, so nothing is closed, and nothing is asked again when it wakes."""
    assert kinds(*steps) == events


def test_a_question_that_an_approval_has_closed_is_asked_again_after_it() -> None:
    """Its buttons were taken away, and Devin still waits for the answer."""
    assert kinds(ASKED, APPROVAL, WAITING, WAITING) == [
        ["question"],
        ["moved_on", "approval"],
        ["moved_on", "question"],
        [],
    ]


def test_an_approval_stays_open_when_its_words_come_after_its_state() -> None:
    """It is asked once, and can be given until somebody replies."""
    for steps in ([APPROVAL, EXPLAINED, APPROVAL], [EXPLAINED, APPROVAL, APPROVAL]):
        talk = Conversation()
        for step in steps:
            talk.poll(step)
            assert talk.seen.asked == talk.told[0].id
        assert [one.kind for one in talk.told] == [SaidKind.APPROVAL]


def test_an_approval_that_is_answered_in_devin_is_closed_as_answered() -> None:
    """What somebody wrote before Devin asked is no answer to it."""
    answer = Step(SessionState.WORKING, in_devin=True)
    assert kinds(EXPLAINED, answer) == [["approval"], ["answered"]]
    assert kinds(answer, APPROVAL, WORKING) == [[], ["approval"], ["moved_on"]]


def test_words_long_after_an_approval_are_about_another_one() -> None:
    """Somebody has approved the first one in Devin, which went on, without a poll in between."""
    later = Step(SessionState.APPROVAL, ["Now I want to drop the other one."], after=30_000)
    assert kinds(EXPLAINED, later, APPROVAL) == [["approval"], ["moved_on", "approval"], []]


def test_a_second_approval_between_two_polls_is_asked_for() -> None:
    """Both polls see the same state, but a reply has reached the session in between."""
    again = Step(SessionState.APPROVAL, replied=True, after=1_000)
    late = Step(SessionState.APPROVAL, after=SETTLING_MS)
    assert kinds(APPROVAL, again, late, APPROVAL) == [["approval"], ["answered"], ["approval"], []]


def test_a_second_approval_comes_soon_after_its_words() -> None:
    """Devin has spoken since the first was given, and stands still: it isn't about the first."""
    given = Step(SessionState.APPROVAL, replied=True, after=1_000)
    words = Step(SessionState.APPROVAL, ["Next, I need to drop the table."], after=2_000)
    soon = Step(SessionState.APPROVAL, after=STANDING_MS)
    told = kinds(APPROVAL, given, words, soon, APPROVAL)
    assert told == [["approval"], ["answered"], [], ["approval"], []]


def test_an_approval_that_devin_has_not_taken_in_yet_is_not_asked_for_again() -> None:
    """For some seconds after the reply, Devin's state may be the one before it."""
    soon = Step(SessionState.APPROVAL, replied=True, after=1_000)
    stale = [Step(SessionState.APPROVAL, after=2_000)] * 5
    assert kinds(APPROVAL, soon, *stale, WORKING) == [["approval"], ["answered"], *[[]] * 6]


@each("sent", [1_000, 301_000])
@each("state", [SessionState.WAITING, SessionState.APPROVAL])
def test_a_cap_leaves_open_what_was_asked_and_a_reply_closes_it(
    state: SessionState, sent: int
) -> None:
    """Also one that was on its way when the cap was told; the post is as old as what it asks."""
    talk = Conversation()
    talk.seen = talk.seen.model_copy(update={"cap": 10})
    (asked,) = talk.poll(Step(state, [CHOICE]))
    (cap,) = talk.poll(Step(state, after=300_000, acus=10.0))
    assert (cap.kind, talk.seen.asked) == (SaidKind.CAP_REACHED, asked.id)
    talk.replied, talk.sent = talk.now + 1_000, asked.at + sent
    (closed,) = talk.poll(Step(state, after=2_000, acus=10.0))
    assert (closed.kind, closed.id, closed.at) == (SaidKind.ANSWERED, asked.id, asked.at)


def test_a_limit_that_is_reached_again_between_two_polls_is_told() -> None:
    """Somebody replied, and the session stands still as before."""
    limit = Step(SessionState.SUSPENDED, trouble=Trouble.LIMIT)
    again = Step(SessionState.SUSPENDED, trouble=Trouble.LIMIT, replied=True, after=40_000)
    assert kinds(limit, limit, again, limit) == [["trouble"], [], ["trouble"], []]


def test_a_reply_that_wakes_nothing_is_told_after_a_minute_once() -> None:
    """Devin took it, and a suspended session wakes by a reply; a late waker is left alone."""
    asleep = Step(SessionState.SUSPENDED)
    sent = Step(SessionState.SUSPENDED, replied=True)
    later = Step(SessionState.SUSPENDED, after=58_000)
    assert kinds(asleep, sent, later, asleep) == [[], [], ["trouble"], []]
    assert kinds(asleep, sent, later, sent, later) == [[], [], ["trouble"], [], ["trouble"]]
    assert kinds(WAITING, sent, later) == [[], [], ["trouble"]]
    woken = Step(SessionState.WORKING, after=50_000)
    assert kinds(asleep, sent, woken, asleep, later) == [[]] * 5
    spoke = Step(SessionState.SUSPENDED, ["Done."], after=50_000)
    assert kinds(asleep, sent, spoke, later) == [[]] * 4
    limit = Step(SessionState.SUSPENDED, trouble=Trouble.LIMIT, after=58_000)
    assert kinds(asleep, sent, limit) == [[], [], ["trouble"]]


def test_devin_has_finished_once_whatever_it_says_then() -> None:
    """The state may come before the last words, and Devin may go on talking."""
    summary = Step(SessionState.FINISHED, ["All done: the tests pass."])
    assert kinds(FINISHED, summary, summary) == [["finished"], [], []]
    assert kinds(Step(SessionState.WORKING, [REMARK]), FINISHED, FINISHED) == [
        [],
        ["finished"],
        [],
    ]


def test_devin_has_finished_again_after_a_reply_that_it_has_answered() -> None:
    """No poll need have seen it at work; a reply without an answer finishes nothing."""
    replied = Step(SessionState.FINISHED, replied=True, after=40_000)
    answered = Step(SessionState.FINISHED, ["Done that, too."], replied=True, after=40_000)
    assert kinds(FINISHED, answered, FINISHED) == [["finished"], ["finished"], []]
    said = Step(SessionState.FINISHED, [REMARK])
    assert kinds(said, replied, FINISHED) == [["finished"], [], []]


def test_a_remark_leaves_a_question_open_and_a_new_one_closes_it() -> None:
    """Devin may add something while it waits."""
    talk = Conversation()
    (asked,) = talk.poll(Step(SessionState.WAITING, [CHOICE]))
    assert talk.poll(Step(SessionState.WAITING, [REMARK])) == []
    assert talk.seen.asked == asked.id
    closed, again = talk.poll(Step(SessionState.WAITING, ["Shall I begin?"]))
    assert (closed.kind, closed.id) == (SaidKind.MOVED_ON, asked.id)
    assert talk.seen.asked == again.id


def test_a_question_that_somebody_has_replied_to_is_not_asked_again() -> None:
    """Devin may wait again before it lists the reply, or says anything."""
    unlisted = Step(SessionState.WORKING, replied=True, lists_reply=False)
    assert kinds(ASKED, unlisted, WAITING, WAITING) == [["question"], ["answered"], [], []]


steps = st.lists(
    st.builds(
        Step,
        state=st.sampled_from(
            [
                SessionState.WORKING,
                SessionState.WAITING,
                SessionState.APPROVAL,
                SessionState.FINISHED,
                SessionState.SUSPENDED,
            ]
        ),
        said=st.lists(st.sampled_from([CHOICE, REMARK]), max_size=2),
        after=st.sampled_from([1_000, 2_000, 5_000, 60_000]),
        replied=st.booleans(),
        lists_reply=st.booleans(),
    ),
    max_size=12,
)


def said_at(talk: Conversation) -> Millis:
    """Return when Devin said its last words."""
    devins = [one for one in talk.listed if one.source is Source.DEVIN]
    return as_millis(devins[-1].at) if devins else Millis(0)


@given(steps)
def test_each_stay_has_one_approval_which_is_open_until_a_reply(sequence: list[Step]) -> None:
    """A stay begins with the state, or when Devin still waits after it has taken in a reply.

    It also does when Devin says something long after it asked, or has spoken since a reply, and
    stands still. Sleep does not end it.
    """
    talk, before, stays = Conversation(), SessionState.WORKING, 0
    asked_at, is_open = Millis(0), False
    for step in sequence:
        talk.poll(step)
        has_reply, is_new = talk.replied > asked_at, before is not step.state
        if is_open:
            has_words = bool(step.said) or is_new
            is_new = has_words and not has_reply and said_at(talk) > asked_at + SETTLING_MS
        is_open &= step.state in {SessionState.APPROVAL, SessionState.SUSPENDED} and not has_reply
        if step.state is SessionState.APPROVAL:
            has_settled = talk.replied <= talk.now - SETTLING_MS
            has_settled |= talk.replied < said_at(talk) <= talk.now - STANDING_MS
            if is_new or (has_reply and has_settled):
                stays, asked_at, is_open = stays + 1, talk.now, True
            if is_open:
                last = next(one for one in reversed(talk.told) if one.kind is SaidKind.APPROVAL)
                assert talk.seen.asked == last.id
        assert talk.count(SaidKind.APPROVAL) == stays
        before = step.state


@given(steps)
def test_each_stay_has_one_end_of_the_work(sequence: list[Step]) -> None:
    """A stay begins with the state, or when Devin has answered a reply."""
    talk, before, stays, told_at = Conversation(), SessionState.WORKING, 0, Millis(0)
    for step in sequence:
        talk.poll(step)
        if step.state is SessionState.FINISHED:
            is_taken_in = told_at < talk.replied <= talk.now - SETTLING_MS
            if before is not step.state or (is_taken_in and said_at(talk) + 1_000 >= talk.replied):
                stays, told_at = stays + 1, talk.now
        assert talk.count(SaidKind.FINISHED) == stays
        before = step.state


@given(steps)
def test_each_question_is_asked_once_and_is_open_until_a_reply(sequence: list[Step]) -> None:
    """While the session waits and nobody has replied, the buttons of its last question work.

    One that it waits for again, after it went on by itself, is asked again.
    """
    talk, open_, asked_at = Conversation(), "", Millis(0)
    asked_about: dict[str, Millis] = {}
    for step in sequence:
        events = talk.poll(step)
        asked = [one for one in events if one.kind is SaidKind.QUESTION]
        ends = talk.listed[-1] if talk.listed else None
        if asked and ends:
            assert talk.replied <= asked_about.get(ends.id, talk.replied)
            asked_about[ends.id] = talk.now
        if step.state is not SessionState.WAITING or talk.replied > asked_at:
            open_ = ""
        if asked:
            open_, asked_at = asked[-1].id, talk.now
        elif step.state is SessionState.WAITING and step.said and step.said[-1] == CHOICE:
            assert ends is not None
            raise AssertionError(f"{ends.id} was not asked")
        if step.state is SessionState.WAITING and open_:
            assert talk.seen.asked == open_
    ids = [one.id for one in talk.told if one.kind is SaidKind.QUESTION]
    assert len(ids) == len(set(ids))


@given(steps)
def test_whatever_is_asked_is_closed_once(sequence: list[Step]) -> None:
    """Its buttons give way when it is no longer open, and only then."""
    talk = Conversation()
    for step in [*sequence, Step(SessionState.WORKING)]:
        talk.poll(step)
        asked = [one.id for one in talk.told if one.options or one.kind is SaidKind.APPROVAL]
        closed = [one.id for one in talk.told if one.kind in CLOSINGS]
        assert closed == [one for one in asked if one != talk.seen.asked]
