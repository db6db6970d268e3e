"""What a poll finds that is new, and which threads are shown it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.devin.api import MOST_CHILDREN, Cursor, DevinMessage, MessagePage, SessionSummary, Source
from bot.devin.v3.sessions import parse_record
from bot.mirror.news import Reading, found_in
from bot.mirror.pace import MOST_PULLS, SETTLING_MS, asked_with, children_of
from bot.mirror.unread import not_found
from bot.model.ledger import Account
from bot.model.people import UserId
from bot.model.sessions import (
    OWN_LIMITS,
    Child,
    Follow,
    NamedSession,
    PullRequest,
    SaidKind,
    SessionId,
    SessionState,
    Started,
    Trouble,
    Watched,
)
from bot.model.threads import Link, ThreadRef
from bot.model.times import Millis, as_datetime
from bot.store.watches import LinkedThread, Polled, TakenPoll, entries_of, short_id
from bot.wording.actions import CONTINUE_SESSION, OPEN_SESSION
from bot.wording.mirror.posts import MESSAGE_LIMIT, Framing, beginning, compose
from tests.support.tables import each

SESSION = SessionId("devin-0123")
NOW = Millis(1_764_000_000_000)
AGO = 60_000


def thread(number: int = 1) -> ThreadRef:
    return ThreadRef(team="T1", channel="C1", thread_ts=f"{number}.000000")


def linked(
    number: int = 1, *, follow: str = "", follows_from: Millis = Millis(0), reads_on: bool = False
) -> LinkedThread:
    link = Link(session=SESSION, by=UserId("U1"), linked_at=1, follow=follow)
    return LinkedThread(
        thread(number), link, follows_from, is_caught_up=reads_on or not follows_from
    )


def message(
    id_: str, text: str = "", *, at: Millis = NOW, source: Source = Source.DEVIN
) -> DevinMessage:
    return DevinMessage(id_, source, text or id_, as_datetime(at))


def summary(state: SessionState, **more: object) -> SessionSummary:
    found = SessionSummary(SESSION, "Release notes", state, as_datetime(NOW))
    return SessionSummary(**{**{name: getattr(found, name) for name in found.__slots__}, **more})


def seen(state: SessionState = SessionState.WORKING, **more: object) -> Watched:
    return Watched(state=state, read_at=NOW - AGO, title="Release notes").model_copy(update=more)


def polled(  # noqa: PLR0913  (one keyword for each thing that a test may turn)
    messages: Sequence[DevinMessage],
    state: SessionState = SessionState.WORKING,
    *,
    before: Watched | None = None,
    threads: Sequence[LinkedThread] = (),
    shown: Sequence[str] = (),
    default: Follow = Follow.ALL,
    untold: Sequence[ThreadRef] = (),
    reread: bool = False,
    has_more: bool = False,
    too_long: bool = False,
    skew: timedelta = timedelta(0),
    **more: object,
) -> Polled:
    known = frozenset(map(short_id, shown))
    poll = TakenPoll(SESSION, NOW, before or seen(), threads=threads or [linked()], read_ids=known)
    page = MessagePage(messages, Cursor("v3 "), skew, has_more)
    return found_in(
        poll,
        Reading(
            summary=summary(state, **more),
            page=page,
            default=default,
            untold=frozenset(untold),
            is_reread=reread,
            is_too_long=too_long,
        ),
    )


def said(found: Polled, number: int = 1) -> list[str]:
    """Return what a thread is shown: texts, and the kinds of events."""
    items = [item for where, item in found.said if where == thread(number)]
    return [one.text if one.kind is SaidKind.MESSAGE else f"({one.kind})" for one in items]


def test_only_what_devin_says_is_shown_in_order_and_once() -> None:
    """A person's message is no word of Devin's, and an id that was read is known."""
    page = [message("a"), message("b", source=Source.USER), message("c"), message("d")]
    found = polled(page, shown=["a"])
    assert said(found) == ["c", "d"]
    assert found.ids == ["b", "c", "d"]


def test_a_first_poll_shows_nothing_of_the_history() -> None:
    """Neither words nor the events of a state that it was in before are news."""
    joining = linked(follows_from=NOW - 100)
    found = polled(
        [message("a", "Really?")],
        SessionState.WAITING,
        before=Watched(),
        threads=[joining],
        untold=[joining.thread],
        pull_requests=(PullRequest("https://github.com/a/b/pull/1"),),
    )
    assert said(found) == []
    assert found.caught_up == [joining]
    assert found.seen.asked == ""


def test_a_session_that_begins_with_its_thread_is_shown_whole() -> None:
    """Its thread counts as caught up from the start."""
    page = [message("a"), message("b")]
    found = polled(page, SessionState.FINISHED, before=Watched(), threads=[linked()])
    assert said(found) == ["a", "b", "(finished)"]


def test_a_thread_that_joins_late_is_shown_what_was_said_after_its_link() -> None:
    """If the first poll comes late, the time of a message decides; other threads see all."""
    page = [message("old", at=NOW - 20_000), message("new", at=NOW - 5_000)]
    found = polled(page, threads=[linked(1), linked(2, follows_from=NOW - 10_000)])
    assert said(found, 1) == ["old", "new"]
    assert said(found, 2) == ["new"]


def test_what_was_said_after_a_link_is_told_by_redis_s_clock() -> None:
    """Devin's may be an hour ahead of it."""
    ahead, joining = timedelta(hours=1), linked(follows_from=NOW - 10_000)
    old, new = (NOW + ahead // timedelta(milliseconds=1) - ago for ago in (20_000, 5_000))
    page = [message("old", at=old), message("new", at=new)]
    assert said(polled(page, threads=[joining], skew=ahead)) == ["new"]


def test_a_thread_that_joins_late_is_told_no_event_of_before() -> None:
    """Its new card shows the state; the others are told."""
    joining, pull = linked(2, follows_from=NOW - 10_000), (PullRequest("https://a/1", "open"),)
    for ago, told in ((20_000, []), (5_000, ["(finished)"])):
        how: dict[str, Any] = {"updated_at": as_datetime(NOW - ago), "pull_requests": pull}
        found = polled([], SessionState.FINISHED, threads=[linked(1), joining], **how)
        assert (said(found, 1), said(found, 2)) == (["(pull_request)", "(finished)"], told)


def test_what_is_read_before_anybody_is_told_of_a_link_is_old_there() -> None:
    """Clocks differ by a second or so, and the link's own poll comes at once."""
    joining = linked(2, follows_from=NOW - 100)
    found = polled([message("a")], threads=[linked(1), joining], untold=[joining.thread])
    assert (said(found, 1), said(found, 2)) == (["a"], [])
    assert found.caught_up == [joining]


def test_a_thread_joins_only_when_all_is_read() -> None:
    """While a long history is read page by page, its later pages are no news."""
    found = polled(
        [message("a")],
        SessionState.WAITING,
        before=Watched(),
        threads=[linked(follows_from=NOW)],
        has_more=True,
    )
    assert found.caught_up == []
    assert found.after == timedelta(0)
    assert found.seen.state is SessionState.UNKNOWN


def test_without_its_cursor_a_session_is_read_anew_and_shows_only_what_is_later() -> None:
    """Ids from long ago are not remembered, so the last read decides."""
    page = [message("forgotten", at=NOW - 2 * AGO), message("new", at=NOW)]
    assert said(polled(page, reread=True)) == ["new"]


def test_a_session_that_is_too_long_to_be_read_says_so_once_and_shows_its_state() -> None:
    """Should it become readable, what was said before stays known."""
    silent = linked(3, follow="off")
    threads = [linked(1), silent]
    found = polled([], SessionState.FINISHED, threads=threads, too_long=True)
    assert (said(found), said(found, 3)) == (["(finished)", "(too_long)"], [])
    assert found.cards
    threads = [linked(1), linked(2, follows_from=NOW - 100), silent]
    again = polled([], SessionState.FINISHED, before=found.seen, threads=threads, too_long=True)
    assert [said(again, number) for number in (1, 2, 3)] == [[], ["(too_long)"], []]
    page = [message("old", at=NOW - 2 * AGO), message("new", at=NOW)]
    assert said(polled(page, SessionState.FINISHED, before=again.seen)) == ["new"]


def test_of_a_giant_message_the_beginning_is_shown() -> None:
    """With how long it is, and where the rest is."""
    (text,) = said(polled([message("a", "x" * (MESSAGE_LIMIT + 1))]))
    assert text == beginning("x" * (MESSAGE_LIMIT + 1))
    assert len(text) < MESSAGE_LIMIT + 200
    assert f"{MESSAGE_LIMIT + 1:,} characters" in text


def test_a_time_at_the_edge_of_the_calendar_is_one() -> None:
    """Whatever Devin's clock and its messages say, the words are shown."""
    for at in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)):
        edge = DevinMessage("a", Source.DEVIN, "Hi.", at)
        for skew in (timedelta(hours=-23), timedelta(hours=23)):
            assert said(polled([edge], skew=skew)) == ["Hi."]


