"""The ledger of a chaos run detects every violation."""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model.files import AttachedFile, Upload, WhyLink
from bot.model.people import UserId
from bot.model.replies import Outcome, OutcomeKind, Reply
from bot.model.sessions import NamedSession, SessionId
from bot.model.threads import ThreadRef
from bot.runtime.in_flight import guarded
from bot.runtime.logs import Lines
from bot.store.outbox import OwedKind
from bot.wording.commands import said
from bot.wording.delivery_reports import waiting, words_of
from chaos.entries import Entry, Kind, content_of, file_of, text_of
from chaos.ledger import Ledger, Said, addresses
from chaos.processes import Post, free_port
from chaos.schedule import plan
from chaos.verdict import judge
from chaos.wishes import What, Wish
from tests.support.tables import each

ONE, OTHER = "devin-01", "devin-02"
THREAD = ThreadRef(team="T0", channel="C0", thread_ts="0.0")


def report(outcome: Outcome, about: str) -> str:
    """Return the text of a report of the relay, about a message or a file of it."""
    return str(words_of(outcome, f'"{about}"').params()["text"])


LOST = Outcome(kind=OutcomeKind.UNCERTAIN, detail="timeout")


def ledger_of(*acked: float | None, kind: Kind = Kind.REPLY) -> Ledger:
    """Return a ledger of messages for one session, acknowledged at these times."""
    ledger = Ledger()
    for at in acked:
        ledger.write(ONE, kind).acked = at
    return ledger


def one_of(kind: Kind, **facts: object) -> tuple[Ledger, Entry]:
    """Return a ledger of one message, acknowledged at 1.0, with these facts about it."""
    ledger = ledger_of(1.0, kind=kind)
    for name, fact in facts.items():
        setattr(ledger.entries[0], name, fact)
    return ledger, ledger.entries[0]


def told(number: int, outcome: Outcome = LOST) -> Said:
    """Return a report about a message, with its key."""
    return Said(report(outcome, text_of(number)), f"T0:C0:{number}.0|1|{OwedKind.OUTCOME}")


def found(ledger: Ledger) -> list[str]:
    """Return the names of the violations."""
    return [sin for sin, concerned in judge(ledger).sins.items() if concerned]


def test_the_same_seed_makes_the_same_plan() -> None:
    """It contains all kills, whatever else goes wrong, and all of them within the time."""
    acts = plan(7, 240.0, 50, 8)
    assert acts == plan(7, 240.0, 50, 8)
    assert acts != plan(8, 240.0, 50, 8)
    assert sum(act.is_kill for act in acts) == 50
    assert all(0 < act.at < 240 for act in acts)


def test_a_port_is_given_to_one_server_although_it_does_not_listen_yet() -> None:
    """What asks for a port next, in this process or in another, finds it claimed."""
    port = free_port()
    with socket.socket(type=socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))


def test_an_acknowledged_reply_that_is_nowhere_is_lost() -> None:
    """It was neither taken nor reported; a reply that Slack still carries is not lost."""
    ledger = ledger_of(1.0, None, 1.0, 1.0)
    ledger.read([(text_of(2), 2.0)], [told(3)])
    verdict = judge(ledger)
    assert verdict.sins["lost"] == [0]
    assert not verdict.is_clean
    assert verdict.counts["never accepted"] == 1


def test_a_notice_is_no_ending() -> None:
    """A notice that a reply waits does not report its outcome."""
    ledger = ledger_of(1.0)
    reply = Reply(thread=THREAD, ts="0.0", author=UserId("U0"), text=text_of(0))
    words = waiting(reply, timedelta(hours=1), NamedSession(SessionId(ONE)))
    ledger.read([], [Said(words.text, f"{reply.id}|1|{OwedKind.DELAY}")])
    assert found(ledger) == ["lost"]


@pytest.mark.parametrize("is_said", [True, False])
def test_a_reply_that_devin_took_twice_is_doubled(*, is_said: bool) -> None:
    """It was silent; it does not count if the thread was told that nobody knows."""
    ledger = ledger_of(1.0)
    ledger.read([(text_of(0), 2.0), (text_of(0), 3.0)], [told(0)] if is_said else [])
    verdict = judge(ledger)
    assert verdict.sins["doubled silently"] == ([] if is_said else [0])
    assert verdict.counts["doubled, said"] == is_said


