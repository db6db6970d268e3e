"""The chaos run itself, short, and whether its ledger would see what must never be."""

from pathlib import Path

import pytest

from chaos.__main__ import OK, Run, run
from chaos.ledger import Ledger, text_of
from chaos.schedule import plan

ONE, OTHER = "devin-01", "devin-02"


def ledger_of(*acked: float | None, session: str = ONE) -> Ledger:
    """A ledger of replies in one session, acknowledged at these times."""
    ledger = Ledger()
    for at in acked:
        ledger.write(session).acked = at
    return ledger


def told(number: int, words: str = "I *don't know whether Devin got*") -> tuple[str, str | None]:
    """A report about a reply, with its key."""
    return f"{words} “{text_of(number)}”", f"key {number}"


@pytest.mark.timeout(240)
async def test_a_short_run_finds_nothing(tmp_path: Path) -> None:
    """Kills, outages, repeats and disorder: nothing lost, nothing doubled, nothing out of order."""
    asked = Run(seed=5, seconds=10.0, kills=4, sessions=4, rate=4.0, reports_within=2.0)
    verdict, code = await run(asked, tmp_path)
    assert verdict.is_clean, verdict.lines()
    assert code == OK, verdict.lines()
    assert verdict.counts["sent"] > 10


def test_the_same_seed_makes_the_same_plan() -> None:
    """All kills are in it, whatever else goes wrong, and all within the time."""
    acts = plan(7, 240.0, 50, 8)
    assert acts == plan(7, 240.0, 50, 8)
    assert acts != plan(8, 240.0, 50, 8)
    assert sum(act.is_kill for act in acts) == 50
    assert all(0 < act.at < 240 for act in acts)


def test_an_acknowledged_reply_that_is_nowhere_is_lost() -> None:
    """Neither taken nor spoken of; one that Slack still carries is not lost."""
    ledger = ledger_of(1.0, None, 1.0, 1.0)
    ledger.read([(text_of(2), 2.0)], [told(3)])
    verdict = ledger.verdict()
    assert verdict.lost == [0]
    assert not verdict.is_clean
    assert verdict.counts["never accepted"] == 1


def test_a_notice_is_no_ending() -> None:
    """That a reply waits is no report of how it ended."""
    ledger = ledger_of(1.0)
    ledger.read([], [told(0, "Devin takes no messages at the moment, so it waits:")])
    assert ledger.verdict().lost == [0]


@pytest.mark.parametrize("is_said", [True, False])
def test_a_reply_that_devin_took_twice_is_doubled(*, is_said: bool) -> None:
    """In silence, unless its thread was told that nobody knows."""
    ledger = ledger_of(1.0)
    ledger.read([(text_of(0), 2.0), (text_of(0), 3.0)], [told(0)] if is_said else [])
    verdict = ledger.verdict()
    assert verdict.doubled == ([] if is_said else [0])
    assert verdict.counts["doubled, said"] == is_said


def test_an_earlier_reply_that_was_there_and_came_second_is_out_of_order() -> None:
    """It had been acknowledged when the later one went to Devin."""
    ledger = ledger_of(1.0, 1.0)
    ledger.read([(text_of(1), 2.0), (text_of(0), 3.0)], [])
    assert ledger.verdict().out_of_order == [(0, 1)]


def test_a_reply_that_came_too_late_is_counted_apart() -> None:
    """Nobody had acknowledged it when the later one was on its way."""
    for acked in (1.9, 2.5):
        ledger = ledger_of(acked, 1.0)
        ledger.read([(text_of(1), 2.0), (text_of(0), 3.0)], [])
        verdict = ledger.verdict()
        assert verdict.is_clean
        assert verdict.counts["late"] == 1


def test_a_frozen_sender_excuses_only_what_it_sends_when_it_goes_on() -> None:
    """What was acknowledged while it stood still could not come first."""
    for thaw, expected in ((1.9, 0), (0.9, 1)):
        ledger = ledger_of(1.0, 0.5)
        ledger.thaws.append(thaw)
        ledger.read([(text_of(1), 2.0), (text_of(0), 3.0)], [])
        assert ledger.verdict().counts["out of order"] == expected


def test_order_is_judged_within_a_session_and_among_what_is_certain() -> None:
    """Another session's replies and uncertain ones take no part."""
    ledger = ledger_of(1.0)
    ledger.write(OTHER).acked = 1.0
    ledger.read([(text_of(1), 2.0), (text_of(0), 3.0)], [])
    assert ledger.verdict().is_clean
    ledger = ledger_of(1.0, 1.0)
    ledger.read([(text_of(1), 2.0), (text_of(0), 3.0)], [told(1)])
    assert ledger.verdict().is_clean


def test_the_same_report_twice_is_counted() -> None:
    """By the key that its message carries."""
    ledger = ledger_of(1.0)
    ledger.read([], [told(0), told(0)])
    assert ledger.verdict().counts["told twice"] == 1