def test_a_thread_that_follows_turns_is_shown_the_last_message_of_each() -> None:
    """While Devin works, nothing; at the end of the turn, the last message, once."""
    turns = [linked(follow="turns")]
    found = polled([message("a"), message("b")], threads=turns)
    assert said(found) == []
    found = polled([], SessionState.WAITING, before=found.seen, threads=turns)
    assert said(found) == ["b"]
    found = polled([], SessionState.WAITING, before=found.seen, threads=turns)
    assert said(found) == []


def test_the_end_of_a_turn_shows_no_message_from_before_the_link() -> None:
    """A thread that was linked amid the turn has its last message only if that came later."""
    page = [message("old", at=NOW - 20_000)]
    turns = [
        linked(1, follow="turns"),
        linked(2, follow="turns", follows_from=NOW - 10_000, reads_on=True),
    ]
    before = polled(page, threads=turns).seen
    found = polled([], SessionState.WAITING, before=before, threads=turns)
    assert (said(found, 1), said(found, 2)) == (["old"], [])
    page = [message("new", at=NOW - 5_000)]
    found = polled(page, SessionState.WAITING, before=before, threads=turns)
    assert (said(found, 1), said(found, 2)) == (["new"], ["new"])


def test_a_thread_that_does_not_follow_is_shown_nothing() -> None:
    """Its own choice counts, or else the setting."""
    page = [message("a", "Done?")]
    for threads, default in [
        ([linked(follow="off")], Follow.ALL),
        ([linked()], Follow.OFF),
    ]:
        found = polled(page, SessionState.WAITING, threads=threads, default=default)
        assert said(found) == []
    found = polled(page, threads=[linked(follow="all")], default=Follow.OFF)
    assert said(found) == ["Done?"]


