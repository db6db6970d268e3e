"""The verdict on a ledger: a line for each kind of message, and the violations, called sins.

The sins:

- **lost**: acknowledged to Slack, refused until Slack gave it up, known to Redis, or posted in a
  person's name, but in the end neither taken by Devin nor mentioned in its thread by a report of
  its outcome; or a step that nobody completed;
- **doubled silently**: taken by Devin twice, and nobody was told that this was uncertain; or posted
  twice. An edited reply counts as one, with old text or new; each edit may be sent once more, as a
  correction for which its author pressed the button;
- **sent again**: sent once more, without anybody's press, after an answer that left open whether
  Devin took it: none at all, or a 5xx, except a 503 in v1;
- **out of order**: taken after a later reply of its session, although it had been acknowledged
  before that one was on its way to Devin. It is from the moment that Redis has noted, however long
  its process then takes until Devin sees it: a reply acknowledged later could not come first;
- **not followed**: taken with text that was edited, or deleted, before it was on its way, or
  before somebody pressed *Send again*;
- **file missing**: taken without its file's content where that generation of Devin's API has it,
  and its thread was not told that a link went;
- **linked needlessly**: more files went as links than Devin has refused for good;
- **not reconciled**: taken, and reported as uncertain, although its session could be read;
- **step untrue**: a workflow was told an outcome that does not match what Devin took, or a failure
  without words, or a step that could not work did not fail;
- **untold**: taken for somebody whose channel does not show it;
- **disobeyed**: taken although its thread was muted or not linked when it was written;
- **unanswered**: an order (`link`, `mute` …) that was acknowledged but not answered;
- **stalled**: a crowd of busy sessions kept another thread from being told in time;
- **kept out**: connections of strangers kept Slack's event out.
- **unforeseen**: a process logged a traceback: what it met was not thought of.
- **misnamed**: taken with neither its author's account in Devin nor their name, or with both.

For the sins in what Devin says, see `hearing.py`; for what must happen once, `wishes.py`.

These are counted, but are not sins: a reply that was acknowledged only after a later one had gone
is **late**. A request that Slack showed as **failed** may have happened or not. An **unheard** one
was acknowledged at once, and then its process died: Slack never redelivers a command or an
interaction. What only a modal reported counts there, too. Replies that are uncertain, or that
somebody had sent again, are left out of the order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos.entries import ASKED, STEPS, THREADED, Entry, Kind
from chaos.hearing import SAID_SINS, said_sins
from chaos.hearing import counts as counts_of_speech
from chaos.ledger import Ledger
from chaos.wishes import WISH_SINS
from chaos.wishes import counts as counts_of_wishes

WAITED = 29.0
"""Longest wait of mail for events that Slack gave up, if their reader is killed (30 s)."""

SINS = (
    *("lost", "doubled silently", "sent again", "out of order", "not followed", "file missing"),
    *("linked needlessly", "not reconciled", "step untrue", "untold", "disobeyed", "unanswered"),
    *("stalled", "kept out", "misnamed", "unforeseen"),
    *(*SAID_SINS, *WISH_SINS),
)
COLUMNS = ("sent", "acked", "taken", "uncertain", "said", "failed", "unheard")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a run: counts, also by kind, and the messages behind each sin.

    For *out of order*, each message is paired with the later one that it came behind.
    """

    counts: Mapping[str, int]
    kinds: Mapping[Kind, Mapping[str, int]]
    sins: Mapping[str, Sequence[object]]

    @property
    def is_clean(self) -> bool:
        """True if no sin was found."""
        return not any(self.sins.values())

    def concerned(self, ledger: Ledger) -> Sequence[Entry]:
        """Return the messages behind the sins."""
        found = [one for sin in self.sins.values() for one in sin]
        numbers = {n for one in found for n in (one if isinstance(one, tuple) else (one,))}
        return [entry for entry in ledger.entries if entry.number in numbers]

    def lines(self) -> list[str]:
        """Return a table of the kinds, a line for each count, then the messages concerned."""
        lines = [" " * 20 + "".join(f"{name:>10}" for name in COLUMNS)]
        for kind, counts in self.kinds.items():
            lines.append(f"{kind:<20}" + "".join(f"{counts[name]:>10}" for name in COLUMNS))
        totals = {**self.counts, **{sin: len(found) for sin, found in self.sins.items()}}
        lines += [f"{name:<24}{count:>7}" for name, count in totals.items()]
        return lines + [f"{sin}: {list(found)}" for sin, found in self.sins.items() if found]


def judge(ledger: Ledger) -> Verdict:
    """Judge the ledger as last read."""
    entries = ledger.entries
    sins: dict[str, list[object]] = {sin: [] for sin in SINS}
    for entry in entries:
        for sin in _sins(entry):
            sins[sin].append(entry.number)
    wrong, late = _order(ledger)
    sins["out of order"] += wrong
    for sin, where in said_sins(ledger.speech):
        sins[sin].append(where)
    for wish in ledger.wishes:
        for sin in wish.sins:
            sins[sin].append(str(wish))
    linked = [entry.number for entry in entries if entry.has_link and not entry.has_file]
    sins["linked needlessly"] += linked if len(linked) > ledger.refused else []
    sins["unforeseen"] += ledger.tracebacks
    edited = [entry for entry in entries if entry.edits]
    counts = {
        "late": len(late),
        "doubled, said": sum(len(e.taken) > 1 and e.is_uncertain for e in entries),
        "told twice": sum(count - 1 for count in ledger.keys.values()),
        "never accepted": sum(e.acked is None and e.kind not in ASKED for e in entries),
        "edits before delivery": sum(any(e.took) for e in edited),
        "edits after delivery": sum(bool(e.took) and not all(e.took) for e in edited),
        "corrections posted": sum(len(e.corrects) for e in entries),
        "corrections taken": sum(len(e.corrections) for e in entries),
        "deleted in time": sum(e.deleted is not None and not e.is_seen for e in entries),
        "files as links": len(linked),
        "taken as a member's own": sum(e.accounts for e in entries),
        **counts_of_speech(ledger.speech),
        **counts_of_wishes(ledger.wishes),
    }
    kinds = {kind: _counted([e for e in entries if e.kind is kind]) for kind in Kind}
    return Verdict(counts, kinds, sins)


