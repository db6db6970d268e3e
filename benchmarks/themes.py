"""The colors and the panels of the pictures, for GitHub's light and dark pages."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

DPI = 200
"""Twice the width at which GitHub shows a picture."""


@dataclass(frozen=True, slots=True)
class Theme:
    """A page's background, and the colors of text, contestants and targets on it."""

    suffix: str
    background: str
    text: str
    muted: str
    colors: Mapping[str, str]
    reached: str
    missed: str


LIGHT = Theme(
    suffix="",
    background="#ffffff",
    text="#1f2328",
    muted="#59636e",
    colors={"relay": "#0969da", "script": "#818b98", "floor": "#d1d9e0"},
    reached="#1a7f37",
    missed="#cf222e",
)
DARK = Theme(
    suffix="-dark",
    background="#0d1117",
    text="#f0f6fc",
    muted="#9198a1",
    colors={"relay": "#4493f8", "script": "#656c76", "floor": "#3d444d"},
    reached="#3fb950",
    missed="#f85149",
)
THEMES = (LIGHT, DARK)


@contextmanager
def drawing(
    picture: Path, theme: Theme, shape: tuple[int, int], height: float, pads: tuple[float, float]
) -> Iterator[Sequence[Axes]]:
    """Yield the empty panels of a picture, and write it at the block's end.

    `shape` is the number of panels and of columns, `height` that of a row, and `pads` are the space
    beside and above each panel, all in inches.
    """
    count, columns = shape
    rows = -(-count // columns)
    with _styled(theme):
        layout = ConstrainedLayoutEngine(w_pad=pads[0], h_pad=pads[1])
        figure = Figure(figsize=(10, height * rows), layout=layout)
        panels = [*figure.subplots(rows, columns, squeeze=False).flat]
        for one in panels:
            one.set_axis_off()
        yield panels
        figure.savefig(picture, dpi=DPI)


def _styled(theme: Theme) -> AbstractContextManager[None]:
    """Return a context in which figures have the colors of `theme`."""
    return mpl.rc_context(
        {
            "figure.facecolor": theme.background,
            "axes.facecolor": theme.background,
            "savefig.facecolor": theme.background,
            "text.color": theme.text,
            "axes.labelcolor": theme.muted,
            "axes.edgecolor": theme.muted,
            "xtick.color": theme.muted,
            "ytick.color": theme.text,
            "grid.color": theme.muted,
            "font.size": 9,
        }
    )