def test_a_poll_counts_why_threads_are_not_shown_what_it_has_read() -> None:
    """The log tells it of each poll, so a message that a thread lacks can be accounted for."""
    threads = [
        linked(1),
        linked(2, follow="turns"),
        linked(3, follow="off"),
        linked(4, follows_from=NOW - 100),
    ]
    page = [message("a", at=NOW - 50_000), message("b"), message("c", source=Source.USER)]
    found = polled(page, threads=threads)
    assert found.left_out == {"before_link": 1, "follows_turns": 2, "follows_off": 2}
    assert polled([message("a")]).left_out == {}
    early = [message("a", at=NOW - 2 * AGO), message("b")]
    assert polled(early, reread=True).left_out == {"read_before": 1}


def test_a_question_is_asked_once_also_if_its_state_comes_later() -> None:
    """Words and state may be read at different polls."""
    found = polled([message("a", "Which one?\n\n1. Red\n2. Blue")])
    assert said(found) == ["Which one?\n\n1. Red\n2. Blue"]
    owed = [replace(linked(), owed=short_id("a"))]
    found = polled([], SessionState.WAITING, before=found.seen, threads=owed)
    assert said(found) == ["(question)"]
    assert found.seen.options == ("Red", "Blue")
    assert found.seen.asked
    found = polled([], SessionState.WAITING, before=found.seen)
    assert said(found) == []
    assert found.seen.asked


