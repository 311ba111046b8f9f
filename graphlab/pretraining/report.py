"""What :func:`graphlab.pretraining.feasibility` found: numbers, text, table, picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.io import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from graphlab.pretraining.graphon import Graphon

    Floats = NDArray[np.float64]

__all__ = ["CAUTION", "FamilyFit", "FeasibilityReport", "wrapped"]

CAUTION = (
    "Caution: the score compares shapes of graphs. It was not shown to predict in general what "
    "pre-training gains; where it and the plain statistics disagree, none of them decides. Train "
    "with and without pre-training, and compare on validation data."
)
_PLAIN = {
    "density": "density",
    "mean_degree": "mean degree",
    "degree_distribution": "degree distribution (1-Wasserstein)",
    "size": "number of nodes",
}
_SHOWN = 0.005  # weights below it are left out of the text


@dataclass(frozen=True, eq=False)
class FamilyFit:
    """The best mixture of one family of bases.

    Attributes:
        family: ``"integrated"``, ``"domain"`` or ``"topological"``.
        K: Number of bases.
        distance: Of the mixture from the downstream graphon; the problem is not convex, so a
            smaller one may exist.
        weights: Weight of each base by its name; at least 0, of sum 1.
        starts: Number of starting points of the search.
        seconds: Time for bases and weights.
        coupling: Mass (r, s) between cells of mixture and downstream graphon.
    """

    family: str
    K: int
    distance: float
    weights: dict[str, float]
    starts: int
    seconds: float
    coupling: Floats = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; the coupling is left out."""
        values = asdict(self)
        del values["coupling"]
        return values


@dataclass(frozen=True, eq=False, repr=False)
class FeasibilityReport:
    """Outcome of :func:`graphlab.pretraining.feasibility`; printed, it is a text with a table.

    Attributes:
        rows: One a family.
        bases: Graphons of all families by name, at the resolution at which they were compared.
        target: Graphon of the downstream graphs.
        baselines: How far apart plain statistics are: ``density``, ``mean_degree``, ``size``
            (nodes) as differences of means over graphs, ``degree_distribution`` as 1-Wasserstein
            distance of the degrees of all nodes. All pre-training graphs count alike.
        loss: Loss of the distances.
        warnings: What a reader should know: families left out, odd graphs.
    """

    rows: tuple[FamilyFit, ...]
    bases: Mapping[str, Graphon]
    target: Graphon
    baselines: Mapping[str, float]
    loss: str
    warnings: tuple[str, ...] = ()

    @property
    def best(self) -> FamilyFit:
        """The family with the smallest distance; the first of equals."""
        return min(self.rows, key=lambda row: row.distance)

    @property
    def score(self) -> float:
        """Minus the smallest distance: 0 is best."""
        return 0.0 - self.best.distance

    @property
    def best_family(self) -> str:
        """Name of the family with the smallest distance."""
        return self.best.family

    @property
    def best_weights(self) -> dict[str, float]:
        """Weight of each base of the best family by its name."""
        return dict(self.best.weights)

    @property
    def structureless(self) -> float:
        """Square-loss distance of a constant graphon of the downstream density: for scale."""
        return float(self.target.step.std())

    @property
    def table(self) -> pd.DataFrame:
        """One row a family: family, K, distance, weights, starts, seconds."""
        import pandas as pd

        return pd.DataFrame([row.to_dict() for row in self.rows])

    def to_frame(self) -> pd.DataFrame:
        """Return :attr:`table`."""
        return self.table

    def mixture(self, family: str | None = None) -> Floats:
        """Return the fitted mixture of bases of a family, (r, r); of the best one by default."""
        fit = self.best if family is None else self._row(family)
        steps = np.stack([self.bases[name].step for name in fit.weights])
        mixed: Floats = np.tensordot(np.array(list(fit.weights.values())), steps, 1)
        return mixed

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; step functions are told by density and number of graphs."""
        named = {**self.bases, "downstream": self.target}
        return {
            "score": self.score,
            "best_family": self.best_family,
            "best_weights": self.best_weights,
            "families": [row.to_dict() for row in self.rows],
            "baselines": dict(self.baselines),
            "structureless": self.structureless,
            "graphons": {
                name: {"n_graphs": g.n_graphs, "density": g.density, "cells": len(g.step)}
                for name, g in named.items()
            },
            "method": self.target.method,
            "align": self.target.align,
            "loss": self.loss,
            "caution": CAUTION,
            "warnings": list(self.warnings),
        }

    def to_json(self, path: str | Path) -> None:
        """Write :meth:`to_dict` to a file, atomically."""
        write_json(path, self.to_dict())

    def plot(self, path: str | Path) -> None:
        """Draw graphons, their mixture and its difference as heat maps; distances; weights.

        Args:
            path: File to write; its ending decides the format, such as ``.png`` or ``.svg``.

        Cost: 1 to 2 s.
        """
        from graphlab.pretraining._plots import draw_feasibility

        draw_feasibility(self, path)

    def __str__(self) -> str:
        best = self.best
        lines = [
            f"Feasibility of pre-training: {self.score:.4g} (nearest: family {best.family})",
            "",
            "The score is minus the distance between the downstream graphs and the nearest mixture",
            "of pre-training graphs: 0 is best. For scale: graphs of the same density without any",
            f"structure are at {self.structureless:.4g}.",
            "",
            *_table(self.rows, best),
            "",
            "Plain statistics, how far apart (0: alike):",
            *(f"  {_PLAIN.get(k, k):36}{v:.4g}" for k, v in self.baselines.items()),
            "",
            *wrapped(CAUTION),
            *(line for text in self.warnings for line in wrapped(f"Note: {text}")),
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        names = ", ".join(f"{row.family}={row.distance:.4g}" for row in self.rows)
        return f"FeasibilityReport(score={self.score:.4g}, {names})"

    def _row(self, family: str) -> FamilyFit:
        from graphlab.errors import InputError

        for row in self.rows:
            if row.family == family:
                return row
        known = ", ".join(row.family for row in self.rows)
        raise InputError(f"family is {family!r}, expected one of {known}.")


def wrapped(text: str) -> list[str]:
    """Break a sentence into lines of a terminal."""
    import textwrap

    return textwrap.wrap(text, 88)


# -- private --------------------------------------------------------------------------------------


def _table(rows: tuple[FamilyFit, ...], best: FamilyFit) -> list[str]:
    lines = [f"{'family':14}{'K':>3}{'distance':>11}  weights"]
    for row in rows:
        name = f"{row.family}{' *' if row is best else ''}"
        lines.append(f"{name:14}{row.K:>3}{row.distance:>11.4g}  {_weights(row)}")
    return lines


def _weights(row: FamilyFit) -> str:
    falling = sorted(row.weights.items(), key=lambda pair: -pair[1])
    return ", ".join(
        f"{name.removeprefix(f'{row.family}:')} {value:.2f}"
        for name, value in falling
        if value >= _SHOWN
    )