def test_an_earlier_reply_that_was_there_and_came_second_is_out_of_order() -> None:
    """It had been acknowledged when the later one went to Devin."""
    ledger = ledger_of(1.0, 1.0)
    ledger.read([(text_of(1), 2.0), (text_of(0), 3.0)], [])
    assert judge(ledger).sins["out of order"] == [(0, 1)]


@pytest.mark.parametrize("sending", [1.4, 1.9])
def test_a_reply_that_came_too_late_is_counted_apart(sending: float) -> None:
    """The later one was under way, by what Redis has, however long it was: its process was slow."""
    for acked, is_late in ((1.3, False), (1.95, True), (2.5, True)):
        ledger = ledger_of(acked, 1.0)
        ledger.read([(text_of(1), 2.0), (text_of(0), 3.0)], [])
        ledger.entries[1].sending = sending
        verdict = judge(ledger)
        assert verdict.sins["out of order"] == ([] if is_late else [(0, 1)])
        assert verdict.counts["late"] == is_late


def test_order_is_judged_within_a_session_and_among_what_is_certain() -> None:
    """Replies of other sessions, uncertain ones and those of other ways do not count."""
    taken = [(text_of(1), 2.0), (text_of(0), 3.0)]
    ledger = ledger_of(1.0)
    ledger.write(OTHER).acked = 1.0
    ledger.read(taken, [])
    assert judge(ledger).is_clean
    ledger = ledger_of(1.0, 1.0)
    ledger.read(taken, [told(1)])
    assert judge(ledger).is_clean
    ledger = ledger_of(1.0, 1.0, kind=Kind.FORWARDED)
    ledger.read(taken, [])
    assert judge(ledger).is_clean


def test_the_same_report_twice_is_counted() -> None:
    """Its message carries the key."""
    ledger = ledger_of(1.0)
    ledger.read([], [told(0), told(0)])
    assert judge(ledger).counts["told twice"] == 1


@each(
    ("taken", "sins"),
    [
        ([text_of(0)], []),
        ([text_of(0, 1)], []),
        ([text_of(0), text_of(0, 1)], ["doubled silently"]),
        ([text_of(0), f"correcting an earlier message: {text_of(0, 1)}"], []),
        ([f"correcting an earlier message: {text_of(0, 1)}"] * 2, ["lost", "doubled silently"]),
    ],
)
def test_an_edited_reply_arrives_as_old_or_as_new(taken: list[str], sins: list[str]) -> None:
    """It arrives once, and once more as a correction that its author sent."""
    ledger, _ = one_of(Kind.EDITED, edits=[5.0])
    ledger.read([(text, 2.0 + number) for number, text in enumerate(taken)], [])
    assert found(ledger) == sins


@each(
    ("edited", "sending", "sins"),
    [
        (1.5, 1.6, ["not followed"]),
        (1.9, None, ["not followed"]),
        (1.9, 2.5, ["not followed"]),
        (1.5, 1.4, []),
        (None, 1.4, []),
    ],
)
def test_an_edit_that_was_there_in_time_is_followed(
    edited: float | None, sending: float | None, sins: list[str]
) -> None:
    """The old text is a violation if the edit was acknowledged before it was being sent.

    A slow process, or one that was frozen, may take long from there. A later try says nothing of
    what Devin took before it.
    """
    ledger, _ = one_of(Kind.EDITED, edits=[edited], sending=sending)
    ledger.read([(text_of(0), 2.0)], [])
    assert found(ledger) == sins


@each(
    ("edited", "took", "sins"),
    [(1.5, 0, ["not followed"]), (1.5, 1, []), (1.9, 0, []), (None, 0, [])],
)
def test_what_is_sent_again_is_what_the_message_said_at_the_press(
    edited: float | None, took: int, sins: list[str]
) -> None:
    """Nobody expects the text that the thread no longer shows."""
    ledger, _ = one_of(Kind.EDITED, edits=[edited], pressed=1.8, sending=2.0)
    ledger.read([(text_of(0, took), 2.1)], [])
    assert found(ledger) == sins