def _counted(entries: Sequence[Entry]) -> Mapping[str, int]:
    return {
        "sent": len(entries),
        "acked": sum(e.acked is not None for e in entries),
        "taken": sum(bool(e.taken) for e in entries),
        "uncertain": sum(e.is_uncertain for e in entries),
        "said": sum(_is_said(e) and not e.is_uncertain for e in entries),
        "failed": sum(e.kind in ASKED and e.acked is None for e in entries),
        "unheard": sum(_is_unheard(e) for e in entries),
    }


def _is_said(entry: Entry) -> bool:
    """Return True if somebody was told an outcome other than that Devin took it."""
    is_failed = entry.result is not None and entry.outcome != "delivered"
    return bool(entry.told) or entry.is_answered or is_failed


def _is_unheard(entry: Entry) -> bool:
    """Return True if a request had no effect although its person was shown no failure."""
    is_asked = entry.kind in ASKED and entry.acked is not None
    return is_asked and not (entry.is_seen or entry.is_answered or entry.is_kept)


def _sins(entry: Entry) -> Iterator[str]:
    """Yield the sins of a message by itself."""
    if _is_lost(entry):
        yield "lost"
    is_twice = len(entry.taken) > 1 or len(entry.corrections) > len(entry.edits)
    if (is_twice and not entry.is_uncertain) or len(entry.posts) > 1:
        yield "doubled silently"
    if entry.is_repeated and not entry.pressed:
        yield "sent again"
    if any(_is_outdated(entry, n) for n in range(len(entry.taken))):
        yield "not followed"
    is_brought = entry.has_file or (entry.has_link and entry.is_left_out)
    if entry.kind is Kind.FILE and entry.taken and not is_brought:
        yield "file missing"
    if entry.kind in STEPS and entry.result is not None and not _is_true(entry):
        yield "step untrue"
    if entry.kind in {Kind.SAID, Kind.POSTED} and entry.taken and not entry.posts:
        yield "untold"
    yield from _scene_sins(entry)


def _scene_sins(entry: Entry) -> Iterator[str]:
    """Yield the sins of a message that was written in a scene."""
    if entry.kind is Kind.PRIVATE and entry.taken:
        yield "disobeyed"
    if entry.kind is Kind.ORDER and entry.acked is not None and not entry.is_answered:
        yield "unanswered"
    if entry.can_be_found and entry.taken and entry.is_uncertain:
        yield "not reconciled"
    if entry.late_told:
        yield "stalled"
    if entry.kept_out:
        yield "kept out"
    if entry.is_misnamed:
        yield "misnamed"


def _is_lost(entry: Entry) -> bool:
    if entry.kind in STEPS:
        return entry.acked is not None and entry.result is None
    if not entry.told and len(entry.corrects) > len(entry.corrections):
        return True
    if entry.is_seen or entry.deleted is not None:
        return False
    is_heard = entry.heard is not None and entry.kind in THREADED
    return entry.is_kept or bool(entry.posts) or is_heard


def _is_outdated(entry: Entry, place: int) -> bool:
    """Return True if Devin took that text although a newer one, or none, was known in time."""
    newer = [entry.deleted, *entry.edits[entry.took[place] :]]
    left = entry.left_at(place)
    if entry.pressed:  # Redis has only since when it was sent the last time
        left = entry.pressed if entry.taken[place] > entry.pressed else 0.0
    return any(at is not None and at < left for at in newer)


def _is_true(entry: Entry) -> bool:
    """Return True if the workflow was told what really happened."""
    ending, payload = entry.result or ("", "")
    if ending == "error":
        return bool(payload) and not entry.taken
    if entry.must_fail:
        return False
    is_taken = bool(entry.taken)
    if entry.outcome == "uncertain":
        return True
    return is_taken if entry.outcome == "delivered" else not is_taken or bool(entry.pressed)


def _order(ledger: Ledger) -> tuple[list[tuple[int, int]], set[int]]:
    """Return the pairs that are out of order, and the replies that are merely late."""
    wrong: list[tuple[int, int]] = []
    late: set[int] = set()
    for session in {entry.session for entry in ledger.entries}:
        taken = [e for e in ledger.entries if e.session == session and e.kind in THREADED]
        certain = [e for e in taken if e.taken and not (e.is_uncertain or e.pressed)]
        certain.sort(key=lambda e: e.taken[0])
        for place, entry in enumerate(certain):
            behind = [other for other in certain[:place] if other.number > entry.number]
            at_fault = [other for other in behind if not _is_late(entry, other)]
            wrong += [(entry.number, other.number) for other in at_fault[:1]]
            if behind and not at_fault:
                late.add(entry.number)
    return wrong, late


def _is_late(entry: Entry, other: Entry) -> bool:
    """Return True if `entry` came too late to be taken before the later reply `other`."""
    left = other.left_at(0)
    if entry.given_up is not None:
        held_since = min(entry.given_up, other.accepted or entry.given_up)
        if left - held_since > WAITED:
            return True
    return entry.heard is None or entry.heard > left
