"""The main figures of earlier full runs, by commit, in `history.json`.

Machines differ, and the same one differs by the hour. So the figures of the script and the floor in
the same run stand beside the relay's, and only the relay's ratio to the script's is compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pydantic import BaseModel, TypeAdapter

from benchmarks.targets import Each

CONTESTANTS = ("relay", "script", "floor")


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of the table: its name in the file, its title, and where a run has it."""

    name: str
    title: str
    measure: str
    column: str


FIGURES = (
    Figure("throughput", "replies/s, 0 ms API", "throughput", "replies/s"),
    Figure("inflight", "replies/s, 64 in flight, 50 ms API", "inflight", "replies/s"),
    Figure("closed", "replies/s, closed loop", "closed", "replies/s"),
    Figure("cpu", "CPU ms a reply", "inflight", "CPU ms a reply"),
    Figure("p50", "to Devin, p50 ms", "latency", "p50 ms"),
    Figure("p99", "to Devin, p99 ms", "latency", "p99 ms"),
    Figure("ack", "ack p99 ms", "ack", "p99 ms"),
    Figure("foreign", "foreign events/s", "foreign", "events/s"),
    Figure("commands", "idle commands/s", "idle", "Redis commands/s"),
    Figure("idle_cpu", "idle CPU %", "idle", "CPU %"),
    Figure("memory", "idle MB", "idle", "RSS MB"),
)


class Run(BaseModel):
    """The medians of a full run, by figure and contestant; what was not measured is absent."""

    date: str
    commit: str
    version: str
    api: str
    figures: Mapping[str, Mapping[str, float]]


_RUNS = TypeAdapter(list[Run])


def read(path: Path) -> Sequence[Run]:
    """Return the runs in the file, oldest first; none if there is no file."""
    return _RUNS.validate_json(path.read_bytes()) if path.exists() else []


def record(run: Run, path: Path) -> Sequence[Run]:
    """Add `run` to the file in place of an earlier one of its commit; return all, oldest first."""
    runs = [*(one for one in read(path) if one.commit != run.commit), run]
    path.write_bytes(_RUNS.dump_json(runs, indent=1) + b"\n")
    return runs


def medians(each: Each) -> Mapping[str, Mapping[str, float]]:
    """Return the figures of a run."""
    found = {
        one.name: {
            who: round(median(values), 2)
            for who in CONTESTANTS
            if (values := each(one.measure, who, one.column))
        }
        for one in FIGURES
    }
    return {name: values for name, values in found.items() if values}


def table(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the lines of the table, latest run first."""
    yield f"| date (UTC) | commit | API | {' | '.join(one.title for one in FIGURES)} |"
    yield "|---|---|---|" + "---|" * len(FIGURES)
    for run in reversed(runs):
        cells = (_cell(run.figures.get(one.name, {})) for one in FIGURES)
        yield f"| {run.date} | {run.commit} | {run.api} | {' | '.join(cells)} |"


def _cell(values: Mapping[str, float]) -> str:
    if "relay" not in values:
        return ""
    found = " / ".join(_short(values[who]) for who in CONTESTANTS if who in values)
    if not values.get("script"):
        return found
    times = values["relay"] / values["script"]
    return f"**{times:.2f} ×**<br>{found}"  # noqa: RUF001  (the sign)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:g}"  # noqa: PLR2004  (three digits)