@each(
    ("deleted", "taken", "sins"),
    [(1.5, [], []), (1.9, [2.0], []), (1.5, [2.0], ["not followed"]), (None, [], ["lost"])],
)
def test_a_deleted_reply_arrives_or_does_not(
    deleted: float | None, taken: list[float], sins: list[str]
) -> None:
    """It may not arrive if its deletion came in time."""
    ledger, _ = one_of(Kind.DELETED, deleted=deleted, sending=1.6)
    ledger.read([(text_of(0), at) for at in taken], [])
    assert found(ledger) == sins


def test_a_file_arrives_or_its_thread_is_told_that_a_link_went() -> None:
    """The content counts: a name alone is not a file."""
    name, url = file_of(0), "https://devin/1"
    brought, linked = f'{text_of(0)}\nATTACHMENT:"{url}"', f"{text_of(0)}\n[{name}](https://slack)"
    left_out = Upload(file=AttachedFile(name=name, permalink=""), hitch=WhyLink.TOO_LARGE)
    went = Outcome(kind=OutcomeKind.DELIVERED, left_out=(left_out,))
    said = Said(report(went, text_of(0)), f"T0:C0:0.0|1|{OwedKind.OUTCOME}")
    for text, uploaded, words, sins in (
        (brought, {url: (name, content_of(name))}, [], []),
        (brought, {url: (name, b"")}, [], ["file missing"]),
        (linked, {}, [said], []),
        (linked, {}, [], ["file missing"]),
        (text_of(0), {}, [said], ["file missing"]),
    ):
        ledger, _ = one_of(Kind.FILE)
        ledger.refused = 1
        ledger.read([(text, 2.0)], words)
        ledger.read_files([(text, addresses(text, (), "v1"))], uploaded)
        assert found(ledger) == sins


def test_a_file_goes_as_a_link_only_if_devin_has_refused_it_for_good() -> None:
    """A refusal that passes is tried again."""
    ledger, entry = one_of(Kind.FILE)
    entry.taken, entry.took, entry.has_link, entry.is_left_out = [2.0], [0], True, True
    assert found(ledger) == ["linked needlessly"]
    ledger.refused = 1
    assert found(ledger) == []


@each(
    ("line", "attached", "sins"),
    [
        ("", True, []),
        ("", False, ["file missing"]),
        ('\nATTACHMENT:"https://devin/1"', False, ["file missing"]),
        ('\nATTACHMENT:"https://devin/1"', True, ["file missing"]),
    ],
)
def test_v3_has_a_message_s_files_beside_its_text(
    *, line: str, attached: bool, sins: list[str]
) -> None:
    """A line for a file is one of v1's; v3 would show it to Devin."""
    name, url = file_of(0), "https://devin/1"
    text = f"{text_of(0)}{line}"
    ledger, _ = one_of(Kind.FILE)
    ledger.read([(text, 2.0)], [])
    urls = addresses(text, (url,) if attached else (), "v3")
    ledger.read_files([(text, urls)], {url: (name, content_of(name))})
    assert found(ledger) == sins


@each(
    ("sent", "facts", "sins"),
    [
        ([(0, False), (0, False)], {}, []),
        ([(0, True), (0, False)], {}, ["sent again"]),
        ([(0, True), (0, False)], {"pressed": 1.0}, []),
        ([(0, True), (1, False)], {}, []),
    ],
)
def test_what_devin_may_have_is_not_sent_again(
    sent: Sequence[tuple[int, bool]], facts: dict[str, object], sins: list[str]
) -> None:
    """Only a person may decide that; what Devin certainly has not may be sent again."""
    ledger, _ = one_of(Kind.EDITED, **facts)
    ledger.read([(text_of(0), 2.0)], [])
    ledger.read_sent([(text_of(0, edit), is_open) for edit, is_open in sent])
    assert found(ledger) == sins


@each(
    ("taken", "words", "sins"),
    [
        (1, [], []),
        (1, [told(0)], ["not reconciled"]),
        (0, [told(0)], []),
    ],
)
def test_a_lost_answer_is_found_in_a_session_that_can_be_read(
    taken: int, words: list[Said], sins: list[str]
) -> None:
    """However many messages the session has; a message that it does not have is uncertain."""
    ledger, _ = one_of(Kind.REPLY, can_be_found=True)
    ledger.read([(text_of(0), 2.0)] * taken, words)
    assert found(ledger) == sins


