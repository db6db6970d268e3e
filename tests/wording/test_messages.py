"""Every sentence that people read: within Slack's limits, harmless, and there for all that happens.

The limits are Slack's own, as the local Slack checks them.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.errors import (
    AlreadySent,
    BadSession,
    BadStep,
    CannotPost,
    ChooseSession,
    EmptyMessage,
    FormGone,
    IsMuted,
    LinkedElsewhere,
    NoSuchReply,
    NotAllowed,
    NothingToSay,
    NotIdentified,
    NotLinked,
    NotTaken,
    Outdated,
    PassingError,
    PersonError,
    SlackAway,
    StillSaying,
    StillSending,
    StoreAway,
    TicketGone,
)
from bot.model.files import AttachedFile
from bot.model.outcomes import SENDABLE_AGAIN, Outcome, OutcomeKind, Problem, Refusal
from bot.model.people import Standing, UserId
from bot.model.replies import Change, Reply
from bot.model.sessions import SessionId
from bot.model.threads import Link, ThreadRef
from bot.model.workflow_steps import Flaw
from bot.text.characters import cut
from bot.wording import (
    commands,
    corrections,
    delivery_reports,
    devin_say,
    phrases,
    refusals,
    thread_links,
    workflows,
)
from bot.wording.message import QUOTE_LIMIT, SlackMessage
from sandbox.slack.api.blocks import block_problems
from sandbox.slack.api.chat_methods import MAX_POSTED_TEXT, MAX_UPDATED_TEXT

THREAD = ThreadRef(team="T0SANDBOX", channel="C0GENERAL0", thread_ts="1764000000.000100")
LONGEST_SESSION = SessionId("devin-" + "f" * 64)
LINK = Link(session=LONGEST_SESSION, by=UserId("U0ADA00000"), at=1_764_000_000)

TRICKS = ["<!channel>", "<!here|x>", "<@U0ADA00000>", "<https://e.vil|ok>", "&", "<", ">", "`", "*"]
TRICKS += ["_", "~", "\n", "\n> ", "@here", ":tada:", "\u202e", "\x00", "é", "\U0001f44b", " ", "a"]
FOREIGN = st.lists(st.sampled_from(TRICKS) | st.text(max_size=5), max_size=50).map("".join)
HUGE = st.tuples(FOREIGN, st.integers(1, 400)).map(lambda pair: (pair[0] * pair[1])[:40_000])
NAMES = FOREIGN.map(lambda name: " ".join(name.split())[:80])
"""Names are one line of at most 80 characters (`people.py`)."""

REPLIES = st.builds(
    Reply,
    thread=st.just(THREAD),
    ts=st.just("1764000001.000200"),
    author=st.just(UserId("U0ADA00000")),
    text=HUGE,
    files=st.sampled_from([(), (AttachedFile(name="a", permalink="https://files.slack.com/a"),)]),
)
PROBLEMS = st.builds(Problem, where=HUGE, what=HUGE, type=HUGE)
OUTCOMES = st.builds(
    Outcome,
    kind=st.sampled_from(OutcomeKind),
    refusal=st.sampled_from([None, *Refusal]),
    detail=HUGE,
    status=st.sampled_from([200, 302, 400, 418, 422, 500]),
    problems=st.lists(PROBLEMS, max_size=3).map(tuple),
)


def problems(words: SlackMessage) -> list[str]:
    """What Slack would refuse, or parse although it is not ours."""
    params = words.params()
    found = block_problems(params["blocks"])
    limit = MAX_UPDATED_TEXT if words.buttons else MAX_POSTED_TEXT
    if not 0 < len(params["text"]) <= limit:
        found.append(f"text of {len(params['text'])} characters")
    for text in (params["text"], *mrkdwn(params["blocks"])):
        ours = re.sub(
            r"<(https://app\.devin\.ai/sessions/[0-9a-f]+\|devin-|!date\^\d)[^<>]*>", "", text
        )
        found += [f"{sign!r} in {text!r}" for sign in ("<", "<!channel", "<@") if sign in ours]
    return found


def mrkdwn(blocks: Sequence[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        if block["type"] == "section":
            yield block["text"]["text"]


def quotes(words: SlackMessage) -> list[str]:
    """The foreign text that is shown where Slack parses nothing."""
    return [
        part["elements"][0]["text"]
        for block in words.params()["blocks"]
        if block["type"] == "rich_text"
        for part in block["elements"]
    ]


@given(outcome=OUTCOMES, reply=REPLIES, number=st.integers(1, 1_000_000))
def test_a_report_is_always_fit_to_post(outcome: Outcome, reply: Reply, number: int) -> None:
    """Whatever Devin and people write; only a delivery needs no words."""
    words = delivery_reports.report(outcome, reply, number, LINK.session)
    assert (words is None) == (outcome.kind is OutcomeKind.DELIVERED)
    if words is not None:
        assert problems(words) == []
        labels = [button["text"]["text"] for button in words.buttons]
        assert ("Send again" in labels) == (outcome.kind in SENDABLE_AGAIN)


@given(detail=FOREIGN.filter(bool))
def test_devin_s_detail_stands_verbatim_and_is_parsed_nowhere(detail: str) -> None:
    """As it came, in a `rich_text` block; the notification's text shows it without effect."""
    outcome = Outcome(kind=OutcomeKind.SUSPENDED, detail=detail)
    words = delivery_reports.report(outcome, REPLY, 1, LINK.session)
    assert words is not None
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
    words = delivery_reports.report(outcome, REPLY, 1, LINK.session)
    assert words is not None
    (quote,) = quotes(words)
    assert len(quote) == QUOTE_LIMIT
    assert quote.startswith("x" * 2_800)
    assert quote.endswith("… (12,345 characters in all)")
    assert "(12345 characters in all)" in words.params()["text"]