def test_a_question_is_over_when_devin_goes_on_or_somebody_has_answered() -> None:
    """Another state, or a person's message after it; but not when Devin adds a remark."""
    asked = polled([message("a", "Red?")], SessionState.WAITING).seen
    assert asked.asked
    over = polled([], SessionState.WORKING, before=asked)
    assert (over.seen.asked, said(over)) == ("", []), "it has no buttons to take away"
    remark = [message("b", "The build is green.")]
    assert polled(remark, SessionState.WAITING, before=asked).seen.asked == asked.asked
    answered = [message("a", "Red?"), message("b", "Yes", source=Source.USER)]
    assert said(polled(answered, SessionState.WAITING)) == ["Red?"]
    assert not polled(answered, SessionState.WAITING, before=asked, shown=["a"]).seen.asked


def test_a_question_that_was_answered_in_devin_s_web_app_says_so() -> None:
    """A person's message comes after it; without one, Devin has gone on by itself."""
    asked = polled([message("a", "Which?\n\n1. Red\n2. Blue")], SessionState.WAITING).seen
    answered = [message("a", "Which?"), message("b", "Red", source=Source.USER)]
    assert said(polled(answered, before=asked, shown=["a"])) == ["(answered)"]
    assert said(polled([message("a", "Which?")], before=asked, shown=["a"])) == ["(moved_on)"]


def test_without_its_cursor_a_long_session_shows_no_history_on_its_later_pages() -> None:
    """What was said before the last read stays known until all of it is read again."""
    page = [message("old", at=NOW - 2 * AGO)]
    found = polled(page, reread=True, has_more=True)
    assert found.seen.reread_since == NOW - AGO
    page = [message("older page", at=NOW - 2 * AGO), message("new", at=NOW)]
    found = polled(page, before=found.seen)
    assert said(found) == ["new"]
    assert found.seen.reread_since == Millis(0)


def test_a_reply_is_an_answer_to_what_was_told_before_it_was_sent() -> None:
    """What is still asked has the time at which it was asked, whatever else is told meanwhile."""
    asked = polled([message("a", "Red?")], SessionState.WAITING).seen
    assert asked.answerable_since == NOW
    earlier = {"answerable_since": NOW - AGO}
    for state, before, trouble, since in (
        (SessionState.SUSPENDED, asked, Trouble.LIMIT, NOW - AGO),
        (SessionState.SUSPENDED, seen(), Trouble.LIMIT, NOW),
        (SessionState.WORKING, seen(), None, NOW - AGO),
    ):
        found = polled([], state, before=before.model_copy(update=earlier), trouble=trouble)
        assert found.seen.answerable_since == since


def test_a_question_with_more_to_read_after_it_is_not_asked() -> None:
    """The state is that of the end, where the question may be over."""
    waiting = seen(SessionState.WAITING)
    page = [message("a", "Red?")]
    found = polled(page, SessionState.WORKING, before=waiting, has_more=True)
    assert (said(found), found.seen.asked) == (["Red?"], "")
    owed = [replace(linked(), owed=short_id("a"))]
    found = polled([], SessionState.WAITING, before=found.seen, threads=owed)
    assert said(found) == ["(question)"], "the end"


def test_a_turn_that_ends_without_a_question_asks_nobody() -> None:
    """A session waits at the end of every turn."""
    assert said(polled([message("a", "All done.")], SessionState.WAITING)) == ["All done."]


