"""Which of several data sets to pre-train on: the one that helps most, then the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import InputError
from graphlab.pretraining._baselines import differences
from graphlab.pretraining._families import Family, Options
from graphlab.pretraining._packed import pack
from graphlab.pretraining._sources import read_sources
from graphlab.pretraining.feasibility import fit_families
from graphlab.pretraining.report import CAUTION, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from graphlab.pretraining._sources import Sources
    from graphlab.pretraining.distance import Loss
    from graphlab.pretraining.graphon import Align, Graphon, Method

__all__ = ["Selection", "select_pretraining_data"]

_LEAST_GAIN = 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """Outcome of :func:`graphlab.pretraining.select_pretraining_data`; printed, it is a table.

    Attributes:
        ranking: Names of the chosen sets, in the order in which they were added.
        gains: By how much each lowered the distance. The first is compared with no edges at all,
            whose graphon is zero; it is taken even if that were nearer.
        curve: Distance after each.
        weights: Weight of each chosen set in the mixture of sets that is nearest to the
            downstream graphs.
        alone: Distance of each candidate by itself.
        baselines: Of each candidate by itself: how far apart plain statistics are, see
            :class:`FeasibilityReport`.
        stopped: Why no further set was added.
    """

    ranking: tuple[str, ...]
    gains: tuple[float, ...]
    curve: tuple[float, ...]
    weights: Mapping[str, float]
    alone: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    stopped: str

    @property
    def table(self) -> pd.DataFrame:
        """One row a candidate: chosen ones in order, then the others by their distance alone.

        Columns: candidate, place (from 1; missing where not chosen), gain, distance (after
        adding it), weight, alone, and the baselines.
        """
        import pandas as pd

        frame = pd.DataFrame(self._rows())
        return frame.astype({"place": "Int64"})

    def to_frame(self) -> pd.DataFrame:
        """Return :attr:`table`."""
        return self.table

    def plot(self, path: str | Path) -> None:
        """Draw the distance by number of sets, and the candidates' distances beside baselines.

        Args:
            path: File to write; its ending decides the format.
        """
        from graphlab.pretraining._plots import draw_selection

        draw_selection(self, path)

    def __str__(self) -> str:
        wide = max(len(name) for name in self.alone) + 2
        lines = [f"{'':3}{'data set':{wide}}{'gain':>10}{'distance':>10}{'weight':>8}{'alone':>10}"]
        for row in self._rows():
            name = row["candidate"]
            if row["place"] is None:
                lines.append(f"{'':3}{name:{wide}}{'-':>10}{'-':>10}{'-':>8}{row['alone']:>10.4g}")
                continue
            lines.append(
                f"{row['place']:<3}{name:{wide}}{row['gain']:>10.4g}{row['distance']:>10.4g}"
                f"{row['weight']:>8.2f}{row['alone']:>10.4g}"
            )
        return "\n".join([*lines, "", f"Stopped: {self.stopped}.", *wrapped(CAUTION)])

    def __repr__(self) -> str:
        return f"Selection({', '.join(self.ranking)})"

    def _rows(self) -> list[dict[str, Any]]:
        rest = sorted(set(self.alone) - set(self.ranking), key=lambda n: (self.alone[n], n))
        rows = []
        for place, name in enumerate([*self.ranking, *rest]):
            chosen = place < len(self.ranking)
            rows.append(
                {
                    "candidate": name,
                    "place": place + 1 if chosen else None,
                    "gain": self.gains[place] if chosen else None,
                    "distance": self.curve[place] if chosen else None,
                    "weight": self.weights[name] if chosen else None,
                    "alone": self.alone[name],
                    **self.baselines[name],
                }
            )
        return rows


def select_pretraining_data(
    candidates: Mapping[str, Any],
    downstream: Any,  # noqa: ANN401  (a list of graphs)
    budget: int | None = None,
    *,
    mode: str = "greedy",
    families: Family | Sequence[Family] = ("integrated", "domain", "topological"),
    method: Method = "hist",
    align: Align = "stretch",
    r: int = 50,
    n_clusters: int = 5,
    loss: Loss = "square",
    seed: int = 0,
    standardize: bool = True,
    graphon_options: Mapping[str, Any] | None = None,
) -> Selection:
    """Choose data sets one by one: each time the one that lowers the distance most [cao2023]_.

    The distance is that of :func:`feasibility`, the smallest over the families. Sets of which
    none lowers it by more than 1e-6 are not added. Of equal ones, to nine digits, the first by
    name is taken. What :func:`feasibility` says about the trust in its score holds here too.

    Args:
        candidates: Lists of graphs by name.
        downstream: A list of graphs.
        budget: Most sets to choose; None for as many as help.
        mode: ``"greedy"``.
        families: As in :func:`feasibility`. One set alone has no ``domain`` family; if no other
            is asked for, it is a family of one base.
        method: As in :func:`feasibility`, and so are all that follow.
        align: See there.
        r: See there.
        n_clusters: See there.
        loss: See there.
        seed: See there.
        standardize: See there.
        graphon_options: See there.

    Raises:
        InputError: No candidates, an empty list, a graph that cannot be read (with the name of
            its list and its number), an impossible option.

    Cost: with C candidates and S chosen, C (S + 1) evaluations of :func:`feasibility` at most.

    Example:
        >>> star, ring = [[0, 0, 0], [1, 2, 3]], [[0, 1, 2, 3], [1, 2, 3, 0]]
        >>> chosen = select_pretraining_data({"rings": [ring], "stars": [star]}, [star], r=4)
        >>> chosen.ranking, chosen.curve, chosen.weights
        (('stars',), (0.0,), {'stars': 1.0})
    """
    if mode != "greedy":
        raise InputError(f"mode is {mode!r}, expected 'greedy'.")
    if budget is not None and (
        isinstance(budget, bool) or not isinstance(budget, int | np.integer) or budget < 1
    ):
        raise InputError(f"budget is {budget!r}, expected None or a whole number >= 1.")
    options = Options(
        families=(families,) if isinstance(families, str) else tuple(families),
        method=method,
        align=align,
        r=r,
        n_clusters=n_clusters,
        loss=loss,
        seed=seed,
        standardize=standardize,
        graphon_options=dict(graphon_options or {}),
    )
    sources = read_sources(candidates, "candidates", named=True)
    target = pack(downstream, "downstream")
    aim = options.graphon(target)
    order = sorted(range(len(sources.names)), key=lambda k: sources.names[k])
    alone = {k: _distance(sources, [k], aim, options) for k in order}
    chosen, curve, stopped = _greedy(sources, aim, options, order, alone, budget)
    fitted = fit_families(sources.take(chosen), aim, ("domain",), options)[0][0]
    empty = float(np.sqrt((aim.step**2).mean()))
    names = sources.names
    return Selection(
        ranking=tuple(names[k] for k in chosen),
        gains=tuple(a - b for a, b in zip([empty, *curve], curve, strict=False)),
        curve=tuple(curve),
        weights={name.removeprefix("domain:"): value for name, value in fitted.weights.items()},
        alone={names[k]: alone[k] for k in order},
        baselines={names[k]: differences(sources.take([k]).packed, target) for k in order},
        stopped=stopped,
    )


# -- private --------------------------------------------------------------------------------------


def _greedy(  # noqa: PLR0917  (one call, above)
    sources: Sources,
    aim: Graphon,
    options: Options,
    order: list[int],
    alone: dict[int, float],
    budget: int | None,
) -> tuple[list[int], list[float], str]:
    """Return chosen sets, the distance after each, and why it ended."""
    most = len(order) if budget is None else min(budget, len(order))
    chosen: list[int] = []
    curve: list[float] = []
    found = alone
    while True:
        # sets are in the order of their names, and min keeps the first of equals
        best = min(found, key=lambda k: round(found[k], 9))
        if curve and curve[-1] - found[best] < _LEAST_GAIN:
            return chosen, curve, f"no other set lowers the distance by {_LEAST_GAIN:g}"
        chosen.append(best)
        curve.append(found[best])
        rest = [k for k in order if k not in chosen]
        if not rest:
            return chosen, curve, "all candidates are chosen"
        if len(chosen) == most:
            return chosen, curve, f"the budget of {most} is reached"
        found = {k: _distance(sources, [*chosen, k], aim, options) for k in rest}


def _distance(sources: Sources, chosen: list[int], aim: Graphon, options: Options) -> float:
    """Smallest distance over the families that exist for these sets."""
    families = options.families
    if len(chosen) == 1 and families != ("domain",):
        families = tuple(family for family in families if family != "domain")
    rows = fit_families(sources.take(chosen), aim, families, options)[0]
    return min(row.distance for row in rows)