@each(
    "outcome",
    [
        Outcome(kind=OutcomeKind.ENDED),
        Outcome(kind=OutcomeKind.UNCONFIRMED),
        Outcome(kind=OutcomeKind.SUSPENDED),
    ],
)
def test_a_session_that_does_not_take_a_reply_ends_it(outcome: Outcome) -> None:
    """Its thread is told what the session's state is, or that nothing confirms the reply."""
    ledger = ledger_of(1.0)
    ledger.read([], [told(0, outcome)])
    assert found(ledger) == []
    assert not ledger.entries[0].is_uncertain


@each(
    ("facts", "unheard", "sins"),
    [
        ({}, 1, []),
        ({"acked": None}, 0, []),
        ({"is_answered": True}, 0, []),
        ({"is_kept": True}, 0, ["lost"]),
    ],
)
def test_what_was_asked_for_and_nobody_heard_is_counted_apart(
    facts: dict[str, object], unheard: int, sins: list[str]
) -> None:
    """Failures that Slack or the relay told the person do not count; what Redis knows is lost."""
    ledger, _ = one_of(Kind.FORWARDED, **facts)
    assert judge(ledger).kinds[Kind.FORWARDED]["unheard"] == unheard
    assert found(ledger) == sins


@each(
    ("taken", "posts", "sins"),
    [(1, 0, ["untold"]), (1, 1, []), (1, 2, ["doubled silently"]), (0, 1, ["lost"])],
)
def test_what_is_said_stands_in_the_channel_once(taken: int, posts: int, sins: list[str]) -> None:
    """Nothing goes to Devin that the channel does not see, and all of that does."""
    ledger, _ = one_of(Kind.SAID)
    ledger.read([(text_of(0), 2.0)] * taken, [Said(said("Ada", text_of(0)).text)] * posts)
    assert found(ledger) == sins


@each(
    ("result", "taken", "sins"),
    [
        (None, 1, ["lost"]),
        (("success", {"outcome": "delivered"}), 1, []),
        (("success", {"outcome": "delivered"}), 0, ["step untrue"]),
        (("success", {"outcome": "refused"}), 1, ["step untrue"]),
        (("success", {"outcome": "uncertain"}), 2, []),
        (("success", {"outcome": "delivered"}), 2, ["doubled silently"]),
        (("error", "There is no such thread."), 0, []),
        (("error", "There is no such thread."), 1, ["step untrue"]),
        (("error", ""), 0, ["step untrue"]),
    ],
)
def test_a_step_ends_with_what_happened(
    result: tuple[str, object] | None, taken: int, sins: list[str]
) -> None:
    """Its workflow is told the outcome, or why there is none."""
    ledger, _ = one_of(Kind.STEP, execution="Fx1", must_fail=False)
    ledger.read([(text_of(0), 2.0)] * taken, [])
    ledger.read_steps({"Fx1": result} if result else {})
    assert found(ledger) == sins


ACCOUNT = "user-1"


@each(
    ("line", "account", "kind", "sins"),
    [
        ("Ada, U0ADA (in Slack):\n\n", None, Kind.REPLY, []),
        ("Ada, U0ADA (in Slack, through a workflow):\n\n", None, Kind.STEP, []),
        ("", ACCOUNT, Kind.REPLY, []),
        ("", None, Kind.REPLY, ["misnamed"]),
        ("Ada, U0ADA (in Slack):\n\n", ACCOUNT, Kind.REPLY, ["misnamed"]),
        ("", ACCOUNT, Kind.STEP, ["misnamed"]),
    ],
)
def test_a_message_has_one_name(
    line: str, account: str | None, kind: Kind, sins: list[str]
) -> None:
    """It is the member's own, or says who wrote it; a workflow is nobody's."""
    ledger, _ = one_of(kind, result=("success", {"outcome": "delivered"}))
    text = f"{line}{text_of(0)}"
    ledger.read([(text, 2.0)], [])
    ledger.read_names([(text, account)])
    assert found(ledger) == sins