def test_each_event_is_told_once() -> None:
    """An approval, the end of the work, the end of the session, a trouble, a pull request."""
    pull = PullRequest("https://github.com/a/b/pull/1", "open")
    cases: list[tuple[SessionState, dict[str, Any], str]] = [
        (SessionState.APPROVAL, {}, "(approval)"),
        (SessionState.FINISHED, {}, "(finished)"),
        (SessionState.ENDED, {"trouble": Trouble.ERROR}, "(ended)"),
        (SessionState.SUSPENDED, {"trouble": Trouble.LIMIT}, "(trouble)"),
        (SessionState.WORKING, {"pull_requests": (pull,)}, "(pull_request)"),
    ]
    for state, more, event in cases:
        found = polled([], state, **more)
        assert said(found) == [event]
        assert said(polled([], state, before=found.seen, **more)) == []


def test_a_session_that_was_lost_for_a_while_tells_and_asks_nothing_again() -> None:
    """Devin may answer 404 for some seconds; nothing counts as read, and what is over stays so."""
    asked = polled([message("a", "Red?")], SessionState.WAITING).seen
    cases: list[tuple[SessionState, dict[str, Any]]] = [
        (SessionState.WORKING, {}),
        (SessionState.WAITING, {"before": asked}),
        (SessionState.APPROVAL, {}),
        (SessionState.SUSPENDED, {"trouble": Trouble.LIMIT}),
    ]
    for state, more in cases:
        before = polled([], state, **more).seen
        found = not_found(TakenPoll(SESSION, NOW, before, threads=[linked()]))
        assert found is not None
        assert (found.seen.state, found.cards) == (SessionState.UNKNOWN, [linked()])
        assert found.seen.read_at == before.read_at
        assert not_found(TakenPoll(SESSION, NOW, found.seen)) is None
        again = polled([], state, **{**more, "before": found.seen})
        assert said(again) == []
        assert again.seen == before.model_copy(update={"since": NOW})
    for state in (SessionState.FINISHED, SessionState.ENDED):
        assert not_found(TakenPoll(SESSION, NOW, seen(state))) is None


def test_a_session_that_was_just_linked_may_not_be_there_yet() -> None:
    """One that is never there is told after some seconds."""
    for age, is_told in ((SETTLING_MS - 1, False), (SETTLING_MS, True)):
        poll = TakenPoll(SESSION, NOW, Watched(), read_wanted_at=NOW - age)
        found = not_found(poll)
        assert (found is not None) is is_told


def test_what_one_answer_leaves_out_of_pull_requests_is_as_it_was() -> None:
    """A state, or all of one: each is opened and merged once."""
    address = "https://github.com/a/b/pull/1"
    before, told = seen(), list[str]()
    for states in (["open"], [""], [], ["open"], [""], ["merged"], [], ["merged"]):
        pulls = tuple(PullRequest(address, one) for one in states)
        found = polled([], before=before, pull_requests=pulls)
        before, told = found.seen, [*told, *said(found)]
    assert told == ["(pull_request)", "(merged)"]


def test_of_too_many_pull_requests_the_last_are_known_and_each_is_told_once() -> None:
    """What Devin goes on to list of the others isn't new."""
    pulls = [PullRequest(f"https://a/{place}", "open") for place in range(MOST_PULLS)]
    before = polled([], pull_requests=tuple(pulls)).seen
    for place, state in ((MOST_PULLS, "open"), (MOST_PULLS, "merged"), (MOST_PULLS + 1, "open")):
        pulls[place:] = [PullRequest(f"https://a/{place}", state)]
        found = polled([], before=before, pull_requests=tuple(pulls))
        assert [one.text for _, one in found.said] == [f"https://a/{place}"]
        before = found.seen
        assert said(polled([], before=before, pull_requests=tuple(pulls))) == []
    assert len(before.pull_requests) == MOST_PULLS


