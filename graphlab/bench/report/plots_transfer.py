"""Feasibility against measured gain, a point a source and task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["draw_transfer"]

_TITLES = {"probe": "Probe", "tuned": "Fine-tuning"}
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
_MARKS = "osD^v"


def draw_transfer(found: Mapping[str, Any], path: Path) -> None:
    """Draw the first predictor against the gain, both standardised within each task.

    Args:
        found: Of :func:`graphlab.bench.transfer.summary.summarise`.
        path: SVG file to write.
    """
    name = next(iter(found["measures"].values()))["predictors"][0]["predictor"]
    across = _standardised(np.array(found["predictors"][name]))
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    FigureCanvasSVG(figure)
    for place, (kind, measured) in enumerate(found["measures"].items()):
        axes = figure.add_subplot(1, len(found["measures"]), place + 1)
        up = _standardised(np.array(measured["gains"]))
        for number, task in enumerate(found["tasks"]):
            axes.scatter(
                across[:, number],
                up[:, number],
                s=16,
                color=_COLOURS[number % len(_COLOURS)],
                marker=_MARKS[number // len(_COLOURS)],
                label=task,
            )
        axes.axhline(0, color="grey", lw=0.6)
        axes.axvline(0, color="grey", lw=0.6)
        told = measured["predictors"][0]["pearson"]
        r, p = told["pooled"], told["p_sources"]
        text = "r undefined" if r is None else f"r = {r:+.2f}, p = {p:.2g}, {told['points']} points"
        axes.set_title(f"{_TITLES[kind]}\n{text}", fontsize=10)
        axes.set_xlabel(f"{name}\n(standardised within the task)")
        axes.set_ylabel("gain (standardised within the task)")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=7, frameon=False)
    # a fixed salt and no date: the same numbers give the same file
    with mpl.rc_context({"svg.hashsalt": "graphlab", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})


def _standardised(values: Any) -> Any:  # noqa: ANN401  (arrays)
    spread = values.std(0)
    return (values - values.mean(0)) / np.where(spread > 0, spread, 1)
