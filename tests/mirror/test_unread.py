"""What a poll records of a session whose messages can't be read."""

from datetime import timedelta

from bot.devin.api import SessionSummary
from bot.mirror.unread import UNREAD_MS, Unheard, found_without
from bot.model.sessions import Follow, SaidKind, SessionState, Watched
from bot.model.times import Millis
from bot.store.watches import TakenPoll
from tests.mirror.test_stays import _LINKED as LINKED
from tests.mirror.test_stays import NOW, SESSION


def poll_at(after: int, seen: Watched) -> TakenPoll:
    """Return a poll of a session that is linked to a thread."""
    return TakenPoll(SESSION, Millis(int(NOW) + after), seen, threads=[LINKED])


def test_threads_are_told_once_after_five_minutes_in_which_news_could_not_be_read() -> None:
    """A read as a precaution tells nobody, and the place up to which was read stays."""
    seen = Watched(state=SessionState.WORKING, read_at=NOW, cursor="v3 here")
    known = {has: Unheard(summary=None, default=Follow.ALL, has_news=has) for has in (True, False)}
    after = timedelta(seconds=5)
    assert found_without(poll_at(0, seen), known[False], after).seen == seen
    first = found_without(poll_at(0, seen), known[True], after)
    assert (first.seen.unread_since, first.said) == (NOW, [])
    second = found_without(poll_at(UNREAD_MS, first.seen), known[True], after)
    assert [item.kind for _, item in second.said] == [SaidKind.UNREAD]
    third = found_without(poll_at(2 * UNREAD_MS, second.seen), known[True], after)
    assert (third.said, third.seen, third.after) == ([], second.seen, after)
    assert (third.seen.cursor, third.seen.read_at) == (seen.cursor, seen.read_at)


def test_an_end_is_told_without_words() -> None:
    """Each event that needs nobody's words is told, and the state is that of the survey."""
    seen = Watched(state=SessionState.WORKING, read_at=NOW)
    summary = SessionSummary(SESSION, "", SessionState.FINISHED, None)
    known = Unheard(summary=summary, default=Follow.ALL, has_news=True)
    found = found_without(poll_at(1_000, seen), known, None)
    assert [item.kind for _, item in found.said] == [SaidKind.FINISHED]
    assert (found.seen.state, found.cards) == (SessionState.FINISHED, [LINKED])