def test_a_survey_asks_for_sessions_and_then_for_all_children_that_may_change() -> None:
    """Those that have ended don't, but what they cost is asked for while their parent rests.

    What it leaves out is as it was.
    """
    ids = [SessionId(f"devin-{number}") for number in range(120)]
    ended = replace(summary(SessionState.ENDED), session=ids[0])
    found = {SESSION: summary(SessionState.WORKING, children=tuple(ids)), ids[0]: ended}
    listed = seen(children=tuple(Child(session=one) for one in ids))
    before = seen(children=children_of(listed, SESSION, found))
    assert asked_with([TakenPoll(SESSION, NOW, before)]) == [SESSION, *ids[1:]]
    over = before.model_copy(update={"state": SessionState.ENDED})
    assert asked_with([TakenPoll(SESSION, NOW, over)]) == [SESSION, *ids]
    due = [TakenPoll(SessionId(f"devin-{number}"), NOW, seen()) for number in range(200, 300)]
    assert asked_with([*due, TakenPoll(SESSION, NOW, before)])[-119:] == ids[1:]
    assert children_of(before, SESSION, {}) == before.children
    assert children_of(before, SESSION, {SESSION: found[SESSION]}) == before.children


def test_what_one_answer_leaves_out_of_children_is_as_it_was() -> None:
    """Else what a child has used before would count again, in the month in which it is back."""
    child, account = SessionId("devin-1"), Account()
    told = {child: replace(summary(SessionState.FINISHED, acus=5.0), session=child)}
    there, left_out = (summary(SessionState.WORKING, children=one) for one in ((child,), ()))
    before, entered = seen(acus=1.0), list[tuple[float, float]]()
    for found in (there, left_out, there, left_out):
        children = children_of(before, SESSION, told | {SESSION: found})
        after = before.model_copy(update={"children": children})
        entries = entries_of(SESSION, account, before, after, is_own=True)
        entered += [(one.base, one.total) for one in entries]
        before = after
    assert entered == [(0.0, 5.0)]
    assert [one.session for one in before.children] == [child]


def test_of_too_many_children_the_first_stay_known() -> None:
    """In whatever order Devin lists them: one that fell out would be new when it is back."""
    ids = [SessionId(f"devin-{number}") for number in range(MOST_CHILDREN + 5)]
    before = seen(acus=1.0)
    for listed in (ids[:MOST_CHILDREN], ids[::-1][:MOST_CHILDREN], ids[5:]):
        found = {SESSION: summary(SessionState.WORKING, children=tuple(listed))}
        before = before.model_copy(update={"children": children_of(before, SESSION, found)})
        assert [one.session for one in before.children] == ids[:MOST_CHILDREN]


def test_a_session_that_falls_asleep_says_nothing() -> None:
    """That is routine: only the card shows it."""
    found = polled([], SessionState.SUSPENDED)
    assert said(found) == []
    assert found.cards == [linked()]


def test_a_card_changes_only_if_it_shows_something_else() -> None:
    """Devin's words are not on it, and its cost changes all the time while Devin works."""
    assert not polled([message("a")], acus=1.0).cards
    assert polled([], SessionState.WAITING, acus=1.0).cards
    pull = PullRequest("https://github.com/a/b/pull/1", "merged")
    assert polled([], pull_requests=(pull,)).cards


def test_an_ended_session_is_polled_a_little_longer() -> None:
    """Its last words may be listed late: the time counts from when its end was seen."""
    ago = timedelta(milliseconds=SETTLING_MS)
    for moved in (timedelta(0), ago):
        found = polled([], SessionState.ENDED, updated_at=as_datetime(NOW) - moved)
        assert found.after == timedelta(seconds=1)


def test_a_poll_without_a_number_keeps_the_one_before() -> None:
    """Else the next number would be billed as new, with all that was before it."""
    assert polled([], before=seen(acus=4.0), acus=None).seen.acus == 4.0
    assert polled([], before=seen(acus=4.0), acus=3.0).seen.acus == 3.0


def capped(acus: float, **more: object) -> Watched:
    return seen().model_copy(update={"acus": acus, "cap": 10, **more})