@given(text=st.text(max_size=200), limit=st.integers(60, 150))
def test_a_cut_keeps_to_its_limit(text: str, limit: int) -> None:
    """And leaves alone what is short enough."""
    shorter = cut(text, limit)
    assert len(shorter) <= limit
    assert (shorter == text) or f"({len(text):,} characters in all)" in shorter


def test_every_problem_of_a_422_has_its_line() -> None:
    """Where, what, and Devin's type for it."""
    found = (
        Problem(where="body → 0", what="Too *long*", type="too_long"),
        Problem(where="a", what="b", type="c"),
    )
    outcome = Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.INVALID, problems=found)
    words = delivery_reports.report(outcome, REPLY, 1, LINK.session)
    assert words is not None
    assert quotes(words) == ["body → 0: Too *long* (too_long)\na: b (c)"]


def test_a_reply_is_named_as_it_looked() -> None:
    """Slack's markup, which its author never saw, is not shown."""
    words = delivery_reports.waiting(REPLY, timedelta(minutes=15))
    assert "“Rebase &amp; [push](https://ex.am/ple)”" in words.text


@pytest.mark.parametrize(
    ("files", "said"),
    [((AttachedFile(name="a", permalink="https://ex.am/ple"),), "a file"), ((), "a reply")],
)
def test_a_reply_without_text_is_named_all_the_same(
    files: tuple[AttachedFile, ...], said: str
) -> None:
    """There are no empty quotation marks."""
    reply = REPLY.model_copy(update={"text": " ", "files": files})
    assert f"so {said} waits" in delivery_reports.waiting(reply, timedelta(minutes=15)).text


