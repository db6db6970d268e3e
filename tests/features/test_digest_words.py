"""A digest is within Slack's limits, whatever sessions are called, and pings nobody."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.features.digest.digest import Digest, Often
from bot.features.digest.words import Spent, post, shown
from bot.model.people import UserId
from bot.model.sessions import NamedSession, PullRequest, SessionId, SessionState, Watched
from bot.model.times import Millis
from bot.wording.listing import MOST_LINES, Item
from bot.wording.phrases import amount
from sandbox.slack.api.blocks import block_problems
from tests.wording.foreign import NAMED, NAMES, mrkdwn, problems

MOST = 500
REQUEST = PullRequest(url="https://github.com/acme/relay/pull/7", state="open")
DIGEST = Digest(often=Often.WEEKLY, by=UserId("U0ADA"), zone="Europe/Berlin")
DUE = datetime(2026, 11, 30, 8, tzinfo=UTC)
SPENT = Spent(12.5, date(2026, 11, 23), date(2026, 11, 29))


def items(session: NamedSession, count: int) -> list[Item]:
    """Return as many sessions as a digest may have, each with pull requests."""
    seen = Watched(state=SessionState.FINISHED, since=Millis(1_000), pull_requests=(REQUEST,) * 9)
    address = (
        f"https://acme.slack.com/archives/C0GENERAL0/p1{'0' * 15}?thread_ts=1.0&cid=C0GENERAL0"
    )
    return [Item(session, seen, address)] * count


@given(by=NAMES, session=NAMED, count=st.integers(1, MOST))
def test_a_digest_fits(by: str, session: NamedSession, count: int) -> None:
    """A long list is cut, and says how many more there are."""
    shown = items(session, count)
    words = post(DIGEST, by, needs=shown, working=shown, done=shown, spent=SPENT)
    params = words.params()
    assert block_problems(params["blocks"]) == []
    said = "\n".join([params["text"], *mrkdwn(params["blocks"])])
    assert not any(sign in said for sign in ("<!channel", "<!here", "<@"))
    assert (f"{count - MOST_LINES} more" in said) or count <= MOST_LINES or " more\n" in f"{said}\n"


def test_the_head_counts() -> None:
    """What there is none of is left out."""
    one = items(NamedSession(SessionId("devin-0123")), 2)
    words = post(DIGEST, "Ada", needs=one, working=[], done=[], spent=SPENT)
    assert words.text == "*Weekly digest*: 2 sessions need you, 12.5 ACUs used."
    assert "12.5 ACUs, November 23 to November 29 (UTC)" in str(words.rows)


@given(by=NAMES)
def test_what_is_set_is_fit_to_say(by: str) -> None:
    """A name is chosen by its owner."""
    assert problems(shown(DIGEST, by, DUE)) == []
    assert "on Mondays at 9:00 AM (Europe/Berlin)" in shown(DIGEST, by, DUE).text


def test_no_amount_is_a_negative_zero() -> None:
    """A correction of Devin's may leave a little less than nothing."""
    assert [amount(one) for one in (-0.0, -0.04, 0.04, 1_234.56)] == ["0", "0", "0", "1,234.6"]
