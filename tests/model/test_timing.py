"""The deadlines of production fit into Slack's, and patience changes nothing else."""

import re
from dataclasses import asdict
from pathlib import Path

from bot.timing import TIMING
from tests.support.bots import paced

SLACK_WAITS_SECONDS = 3.0
"""For an acknowledgement and a modal (docs.slack.dev, interactivity/handling-user-interaction)."""

TESTS = Path(__file__).parents[1]


def test_slack_is_answered_in_time_whatever_is_away() -> None:
    """Each of these ends before Slack gives up."""
    for seconds in (
        TIMING.redis_seconds,
        TIMING.look_up_seconds * 2,
        TIMING.names_seconds,
        TIMING.root_seconds + TIMING.list_seconds,
        TIMING.modal_seconds,
        TIMING.form_seconds,
        TIMING.soon_seconds,
        TIMING.claim_seconds,
    ):
        assert seconds < SLACK_WAITS_SECONDS


def test_the_pages_tell_when_a_thread_is_told_that_a_reply_waits() -> None:
    """Who waits for that, or is on call, counts the seconds."""
    told = {
        "delivery.md": ("nothing for {} s, then", "After {} s the thread gets one message"),
        "troubleshooting.md": ("thread and reply are told (⏳) after {} s",),
        "using-in-slack.md": ("If Devin doesn't answer for {} s or more, the bot says so once",),
        "architecture/guarantees.md": ("put off by Devin for {} s until its thread is told",),
    }
    for page, phrases in told.items():
        text = (TESTS.parent / "docs" / page).read_text(encoding="utf-8")
        for phrase in phrases:
            assert phrase.format(TIMING.delay_wait.seconds) in text, f"{page}: {phrase}"


def test_a_name_says_what_kind_of_time_it_is() -> None:
    """Only so can tests stretch all deadlines and shorten all pauses."""
    kinds = "_seconds", "_pause", "_pauses", "_wait"
    assert [name for name in asdict(TIMING) if not name.endswith(kinds)] == []


def test_patience_stretches_deadlines_and_tempo_shortens_pauses() -> None:
    """What people see after a time that a test sets by itself stays as it is."""
    before, after = asdict(TIMING), asdict(paced(TIMING, tempo=10, patience=30))
    assert {name for name, value in after.items() if before[name] == value} == {
        "crowd_wait",
        "late_wait",
        "delay_wait",
        "review_wait",
        "rewrite_wait",
        "stopped_wait",
    }
    assert after["redis_seconds"] == TIMING.redis_seconds * 30
    assert after["card_pause"] == TIMING.card_pause / 10
    assert after["tell_pauses"][:3] == (0.1, 0.2, 0.5)


def test_a_bot_of_the_tests_has_patience() -> None:
    """A test of what is late names the deadline that it is about."""
    opens = re.compile(r"^(?:from bot\.app import .*\bopen_bot\b|import bot\.app$)", re.MULTILINE)
    punctual = {
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if opens.search(path.read_text(encoding="utf-8"))
    }
    assert punctual == {"support/bots.py"}
