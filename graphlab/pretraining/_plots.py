"""Pictures of a comparison of graphons, and of a choice of data sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from graphlab.pretraining.report import FamilyFit, FeasibilityReport
    from graphlab.pretraining.selection import Selection

    Floats = NDArray[np.float64]

__all__ = ["draw_feasibility", "draw_selection"]

_MOST_BASES = 5  # heat maps of bases; the rest weigh least
_LONGEST = 18  # letters of a name over a heat map
_ROOM = 45  # letters below the bars of weights
_BEST, _OTHER = "#0072B2", "#B8B8B8"
_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # a $ in a name is a $
    "svg.hashsalt": "graphlab",
}
_PLAIN = (
    ("density", "density, apart"),
    ("mean_degree", "mean degree, apart"),
    ("degree_distribution", "degrees, 1-Wasserstein"),
)


def draw_feasibility(report: FeasibilityReport, path: str | Path) -> None:
    """Draw heat maps of bases, mixture, target and difference above bars of distance and weight.

    All heat maps share one colour bar from 0 to the largest value: graphons of sparse graphs would
    not show on 0 to 1.

    Args:
        report: What to draw.
        path: File to write.
    """
    maps = _maps(report)

    def draw(figure: Figure) -> None:
        above, below = _halves(figure, 1.25, 1.0)
        axes: list[Axes] = np.atleast_1d(above.subplots(1, len(maps))).tolist()
        top = max(float(values.max()) for _, values in maps) or 1.0
        for axis, (title, values) in zip(axes, maps, strict=True):
            image = axis.imshow(values, vmin=0, vmax=top, cmap="viridis", extent=(0, 1, 1, 0))
            axis.set_title(title)
            axis.set_xticks([0, 1])
            axis.set_yticks([0, 1] if axis is axes[0] else [])
        axes[0].set_xlabel("place, by falling degree")
        above.colorbar(image, ax=axes, label="chance of an edge", pad=0.02)
        left, right = below.subplots(1, 2, width_ratios=[1.0, 1.4])
        _distances(left, report)
        _weights(right, report.best)

    _save(draw, path, (1.75 * len(maps) + 1.2, 5.1))


def draw_selection(selection: Selection, path: str | Path) -> None:
    """Draw the distance by number of sets, and each candidate's distance beside plain statistics.

    Args:
        selection: What to draw.
        path: File to write.
    """
    rows = selection._rows()

    def draw(figure: Figure) -> None:
        above, below = _halves(figure, 2.4, 0.32 * len(rows) + 0.9)
        axis = above.subplots()
        number = np.arange(1, len(selection.curve) + 1)
        axis.plot(number, selection.curve, "o-", color=_BEST)
        for k, name in enumerate(selection.ranking):
            axis.annotate(
                _short(name), (number[k], selection.curve[k]), (4, 5), textcoords="offset points"
            )
        axis.set_xlabel("number of data sets")
        axis.set_ylabel("distance (0: alike)")
        axis.set_ylim(0, 1.2 * max([*selection.curve, 1e-12]))
        axis.set_xlim(0.7, len(number) + 0.7)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        columns = [("alone", "distance alone"), *_PLAIN]
        panels = below.subplots(1, len(columns), sharey=True)
        place = np.arange(len(rows))
        colors = [_OTHER if row["place"] is None else _BEST for row in rows]
        for panel, (key, label) in zip(panels, columns, strict=True):
            panel.barh(place, [row[key] for row in rows], color=colors)
            panel.set_xlabel(label)
            panel.xaxis.set_major_locator(MaxNLocator(3))
        panels[0].set_yticks(place, [_ranked(row) for row in rows])
        panels[0].invert_yaxis()

    _save(draw, path, (8.2, 3.6 + 0.32 * len(rows)))


# -- private --------------------------------------------------------------------------------------


def _halves(figure: Figure, above: float, below: float) -> tuple[SubFigure, SubFigure]:
    parts: Any = figure.subfigures(2, 1, height_ratios=[above, below])  # an array of objects
    return parts[0], parts[1]


def _maps(report: FeasibilityReport) -> list[tuple[str, Floats]]:
    """Titles and values of the heat maps."""
    fit = report.best
    falling = sorted(fit.weights.items(), key=lambda pair: -pair[1])[:_MOST_BASES]
    shown = [name for name in fit.weights if name in dict(falling)]
    maps = [
        (
            f"{_short(name.removeprefix(f'{fit.family}:'))}\n"
            f"{report.bases[name].n_graphs} graphs\n"
            f"density {report.bases[name].density:.3g}\nweight {fit.weights[name]:.2f}",
            report.bases[name].step,
        )
        for name in shown
    ]
    mixture, target = report.mixture(), report.target.step
    # the mixture in the order of the target's places, by the coupling that was found
    mass = np.outer(fit.coupling.sum(0), fit.coupling.sum(0))
    moved = fit.coupling.T @ mixture @ fit.coupling / mass
    maps += [
        (f"mixture of {fit.K}\n{fit.family}\ndensity {mixture.mean():.3g}", mixture),
        (f"downstream\n{report.target.n_graphs} graphs\ndensity {target.mean():.3g}", target),
        (
            f"difference\nas coupled,\nmean {np.abs(moved - target).mean():.3g}",
            np.abs(moved - target),
        ),
    ]
    return maps


def _distances(axis: Axes, report: FeasibilityReport) -> None:
    rows = report.rows
    place = np.arange(len(rows))
    colors = [_BEST if row is report.best else _OTHER for row in rows]
    axis.barh(place, [row.distance for row in rows], color=colors)
    axis.set_yticks(
        place, [f"{row.family}{', best' if row is report.best else ''}" for row in rows]
    )
    axis.invert_yaxis()
    if report.loss == "square":
        axis.axvline(report.structureless, color="#555555", ls="--", lw=1)
        axis.text(
            *(report.structureless, -0.55, "no structure"), ha="center", va="bottom", fontsize=8
        )
    axis.set_xlim(0, 1.12 * max([*(row.distance for row in rows), report.structureless, 1e-12]))
    axis.set_xlabel("distance (0: alike)")


def _weights(axis: Axes, fit: FamilyFit) -> None:
    names = [_short(name.removeprefix(f"{fit.family}:")) for name in fit.weights]
    axis.bar(np.arange(len(names)), list(fit.weights.values()), color=_BEST)
    turned = len(names) * max(len(name) for name in names) > _ROOM
    turn: dict[str, Any] = {"rotation": 30, "ha": "right"} if turned else {}
    axis.set_xticks(np.arange(len(names)), names, **turn)
    axis.set_xlim(-0.7, max(len(names), 3) - 0.3)
    axis.set_ylim(0, 1)
    axis.set_ylabel(f"weight ({fit.family})")


def _ranked(row: dict[str, Any]) -> str:
    name = _short(row["candidate"])
    return name if row["place"] is None else f"{row['place']}. {name}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _save(draw: Callable[[Figure], None], path: str | Path, size: Sequence[float]) -> None:
    kind = Path(path).suffix.lower()
    # equal data gives equal bytes
    dated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(kind)
    with mpl.rc_context(_STYLE):
        layout = ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08)  # inches
        figure = Figure(figsize=(size[0], size[1]), layout=layout)
        FigureCanvasAgg(figure)
        draw(figure)
        figure.savefig(path, dpi=150, metadata=dated)
