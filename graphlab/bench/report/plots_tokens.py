"""Token sequences, drawn: clusters by level or lengths, and how far apart ends of edges stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from graphlab.bench.report.plots_canvas import draw_svg
from graphlab.bench.report.svg import series_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["sequences"]

_PERCENT = 100.0
_BINS = 40
_DASHES = ("-", (0, (4, 1.5)))


def sequences(
    key: str, values: dict[str, Any], apart: dict[str, Any], length: NDArray[np.int64]
) -> str:
    """Draw clusters by level, else lengths; beside them the share of edges within a distance.

    Args:
        key: Makes ids unique on a page.
        values: Of :func:`graphlab.bench.token_output.statistics`, with ``graph`` and ``tokenizer``.
        apart: Distances of the ends of edges by order; may be empty.
        length: Lengths of the sequences.

    Returns:
        SVG.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, 2 if apart else 1, squeeze=False)[0]
        if "levels" in values:
            _levels(axes[0], values["levels"])
        else:
            _lengths(axes[0], length)
        if apart:
            _close(axes[1], apart)

    text = f"{values['sequences']} sequences of {values['of']}, {values['tokens']} tokens"
    if values.get("close", {}).get("sequence") is not None:
        share = _PERCENT * values["close"]["sequence"]
        text += f"; {share:.0f} % of the edges join nodes at most {values['within']} places apart"
    title = f"Tokens of {values['graph']} by {values['tokenizer']}"
    return draw_svg(key, draw, height=2.7, title=title, text=f"{text}.")


def _levels(axis: Axes, levels: list[dict[str, int]]) -> None:
    number = [row["level"] for row in levels]
    clusters = [max(row["clusters"], 1) for row in levels]
    axis.semilogy(number, clusters, "o-", color=series_color(0))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _plain(axis.yaxis)
    axis.set_xlabel("level, 0: nodes")
    axis.set_ylabel("clusters")


def _lengths(axis: Axes, length: NDArray[np.int64]) -> None:
    axis.hist(length, bins=_BINS, color=series_color(0))
    axis.set_xlabel("tokens of a sequence")
    axis.set_ylabel("sequences")


def _close(axis: Axes, apart: dict[str, Any]) -> None:
    for index, (name, distance) in enumerate(apart.items()):
        if distance.size:
            at = np.unique(distance)
            share = np.searchsorted(np.sort(distance), at, side="right") / distance.size
            options: dict[str, Any] = {"ls": _DASHES[index % 2], "color": series_color(index)}
            axis.plot(at, _PERCENT * share, label=f"order: {name}", lw=1.6, **options)
            axis.legend(loc="lower right")
    axis.set_xscale("log")
    _plain(axis.xaxis)
    axis.set_ylim(0, _PERCENT)
    axis.set_xlabel("places between the ends")
    axis.set_ylabel("edges (%)")


def _plain(axis: Axis) -> None:
    """Write the numbers of a logarithmic axis out: powers would be text in a formula language."""
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_minor_formatter(NullFormatter())