@each(
    ("what", "facts", "sins"),
    [
        (What.EMOJI, {}, []),
        (What.EMOJI, {"done": 0, "told": Counter()}, ["wish: not done"]),
        (What.EMOJI, {"done": 0, "told": Counter(), "is_given_up": True}, []),
        (What.EMOJI, {"done": 0, "told": Counter(), "unheard": 1}, []),
        (What.EMOJI, {"done": 2}, ["wish: done twice"]),
        (What.EMOJI, {"is_misnamed": True}, ["wish: in the wrong name"]),
        (What.REVIEW, {"told": Counter()}, ["wish: untold"]),
        (What.REVIEW, {"told": Counter({"1.0": 2})}, ["wish: told twice"]),
        (What.CAPPED, {"capped": 2}, ["wish: told twice"]),
        (What.CAPPED, {"used": (1.0, 1.5)}, ["wish: used otherwise"]),
        (What.EARLIER, {}, ["wish: done twice"]),
        (What.EARLIER, {"done": 0, "roots": []}, []),
    ],
)
def test_a_wish_comes_true_once(what: What, facts: dict[str, object], sins: list[str]) -> None:
    """Its threads are told, in one name, and the relay's ledger is Devin's."""
    ledger, wish = Ledger(), Wish(0, what, ["1.0"], done=1, told=Counter({"1.0": 1}))
    for name, fact in facts.items():
        setattr(wish, name, fact)
    ledger.wishes.append(wish)
    assert found(ledger) == sins
    assert sins or wish.is_over == (not wish.unheard)


def test_what_slack_gave_up_is_lost_unless_it_is_found() -> None:
    """Nobody acknowledged it, but a process refused it; it is not lost before Slack gives up."""
    ledger, entry = one_of(Kind.GIVEN_UP, acked=None)
    assert found(ledger) == []
    assert not ledger.is_over
    entry.given_up = 1.0
    assert found(ledger) == ["lost"]
    ledger.read([(text_of(0), 9.0)], [])
    assert found(ledger) == []
    assert ledger.is_over


def test_what_is_found_comes_before_what_was_written_later() -> None:
    """After Slack gave it up, nothing later may overtake it, but mail waits only for so long."""
    for given_up, sending, expected in ((1.0, 1.8, [(0, 1)]), (1.9, 1.8, []), (1.0, 31.0, [])):
        ledger, _ = one_of(Kind.GIVEN_UP, acked=None, given_up=given_up)
        later = ledger.write(ONE)
        later.acked, later.accepted, later.sending = 5.0, 1.0, sending
        ledger.read([(text_of(1), sending + 1.0), (text_of(0), 40.0)], [])
        assert judge(ledger).sins["out of order"] == expected


@pytest.mark.parametrize(("taken", "sins"), [(0, []), (1, ["disobeyed"])])
def test_what_is_written_where_devin_is_not_to_hear_stays_there(
    taken: int, sins: list[str]
) -> None:
    """The thread is muted or not linked: nobody misses the message, and nobody sends it."""
    ledger, _ = one_of(Kind.PRIVATE)
    assert ledger.is_over
    ledger.read([(text_of(0), 2.0)] * taken, [])
    assert found(ledger) == sins


@each(
    ("facts", "sins"),
    [({}, ["unanswered"]), ({"is_answered": True}, []), ({"acked": None}, [])],
)
def test_an_order_is_answered(facts: dict[str, object], sins: list[str]) -> None:
    """This holds once it was acknowledged: until then, Slack retries it."""
    ledger, entry = one_of(Kind.ORDER, **facts)
    assert found(ledger) == sins
    assert ledger.is_over == entry.is_answered


@pytest.mark.parametrize(
    ("fact", "sin"), [("late_told", "stalled"), ("kept_out", "kept out")], ids=str
)
def test_who_has_to_wait_for_others_is_counted(fact: str, sin: str) -> None:
    """The others are a crowd of sessions, or strangers."""
    ledger, _ = one_of(Kind.REPLY, **{fact: True})
    ledger.read([(text_of(0), 2.0)], [])
    assert found(ledger) == [sin]


async def test_a_traceback_in_a_log_is_a_violation(tmp_path: Path) -> None:
    """Whatever else came of it: the relay met something that nobody has thought of."""
    post, ledger = Post("run-1", "run", tmp_path, seed=1), Ledger()
    log = logging.getLogger("bot.unforeseen")
    handler = logging.FileHandler(tmp_path / "run-1.log")
    handler.setFormatter(Lines("json", frozenset()))
    log.addHandler(handler)
    try:
        log.warning("waits")
        ledger.tracebacks = post.tracebacks
        assert found(ledger) == []
        await guarded(asyncio.to_thread(float, "soon"), log)
        ledger.tracebacks = post.tracebacks
        assert found(ledger) == ["unforeseen"]
    finally:
        log.removeHandler(handler)
        handler.close()
