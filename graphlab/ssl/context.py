"""Context labels: which classes surround a node, and pseudo labels corrected by embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._threads import run_blocks
from graphlab.ssl._input import structure, to_array
from graphlab.ssl._kernels import context_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.graph import Graph

__all__ = ["context_label", "correct_labels", "label_counts"]


def context_label(
    edge_index: Any,  # noqa: ANN401  (whatever as_graph accepts)
    n: int,
    y_hat: Any,  # noqa: ANN401  (list, array or tensor)
    n_classes: int,
    hops: int = 2,
) -> NDArray[np.float32]:
    r"""Distribution of the labels around each node [jin2020]_.

    .. math:: \mathbf t_i = \frac{\sum_j S_{ij}\, \mathrm{onehot}(\hat y_j)}{\sum_j S_{ij}}, \qquad
        S_{ij} = [A_{ij} \neq 0] + [(A^2)_{ij} \neq 0,\ i \neq j]

    A neighbour that closes a triangle counts twice; the node itself is not counted. Where nothing
    is to be counted, all classes are equal.

    Args:
        edge_index: The edges; undirected, loops and repeats change nothing.
        n: Number of nodes.
        y_hat: Labels or pseudo labels (n,); -1 is not counted.
        n_classes: Number of classes.
        hops: 2, or 1 for direct neighbours alone.

    Shapes:
        - returns: (n, C) float32, rows sum to 1

    Raises:
        InputError: Labels of another length or range, other hops.

    Cost: O(sum over edges of the degree of an end), memory O(n C).

    Example:
        >>> path = [[0, 1, 1, 2], [1, 0, 2, 1]]
        >>> context_label(path, 4, [0, 1, 1, 0], 2).tolist()
        [[0.0, 1.0], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]
    """
    counts = label_counts(structure(edge_index, n), y_hat, n_classes, hops)
    total = counts.sum(1, keepdims=True)
    counts[total[:, 0] == 0] = 1.0
    return (counts / np.where(total == 0, max(n_classes, 1), total)).astype(np.float32)


def label_counts(graph: Graph, y_hat: Any, n_classes: int, hops: int) -> NDArray[np.float64]:  # noqa: ANN401
    """Return how often each class is around each node of a simple graph (n, C)."""
    n = graph.num_nodes
    if hops not in (1, 2):
        raise InputError(f"hops is {hops!r}; expected 1 or 2.")
    labels = to_array(y_hat).astype(np.int64)
    if labels.shape != (n,):
        raise InputError(f"y_hat has shape {labels.shape}; expected a label for each of {n} nodes.")
    if labels.size and (labels.min() < -1 or labels.max() >= n_classes):
        wrong = labels.min() if labels.min() < -1 else labels.max()
        raise InputError(f"y_hat holds {wrong}; expected -1 or a class 0..{n_classes - 1}.")
    counts = np.zeros((n, n_classes), np.float64)
    indptr, columns = graph.indptr.numpy(), graph.indices.numpy()

    def call(first: int, last: int) -> None:
        context_counts(indptr, columns, labels, hops, counts, first, last)

    run_blocks(call, n, graph.num_edges * 16)
    return counts


def correct_labels(  # noqa: PLR0917  (numbers of the published procedure)
    emb: Tensor,
    y_hat: Any,  # noqa: ANN401  (list, array or tensor)
    idx: Any,  # noqa: ANN401
    generator: torch.Generator | None = None,
    n_proto: int = 8,
    n_samples: int = 320,
    q: float = 40,
    eta_max: float = 0.95,
) -> NDArray[np.int64]:
    r"""Relabel nodes by the prototypes of each class that their embeddings are nearest to.

    Of each class some nodes are drawn, and :math:`S` are the cosines of their embeddings. With
    :math:`s` the q-th percentile of S, a node's density is
    :math:`\rho_i = \sum_j \mathrm{sign}(S_{ij} - s)`, and :math:`\eta_i` its largest cosine to a
    denser node (the densest: its smallest cosine). Nodes with :math:`\eta_i \ge` ``eta_max`` lose
    their density, and the densest of the rest are the prototypes. A node's new label is the class
    with the largest mean cosine to its prototypes.

    Args:
        emb: Embeddings (n, d) of all nodes.
        y_hat: Pseudo labels (n,); -1 is of no class.
        idx: Nodes to relabel.
        generator: Decides which nodes are drawn, on the CPU; None: torch's global one.
        n_proto: Prototypes a class; all drawn nodes where there are fewer.
        n_samples: Largest number of nodes drawn of a class.
        q: Percentile, 0 to 100.
        eta_max: Cosine from which a node is a repetition of a denser one.

    Shapes:
        - returns: (len(idx),) int64

    Raises:
        InputError: No node has a label, or lengths do not fit.

    Cost: O(C n_samples^2 d + len(idx) C n_proto d). A class without a node is skipped.

    Example:
        >>> emb = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
        >>> correct_labels(emb, [0, 0, 1, 0], [3]).tolist()
        [1]
    """
    labels = torch.as_tensor(to_array(y_hat)).to(torch.int64)
    if labels.shape != (emb.shape[0],):
        raise InputError(
            f"y_hat has shape {tuple(labels.shape)}; expected a label for each of {emb.shape[0]} "
            "embeddings."
        )
    with torch.no_grad():
        unit = emb.detach()
        unit = unit / unit.norm(dim=1, keepdim=True).clamp_min(torch.finfo(unit.dtype).tiny)
        chosen = unit[torch.as_tensor(to_array(idx)).to(emb.device)]
        kinds, scores = [], []
        for c in range(int(labels.max()) + 1 if labels.numel() else 0):
            members = (labels == c).nonzero().squeeze(1)
            if not members.numel():
                continue
            drawn = torch.randperm(members.numel(), generator=generator)[:n_samples]
            rows = unit[members[drawn].to(emb.device)]
            kinds.append(c)
            scores.append((chosen @ rows[_prototypes(rows, n_proto, q, eta_max)].t()).mean(1))
        if not kinds:
            raise InputError("y_hat labels no node, so there is no prototype.")
        best = torch.stack(scores, dim=1).argmax(1).cpu()
    found: NDArray[np.int64] = np.array(kinds, np.int64)[best.numpy()]
    return found


def _prototypes(rows: Tensor, n_proto: int, q: float, eta_max: float) -> Tensor:
    """Choose dense rows that do not repeat each other; all where there are too few."""
    if rows.shape[0] <= n_proto:
        return torch.arange(rows.shape[0], device=rows.device)
    similar = rows @ rows.t()
    # numpy selects; torch sorts all of them, which was most of the time of an epoch
    level = float(np.percentile(similar.cpu().numpy(), q))
    density = (similar - level).sign().sum(1)
    denser = density[None, :] > density[:, None]
    nearest = torch.where(denser, similar, -torch.inf).amax(1)
    nearest = torch.where(denser.any(1), nearest, similar.amin(1))
    density = torch.where(nearest >= eta_max, 0, density)
    return density.topk(n_proto).indices
