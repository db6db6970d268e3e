"""What a session was seen to do says whether it needs someone."""

from bot.model.sessions import OVER, SessionState, Trouble, Watched
from tests.support.tables import each

NEEDY = [
    Watched(state=SessionState.WAITING),
    Watched(state=SessionState.SUSPENDED, trouble=Trouble.ERROR),
    Watched(state=SessionState.SUSPENDED, trouble=Trouble.LIMIT),
    Watched(state=SessionState.SUSPENDED, acus=10.0, cap=10),
]
OTHERS = [
    Watched(state=SessionState.WORKING),
    Watched(state=SessionState.WORKING, acus=10.0, cap=10),
    Watched(state=SessionState.SUSPENDED),
    *(Watched(state=one, trouble=Trouble.ERROR) for one in sorted(OVER)),
]


@each("seen", NEEDY)
def test_a_session_that_waits_or_has_stopped_in_trouble_needs_someone(seen: Watched) -> None:
    """App Home lists it first, and the digest under what it needs of people."""
    assert seen.needs_someone


@each("seen", OTHERS)
def test_a_session_at_work_asleep_or_over_needs_nobody(seen: Watched) -> None:
    """Nobody could help one that is over."""
    assert not seen.needs_someone
