"""The plot: the time of a step, and the rate, against size."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.contest import Values

TIMES = (
    ("mail", "waiting", "accept ms", "accept, by replies waiting"),
    ("mail", "waiting", "take + finish ms", "take + finish, by replies waiting"),
    ("mail", "waiting", "backlog ms", "backlog, by replies waiting"),
    ("mail", "waiting", "sweep ms", "sweep, by replies waiting"),
    ("links", "links", "look-up ms", "look-up, by links"),
)
RATES = (
    ("mail", "waiting", "accepted/s", "accepted, by replies waiting"),
    ("mail", "waiting", "taken + finished/s", "taken + finished, by replies waiting"),
)

Found = Mapping[str, Mapping[str, Sequence[Values]]]
Line = tuple[str, str, str, str]
"""Measure, column of the size, column of the number, and the text of the legend."""


def draw(found: Found, picture: Path) -> bool:
    """Write `picture`; return False if no sizes were measured."""
    if not any(measure in found for measure, *_ in (*TIMES, *RATES)):
        return False
    plot = Figure(figsize=(10, 4), layout="constrained")
    times, rates = plot.subplots(1, 2)
    _lines(times, found, TIMES, "ms, median of single calls")
    _lines(rates, found, RATES, "a second, 64 at once")
    times.set_yscale("log")
    rates.set_ylim(bottom=0)
    plot.savefig(picture, dpi=110)
    return True


def _lines(axes: Axes, found: Found, lines: Sequence[Line], label: str) -> None:
    for measure, size, column, legend in lines:
        rows = list(found.get(measure, {}).values())
        if not rows:
            continue
        sizes = [rounds[0][size] for rounds in rows]
        columns = [[values[column] for values in rounds] for rounds in rows]
        (drawn,) = axes.plot(sizes, [median(one) for one in columns], marker="o", label=legend)
        low, high = [min(one) for one in columns], [max(one) for one in columns]
        axes.fill_between(sizes, low, high, alpha=0.2, color=drawn.get_color())
    axes.set_xscale("log")
    axes.set_xlabel("how many there are")
    axes.set_ylabel(label)
    axes.grid(visible=True, alpha=0.3)
    if axes.has_data():
        axes.legend(fontsize="small")
