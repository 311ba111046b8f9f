"""Which nodes fail, drawn: performance by concentration and degree, cold-start rules, the shift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.bench.report.plots_canvas import draw_svg, legend, legend_height
from graphlab.bench.report.plots_degree import bin_counts, bin_label, bin_line
from graphlab.bench.report.series import Series
from graphlab.bench.report.svg import MUTED, series_color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from graphlab.bench.report.diagnosis import DiagnosedSystem
    from graphlab.bench.report.display import MetricStyle

__all__ = ["by_topology", "cold_starts", "shift"]

_PERCENT = 100.0
_TRAIN, _TEST = series_color(0), series_color(1)
_Bin = tuple[Any, Any]


def by_topology(
    key: str, where: str, systems: Sequence[DiagnosedSystem], metric: str, style: MetricStyle
) -> str:
    """Draw a metric of nodes by concentration of their test links, and by degree, side by side.

    Args:
        key: Makes ids unique on a page.
        where: Data set and protocol, for the description.
        systems: Those with node metrics.
        metric: Key of the metric.
        style: How it is shown.

    Returns:
        SVG.
    """
    left = [_series(one, one.by_tc, metric) for one in systems]
    right = [_series(one, one.by_degree, metric) for one in systems]

    def draw(figure: Figure) -> None:
        axes = figure.subplots(2, 2, sharex="col", height_ratios=(3.2, 1))
        axes[0, 1].sharey(axes[0, 0])
        _bins(axes[:, 0], left, style, _tc_label)
        _bins(axes[:, 1], right, style, bin_label)
        axes[0, 0].set_ylabel(f"mean {style.axis}")
        axes[0, 1].tick_params(labelleft=False)
        axes[1, 0].set_ylabel("test nodes")
        axes[1, 0].set_xlabel("TC of its test links")
        axes[1, 1].set_xlabel("training degree")
        figure.align_xlabels(axes[1])
        legend(figure, left, line=False)

    words = []
    for what, series, name in (("TC", left, _tc_label), ("degree", right, bin_label)):
        for one in series:
            means = [(here, _mean(one, here) * style.scale) for here in _bins_of([one])]
            parts = ", ".join(f"{value:.1f} at {name(here)}" for here, value in means)
            words.append(f"{one.label} by {what}: {parts}")
    return draw_svg(
        key,
        draw,
        height=3.75 + legend_height(left),
        title=f"{style.label} of nodes by concentration and by degree on {where}",
        text="; ".join(words) + ". Mean over splits.",
    )


def cold_starts(
    key: str, where: str, systems: Sequence[DiagnosedSystem], metric: str, style: MetricStyle
) -> str | None:
    """Draw how far nodes at or below a threshold lag behind the rest, of degree and of TC.

    Args:
        key: Makes ids unique on a page.
        where: Data set and protocol, for the description.
        systems: Those with node metrics.
        metric: Key of the metric.
        style: How it is shown.

    Returns:
        SVG; None where no threshold divides the nodes.
    """
    rules = (("degree", "training degree"), ("tc_train", "TC of training links"))
    if not any(one.cold[rule] for one in systems for rule, _ in rules):
        return None
    series = [Series(name=one.name, index=one.index) for one in systems]

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        for axis, (rule, name) in zip((left, right), rules, strict=True):
            axis.axhline(0, color=MUTED, lw=1)
            for one, look in zip(systems, series, strict=True):
                _lag(axis, one.cold[rule], metric, style, look)
            axis.set_xlabel(f"{name} at most")
            axis.margins(x=0.06, y=0.1)
        left.set_ylabel(f"lag in {style.axis}")
        left.set_xticks(range(2, 11, 2))
        right.set_xticks([0.02, 0.04, 0.06, 0.08, 0.1], ["0.02", "0.04", "0.06", "0.08", "0.1"])
        legend(figure, series, line=True)

    words = []
    for one, look in zip(systems, series, strict=True):
        for rule, name in rules:
            lags = [_lags(row, metric) * style.scale for row in one.cold[rule]]
            if lags:
                words.append(
                    f"{look.label}: by {name} the nodes lag by {min(lags):.1f} to {max(lags):.1f}"
                )
    return draw_svg(
        key,
        draw,
        height=2.55 + legend_height(series),
        title=f"Lag of nodes under cold-start thresholds on {where}",
        text=f"{'; '.join(words)} {style.unit}. Mean over splits.",
    )


def shift(key: str, where: str, found: dict[str, Any]) -> str:
    """Draw how the concentration of test links is shifted against that of training links.

    Args:
        key: Makes ids unique on a page.
        where: Data set and protocol, for the description.
        found: Of ``concentration_shift``, averaged over splits.

    Returns:
        SVG.
    """
    edges = np.array(found["edges"])
    parts = (("training links", "train", _TRAIN, "-"), ("test links", "test", _TEST, (0, (4, 1.5))))

    def draw(figure: Figure) -> None:
        axis = figure.subplots()
        for label, name, color, dash in parts:
            share = np.array(found[f"share_{name}"]) * _PERCENT
            mean = found[f"mean_{name}"]
            options: dict[str, Any] = {"color": color, "ls": dash}
            axis.stairs(share, edges, label=f"{label}, mean {mean:.2f}", lw=1.6, **options)
            axis.stairs(share, edges, fill=True, color=color, alpha=0.14, lw=0)
            axis.axvline(mean, lw=1, alpha=0.8, **options)
        axis.set_xlim(0, 1)
        axis.set_ylim(bottom=0)
        axis.set_xlabel("topological concentration of a test node")
        axis.set_ylabel("test nodes (%)")
        axis.legend(loc="upper right")

    return draw_svg(
        key,
        draw,
        height=2.7,
        title=f"Concentration of training and test links on {where}",
        text=f"The mean over test nodes is {found['mean_train']:.3f} for their training links and "
        f"{found['mean_test']:.3f} for their test links; {found['lower'] * _PERCENT:.0f} % of the "
        "nodes have a lower value for their test links.",
    )


# -- private --------------------------------------------------------------------------------------


def _series(one: DiagnosedSystem, splits: Sequence[dict[_Bin, Any]], metric: str) -> Series:
    """Bins of one metric in the form that figures by degree take."""
    values = tuple(
        {here: (count, means[metric]) for here, (count, means) in split.items()} for split in splits
    )
    return Series(name=one.name, index=one.index, by_degree=values)


def _bins_of(series: Sequence[Series]) -> list[_Bin]:
    return sorted({here for one in series for split in one.by_degree for here in split})


def _mean(one: Series, here: _Bin) -> float:
    return float(np.mean([split[here][1] for split in one.by_degree if here in split]))


def _bins(axes: Any, series: Sequence[Series], style: MetricStyle, name: Any) -> None:  # noqa: ANN401
    upper, lower = axes
    bins = _bins_of(series)
    for place, one in enumerate(series):
        bin_line(upper, one, bins, style, (place, len(series)))
    upper.margins(y=0.08)
    bin_counts(lower, series, bins)
    turned: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    lower.set_xticks(range(len(bins)), [name(here) for here in bins], **turned)
    lower.set_xlim(-0.6, len(bins) - 0.4)
    for axis in (upper, lower):
        axis.grid(axis="x", visible=False)


def _tc_label(here: _Bin) -> str:
    """Upper end of a range; the lower one is that of the range before."""
    low, high = here
    return "0" if low == high else f"to {high:g}"


def _lag(
    axis: Axes, rows: Sequence[dict[str, float]], metric: str, style: MetricStyle, look: Series
) -> None:
    axis.plot(
        [row["threshold"] for row in rows],
        [_lags(row, metric) * style.scale for row in rows],
        color=look.color,
        ls=look.dash,
        marker=look.marker,
        ms=3.5,
    )


def _lags(row: dict[str, float], metric: str) -> float:
    return row[f"{metric}_above"] - row[f"{metric}_below"]
