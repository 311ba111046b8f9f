"""Groups of pre-training graphs, and a graphon of each group: the three families of bases."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from threadpoolctl import threadpool_limits

from graphlab.errors import InputError
from graphlab.pretraining.graphon import Align, Graphon, Method, estimate_graphon
from graphlab.seeding import derive_seed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from graphlab.pretraining._packed import Packed
    from graphlab.pretraining._sources import Sources
    from graphlab.pretraining.distance import Loss

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = ["Family", "Options", "bases_of", "groups_of", "on_one_grid"]

Family = Literal["integrated", "domain", "topological"]
_RESTARTS = 10  # of k-means
_DIGITS = 9  # what agrees to these is equal: the last bits decide neither groups nor optima
_NO_SPREAD = 1e-12  # of a statistic that all graphs share
_OF_ESTIMATOR = ("threshold", "gap", "alpha", "beta", "gamma", "inner_iters", "outer_iters")


@dataclass(frozen=True)
class Options:
    """Settings of a comparison; see :func:`graphlab.pretraining.feasibility`."""

    families: tuple[Family, ...]
    method: Method
    align: Align
    r: int
    n_clusters: int
    loss: Loss
    seed: int
    standardize: bool
    graphon_options: Mapping[str, Any]

    def __post_init__(self) -> None:
        known = get_args(Family)
        wrong = [name for name in self.families if name not in known]
        if wrong or not self.families or len(set(self.families)) < len(self.families):
            raise InputError(
                f"families is {self.families!r}, expected some of {', '.join(known)}, each once."
            )
        count = self.n_clusters
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise InputError(f"n_clusters is {count!r}, expected a whole number >= 1.")
        if self.loss not in ("square", "kl"):
            raise InputError(f"loss is {self.loss!r}, expected 'square' or 'kl'.")
        unknown = [name for name in self.graphon_options if name not in _OF_ESTIMATOR]
        if unknown:
            raise InputError(
                f"graphon_options has {unknown[0]!r}, expected some of {', '.join(_OF_ESTIMATOR)}."
            )

    def graphon(self, graphs: Packed) -> Graphon:
        """Estimate a graphon with these settings; what is odd is said once, by the caller."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return estimate_graphon(
                graphs, self.method, self.align, r=self.r, seed=self.seed, **self.graphon_options
            )


def groups_of(sources: Sources, family: Family, options: Options) -> dict[str, Ints]:
    """Return the numbers of the graphs of each base of a family, by the base's name.

    Topological groups are k-means clusters of the eight statistics. There are at most as many as
    different graphs, none is empty, number 1 has the largest mean degree. The order of the graphs
    does not matter: distinct statistics are clustered, sorted, with their counts as weights.
    """
    if family == "integrated":
        return {"integrated": np.arange(len(sources.packed))}
    if family == "domain":
        return {
            f"domain:{name}": np.flatnonzero(sources.domain == k)
            for k, name in enumerate(sources.names)
        }
    label = _clusters(sources.features, options)
    mean = [sources.features[label == k, 0].mean() for k in range(label.max() + 1)]
    order = np.argsort(-np.array(mean), kind="stable")
    return {f"topological:{place + 1}": np.flatnonzero(label == k) for place, k in enumerate(order)}


def bases_of(sources: Sources, family: Family, options: Options) -> dict[str, Graphon]:
    """Return the graphon of each group of a family."""
    return {
        name: options.graphon(sources.packed.select(graphs))
        for name, graphs in groups_of(sources, family, options).items()
    }


def on_one_grid(graphons: Sequence[Graphon], r: int) -> list[Graphon]:
    """Bring step functions to one resolution: their own where it is one, of at most r cells.

    A step function of equal cells is exact at its own resolution; more cells cost and add nothing.
    Values are rounded, so that an order of summation does not lead to another optimum.
    """
    sizes = {len(graphon.step) for graphon in graphons}
    cells = sizes.pop() if len(sizes) == 1 else r + 1
    return [
        replace(graphon, step=graphon.resample(min(cells, r)).round(_DIGITS))
        for graphon in graphons
    ]


# -- private --------------------------------------------------------------------------------------


def _clusters(features: Floats, options: Options) -> Ints:
    """Number the cluster of each graph, from 0 without gaps."""
    from sklearn.cluster import KMeans

    if options.standardize:
        spread = features.std(axis=0)
        features = (features - features.mean(axis=0)) / np.where(spread > _NO_SPREAD, spread, 1.0)
    distinct, kind, counts = np.unique(
        features.round(_DIGITS), axis=0, return_inverse=True, return_counts=True
    )
    k = min(options.n_clusters, len(distinct))
    seed = derive_seed(options.seed, "k-means") % 2**32
    with threadpool_limits(1):  # few numbers: threads cost more than they bring
        fitted = KMeans(k, n_init=_RESTARTS, random_state=seed).fit(distinct, sample_weight=counts)
    label: Ints = np.unique(fitted.labels_, return_inverse=True)[1].reshape(-1)[kind.reshape(-1)]
    return label
