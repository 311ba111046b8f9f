"""Learning curves, every seed, and quality against cost: figures of one data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from graphlab.bench.report.display import MetricStyle, compact, seconds, spread
from graphlab.bench.report.plots_canvas import draw_svg, fitting, legend, legend_height
from graphlab.bench.report.svg import GRID, INK, MUTED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from graphlab.bench.report.series import Series

__all__ = [
    "against_parameters",
    "against_time",
    "learning_curves",
    "seed_scatter",
]

_POINTS = 120
_ROOM = 150.0  # points for a name beside its row
_STEP = 0.03  # of an axis: width of a mark


def learning_curves(
    key: str, where: str, series: Sequence[Series], metric: str, style: MetricStyle
) -> str | None:
    """Draw validation metric and loss by epoch: median over seeds, band of the 10-90 % quantiles.

    A line ends where fewer than half of the seeds were still in training.

    Args:
        key: Makes ids unique on a page.
        where: Data set and protocol, for the description.
        series: One a system.
        metric: Name of the metric in the curves.
        style: How the metric is shown.

    Returns:
        SVG, or None when no run has noted a curve.
    """
    panels = [
        (f"val.{metric}", style.scale, f"validation\n{style.axis}"),
        ("val.loss", 1.0, "validation\nloss"),
    ]
    panels = [p for p in panels if any(p[0] in c for s in series for c in s.curves)]
    shown = [s for s in series if any(p[0] in c for p in panels for c in s.curves)]
    if not shown:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axis, (name, scale, label) in zip(axes, panels, strict=True):
            values = np.concatenate([_curve(axis, one, name, scale) for one in shown])
            steep = values.min() > 0 and values.max() > 10 * np.median(values)
            if steep:
                axis.set_yscale("log")
            axis.set_ylabel(f"{label} (log)" if steep else label)
            axis.yaxis.set_label_coords(-0.115, 0.5)
            axis.margins(x=0.01)
        axes[-1].set_xlabel("epoch")
        axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        legend(figure, shown, line=True)

    ends = "; ".join(f"{s.label}: {_last_epochs(s)}" for s in shown)
    return draw_svg(
        key,
        draw,
        height=1.55 + 1.25 * len(panels) + legend_height(shown),
        title=f"Learning curves on {where}",
        text=f"Median over seeds with the band of the 10 to 90 % quantiles. {ends}.",
    )


def seed_scatter(key: str, where: str, series: Sequence[Series], style: MetricStyle) -> str | None:
    """Draw one dot a seed, the mean with its 95 % t interval, and the published mean.

    Args:
        key: Makes ids unique on a page.
        where: Data set and protocol, for the description.
        series: One a system, the first on top.
        style: How the metric is shown.
    """
    if not any(s.values for s in series):
        return None

    def draw(figure: Figure) -> None:
        axis = figure.subplots()
        for row, one in enumerate(series):
            _dots(axis, row, one, style)
        axis.set_yticks(range(len(series)), [_row_label(s) for s in series])
        axis.set_ylim(len(series) - 0.5, -0.5)
        axis.hlines(np.arange(1, len(series)) - 0.5, 0, 1, GRID, lw=0.6, transform=_across(axis))
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="y", visible=False)
        axis.set_xlabel(f"test {style.axis}")
        axis.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axis.margins(x=0.06)
        handles = [
            Line2D([], [], ls="", marker="o", mew=0, color=MUTED, ms=5, label="seed"),
            Line2D(
                [],
                [],
                ls="-",
                lw=2,
                marker="|",
                color=MUTED,
                mec=INK,
                ms=9,
                mew=2.2,
                label="mean, 95 % interval",
            ),
        ]
        if any(s.published for s in series):
            handles.append(_published_mark(label="published"))
        figure.legend(handles=handles, loc="outside lower center", ncols=3)

    parts = [_summary(s, style) for s in series]
    return draw_svg(
        key,
        draw,
        height=1.0 + 0.42 * len(series),
        title=f"Test {style.label} of every seed on {where}",
        text="; ".join(parts) + ".",
    )


def against_time(key: str, where: str, series: Sequence[Series], style: MetricStyle) -> str | None:
    """Draw test metric against median training time, with one standard deviation."""
    points = [(s, s.train_seconds) for s in series if s.train_seconds]
    head = (key, f"training time of a run on {where}", style)
    return _trade_off(head, points, "training time of a run (s, log scale)", seconds)


def against_parameters(
    key: str, where: str, series: Sequence[Series], style: MetricStyle
) -> str | None:
    """Draw test metric against the number of learnable parameters, with one deviation."""
    points = [(s, float(s.parameters)) for s in series if s.parameters]
    head = (key, f"learnable parameters on {where}", style)
    axis = "learnable parameters (log scale)"
    return _trade_off(head, points, axis, lambda value: compact(round(value)))


# -- private --------------------------------------------------------------------------------------


def _trade_off(
    head: tuple[str, str, MetricStyle],
    points: Sequence[tuple[Series, float]],
    label: str,
    write: Callable[[float], str],
) -> str | None:
    key, against, style = head
    points = [(s, x) for s, x in points if s.values]
    if not points:
        return None
    shown = [s for s, _ in points]

    def draw(figure: Figure) -> None:
        axis = figure.subplots()
        places = _apart([x for _, x in points])
        for (one, _), x in zip(points, places, strict=True):
            values = np.array([v for _, v in one.values]) * style.scale
            error = values.std(ddof=1) if len(values) > 1 else 0.0
            axis.errorbar(
                x,
                values.mean(),
                yerr=error or None,
                color=one.color,
                marker=one.marker,
                ms=7,
                capsize=3,
                elinewidth=1.2,
                ls="",
            )
        _log_axis(axis, [x for _, x in points])
        axis.set_xlabel(label)
        axis.set_ylabel(f"test {style.axis}")
        axis.margins(y=0.12)
        legend(figure, shown, line=False)

    text = "; ".join(f"{_summary(s, style)} at {write(x)}" for s, x in points)
    return draw_svg(
        key,
        draw,
        height=2.5 + legend_height(shown),
        title=f"Test {style.label} against {against}",
        text=f"{text}.",
    )


def _curve(axis: Axes, one: Series, name: str, scale: float) -> NDArray[np.float64]:
    """Draw one system; return the values of its line."""
    runs = [curve[name] for curve in one.curves if curve.get(name)]
    if not runs:
        return np.empty(0)
    epochs = sorted({epoch for run in runs for epoch, _ in run})
    pick = np.unique(np.linspace(0, len(epochs) - 1, min(_POINTS, len(epochs))).round().astype(int))
    grid = np.array(epochs)[pick]
    values = np.full((len(runs), len(grid)), np.nan)
    for line, run in zip(values, runs, strict=True):
        at, noted = np.array([e for e, _ in run]), np.array([v for _, v in run])
        place = np.searchsorted(at, grid, side="right") - 1
        running = (place >= 0) & (grid <= at[-1])
        line[running] = noted[place[running]] * scale
    enough = np.isfinite(values).sum(axis=0) * 2 >= len(runs)
    grid, values = grid[enough], values[:, enough]
    median = np.nanmedian(values, axis=0)
    if len(runs) > 1:
        low, high = np.nanquantile(values, (0.1, 0.9), axis=0)
        axis.fill_between(grid, low, high, color=one.color, alpha=0.18, lw=0)
    style: dict[str, Any] = {"color": one.color, "ls": one.dash}
    if len(grid) == 1:
        style |= {"marker": one.marker, "ms": 5}
    axis.plot(grid, median, **style)
    return np.asarray(median, dtype=np.float64)


def _dots(axis: Axes, row: int, one: Series, style: MetricStyle) -> None:
    """Dots of the seeds above the row's middle, mean, interval and published mean below it."""
    values = np.array([value for _, value in one.values]) * style.scale
    n, line = len(values), row + 0.2
    if n:
        lift = row - 0.16 + (np.linspace(-0.13, 0.13, n) if n > 1 else np.zeros(1))
        axis.plot(values, lift, ls="", marker="o", ms=5, mew=0, color=one.color, alpha=0.7)
        mean = values.mean()
        if n > 1:
            from scipy.special import stdtrit

            half = stdtrit(n - 1, 0.975) * values.std(ddof=1) / np.sqrt(n)
            axis.plot([mean - half, mean + half], [line, line], color=one.color, lw=2)
        axis.plot([mean], [line], ls="", marker="|", ms=9, mew=2.2, color=INK)
    if one.published is not None:
        mark = _published_mark()
        mark.set_data([one.published.mean * style.scale], [line])
        axis.add_line(mark)
        axis.update_datalim([(one.published.mean * style.scale, line)])
        axis.autoscale_view()


