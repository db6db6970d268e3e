"""The picture of sizes: each step's time, rate or memory against size, on axes of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from benchmarks.contest import Values
from benchmarks.themes import Theme, drawing

PANELS = (
    ("mail", "waiting", "accept ms", "Accept", "ms"),
    ("mail", "waiting", "take + finish ms", "Take and finish", "ms"),
    ("mail", "waiting", "poll ms", "Poll", "ms"),
    ("mail", "waiting", "backlog ms", "Measure the backlog", "ms"),
    ("mail", "waiting", "accepted/s", "Accept, 64 at once", "replies/s"),
    ("mail", "waiting", "taken + finished/s", "Take and finish, 64 at once", "replies/s"),
    ("links", "links", "look-up ms", "Look a link up", "ms"),
    ("links", "links", "bytes a link", "A link in Redis", "bytes"),
)
"""Measure, column of the size, column of the number, title and unit."""

COLUMNS = 4
COUNTED = {"waiting": "replies waiting", "links": "links"}

Found = Mapping[str, Mapping[str, Sequence[Values]]]


def draw(found: Found, picture: Path, theme: Theme) -> bool:
    """Write `picture`; return False if no sizes were measured."""
    shown = [one for one in PANELS if one[0] in found]
    if not shown:
        return False
    with drawing(picture, theme, (len(shown), COLUMNS), 2.1, (0.1, 0.1)) as places:
        for (measure, size, column, title, unit), axes in zip(shown, places, strict=False):
            _line(axes, [*found[measure].values()], size, column, theme)
            axes.set_title(f"{title}\n", loc="left", weight="bold", fontsize=9)
            above: dict[str, Any] = {"transform": axes.transAxes, "color": theme.muted}
            axes.text(0, 1.04, f"{unit}, by {COUNTED[size]}", fontsize=8, **above)
    return True


def _line(
    axes: Axes, rows: Sequence[Sequence[Values]], size: str, column: str, theme: Theme
) -> None:
    """Draw the medians as a line from 0 up, and the lowest to the highest round as its shade."""
    sizes = [rounds[0][size] for rounds in rows]
    columns = [[values[column] for values in rounds] for rounds in rows]
    low, high = [min(one) for one in columns], [max(one) for one in columns]
    axes.set_axis_on()
    color = theme.colors["relay"]
    axes.fill_between(sizes, low, high, alpha=0.2, linewidth=0, color=color)
    axes.plot(sizes, [median(one) for one in columns], marker="o", markersize=4, color=color)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.15 * max(high))
    axes.grid(visible=True, axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.minorticks_off()
    axes.tick_params(labelsize=8, color=theme.muted)
