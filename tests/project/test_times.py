"""The times of docs/architecture/guarantees.md, "Times that hold each other"."""

from bot.app import DRAIN_SECONDS
from bot.delivery.sending import RENEWALS
from bot.redis import keep
from bot.reporting.reporter import TELLING_SECONDS
from bot.settings import CATCH_UP_LIMIT, Settings
from bot.store.checkpoints import OVERLAP
from bot.timing import TIMING

SLACK_WAITS = 3.0
"""docs.slack.dev, Events API and interactivity: an answer is due within three seconds."""


def test_what_an_acknowledgement_waits_for_ends_before_slack_gives_up() -> None:
    """Else Slack sends the event again, or tells a person that it failed."""
    assert TIMING.redis_seconds < SLACK_WAITS
    assert 2 * TIMING.look_up_seconds < SLACK_WAITS
    assert max(TIMING.form_seconds, TIMING.modal_seconds, TIMING.soon_seconds) < SLACK_WAITS


def test_a_delivery_and_its_reconciliation_fit_into_the_drain() -> None:
    """A stop cuts no message off: a call, then two looks of up to `read_seconds` each."""
    looks = len(TIMING.reconcile_pauses) * TIMING.read_seconds + sum(TIMING.reconcile_pauses)
    assert TIMING.call_seconds + looks <= DRAIN_SECONDS
    assert TIMING.connect_seconds < TIMING.answer_seconds < TIMING.call_seconds


def test_a_lease_is_renewed_before_it_ends() -> None:
    """One lost renewal does not lose the session."""
    assert RENEWALS >= 2
    assert keep.SESSION_LEASE.total_seconds() / RENEWALS > TIMING.redis_seconds


def test_a_try_at_an_entry_ends_before_another_process_may_begin_one() -> None:
    """Else a post could appear twice."""
    assert TIMING.batch_seconds < TELLING_SECONDS < keep.ENTRY_LEASE.total_seconds()


def test_what_slack_may_still_bring_is_remembered_for_longer_than_it_tries() -> None:
    """Slack's Delayed Events retry for 24 h, and what was given up is looked for that long."""
    assert min(keep.AHEAD, keep.DONE).total_seconds() > 24 * 3600
    assert keep.AHEAD > CATCH_UP_LIMIT + OVERLAP


def test_a_thread_is_told_that_a_reply_waits_before_that_is_given_up() -> None:
    """A waiting reply is kept for longer than it may be tried."""
    field = Settings.model_fields["give_up_after"]
    most = min(one.le for one in field.metadata if hasattr(one, "le"))
    assert TIMING.delay_wait < field.default < most < keep.WAITING
