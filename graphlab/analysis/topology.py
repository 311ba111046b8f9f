"""Where link prediction fails: how well nodes fare by their topology.

Pure functions on arrays of nodes. Performance comes from
:func:`graphlab.metrics.node_ranking_metrics`, or from the node metrics that a run has kept.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from graphlab.analysis.degree import degree_bins
from graphlab.errors import InputError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

__all__ = [
    "DEGREE_THRESHOLDS",
    "TC_BINS",
    "TC_THRESHOLDS",
    "check_lengths",
    "cold_start",
    "concentration_shift",
    "node_values",
    "performance_by_concentration",
    "performance_by_degree",
]

TC_BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
DEGREE_THRESHOLDS = tuple(range(1, 11))
TC_THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(1, 11))


def node_values(
    split_edge: Mapping[str, Any], num_nodes: int, *, hops: int = 1, atc: bool = True
) -> dict[str, Tensor]:
    """Return the values of all nodes that their performance is compared with.

    ============================  ================================================================
    ``tc_test``, ``tc_train``,    topological concentration of test, training, validation links,
    ``tc_val``                    see :func:`graphlab.topology.topological_concentration`
    ``atc_test``, ``atc_train``   its approximation in the limit of many dimensions, without noise
    ``degree``                    number of training neighbours
    ``density``                   of the training graph around the node, ``hops`` steps far
    ============================  ================================================================

    ``tc_test`` and ``atc_test`` are computed of the links to be predicted: they explain a result
    afterwards and cannot foretell it. The others know the training or validation links alone.

    Args:
        split_edge: Links under the keys train, val (or valid) and test.
        num_nodes: Number of nodes n.
        hops: Steps K of concentration, approximation and density.
        atc: Leave the approximation out if false, or where its exact limit would need too much.

    Shapes:
        - edges: (E, 2) integers; returns: each (n,) float64

    Raises:
        InputError: See :func:`graphlab.topology.tc_by_split`.
        ResourceError: See there.

    Cost: that of the exact concentration; the limit takes about as many steps as there are walks
    of 2 K steps.

    Example:
        >>> split = {"train": [[0, 1], [1, 2], [2, 0]], "val": [[0, 3]], "test": [[1, 3]]}
        >>> found = node_values(split, 4)
        >>> found["tc_train"].tolist(), found["degree"].tolist()
        ([1.0, 1.0, 1.0, 0.0], [2.0, 2.0, 2.0, 0.0])
    """
    from graphlab.graph import as_graph
    from graphlab.topology import atc_by_split, subgraph_density, tc_by_split

    tc = tc_by_split(split_edge, num_nodes, hops, layout="(E, 2)")
    found = {f"tc_{name}": tc[name] for name in ("test", "train", "val")}
    if atc:
        try:
            limit = atc_by_split(split_edge, num_nodes, hops, dim=None, layout="(E, 2)")
            found |= {f"atc_{name}": limit[name].double() for name in ("test", "train")}
        except ResourceError:
            pass
    train = split_edge["train"]
    train = torch.as_tensor(train["edge"] if isinstance(train, dict) else train)
    graph = as_graph(train.reshape(-1, 2).t(), num_nodes).simple()
    found["degree"] = graph.degree().double()
    found["density"] = subgraph_density(train.reshape(-1, 2), num_nodes, hops, layout="(E, 2)")
    return found


def performance_by_concentration(
    concentration: Tensor, performance: Mapping[str, Tensor]
) -> list[dict[str, float]]:
    """Return the mean performance of nodes with concentration 0, up to 0.2, up to 0.4, ... up to 1.

    Nodes at exactly 0 are a bin of their own: in sparse graphs they are most nodes.

    Args:
        concentration: Of each node; values above 1, which self loops allow, are in the last bin.
        performance: Metrics of the same nodes by name.

    Shapes:
        - ``concentration`` and each metric: (q,)
        - returns: one dictionary a bin that holds a node: ``low`` (excluded, but for 0), ``high``
          (included), ``count`` and the means

    Raises:
        InputError: The lengths differ.

    Example:
        >>> import torch
        >>> tc = torch.tensor([0.0, 0.0, 0.1, 0.9])
        >>> found = performance_by_concentration(tc, {"hits": torch.tensor([0.0, 1.0, 1.0, 1.0])})
        >>> [(b["low"], b["high"], b["count"], b["hits"]) for b in found]
        [(0.0, 0.0, 2, 0.5), (0.0, 0.2, 1, 1.0), (0.8, 1.0, 1, 1.0)]
    """
    rows: list[tuple[float, float, Tensor]] = [(0.0, 0.0, concentration <= 0)]
    for low, high in pairwise(TC_BINS):
        last = high == TC_BINS[-1]
        inside = concentration > low
        rows.append((low, high, inside if last else inside & (concentration <= high)))
    return _means(rows, concentration, performance)


def performance_by_degree(
    degree: Tensor, performance: Mapping[str, Tensor]
) -> list[dict[str, float]]:
    """Return the mean performance of nodes by ranges of degrees, see :func:`degree_bins`.

    Args:
        degree: Of each node.
        performance: Metrics of the same nodes by name.

    Shapes:
        - ``degree`` and each metric: (q,)
        - returns: one dictionary a bin that holds a node: ``low``, ``high`` (both included),
          ``count`` and the means

    Raises:
        InputError: The lengths differ.

    Example:
        >>> import torch
        >>> found = performance_by_degree(torch.tensor([1, 3, 4]), {"mrr": torch.ones(3)})
        >>> [(b["low"], b["high"], b["count"]) for b in found]
        [(1, 1, 1), (3, 4, 2)]
    """
    largest = int(degree.max()) if degree.numel() else 0
    rows = [(low, high, (degree >= low) & (degree <= high)) for low, high in degree_bins(largest)]
    return _means(rows, degree, performance)


def cold_start(
    value: Tensor, performance: Mapping[str, Tensor], thresholds: Sequence[float]
) -> list[dict[str, float]]:
    """Compare the nodes at or below each threshold with the rest: does the rule find weak nodes?

    Args:
        value: What the rule looks at, such as :data:`DEGREE_THRESHOLDS` of degrees or
            :data:`TC_THRESHOLDS` of the concentration of training links.
        performance: Metrics of the same nodes by name.
        thresholds: Values t.

    Shapes:
        - ``value`` and each metric: (q,)
        - returns: one dictionary a threshold that splits the nodes in two: ``threshold``, ``below``
          and ``above`` (numbers of nodes at or below, and above), and for a metric m the means
          ``m_below`` and ``m_above``

    Raises:
        InputError: The lengths differ.

    Example:
        >>> import torch
        >>> found = cold_start(torch.tensor([1, 1, 5]), {"mrr": torch.tensor([0.2, 0.4, 0.9])}, [2])
        >>> found[0]["below"], round(found[0]["mrr_above"] - found[0]["mrr_below"], 6)
        (2, 0.6)
    """
    check_lengths(value, performance)
    found = []
    for threshold in thresholds:
        low = value <= threshold
        below = int(low.sum())
        if not 0 < below < low.numel():
            continue
        row = {"threshold": float(threshold), "below": below, "above": low.numel() - below}
        for name, values in performance.items():
            row[f"{name}_below"] = float(values[low].double().mean())
            row[f"{name}_above"] = float(values[~low].double().mean())
        found.append(row)
    return found


def concentration_shift(
    train: Tensor, test: Tensor, *, bins: int = 20
) -> dict[str, float | list[float]]:
    """Compare the concentration of training and test links over the same nodes.

    New neighbours of a node share less with its old ones than those do with each other: the test
    links are drawn from another distribution than the one that was learnt.

    Args:
        train: Concentration of the training links.
        test: Of the test links.
        bins: Equal bins of the histogram from 0 to 1.

    Shapes:
        - ``train``, ``test``: (q,)
        - returns: ``mean_train``, ``mean_test``, their difference ``shift``, ``lower`` and
          ``higher`` (shares of nodes whose test value is lower or higher), ``edges`` (bins + 1),
          and the shares of nodes ``share_train`` and ``share_test`` (bins)

    Raises:
        InputError: The lengths differ, there is no node, or no bin.

    Example:
        >>> import torch
        >>> found = concentration_shift(torch.tensor([1.0, 0.5]), torch.tensor([0.5, 0.0]), bins=2)
        >>> found["shift"], found["share_test"]
        (-0.5, [0.5, 0.5])
    """
    check_lengths(train, {"test": test})
    if bins < 1 or not train.numel():
        raise InputError(f"{train.numel()} nodes in {bins} bins; expected at least one of both.")
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    shares = {}
    for name, values in (("share_train", train), ("share_test", test)):
        place = (values.double().cpu() * bins).floor().clamp(0, bins - 1).long()
        shares[name] = (torch.bincount(place, minlength=bins) / values.numel()).double().tolist()
    means = float(train.double().mean()), float(test.double().mean())
    return {
        "mean_train": means[0],
        "mean_test": means[1],
        "shift": means[1] - means[0],
        "lower": float((test < train).double().mean()),
        "higher": float((test > train).double().mean()),
        "edges": edges.tolist(),
        **shares,
    }


# -- private --------------------------------------------------------------------------------------


def _means(
    rows: Sequence[tuple[float, float, Tensor]], value: Tensor, performance: Mapping[str, Tensor]
) -> list[dict[str, float]]:
    check_lengths(value, performance)
    found = []
    for low, high, inside in rows:
        count = int(inside.sum())
        if count:
            means = {name: float(v[inside].double().mean()) for name, v in performance.items()}
            found.append({"low": low, "high": high, "count": count, **means})
    return found


def check_lengths(value: Tensor, others: Mapping[str, Tensor]) -> None:
    """Refuse values that are not one a node."""
    for name, other in others.items():
        if other.shape != value.shape or value.dim() != 1:
            raise InputError(
                f"{name} has shape {tuple(other.shape)} beside {tuple(value.shape)}; expected one "
                "number a node of both."
            )