ERRORS: dict[type[PersonError], Callable[[str], PersonError]] = {
    BadSession: BadSession,
    NotLinked: lambda _: NotLinked(),
    LinkedElsewhere: lambda _: LinkedElsewhere(LINK),
    NotAllowed: lambda _: NotAllowed(Standing.GUEST),
    NothingToSay: lambda _: NothingToSay(),
    AlreadySent: lambda _: AlreadySent(),
    BadStep: lambda text: BadStep(list(Flaw)[len(text) % len(Flaw)]),
    EmptyMessage: lambda _: EmptyMessage(),
    FormGone: lambda _: FormGone(),
    StillSaying: lambda _: StillSaying(),
    StillSending: lambda _: StillSending(),
    IsMuted: lambda _: IsMuted(),
    Outdated: lambda _: Outdated(),
    TicketGone: lambda _: TicketGone(),
    NotTaken: lambda text: NotTaken(Change.MUTED if text else Change.UNLINKED),
    NoSuchReply: lambda text: NoSuchReply(already_sent=bool(text)),
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
    """A new one cannot be forgotten."""
    assert subclasses(PersonError) - {PersonError} == set(ERRORS)


@given(kind=st.sampled_from(list(ERRORS)), text=HUGE, by=NAMES)
def test_what_a_person_did_wrong_is_always_fit_to_say(
    kind: type[PersonError], text: str, by: str
) -> None:
    """Whatever was typed, and whoever is named."""
    assert problems(refusals.sorry(ERRORS[kind](text), by)) == []


@pytest.mark.parametrize("standing", set(Standing) - {Standing.ALLOWED})
def test_every_standing_says_that_nothing_was_sent(standing: Standing) -> None:
    """Who may not steer Devin is told why, and what became of the message."""
    words = refusals.sorry(NotAllowed(standing))
    assert problems(words) == []
    assert "nothing was sent to Devin" in words.text


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_has_words_of_its_own(refusal: Refusal) -> None:
    """They are told apart by who must act."""
    said = {}
    for one in Refusal:
        refused = Outcome(kind=OutcomeKind.REFUSED, refusal=one, status=400)
        words = delivery_reports.report(refused, REPLY, 1, LINK.session)
        assert words is not None
        said[one] = words.text
    assert [said[refusal]] == [text for text in said.values() if text == said[refusal]]


@given(last=st.sampled_from([None, *OutcomeKind]), mail=st.integers(0, 10_000), by=NAMES)
def test_a_status_is_always_fit_to_say(last: OutcomeKind | None, mail: int, by: str) -> None:
    """With every outcome, and any amount of mail."""
    outcome = Outcome(kind=last) if last else None
    assert problems(commands.status(LINK, by, mail, outcome)) == []


@pytest.mark.parametrize(
    ("mail", "said"), [(0, "No reply waits."), (1, "1 reply waits."), (2, "2 replies wait.")]
)
def test_a_status_counts_the_mail(mail: int, said: str) -> None:
    """In plain words."""
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
    """A name is chosen by its bearer."""
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
    """A name is chosen by its bearer, wherever it stands."""
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
    """Sentences of our own."""
    assert problems(words) == []
    assert words.text.rstrip(")`").endswith((".", "!"))


def test_nobody_reads_the_name_of_a_class() -> None:
    """What failed is said in plain words."""
    assert "Slack did not answer" in OTHERS["Slack away"].text
    assert "my database did not answer" in OTHERS["Redis away"].text
    assert not re.search(r"Away|Error", " ".join(words.text for words in OTHERS.values()))


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=59), "59 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=2), "2 hours"),
    ],
)
def test_a_duration_is_said_in_words(duration: timedelta, said: str) -> None:
    """In its natural unit."""
    assert phrases.span(duration) == said


STEP_ERRORS = [
    *(BadStep(flaw) for flaw in Flaw),
    *(NotAllowed(standing) for standing in set(Standing) - {Standing.ALLOWED}),
    *(CannotPost(reason) for reason in ("not_in_channel", "restricted_action")),
    *(BadSession("<!channel>"), NothingToSay(), LinkedElsewhere(LINK), IsMuted()),
    NotTaken(Change.UNLINKED),
]


@pytest.mark.parametrize("error", STEP_ERRORS, ids=repr)
def test_a_step_fails_in_plain_words(error: PersonError) -> None:
    """Workflow Builder shows them as they are, and what was typed is not repeated."""
    why = workflows.step_failed(error)
    assert why.endswith((".", "…"))
    assert not set("<>*`").intersection(why)


@given(outcome=st.sampled_from(OutcomeKind), text=HUGE)
def test_a_step_s_detail_is_harmless_wherever_it_is_put(outcome: OutcomeKind, text: str) -> None:
    """A later step may post it; it is bounded, and no control of Slack's is left in it."""
    detail = workflows.step_detail(Outcome(kind=outcome, detail=text, status=418))
    assert len(detail) < 4_000
    assert not set("<>").intersection(detail)
    assert "@channel" not in detail
    assert (detail == "") == (outcome is OutcomeKind.DELIVERED)
