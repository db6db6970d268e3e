"""The picture of a run: relay, script and floor side by side, each number with its target."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes

from benchmarks import targets
from benchmarks.plan import Plan
from benchmarks.targets import Each
from benchmarks.themes import Theme, drawing

WHO = ("relay", "script", "floor")
COLUMNS = 3
ROOM = 0.24
"""The space for a figure beside its bar, as a share of the longest bar.

If the target's line stands there, the figure is in the bar.
"""

GAP = 0.02


@dataclass(frozen=True, slots=True)
class Panel:
    """One number: its title, unit, place in a run, and target; `limit` is None without one."""

    title: str
    unit: str
    measure: str
    column: str
    limit: float | None
    is_more_better: bool = False


def draw(each: Each, plan: Plan, picture: Path, theme: Theme) -> bool:
    """Write `picture`; return False if nothing that it shows was measured."""
    shown = [one for one in _panels(each, plan) if each(one.measure, "relay", one.column)]
    if not shown:
        return False
    with drawing(picture, theme, (len(shown), COLUMNS), 1.7, (0.16, 0.14)) as places:
        for panel, axes in zip(shown, places, strict=False):
            _bars(axes, panel, each, theme)
    return True


def _panels(each: Each, plan: Plan) -> Iterator[Panel]:
    ideal, slow = targets.SHARE * plan.ideal, f"{plan.api_delay * 1000:.0f} ms API"
    script = _middle(each("throughput", "script", "replies/s"))
    times = targets.TIMES_THE_SCRIPT * script if script else None
    rate = ("replies/s", "replies/s")
    yield Panel(f"{plan.sessions} sessions, 0 ms API", rate[0], "throughput", rate[1], times, True)
    yield Panel(f"{plan.in_flight} sessions, {slow}", rate[0], "inflight", rate[1], ideal, True)
    yield Panel(f"Closed loop of {plan.in_flight}, {slow}", rate[0], "closed", rate[1], ideal, True)
    for column, most in targets.ADDED_MS.items():
        base = _middle(each("latency", "script", column))
        title = f"From writing to Devin, {column.removesuffix(' ms')}"
        yield Panel(title, "ms", "latency", column, base + most if base else None)
    yield Panel("Acknowledgement, p99", "ms", "ack", "p99 ms", targets.ACK_MS)
    yield Panel("CPU a reply", "ms", "inflight", "CPU ms a reply", targets.CPU_MS)
    yield Panel(
        "Events that are not ours", "events/s", "foreign", "events/s", targets.FOREIGN, True
    )
    yield Panel("Memory, idle", "MB", "idle", "RSS MB", targets.IDLE_MB)


def _middle(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _bars(axes: Axes, panel: Panel, each: Each, theme: Theme) -> None:
    """Draw the bars of the contestants that have the number, and the target as a line."""
    found = {who: _middle(each(panel.measure, who, panel.column)) for who in WHO}
    values = {who: value for who, value in found.items() if value is not None}
    widest = max(*values.values(), panel.limit or 0.0)
    colors = [theme.colors[who] for who in values]
    axes.set_axis_on()
    axes.barh([*values], [*values.values()], height=0.66, color=colors)
    for place, (who, value) in enumerate(values.items()):
        is_relay = who == "relay"
        is_inside = is_relay and value < (panel.limit or 0.0) < value + ROOM * widest
        axes.text(
            value + (-GAP if is_inside else GAP) * widest,
            place,
            _figure(value),
            ha="right" if is_inside else "left",
            va="center_baseline",
            weight="bold" if is_relay else "normal",
            color=theme.background if is_inside else theme.text,
        )
    axes.set_xlim(0, (1 + ROOM) * widest)
    axes.set_ylim(len(values) - 0.4, -0.6)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"{panel.title}\n", loc="left", weight="bold", fontsize=10)
    _target(axes, panel, values["relay"], theme)


def _target(axes: Axes, panel: Panel, relay: float, theme: Theme) -> None:
    """Write the unit and the target below the title, and draw its line across the relay's bar."""
    better = "more is better" if panel.is_more_better else "less is better"
    above: dict[str, Any] = {"transform": axes.transAxes, "fontsize": 8, "va": "bottom"}
    axes.text(0, 1.02, f"{panel.unit}, {better}", color=theme.muted, **above)
    if panel.limit is None:
        return
    is_reached = relay >= panel.limit if panel.is_more_better else relay <= panel.limit
    color = theme.reached if is_reached else theme.missed
    axes.plot([panel.limit] * 2, [-0.5, 0.5], color=color, linewidth=2.2, solid_capstyle="butt")
    sign = "≥" if panel.is_more_better else "≤"
    text = f"target {sign} {_figure(panel.limit)}"
    axes.text(1, 1.02, text, ha="right", color=color, **above)


def _figure(value: float) -> str:
    if value >= 100:  # noqa: PLR2004  (three digits)
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004  (three digits)
