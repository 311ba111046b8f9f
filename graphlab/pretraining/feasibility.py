"""Is pre-training on these graphs worth a try for those: the distance that answers it."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import InputError
from graphlab.pretraining._alignment import uneven_sizes
from graphlab.pretraining._baselines import differences
from graphlab.pretraining._families import Family, Options, bases_of, on_one_grid
from graphlab.pretraining._packed import pack
from graphlab.pretraining._sources import read_sources
from graphlab.pretraining.report import FamilyFit, FeasibilityReport
from graphlab.pretraining.weights import fit_basis_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphlab.pretraining._packed import Packed
    from graphlab.pretraining._sources import Sources
    from graphlab.pretraining.distance import Loss
    from graphlab.pretraining.graphon import Align, Graphon, Method

__all__ = ["feasibility", "fit_families"]


def feasibility(
    pretrain_graphs: Any,  # noqa: ANN401  (a list of graphs, or a mapping of names to lists)
    downstream_graphs: Any,  # noqa: ANN401  (a list of graphs)
    families: Family | Sequence[Family] = ("integrated", "domain", "topological"),
    *,
    method: Method = "hist",
    align: Align = "stretch",
    r: int = 50,
    n_clusters: int = 5,
    loss: Loss = "square",
    seed: int = 0,
    standardize: bool = True,
    graphon_options: Mapping[str, Any] | None = None,
) -> FeasibilityReport:
    r"""Say how near mixtures of the pre-training graphs come to the downstream graphs [cao2023]_.

    Pre-training graphs are grouped in three ways: all in one group (``integrated``), a group a
    data set (``domain``), k-means clusters of eight statistics (``topological``). The graphons
    :math:`B_k` of the groups span the mixtures :math:`\sum_k a_k B_k`; the distance of a family
    is that of the best mixture from the graphon of the downstream graphs, by Gromov-Wasserstein.
    The score is minus the smallest distance: 0 is best. The sign is ours; the authors' scripts
    print the distance.

    The score says how alike shapes of graphs are. It was not shown to predict what pre-training
    gains in general: read ``baselines`` beside it, and train both ways before you believe it.

    Args:
        pretrain_graphs: A list of graphs as for :func:`estimate_graphon`; or a mapping of names
            to lists, one a data set.
        downstream_graphs: A list of graphs.
        families: Which families. ``domain`` needs two data sets; with fewer it is left out, and
            ``warnings`` of the report say so.
        method: Estimator of all graphons.
        align: How graphs of different sizes are brought together.
        r: Cells on a side of the graphons; more cost more and change little.
        n_clusters: Topological groups; at most one a different graph.
        loss: ``"square"``, or ``"kl"``: the number that the authors' code reports, at weights of
            the square loss.
        seed: Of k-means and of the estimator.
        standardize: Scale the statistics to one spread before k-means. The authors do not, so that
            degrees decide: False.
        graphon_options: Further arguments of :func:`estimate_graphon`, such as ``threshold``.

    Raises:
        InputError: (a ``ValueError``) An empty list or a graph that cannot be read (with list and
            number), an impossible option, no family that can be made.

    Cost: estimates of all graphons, :math:`2 (K + 1)` searches a family of a few hundred
    assignments of r cells. 2,000 ego-graphs of Cora in five sets: see ``benchmarks/perf``.

    Example:
        >>> star, ring = [[0, 0, 0], [1, 2, 3]], [[0, 1, 2, 3], [1, 2, 3, 0]]
        >>> report = feasibility({"stars": [star], "rings": [ring]}, [star, star], r=4)
        >>> report.score, report.best_family, report.best_weights
        (0.0, 'domain', {'domain:stars': 1.0, 'domain:rings': 0.0})
    """
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
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sources = read_sources(pretrain_graphs, "pretrain_graphs")
        target = pack(downstream_graphs, "downstream_graphs")
    for other in (one for one in caught if one.category is not UserWarning):
        warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    told = [str(one.message) for one in caught if one.category is UserWarning]
    told += _oddities(sources, target, align)
    for text in told:
        warnings.warn(text, UserWarning, stacklevel=2)
    used, notes = _possible(options.families, sources)
    rows, bases, aim = fit_families(sources, options.graphon(target), used, options)
    return FeasibilityReport(
        rows=rows,
        bases=bases,
        target=aim,
        baselines=differences(sources.packed, target),
        loss=loss,
        warnings=(*notes, *told),
    )


def fit_families(
    sources: Sources, target: Graphon, families: Sequence[Family], options: Options
) -> tuple[tuple[FamilyFit, ...], dict[str, Graphon], Graphon]:
    """Return the best mixture of each family, and all graphons at the resolution compared at."""
    started, made = time.perf_counter(), {}
    seconds = []
    for family in families:
        made[family] = bases_of(sources, family, options)
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    flat = {name: base for found in made.values() for name, base in found.items()}
    *steps, aim = on_one_grid([*flat.values(), target], options.r)
    bases = dict(zip(flat, steps, strict=True))
    rows = []
    for family, spent in zip(families, seconds, strict=True):
        started = time.perf_counter()
        names = list(made[family])
        fit = fit_basis_weights([bases[name] for name in names], aim, options.loss)
        rows.append(
            FamilyFit(
                family=family,
                K=len(names),
                distance=fit.distance,
                weights=dict(zip(names, fit.alpha.tolist(), strict=True)),
                starts=fit.starts,
                seconds=spent + time.perf_counter() - started,
                coupling=fit.coupling,
            )
        )
    return tuple(rows), bases, aim


# -- private --------------------------------------------------------------------------------------


def _oddities(sources: Sources, target: Packed, align: str) -> list[str]:
    """Say which lists have no edges, and where padding will decide."""
    parts = {"downstream_graphs": target, "pretrain_graphs": sources.packed}
    for k, name in enumerate(sources.names):
        graphs = np.flatnonzero(sources.domain == k)
        parts[f"pretrain_graphs[{name!r}]"] = sources.packed.select(graphs)
    bare = [name for name, graphs in parts.items() if not len(graphs.col)]
    told = []
    if bare:
        told.append(f"No graph of {', '.join(bare)} has an edge: the graphon is zero.")
    uneven = uneven_sizes(sources.packed.joined(target)) if align == "pad" else None
    return told if uneven is None else [*told, uneven]


def _possible(
    families: tuple[Family, ...], sources: Sources
) -> tuple[tuple[Family, ...], list[str]]:
    """Leave out the domain family where there are no two data sets."""
    if "domain" not in families or len(sources.names) > 1:
        return families, []
    have = f"one data set, {sources.names[0]!r}" if sources.names else "one list of graphs"
    text = (
        f"Family 'domain' needs two data sets or more, pretrain_graphs has {have}. Give a mapping "
        "of names to lists of graphs."
    )
    if families == ("domain",):
        raise InputError(text)
    return tuple(family for family in families if family != "domain"), [text]
