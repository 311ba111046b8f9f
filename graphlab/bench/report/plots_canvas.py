"""What all figures share: size, style, legend, and the way from a drawing to SVG in a page.

Only the files ``plots*.py`` import matplotlib. Colours are drawn as place-holders and become CSS
variables afterwards, so that one figure is right on a light and on a dark page. Equal data gives
equal bytes: no dates, no random ids.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from graphlab.bench.report.svg import GRID, INK, MUTED, inline_svg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphlab.bench.report.series import Series

__all__ = ["draw_svg", "fitting", "legend", "legend_height"]

_WIDTH = 4.6
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "graphlab",
    "svg.fonttype": "none",
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9.5,
    "legend.fontsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "text.parse_math": False,  # a $ in a name is a $
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "path.simplify": True,
}


def fitting(name: str, points: float) -> str:
    """Cut a name that is wider than so many points as a label; within a drawing alone.

    Args:
        name: One line.
        points: Room for it.
    """
    from matplotlib.textpath import TextPath

    short = name
    while len(short) > 1 and TextPath((0, 0), short, size=9).get_extents().width > points:
        short = f"{short.rstrip('…')[:-1].rstrip()}…"
    return short


def legend(figure: Figure, shown: Sequence[Series], *, line: bool) -> None:
    """Put the names of systems below a figure, row by row.

    Args:
        figure: The figure.
        shown: The systems.
        line: Show their line; else their marker.
    """
    columns = _legend_columns(shown)
    # matplotlib fills columns; systems should be read row by row
    shown = [one for start in range(columns) for one in shown[start::columns]]
    handles = [
        Line2D([], [], color=s.color, ls=s.dash, label=s.label)
        if line
        else Line2D([], [], color=s.color, ls="", marker=s.marker, ms=6, label=s.label)
        for s in shown
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=columns,
        handlelength=2.6 if line else 1.2,
        columnspacing=1.2,
    )


def _legend_columns(shown: Sequence[Series]) -> int:
    longest = max(len(s.label) for s in shown)
    return max(1, min(len(shown), 48 // (longest + 6)))


def legend_height(shown: Sequence[Series]) -> float:
    """Return the inches that a legend takes."""
    return 0.19 * -(-len(shown) // _legend_columns(shown))


def draw_svg(
    key: str, draw: Callable[[Figure], None], *, height: float, title: str, text: str
) -> str:
    """Return a figure as SVG that can stand in a page.

    Args:
        key: Makes ids unique on a page.
        draw: Draws on the figure.
        height: Inches; the width is that of all figures.
        title: Read aloud, and shown under the pointer.
        text: What the figure shows, in words.
    """
    settings: dict[Any, Any] = {**mpl.rcParamsDefault, "backend": "svg", **_STYLE}
    with mpl.rc_context(settings), warnings.catch_warnings():
        # only widths come from matplotlib's fonts; the browser has glyphs for every letter
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        draw(figure)
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format")))
    return inline_svg(target.getvalue(), key, title, text)
