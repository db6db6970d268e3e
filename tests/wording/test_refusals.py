"""Every error has words, within Slack's limits and harmless."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.features.workflow_steps.steps import BadStep
from bot.model.errors import (
    AlreadyDone,
    AnsweredAlready,
    BadSession,
    BeingStarted,
    CannotPost,
    ChooseSession,
    ContinuedAlready,
    EmptyMessage,
    Expired,
    IsMuted,
    LinkedElsewhere,
    MessageGone,
    MovedOn,
    NotAllowed,
    NoTask,
    NothingToSay,
    NotLinked,
    NotStopped,
    NotTaken,
    PersonError,
    TooManyStarts,
)
from bot.model.options import BadDefaults, BadOptions, OptionFlaw, OptionProblem
from bot.model.people import Standing
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.wording import refusals
from bot.wording.phrases import plain
from tests.support.tables import each
from tests.wording.foreign import BARE, HUGE, LINK, THREAD, one_line, problems

ERRORS: dict[type[PersonError], Callable[[str], PersonError]] = {
    BadSession: BadSession,
    NotLinked: lambda _: NotLinked(),
    BeingStarted: lambda _: BeingStarted(),
    LinkedElsewhere: lambda text: LinkedElsewhere(replace(BARE, title=text), one_line(text)),
    NotAllowed: lambda _: NotAllowed(Standing.GUEST),
    TooManyStarts: lambda text: TooManyStarts(len(text) + 1, timedelta(minutes=len(text) % 60)),
    NoTask: lambda _: NoTask(),
    NothingToSay: lambda _: NothingToSay(),
    AlreadyDone: lambda _: AlreadyDone(),
    Expired: lambda _: Expired(),
    ContinuedAlready: lambda text: ContinuedAlready(replace(BARE, title=text)),
    AnsweredAlready: lambda text: AnsweredAlready(one_line(text), text),
    MovedOn: lambda _: MovedOn(),
    BadOptions: lambda text: BadOptions(
        [OptionProblem(one, "repo", text) for one in OptionFlaw][len(text) % 3 :]
    ),
    BadDefaults: lambda text: BadDefaults(
        [OptionProblem(one, "repo", text) for one in OptionFlaw][len(text) % 3 :]
    ),
    EmptyMessage: lambda _: EmptyMessage(),
    MessageGone: lambda _: MessageGone(),
    NotStopped: lambda _: NotStopped(),
    IsMuted: lambda _: IsMuted(),
    NotTaken: lambda _: NotTaken(),
    ChooseSession: lambda text: ChooseSession(links(len(text) % 30)),
    CannotPost: CannotPost,
}


def links(count: int) -> list[tuple[ThreadRef, Link]]:
    return [
        (THREAD, LINK.model_copy(update={"session": SessionId(f"devin-{number:064x}")}))
        for number in range(count)
    ]


def subclasses(kind: type[PersonError]) -> set[type[PersonError]]:
    return {kind}.union(*(subclasses(one) for one in kind.__subclasses__()))


def test_every_person_s_error_has_words() -> None:
    """A new one cannot be forgotten; only a workflow is told of a `BadStep`."""
    assert subclasses(PersonError) - {PersonError, BadStep} == set(ERRORS)


@given(kind=st.sampled_from(list(ERRORS)), text=HUGE)
def test_what_a_person_did_wrong_is_always_fit_to_say(kind: type[PersonError], text: str) -> None:
    """The typed text, the named person and the title do not matter."""
    assert problems(refusals.sorry(ERRORS[kind](text))) == []


@each("kind", ERRORS)
def test_a_form_shows_it_without_markup(kind: type[PersonError]) -> None:
    """Slack shows what is wrong with an input as plain text."""
    assert not set("*`") & set(plain(refusals.sorry(ERRORS[kind]("Fix the build")).text))


@each("standing", sorted(set(Standing) - {Standing.ALLOWED}))
def test_every_standing_says_that_nothing_was_sent(standing: Standing) -> None:
    """People who may not steer Devin are told why, and what became of the message."""
    words = refusals.sorry(NotAllowed(standing))
    assert problems(words) == []
    assert "nothing was sent" in words.text


@each(
    ("seconds", "told"),
    [(3_600, "in 1 hour."), (3_541, "in 1 hour."), (3_540, "in 59 minutes."), (1, "in 1 minute.")],
)
def test_who_has_started_enough_is_told_when_the_next_may_be(seconds: int, told: str) -> None:
    """It is never told too early."""
    words = refusals.sorry(TooManyStarts(1, timedelta(seconds=seconds)), "#help-devin").text
    assert "1 session or review within an hour" in words
    assert told in words
    assert "#help-devin" in words
