"""People who need an admin are told whom to ask: `ADMIN_CONTACT`, or a general phrase."""

import pytest
from hypothesis import given

from bot.features.home import words as home
from bot.model.errors import CannotPost, NotAllowed
from bot.model.people import Standing
from bot.model.replies import Outcome, OutcomeKind, Refusal
from bot.model.sessions import Closing
from bot.wording import delivery_reports, refusals
from bot.wording.lifecycle import ending, starting
from bot.wording.message import SlackMessage
from bot.wording.phrases import ADMIN, admin_named, plain
from tests.wording.foreign import BARE, FOREIGN, problems
from tests.wording.test_delivery_reports import REPLY


def refused(refusal: Refusal, status: int) -> Outcome:
    return Outcome(kind=OutcomeKind.REFUSED, refusal=refusal, status=status, detail="No.")


FORBIDDEN, OTHER = refused(Refusal.FORBIDDEN, 403), refused(Refusal.OTHER, 418)
KEY_REJECTED = refused(Refusal.KEY_REJECTED, 401)


def asking(admin: str) -> list[SlackMessage]:
    """Return every message that sends people to an admin."""
    return [
        *(delivery_reports.report(one, REPLY, 1, BARE, admin) for one in (KEY_REJECTED, FORBIDDEN)),
        delivery_reports.report(OTHER, REPLY, 1, BARE, admin),
        starting.failed(REPLY, 1, KEY_REJECTED, admin),
        starting.failed(REPLY, 1, FORBIDDEN, admin),
        ending.failed(Closing.END, REPLY.thread, BARE, OTHER, admin),
        home.closed(Standing.GUEST, admin),
        *(refusals.sorry(NotAllowed(one), admin) for one in (Standing.GUEST, Standing.CHANNEL)),
        refusals.sorry(CannotPost("restricted_action"), admin),
        refusals.unknown("1a2b3c4d", admin),
    ]


@pytest.mark.parametrize(
    ("contact", "named"),
    [
        ("", ADMIN),
        ("C0HELP0000", "<#C0HELP0000>"),
        ("U0OPS00000", "<@U0OPS00000>"),
        ("S0TEAM0000", "<!subteam^S0TEAM0000>"),
        ("#help-devin", "#help-devin"),
        ("help@here.com", "help@here.com"),
        ("Tom & <!channel>", "Tom &amp; &lt;!channel&gt;"),
    ],
)
def test_a_contact_is_named_in_a_sentence(contact: str, named: str) -> None:
    """An id becomes a mention, and anything else stays text."""
    assert admin_named(contact) == named


@pytest.mark.parametrize("contact", ["U0OPS00000", "W0OPS00000", "S0TEAM0000"])
def test_nobody_is_notified_where_nobody_may_be_mentioned(contact: str) -> None:
    """`NOTIFY=false` holds for the contact as well; a channel's link notifies nobody."""
    assert admin_named(contact, mentions=False) == ADMIN
    assert admin_named("C0HELP0000", mentions=False) == "<#C0HELP0000>"


@pytest.mark.parametrize("contact", ["C0HELP0000", "U0OPS00000", "S0TEAM0000"])
def test_where_slack_parses_nothing_an_id_is_not_shown(contact: str) -> None:
    """A form's errors and a workflow's log are plain text."""
    said = refusals.sorry(NotAllowed(Standing.GUEST), admin_named(contact)).text
    assert contact not in plain(said)
    assert ADMIN in plain(said)


def test_every_message_that_needs_an_admin_names_the_contact() -> None:
    """Each of them, and only once."""
    for words in asking("<#C0HELP0000>"):
        said = f"{words.text}\n{words.advice}"
        assert said.count("<#C0HELP0000>") == 1, said
        assert ADMIN not in said


@pytest.mark.parametrize(
    ("outcome", "fix"),
    [
        (refused(Refusal.NO_SESSION, 404), "DEVIN_ORG_ID"),
        (FORBIDDEN, "ManageOrgSessions"),
        (KEY_REJECTED, "DEVIN_API_KEY"),
    ],
)
def test_a_start_that_devin_refuses_for_an_admin_can_be_repeated(
    outcome: Outcome, fix: str
) -> None:
    """It says what is to be corrected, and what Devin says of it, unless that is all."""
    words = starting.failed(REPLY, 1, outcome)
    assert (f"({outcome.status})" in words.text, fix in words.params()["text"]) == (True, True)
    assert words.quote == ("" if outcome is KEY_REJECTED else outcome.detail)
    assert len(words.buttons) == 1


@given(contact=FOREIGN.map(lambda text: text[:80]).filter(lambda text: "\x00" not in text))
def test_a_contact_in_words_is_fit_to_post(contact: str) -> None:
    """It pings nobody, whatever it holds."""
    assert [problems(one) for one in asking(admin_named(contact))] == [[]] * len(asking(""))
