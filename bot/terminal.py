"""Lines for a person at a terminal, in ASCII where its encoding has no more."""

import io
import sys
from collections.abc import Sequence
from typing import TextIO

from bot.model.findings import Finding

MARKS = ("✓", "✗", "→", "!")
ASCII = ("ok", "!!", "->", "! ")


def make_lenient() -> None:
    """Let stdout and stderr replace a character that their encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def show(finding: Finding, stream: TextIO) -> None:
    """Write what was found, and how to fix it."""
    good, bad, arrow, doubtful = _marks(stream)
    says = finding.says.replace("\n", "\n    ")
    mark = bad if not finding.is_good else doubtful if finding.warns else good
    stream.write(f"{mark} {finding.what}: {says}\n")
    if finding.fix:
        stream.write(f"  {arrow} {finding.fix}\n")
    stream.flush()


def show_problems(problems: Sequence[str], stream: TextIO, *notes: str) -> None:
    """Write one line for each problem, the notes, and how many problems there are."""
    _, bad, *_ = _marks(stream)
    stream.writelines(f"{bad} {problem}\n" for problem in problems)
    stream.writelines(f"{note}\n" for note in notes)
    stream.write(f"{counted(len(problems))}\n")


def counted(problems: int) -> str:
    """Return the last line of a list of problems."""
    return f"{problems or 'No'} problem{'' if problems == 1 else 's'} found"


def _marks(stream: TextIO) -> tuple[str, str, str, str]:
    try:
        "".join(MARKS).encode(stream.encoding or "ascii")
    except (LookupError, UnicodeError):
        return ASCII
    return MARKS
