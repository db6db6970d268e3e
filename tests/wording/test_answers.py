"""Answers to commands, links, edits and App Home are within Slack's limits, and harmless."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.errors import NotIdentified, PassingError, SlackAway, StoreAway
from bot.model.outcomes import Outcome, OutcomeKind
from bot.wording import (
    commands,
    corrections,
    delivery_reports,
    devin_say,
    refusals,
    thread_links,
    workflows,
)
from bot.wording.message import SlackMessage
from sandbox.slack.api.blocks import block_problems
from sandbox.slack.api.chat_methods import MAX_POSTED_TEXT
from tests.wording.foreign import HUGE, LINK, NAMES, problems


@given(last=st.sampled_from([None, *OutcomeKind]), mail=st.integers(0, 10_000), by=NAMES)
def test_a_status_is_always_fit_to_say(last: OutcomeKind | None, mail: int, by: str) -> None:
    """This holds for every outcome, and any amount of mail."""
    outcome = Outcome(kind=last) if last else None
    assert problems(commands.status(LINK, by, mail, outcome)) == []


@pytest.mark.parametrize(
    ("mail", "said"), [(0, "No reply waits."), (1, "1 reply waits."), (2, "2 replies wait.")]
)
def test_a_status_counts_the_mail(mail: int, said: str) -> None:
    """The count is in plain words."""
    assert said in commands.status(LINK, "ada", mail, None).text


@given(message=HUGE, by=NAMES)
def test_what_somebody_says_to_devin_pings_no_channel(message: str, by: str) -> None:
    """A long message is cut, with its length; the name is inert."""
    words = devin_say.said(by, devin_say.harmless(message))
    params = words.params()
    assert block_problems(params["blocks"]) == []
    assert len(params["text"]) <= MAX_POSTED_TEXT
    assert not re.search(r"<!(here|channel|everyone)", params["text"])


def test_a_long_message_to_devin_says_its_length() -> None:
    """Devin gets all of it, the channel only its beginning."""
    assert devin_say.said("ada", "x" * 5_000).text.endswith("(5,016 characters in all)")


@given(by=NAMES)
def test_what_is_said_in_a_button_s_place_is_inert(by: str) -> None:
    """A name is chosen by its owner."""
    for note in (delivery_reports.sent_again(by), delivery_reports.unlinked_by(by)):
        assert "<" not in note
        assert 0 < len(note) < 1_000


NAMING: dict[str, Callable[[str], SlackMessage]] = {
    "linked": lambda by: thread_links.linked(LINK, already=False, by=by),
    "linked before": lambda by: thread_links.linked_before(LINK, by),
    "default": lambda by: commands.default_is(LINK.session, by),
    "corrected": lambda by: corrections.corrected(by, "Please rebase"),
    "said by a workflow": lambda by: workflows.said_by_workflow(by, "Please rebase"),
    "linked by a workflow": lambda by: workflows.linked_by_workflow(LINK, by),
    "muted at home": lambda by: thread_links.muted_at_home(by, muted=True),
    "unmuted at home": lambda by: thread_links.muted_at_home(by, muted=False),
    "unlinked at home": lambda by: thread_links.unlinked_at_home(LINK, by),
}


@pytest.mark.parametrize("says", NAMING.values(), ids=NAMING.keys())
@given(by=NAMES)
def test_whoever_is_named_pings_nobody(says: Callable[[str], SlackMessage], by: str) -> None:
    """A name is chosen by its owner, wherever it appears."""
    assert problems(says(by)) == []


OTHERS = {
    "help": commands.HELP,
    "usage": devin_say.USAGE,
    "linked": thread_links.linked(LINK, already=False),
    "already linked": thread_links.linked(LINK, already=True),
    "unlinked": thread_links.unlinked(LINK),
    "muted": thread_links.muted(LINK.model_copy(update={"muted": True})),
    "unmuted": thread_links.muted(LINK),
    "unknown": refusals.unknown("0123abcd"),
    "not identified": refusals.passing(NotIdentified("r")),
    "Slack away": refusals.passing(SlackAway("m", "r", maybe_done=True)),
    "Redis away": refusals.passing(StoreAway("r")),
    "passing": refusals.passing(PassingError("r")),
}


@pytest.mark.parametrize("words", OTHERS.values(), ids=OTHERS.keys())
def test_every_other_answer_is_fit_to_say(words: SlackMessage) -> None:
    """These are the relay's own sentences."""
    assert problems(words) == []
    assert words.text.rstrip(")`").endswith((".", "!"))


def test_nobody_reads_the_name_of_a_class() -> None:
    """Failures are described in plain words."""
    assert "Slack did not answer" in OTHERS["Slack away"].text
    assert "my database did not answer" in OTHERS["Redis away"].text
    assert not re.search(r"Away|Error", " ".join(words.text for words in OTHERS.values()))