def test_a_cap_is_told_at_four_fifths_and_when_it_is_used_up_once_each() -> None:
    """In a thread that follows nothing as well; a total that Devin lowers tells nothing again."""
    threads = [linked(1), linked(2, follow="off")]
    before, kinds = capped(7.9), []
    for acus in (8.0, 8.5, 7.0, 8.1, 10.0, 9.0, 10.2):
        state = SessionState.WAITING if acus >= 9.0 else SessionState.WORKING
        found = polled([], state, before=before, threads=threads, acus=acus)
        assert said(found, 1) == said(found, 2)
        kinds += said(found)
        before = found.seen
    assert kinds == ["(cap_near)", "(cap_reached)"]


def test_a_session_that_jumps_to_its_cap_is_not_near_it_first() -> None:
    """One post is enough."""
    found = polled([], SessionState.WAITING, before=capped(1.0), acus=11.0)
    assert said(found) == ["(cap_reached)"]


def test_a_session_that_works_on_at_its_cap_is_told_without_a_way_to_go_on() -> None:
    """Devin hasn't stopped it yet, so its link would not give way to another one."""
    before, kinds = capped(9.0, cap_said=SaidKind.CAP_NEAR), []
    for acus in (9.9, 10.0, 10.5, 30.0):
        found = polled([], before=before, acus=acus)
        assert not found.seen.is_at_cap
        kinds += said(found)
        before = found.seen
    assert kinds == ["(cap_near)"]
    stopped = polled([], SessionState.SUSPENDED, before=before, acus=30.0, **OWN)
    assert said(stopped) == ["(cap_reached)"]


@each(("state", "said"), [("finished", "has *finished*.\n"), ("ended", "messages anymore.\n")])
def test_what_ends_at_its_cap_tells_one_person_one_way_to_go_on(state: str, said: str) -> None:
    """The cap's: a session that has used it up does nothing about a reply."""
    found = polled([], SessionState(state), before=capped(9.0), acus=10.0)
    framing = Framing(thread=thread(), session=NamedSession(SESSION), mention="U0ADA")
    (post,) = compose([one for _, one in found.said], framing)
    assert said in post.text
    assert post.text.count("<@U0ADA>") == 1
    (row,) = [one for one in post.blocks if one["type"] == "actions"]
    assert [one["action_id"] for one in row["elements"]] == [CONTINUE_SESSION, OPEN_SESSION]


OWN: dict[str, Any] = {"trouble": Trouble.LIMIT, "limit": "usage_limit_exceeded"}

OTHERS = (
    "org_usage_limit_exceeded",
    "user_usage_limit_exceeded",
    "out_of_credits",
    "out_of_quota",
    "no_quota_allocation",
    "payment_declined",
)


@each("detail", [*sorted(OWN_LIMITS), *OTHERS])
def test_each_stop_at_a_limit_is_told_with_a_way_to_go_on(detail: str) -> None:
    """At a limit of its own, near its cap or above, that is to go on in a new session.

    Else it is to see to the limit in Devin, and a session that has used up its cap is told both.
    """
    is_own, used_up = detail in OWN_LIMITS, (10.0, 10.5, 11.0)
    for acus in (7.0, 7.9, 8.0, 9.2, 9.85, *used_up, 11.1, 12.0, 15.0):
        known = {"session_id": SESSION, "status": "suspended", "acus_consumed": acus}
        read = parse_record(json.dumps({**known, "status_detail": detail}).encode())
        assert read is not None
        at: dict[str, Any] = {"trouble": read.trouble, "limit": read.limit}
        before = capped(6.9, cap_said=SaidKind.CAP_NEAR)
        found = polled([], read.state, before=before, acus=read.acus, **at)
        kinds = ["(cap_reached)"] if is_own and acus >= 8 else ["(trouble)"]
        if not is_own and acus >= 10:  # far above without a stop, it has a higher one in Devin
            kinds.append("(cap_reached)" if acus in used_up else "(cap_near)")
        assert said(found) == kinds, acus
        assert found.seen.is_at_cap == ("(cap_reached)" in kinds), acus


