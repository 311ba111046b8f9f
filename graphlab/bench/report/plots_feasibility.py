"""Feasibility of pre-training, drawn: graphons as heat maps, distances and weights as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.bench.report.plots_canvas import draw_svg, fitting
from graphlab.bench.report.svg import GRID, INK, MUTED, series_color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Map = tuple[str, str, NDArray[np.float64]]

__all__ = ["bars", "heat_maps"]

_ACROSS = 3
_TALL = 1.75  # inches of a row of heat maps
_TITLE_POINTS = 92
_NAME_POINTS = 110


def heat_maps(key: str, title: str, maps: Sequence[Map]) -> str:
    """Draw step functions with one colour bar, from 0 to the largest value of all.

    Graphons of sparse graphs would not show on a scale to 1.

    Args:
        key: Makes ids unique on a page.
        title: Read aloud.
        maps: Name, a line below it, values (s, s); three in a row.

    Returns:
        SVG with the maps as embedded pictures.
    """
    rows = -(-len(maps) // _ACROSS)
    top = max(float(values.max()) for *_, values in maps) or 1.0

    def draw(figure: Figure) -> None:
        axes: list[Axes] = figure.subplots(rows, _ACROSS, squeeze=False).ravel().tolist()
        for axis in axes[len(maps) :]:
            axis.set_axis_off()
        for axis, (name, below, values) in zip(axes, maps, strict=False):
            image = axis.imshow(
                *(values, "viridis"), vmin=0, vmax=top, extent=(0, 1, 1, 0), interpolation="nearest"
            )
            axis.set_title(f"{fitting(name, _TITLE_POINTS)}\n{below}")
            axis.set_xticks([0, 1])
            axis.set_yticks([0, 1])
            axis.grid(visible=False)
        axes[0].set_xlabel("place, by falling degree")
        bar = figure.colorbar(image, ax=axes, orientation="horizontal", aspect=40, pad=0.03)
        bar.set_label("chance of an edge")

    said = "; ".join(f"{name}: mean {values.mean():.3g}" for name, _, values in maps)
    text = f"Heat maps of chances of an edge. {said}."
    return draw_svg(key, draw, height=_TALL * rows + 0.75, title=title, text=text)


def bars(
    key: str,
    title: str,
    values: dict[str, float],
    *,
    label: str,
    best: str | None = None,
    line: tuple[str, float] | None = None,
) -> str:
    """Draw a bar a name from zero, the best in colour.

    Args:
        key: Makes ids unique on a page.
        title: Read aloud.
        values: Length of each bar by name.
        label: Of the axis.
        best: Bar in colour; all, if there is none.
        line: Word and value of a line for scale.

    Returns:
        SVG.
    """

    def draw(figure: Figure) -> None:
        axis = figure.subplots()
        place = np.arange(len(values))
        colors = [series_color(0) if best in (None, name) else MUTED for name in values]
        drawn = axis.barh(place, list(values.values()), color=colors, height=0.62)
        options: dict[str, Any] = {"padding": 4, "color": INK, "fontsize": 9}
        axis.bar_label(drawn, [f"{value:.3g}" for value in values.values()], **options)
        axis.set_yticks(place, [fitting(name, _NAME_POINTS) for name in values])
        axis.invert_yaxis()
        axis.grid(visible=False, axis="y")
        longest = max([*values.values(), 0.0 if line is None else line[1]]) or 1.0
        axis.set_xlim(0, 1.22 * longest)
        axis.set_xlabel(label)
        if line is not None:
            axis.axvline(line[1], color=INK, ls=(0, (4, 2)), lw=1)
            at = (line[1], 1.0)
            axis.annotate(
                *(line[0], at, (0, 3)),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=9,
            )
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_color(GRID)

    said = "; ".join(f"{name} {value:.3g}" for name, value in values.items())
    if line is not None:
        said += f"; for scale, {line[0]} {line[1]:.3g}"
    height = 0.8 + 0.3 * len(values)
    return draw_svg(key, draw, height=height, title=title, text=f"{label}: {said}.")
