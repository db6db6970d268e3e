"""A step tells its workflow in plain words, without any markup of Slack."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.features.workflow_steps import words
from bot.features.workflow_steps.steps import BadStep, Flaw
from bot.model.errors import (
    BadSession,
    CannotPost,
    IsMuted,
    LinkedElsewhere,
    NotAllowed,
    NothingToSay,
    NotTaken,
    PersonError,
    TooManyStarts,
)
from bot.model.people import Standing
from bot.model.replies import Outcome, OutcomeKind
from tests.wording.foreign import BARE, HUGE

NO_STEP = {Standing.ALLOWED, Standing.NOT_SENDER, Standing.REACTION}
"""Standings that no step ends with: the latter two are of presses and of reactions."""

STEP_ERRORS = [
    *(BadStep(flaw) for flaw in Flaw),
    *(NotAllowed(standing) for standing in Standing if standing not in NO_STEP),
    *(CannotPost(reason) for reason in ("not_in_channel", "restricted_action")),
    *(BadSession("<!channel>"), NothingToSay(), LinkedElsewhere(BARE, "ada"), IsMuted()),
    NotTaken(),
    TooManyStarts(10, timedelta(minutes=12)),
]


@pytest.mark.parametrize("error", STEP_ERRORS, ids=repr)
def test_a_step_fails_in_plain_words(error: PersonError) -> None:
    """Workflow Builder shows them as they are, and typed input is not repeated."""
    why = words.step_failed(error)
    assert why.endswith((".", "…"))
    assert not set("<>*`").intersection(why)


@given(outcome=st.sampled_from(OutcomeKind), text=HUGE)
def test_a_step_s_detail_is_harmless_wherever_it_is_put(outcome: OutcomeKind, text: str) -> None:
    """A later step may post it; it is bounded, and contains none of Slack's control sequences."""
    detail = words.step_detail(Outcome(kind=outcome, detail=text, status=418))
    assert len(detail) < 4_000
    assert not set("<>").intersection(detail)
    assert "@channel" not in detail
    assert (detail == "") == (outcome is OutcomeKind.DELIVERED)
