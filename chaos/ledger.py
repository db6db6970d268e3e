"""The ledger at both ends: people's messages, what Devin took, and what the threads were told.

The other direction, what Devin says, is in `speech.py`. `verdict.py` and `hearing.py` decide what
is right and wrong.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.store.outbox import OwedKind
from chaos.entries import NUMBERED, STEPS, Entry, Kind, content_of, file_of, number_in
from chaos.sentences import (
    CORRECTS,
    LEFT_OUT,
    SPOKEN,
    TAKEN_WITH_LINK,
    UNCERTAIN,
    kind_in,
    says,
)
from chaos.speech import Speech
from chaos.wishes import SIGNED, Wish
from sandbox.devin.answers import Api

ATTACHED = re.compile(r'^ATTACHMENT:"(.+)"$', re.MULTILINE)
NAMED = re.compile(r"notes-(\d{6})\.txt")
CORRECTING = re.compile(r"correct(?:ing|s) an earlier message")
"""The words by which Devin is told so, in the author's line or without one (`compose.py`)."""


def addresses(text: str, attachments: Sequence[str], api: Api) -> Sequence[str]:
    """Return the addresses of the files that Devin sees with a message.

    To v3, a line for a file is text, and no message may have one.
    """
    lines: list[str] = ATTACHED.findall(text)
    if api == "v1":
        return lines
    return [] if lines else attachments


@dataclass(frozen=True, slots=True)
class Said:
    """A message from the bot in the channel; `key` is in its metadata."""

    text: str
    key: str = ""
    ts: str = ""


class Ledger:
    """All messages of a run, those of Devin's in `speech`.

    `refused` counts the files that Devin has refused for good; any other refusal passes.
    `tracebacks` are those in the logs, by their ends.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.speech = Speech()
        self.wishes: list[Wish] = []
        self.refused = 0
        self.tracebacks: Sequence[str] = ()
        self.keys: Counter[str] = Counter()

    def write(self, session: str, kind: Kind = Kind.REPLY) -> Entry:
        """Add an entry for a message that a person is about to write."""
        entry = Entry(len(self.entries), session, kind)
        self.entries.append(entry)
        return entry

    def read(self, taken: Iterable[tuple[str, float]], said: Iterable[Said]) -> None:
        """Replace what was read: what Devin took (text, time) and what the channel was told."""
        self.keys.clear()
        for entry in self.entries:
            entry.clear()
        for text, at in taken:
            self._read_taken(text, at)
        for one in said:
            self._read_said(one)

    def read_sent(self, sent: Iterable[tuple[str, bool]]) -> None:
        """Record what was sent again; `sent` is each text, and whether its fate was left open."""
        left_open: set[tuple[str, bool]] = set()
        for text, is_open in sent:
            found = NUMBERED.search(text)
            if found is None:
                continue
            what = found.group(), CORRECTING.search(text) is not None
            self.entries[int(found.group(1))].is_repeated |= what in left_open
            if is_open:
                left_open.add(what)

    def read_names(self, taken: Iterable[tuple[str, str | None]]) -> None:
        """Record in whose name each text was taken: as an account, or by the author's line."""
        for entry in self.entries:
            entry.accounts, entry.is_misnamed = 0, False
        for text, account in taken:
            number = number_in(text)
            if number is None:
                continue
            entry, is_signed = self.entries[number], SIGNED.match(text) is not None
            is_member = entry.kind not in {*STEPS, Kind.NEWCOMER}
            entry.accounts += bool(account)
            entry.is_misnamed |= is_signed == bool(account) or (bool(account) and not is_member)

    def read_files(
        self,
        taken: Iterable[tuple[str, Sequence[str]]],
        uploaded: Mapping[str, tuple[str, bytes]],
    ) -> None:
        """Record which files Devin has, by name and content; `taken` is texts and `addresses`."""
        for text, urls in taken:
            number = number_in(text)
            if number is None or self.entries[number].kind is not Kind.FILE:
                continue
            entry, name = self.entries[number], file_of(number)
            there = [uploaded.get(url) for url in urls]
            entry.has_file |= (name, content_of(name)) in there
            entry.has_link |= f"[{name}](" in text

    def read_steps(self, results: Mapping[str, tuple[str, Any]]) -> None:
        """Record the results of the steps, by execution."""
        for entry in self.entries:
            if entry.execution:
                entry.result = results.get(entry.execution)

    @property
    def is_over(self) -> bool:
        """True if every message has ended, what Devin said is heard, and every wish is done."""
        is_done = all(one.is_over for one in self.entries) and self.speech.is_over
        return is_done and all(one.is_over for one in self.wishes)

    def _read_taken(self, text: str, at: float) -> None:
        found = NUMBERED.search(text)
        if found is None:
            return
        entry = self.entries[int(found.group(1))]
        if CORRECTING.search(text):
            entry.corrections.append(at)
        else:
            entry.taken.append(at)
            entry.took.append(int(found.group(2) or 0))

    def _read_said(self, said: Said) -> None:
        if said.key:
            self.keys[said.key] += 1
        if says(said.text, *LEFT_OUT):
            for name in NAMED.findall(said.text):
                self.entries[int(name)].is_left_out = True
        number = number_in(said.text)
        if number is None:
            return
        entry = self.entries[number]
        if kind_in(said.key) == OwedKind.OUTCOME and not says(said.text, TAKEN_WITH_LINK):
            entry.told.append("uncertain" if says(said.text, *UNCERTAIN) else "not taken")
        elif says(said.text, CORRECTS):
            entry.corrects.append(said.ts)
        elif says(said.text, *SPOKEN):
            entry.posts.append(said.ts)