def test_a_limit_without_a_cap_and_an_error_beside_one_are_trouble() -> None:
    """Each says what somebody has to do."""
    error: dict[str, Any] = {"trouble": Trouble.ERROR}
    for before, acus, more, kinds in (
        (seen(acus=9.0), 9.9, OWN, ["(trouble)"]),
        (capped(9.0), 10.0, error, ["(trouble)", "(cap_reached)"]),
    ):
        found = polled([], SessionState.SUSPENDED, before=before, acus=acus, **more)
        assert said(found) == kinds


def stays(*polls: tuple[float, SessionState, str]) -> list[list[str]]:
    """Return what each poll of a session with a cap of 10 ACUs tells: what it used, and why."""
    before, kinds = capped(6.0), []
    for acus, state, detail in polls:
        trouble = Trouble.LIMIT if detail else None
        found = polled([], state, before=before, acus=acus, trouble=trouble, limit=detail)
        kinds.append(said(found))
        before = found.seen
    return kinds


def test_a_stop_is_told_again_if_the_session_went_on_after_its_cap_was_told() -> None:
    """Also if no poll saw it work, but not for a total that comes in late.

    A limit that is not its own takes the place of one that is, and back.
    """
    working, stopped = SessionState.WORKING, SessionState.SUSPENDED
    own, other = "total_session_limit_exceeded", "out_of_credits"
    cap, trouble = ["(cap_reached)"], ["(trouble)"]
    for polls, told in (
        (((9.0, stopped, own), (9.8, stopped, own), (9.8, stopped, own)), [cap, [], []]),
        (((9.0, stopped, own), (9.0, working, ""), (9.5, stopped, own)), [cap, [], cap]),
        (((9.0, stopped, own), (10.5, working, ""), (20.0, stopped, own)), [cap, [], cap]),
        (((9.0, stopped, own), (20.0, stopped, own)), [cap, cap]),
        (((7.9, stopped, own), (8.1, stopped, own)), [trouble, cap]),
        (((8.5, stopped, own), (8.5, stopped, other), (8.5, stopped, own)), [cap, trouble, cap]),
        (((10.0, SessionState.WAITING, ""), (10.0, stopped, own)), [cap, []]),
    ):
        assert stays(*polls) == told


def test_a_reply_to_a_session_at_its_cap_is_told_so_again() -> None:
    """Once for each reply that moved nothing; one that works on beyond its cap isn't."""
    told = {"cap_said": SaidKind.CAP_REACHED, "answerable_since": NOW - 2 * AGO}
    page = MessagePage((), Cursor("v3 "), timedelta(0))
    for state, trouble, replied, kinds in (
        (SessionState.SUSPENDED, Trouble.LIMIT, NOW - AGO, ["(cap_reached)"]),
        (SessionState.SUSPENDED, Trouble.LIMIT, NOW - 3 * AGO, []),
        (SessionState.WORKING, None, NOW - AGO, []),
    ):
        why: dict[str, Any] = OWN if trouble else {}
        before = capped(10.0, state=state, **told, **why)
        poll = TakenPoll(SESSION, NOW, before, replied, threads=[linked()], reply_sent_at=replied)
        at = summary(state, acus=10.0, **why)
        assert said(found_in(poll, Reading(summary=at, page=page, default=Follow.ALL))) == kinds


def test_the_cap_is_that_of_the_start_and_shown_by_tenths_while_devin_works() -> None:
    """The card is edited as seldom as it can be."""
    poll = TakenPoll(SESSION, NOW, seen(), threads=[linked()], started=Started(cap=20))
    page = MessagePage((), Cursor("v3 "), timedelta(0))

    def cards(acus: float, state: SessionState = SessionState.WORKING) -> Polled:
        at = summary(state, acus=acus)
        before = replace(poll, seen=poll.seen.model_copy(update={"state": state}))
        return found_in(before, Reading(summary=at, page=page, default=Follow.ALL))

    found = cards(1.9)
    assert (found.seen.cap, found.cards) == (20, ())
    assert cards(2.0).cards
    assert cards(1.9, SessionState.WAITING).cards
