"""Reports are within Slack's limits, harmless, and exist for every outcome."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.files import AttachedFile
from bot.model.people import UserId
from bot.model.replies import FOR_OPERATOR, SENDABLE_AGAIN, Outcome, OutcomeKind, Refusal, Reply
from bot.text.to_slack import cut
from bot.wording import delivery_reports, phrases
from bot.wording.forms import SEND_TITLE
from bot.wording.message import QUOTE_LIMIT
from tests.support.tables import each
from tests.wording.foreign import BARE, FOREIGN, HUGE, THREAD, problems, quotes

REPLIES = st.builds(
    Reply,
    thread=st.just(THREAD),
    ts=st.just("1764000001.000200"),
    author=st.just(UserId("U0ADA00000")),
    text=HUGE,
    files=st.sampled_from([(), (AttachedFile(name="a", permalink="https://files.slack.com/a"),)]),
)
OUTCOMES = st.builds(
    Outcome,
    kind=st.sampled_from(OutcomeKind),
    refusal=st.sampled_from([None, *Refusal]),
    detail=HUGE,
    status=st.sampled_from([200, 302, 400, 418, 422, 500]),
)


@given(
    outcome=OUTCOMES.filter(lambda one: not one.is_plain),
    reply=REPLIES,
    number=st.integers(1, 1_000_000),
)
def test_a_report_is_always_fit_to_post(outcome: Outcome, reply: Reply, number: int) -> None:
    """Devin's and people's text does not matter."""
    words = delivery_reports.report(outcome, reply, number, BARE)
    assert problems(words) == []
    labels = [button["text"]["text"] for button in words.buttons]
    assert ("Send again" in labels) == (outcome.kind in SENDABLE_AGAIN)


@given(detail=FOREIGN.filter(bool))
def test_devin_s_detail_stands_verbatim_and_is_parsed_nowhere(detail: str) -> None:
    """It is unchanged in a `rich_text` block; the notification's text shows it without effect."""
    outcome = Outcome(kind=OutcomeKind.SUSPENDED, detail=detail)
    words = delivery_reports.report(outcome, REPLY, 1, BARE)
    assert quotes(words) == [detail]


REPLY = Reply(
    thread=THREAD,
    ts="1764000001.000200",
    author=UserId("U0ADA00000"),
    text="Rebase &amp; <https://ex.am/ple|push>",
)


def test_a_long_detail_is_cut_and_says_how_long_it_was() -> None:
    """People must know that there is more."""
    outcome = Outcome(kind=OutcomeKind.SUSPENDED, detail="x" * 12_345)
    words = delivery_reports.report(outcome, REPLY, 1, BARE)
    (quote,) = quotes(words)
    assert len(quote) == QUOTE_LIMIT
    assert quote.startswith("x" * 2_800)
    assert quote.endswith("… (12,345 characters in all)")
    assert words.params()["text"].count("x") >= 2_800


@given(text=st.text(max_size=200), limit=st.integers(60, 150))
def test_a_cut_keeps_to_its_limit(text: str, limit: int) -> None:
    """Text that is short enough is left alone."""
    shorter = cut(text, limit)
    assert len(shorter) <= limit
    assert (shorter == text) or f"({len(text):,} characters in all)" in shorter


def test_a_reply_is_named_as_it_looked() -> None:
    """Slack's markup, which its author never saw, is not shown."""
    words = delivery_reports.waiting(REPLY, timedelta(minutes=15), BARE)
    assert '"Rebase &amp; [push](https://ex.am/ple)"' in words.text


@pytest.mark.parametrize(
    ("files", "said"),
    [((AttachedFile(name="a", permalink="https://ex.am/ple"),), "your file"), ((), "your reply")],
)
def test_a_reply_without_text_is_named_too(files: tuple[AttachedFile, ...], said: str) -> None:
    """There are no empty quotation marks."""
    reply = REPLY.model_copy(update={"text": " ", "files": files})
    words = delivery_reports.waiting(reply, timedelta(minutes=15), BARE)
    assert f", so {said} and" in words.text


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_has_words_of_its_own(refusal: Refusal) -> None:
    """They are grouped by who must act."""
    said = {}
    for one in Refusal:
        refused = Outcome(kind=OutcomeKind.REFUSED, refusal=one, status=400)
        words = delivery_reports.report(refused, REPLY, 1, BARE)
        said[one] = words.text
    assert [said[refusal]] == [text for text in said.values() if text == said[refusal]]


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=59), "59 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(minutes=150), "about 2 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(days=7), "7 days"),
    ],
)
def test_a_duration_is_said_in_words(duration: timedelta, said: str) -> None:
    """It has its natural unit."""
    assert phrases.span(duration) == said


@pytest.mark.parametrize("refusal", FOR_OPERATOR)
def test_what_an_admin_has_to_fix_says_how_the_reply_is_sent_then(refusal: Refusal) -> None:
    """No button does it, since a press would fail as well until then."""
    outcome = Outcome(kind=OutcomeKind.REFUSED, refusal=refusal, status=403)
    words = delivery_reports.report(outcome, REPLY, 1, BARE)
    assert SEND_TITLE in words.advice
    assert "Send again" not in [button["text"]["text"] for button in words.buttons]


@each(
    ("detail", "shown"),
    [
        ("<html> <head><title>400 Bad Request</title></head>\n</html>", "400 Bad Request"),
        (' <!DOCTYPE html PUBLIC "-//W3C//DTD"><p>Blocked</p>', "Blocked"),
        ("<html></html>", "(no details)"),
        ("a <b> c", "a <b> c"),
    ],
)
def test_of_a_web_page_in_place_of_an_answer_the_words_are_shown(detail: str, shown: str) -> None:
    """A proxy in between answers so; its tags tell nobody anything."""
    outcome = Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.OTHER, status=400, detail=detail)
    assert quotes(delivery_reports.report(outcome, REPLY, 1, BARE)) == [shown]