def _row_label(one: Series) -> str:
    label = fitting(one.label, _ROOM)
    return f"{label}\n{one.remark}" if one.remark else label


def _across(axis: Axes) -> Any:  # noqa: ANN401  (a matplotlib transform)
    return axis.get_yaxis_transform()


def _published_mark(label: str = "") -> Line2D:
    return Line2D(
        [], [], ls="", marker="D", ms=6, mew=1.3, mfc="none", mec=INK, color=INK, label=label
    )


def _apart(values: Sequence[float]) -> list[float]:
    """Values on a logarithmic axis; those that would hide each other are moved side by side."""
    places = np.log(np.array(values))
    low, high = _limits(values)
    step = _STEP * (np.log(high) - np.log(low))
    moved = places.copy()
    group: list[int] = []
    order = [int(index) for index in np.argsort(places, kind="stable")]
    for here, following in zip(order, [*order[1:], None], strict=True):
        group.append(here)
        if following is None or places[following] - places[here] > 0.8 * step:
            for place, index in enumerate(group):
                moved[index] = places[group].mean() + step * (place - (len(group) - 1) / 2)
            group = []
    return [float(value) for value in np.exp(moved)]


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = max((high / low) ** 0.12, 1.35)
    return low / room, high * room


def _log_axis(axis: Axes, values: Sequence[float]) -> None:
    axis.set_xscale("log")
    low, high = min(values), max(values)
    axis.set_xlim(*_limits(values))
    axis.xaxis.set_major_locator(LogLocator(subs=_ticks(high / low), numticks=12))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.12g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _ticks(ratio: float) -> tuple[float, ...]:
    """Multiples of powers of ten that are labelled, the fewer the longer the axis."""
    for largest, multiples in ((3, (1, 1.5, 2, 3, 4, 5, 6, 8)), (25, (1, 2, 5)), (1000, (1, 3))):
        if ratio < largest:
            return multiples
    return (1,)


def _last_epochs(one: Series) -> str:
    last = [max(points[-1][0] for points in curve.values()) for curve in one.curves if curve]
    low, high = min(last), max(last)
    return f"{high} epochs" if low == high else f"{low} to {high} epochs"


def _summary(one: Series, style: MetricStyle) -> str:
    values = np.array([value for _, value in one.values])
    if not len(values):
        return f"{one.label}: no result" + (f" ({one.remark})" if one.remark else "")
    std = float(values.std(ddof=1)) if len(values) > 1 else None
    text = (
        f"{one.label}: {spread(style, float(values.mean()), std)}{style.unit and ' '}{style.unit}"
    )
    return f"{text} ({one.remark})" if one.remark else text
