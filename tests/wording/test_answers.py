"""Answers to commands, links, edits and App Home are within Slack's limits, and harmless."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.features.adoption import words as adoption
from bot.features.adoption.rules import Rule
from bot.features.defaults import words as defaults
from bot.features.defaults.changes import Changes
from bot.features.defaults.words import ProfileShown
from bot.features.usage import words as usage
from bot.features.workflow_steps import words as workflows
from bot.model.errors import NotIdentified, PassingError, SlackAway, StoreAway
from bot.model.ledger import Account, Use
from bot.model.options import FIELDS, PREFACE, Options, Profile
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import (
    Child,
    Follow,
    NamedSession,
    PullRequest,
    SessionId,
    SessionState,
    Watched,
)
from bot.model.threads import ThreadRef
from bot.model.times import Millis
from bot.wording import commands, delivery_reports, refusals, thread_links
from bot.wording.message import SlackMessage
from bot.wording.mirror.card import Card, card, state_words
from bot.wording.phrases import clock_time
from sandbox.slack.api.blocks import block_problems
from sandbox.slack.api.chat_methods import MAX_POSTED_TEXT
from tests.support.features import HELP, SAY_HELP
from tests.support.tables import each
from tests.wording.foreign import BARE, HOST, HUGE, LINK, NAMED, NAMES, THREAD, pings, problems


@given(
    last=st.sampled_from([None, *OutcomeKind]),
    mail=st.integers(0, 10_000),
    by=NAMES,
    session=NAMED,
)
def test_a_status_is_always_fit_to_say(
    last: OutcomeKind | None, mail: int, by: str, session: NamedSession
) -> None:
    """This holds for every outcome, any amount of mail, and any title."""
    outcome = Outcome(kind=last) if last else None
    request = PullRequest(url="https://github.com/acme/relay/pull/7" + "7" * 1_900, state="open")
    seen = Watched(read_at=Millis(1), since=Millis(1), pull_requests=(request,) * 9)
    for is_barred in (False, True):
        shown = Card(THREAD, LINK, by, session, seen, Follow.TURNS, is_barred)
        assert problems(commands.status(shown, mail, outcome, [commands.AS_SELF])) == []


@given(message=HUGE, by=NAMES)
@example(message="<!", by="")
@example(message="<!channel", by="")
@example(message="<!here|now", by="")
def test_what_somebody_says_to_devin_pings_no_channel(message: str, by: str) -> None:
    """A long message is cut, with its length; the name is inert, and so are broadcasts."""
    params = commands.said(by, message).params()
    assert block_problems(params["blocks"]) == []
    assert len(params["text"]) <= MAX_POSTED_TEXT
    meant = ("control <@", "control <<")
    assert [one for one in pings(params) if not one.startswith(meant)] == []


@pytest.mark.parametrize(
    "message",
    [
        "<mailto:bob@here.com|bob@here.com>",
        "<https://www.youtube.com/@channel/x> and <https://a.test/@here|this>",
    ],
)
def test_addresses_in_what_somebody_says_to_devin_lead_where_they_did(message: str) -> None:
    """They ping nobody, though they have an `@here` or its like in them."""
    params = commands.said("ada", message).params()
    assert params["text"].endswith(message)
    assert pings(params) == []


def test_a_long_message_to_devin_says_its_length() -> None:
    """Devin gets all of it, the channel only its beginning."""
    assert commands.said("ada", "x" * 5_000).text.endswith("(5,016 characters in all)")


@given(by=NAMES)
def test_what_is_said_in_a_button_s_place_is_inert(by: str) -> None:
    """A name is chosen by its owner."""
    for note in (delivery_reports.sent_again(by), delivery_reports.unlinked_by(by)):
        assert "<" not in note
        assert 0 < len(note) < 1_000


NAMING: dict[str, Callable[[str, NamedSession], SlackMessage]] = {
    "linked already": lambda by, session: thread_links.linked_already(session, by),
    "unlinked": lambda _, session: thread_links.unlinked(session),
    "moved": lambda _, session: thread_links.channel_moved(session),
    "offer": lambda _, session: thread_links.offer(session, "0" * 32),
    "default": lambda by, session: commands.default_is(session, by),
    "defaults": lambda by, session: defaults.shown(_defaults(by, session)),
    "defaults changed": lambda by, session: defaults.changed(
        Changes(named=(*FIELDS, PREFACE)), _defaults(by, session)
    ),
    "adopted": lambda by, session: adoption.adopted(session, f"tag:{by}", by),
    "child": lambda by, session: adoption.child(session, session, by),
    "card": lambda by, session: card(_card(by, session)),
    "rules": lambda by, _: adoption.shown([rule(by)] * 10, {UserId("U1"): by}),
    "rules changed": lambda by, _: adoption.changed([rule(by)], [rule(by)] * 10, by),
    "corrected": lambda by, _: delivery_reports.corrected(by, "Please rebase"),
    "said by a workflow": lambda by, _: workflows.said_by_workflow(by, "Please rebase"),
    "muted at home": lambda by, _: thread_links.muted(LINK.model_copy(update={"muted": True}), by),
    "unmuted at home": lambda by, _: thread_links.muted(LINK, by),
    "unlinked at home": lambda by, session: thread_links.unlinked(session, by),
}


def _card(by: str, session: NamedSession) -> Card:
    """Return a card with more children than it shows, and with what they are called."""
    child = Child(session=session.session, title=session.title[:100], url=session.url[:300])
    seen, thread = (
        Watched(children=(child,) * 12),
        ThreadRef(team="T", channel="C", thread_ts="1.2"),
    )
    beside = adoption.OFFER
    return Card(thread, LINK, by, session, seen, Follow.ALL, is_barred=False, beside=beside)


def rule(value: str) -> Rule:
    """Return a rule with anything in it."""
    return Rule(key="tag", value=value, by=UserId("U1"))


def _defaults(by: str, session: NamedSession) -> ProfileShown:
    """Return defaults that are as long and as hostile as they can be."""
    options = Options(
        repos=(by, *("a/b" * 50,) * 20), tags=(session.title, *map(str, range(48))), max_acu=9
    )
    profile = Profile(options=options, preface="x", by=UserId("U1"), session=session.session)
    return ProfileShown(profile, session.title, by, session, ("repo", "mode"), 3)


@each(
    ("seen", "said"),
    [
        (
            Watched(state=SessionState.WORKING, since=Millis(1_000)),
            f"is *working* (since {clock_time(Millis(1_000))})",
        ),
        (
            Watched(state=SessionState.FINISHED, since=Millis(1_000)),
            f"has *finished* ({clock_time(Millis(1_000))})",
        ),
        (Watched(state=SessionState.FINISHED), "has *finished*"),
    ],
)
def test_devin_is_at_work_since_a_time_and_has_finished_at_one(seen: Watched, said: str) -> None:
    """Cards, lists and digests say it alike; without a known time, they say none."""
    assert state_words(seen) == said


@given(by=NAMES, session=NAMED)
def test_whoever_and_whatever_is_named_pings_nobody(by: str, session: NamedSession) -> None:
    """A name is chosen by its owner and a title by anybody, wherever they appear."""
    for name, says in NAMING.items():
        assert problems(says(by, session)) == [], name


OTHERS = {
    "help": HELP,
    "say help": SAY_HELP,
    "already linked": thread_links.linked_already(BARE, "Ada"),
    "unlinked": thread_links.unlinked(BARE),
    "muted": thread_links.muted(LINK.model_copy(update={"muted": True})),
    "unmuted": thread_links.muted(LINK),
    "unknown": refusals.unknown("0123abcd"),
    "not identified": refusals.passing(NotIdentified("r")),
    "Slack away": refusals.passing(SlackAway("m", "r", maybe_done=True)),
    "Redis away": refusals.passing(StoreAway("r")),
    "passing": refusals.passing(PassingError("r")),
}


@each("words", OTHERS.values())
def test_every_other_answer_is_fit_to_say(words: SlackMessage) -> None:
    """These are the relay's own sentences."""
    assert problems(words) == []
    assert words.text.rstrip(")`").endswith((".", "!"))


def test_what_many_have_used_fits() -> None:
    """Sessions and people stand apart, and those for whom there is no room are counted."""
    uses = [
        Use(SessionId(f"devin-{one:064x}"), Account(by=UserId(f"U{one}"), channel="C1"), 0, {})
        for one in range(30)
    ]
    named = replace(BARE, title="&" * 99, url=f"https://{HOST}/{'x' * 900}")
    sessions = {one.session: named for one in uses}
    names = {one.account.by: "&" * 80 for one in uses}
    used = usage.MonthUse("May", uses, sessions, names, children={uses[0].session: uses[1:10]})
    for words in (usage.of_channel(used), usage.of_person(used)):
        assert problems(words) == []
    shown = [block["text"]["text"] for block in usage.of_channel(used).params()["blocks"][1:3]]
    assert all(" more" in one for one in shown)
