"""Quality by the degree of nodes: where a system is right, and how many samples say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.bench.report.plots_canvas import draw_svg, legend, legend_height
from graphlab.bench.report.svg import INK, MUTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from graphlab.bench.report.display import MetricStyle
    from graphlab.bench.report.series import Series

__all__ = ["bin_counts", "bin_label", "bin_line", "by_degree"]

_FEW = 10  # samples below which a bin's mean is drawn hollow
_THOUSAND = 1000
_ROUNDED = 9.95  # thousands from here on are written whole
_LEVEL_LABELS = 7  # more labels than that are turned
_Bin = tuple[int, int]


def by_degree(
    key: str, where: str, series: Sequence[Series], style: MetricStyle, task: str
) -> str | None:
    """Draw the test metric in each bin of degrees: mean over seeds, one standard deviation.

    Below it stands how many test samples a bin has. Marks of bins with fewer than 10 are hollow.

    Args:
        key: Makes ids unique on a page.
        where: Data set and protocol, for the description.
        series: One a system.
        style: How the metric is shown.
        task: Task name; says whether samples are nodes or links.

    Returns:
        SVG, or None when no run has noted degrees.
    """
    shown = [s for s in series if any(s.by_degree)]
    bins = sorted({here for s in shown for run in s.by_degree for here in run})
    if not bins:
        return None
    links = task == "link"

    def draw(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
        for place, one in enumerate(shown):
            bin_line(upper, one, bins, style, (place, len(shown)))
        upper.set_ylabel(f"test {style.axis}")
        upper.margins(y=0.08)
        bin_counts(lower, shown, bins)
        lower.set_ylabel("test links" if links else "test nodes")
        names = [bin_label(here) for here in bins]
        turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        lower.set_xticks(range(len(bins)), names, **(turned if len(bins) > _LEVEL_LABELS else {}))
        lower.set_xlim(-0.6, len(bins) - 0.4)
        lower.set_xlabel("smaller degree of the two nodes" if links else "degree of the node")
        for axis in (upper, lower):
            axis.grid(axis="x", visible=False)
            axis.yaxis.set_label_coords(-0.115, 0.5)
        legend(figure, shown, line=False)

    parts = [f"{s.label}: {_words(s, bins, style)}" for s in shown]
    return draw_svg(
        key,
        draw,
        height=3.35 + legend_height(shown) + (0.3 if len(bins) > _LEVEL_LABELS else 0),
        title=f"Test {style.label} by degree on {where}",
        text=f"{'; '.join(parts)}. Mean over seeds in each range of degrees.",
    )


def bin_line(
    axis: Axes, one: Series, bins: Sequence[_Bin], style: MetricStyle, place: tuple[int, int]
) -> None:
    """Draw one system over bins: mean and one standard deviation, hollow where nodes are few.

    Args:
        axis: Where.
        one: The system, with its bins.
        bins: All bins, in order.
        style: How the metric is shown.
        place: Number of the system, and how many there are: they stand side by side.
    """
    points, shift = [], _shift(*place)
    for position, here in enumerate(bins):
        found = [run[here] for run in one.by_degree if here in run]
        if found:
            values = np.array([value for _, value in found]) * style.scale
            points.append((position + shift, values, np.mean([count for count, _ in found])))
    axis.plot(
        [x for x, _, _ in points],
        [values.mean() for _, values, _ in points],
        color=one.color,
        ls=one.dash,
        lw=1,
        alpha=0.75,
    )
    for x, values, count in points:
        few = bool(count < _FEW)
        mean = values.mean()
        low, high = _spread(values, style)
        bar: dict[str, Any] = {"elinewidth": 1, "capsize": 2, "ls": "", "alpha": 0.45 if few else 1}
        axis.errorbar([x], [mean], yerr=([mean - low], [high - mean]), color=one.color, **bar)
        face = "none" if few else one.color
        axis.plot([x], [mean], ls="", marker=one.marker, ms=5, color=one.color, mfc=face)


def _spread(values: NDArray[np.float64], style: MetricStyle) -> tuple[float, float]:
    """One standard deviation down and up, as far as the metric goes."""
    mean, std = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
    bottom, top = style.bounds
    low = mean - std if bottom is None else max(mean - std, min(bottom, mean))
    high = mean + std if top is None else min(mean + std, max(top, mean))
    return low, high


def bin_counts(axis: Axes, series: Sequence[Series], bins: Sequence[_Bin]) -> None:
    """Draw how many samples each bin has, the mean over all runs.

    Args:
        axis: Where.
        series: The systems.
        bins: All bins, in order.
    """
    counts = [_count(series, here) for here in bins]
    axis.bar(range(len(counts)), counts, width=0.62, color=MUTED, alpha=0.45, lw=0)
    axis.set_ylim(0, max(counts) * 1.32)
    axis.set_yticks([])
    for place, count in enumerate(counts):
        axis.annotate(
            _short(count),
            (place, count),
            xytext=(0, 1.5),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            color=INK,
        )
    axis.spines["left"].set_visible(False)


def _short(count: float) -> str:
    """Write a count in four letters at most."""
    value, unit = count, ""
    for larger in ("k", "M"):
        if value < _THOUSAND - 0.5:
            break
        value, unit = value / _THOUSAND, larger
    return f"{value:.1f}{unit}" if unit and value < _ROUNDED else f"{value:.0f}{unit}"


def _shift(place: int, count: int) -> float:
    """Step aside, so that the marks of one bin do not hide each other."""
    return (place - (count - 1) / 2) * min(0.11, 0.6 / count)


def _count(series: Sequence[Series], here: _Bin) -> float:
    """Test samples of a bin, the mean over all runs: a split of another seed has others."""
    runs = [run for one in series for run in one.by_degree]
    return sum(run[here][0] for run in runs if here in run) / len(runs)


def bin_label(here: _Bin) -> str:
    """Write a range of degrees."""
    low, high = here
    return str(low) if low == high else f"{low}\N{EN DASH}{high}"


def _words(one: Series, bins: Sequence[_Bin], style: MetricStyle) -> str:
    parts = []
    for here in bins:
        values = [run[here][1] for run in one.by_degree if here in run]
        if values:
            parts.append(f"{style.number(float(np.mean(values)))} at {bin_label(here)}")
    return ", ".join(parts)
