"""Pretext tasks about features: masked ones, and the similarity of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ssl.base import Compat, PretextTask
from graphlab.ssl.structure_tasks import at_least, mean_square, share
from graphlab.transforms.components import principal_components

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.ssl._input import PretextInput

__all__ = ["AttributeMask", "PairwiseAttrSim", "similar_and_dissimilar", "zero_rows"]

_BLOCK = 1 << 23  # similarities that are in memory at a time


class AttributeMask(PretextTask):
    """Hide the features of some nodes without a label, and tell them from the surroundings.

    ``masked``: the nodes; ``target``: the principal components of their features (n_mask, 256)
    float32. In the transformed features their rows are 0. Loss: mean squared error.

    The authors give the model the principal components of all nodes as input. That is an option of
    the classification task, ``feature_pca = 256``; features of no more columns than ``components``
    are the target as they are.

    Args:
        fraction: Share of the nodes without a label that is hidden, once.
        components: Columns of the target.
        compat: No effect here.

    Raises:
        InputError: In ``prepare``: the data have no features.

    Example:
        >>> from graphlab.graph import as_graph
        >>> pair = as_graph([[0], [1]]).simple().with_features(torch.ones(2, 3))
        >>> task = AttributeMask(fraction=0.5).prepare(pair, torch.zeros(2, dtype=torch.bool))
        >>> task.transform(pair)[0].sum(), task.target
        (tensor(3.), tensor([[1., 1., 1.]]))
    """

    name = "attributemask"

    def __init__(
        self, fraction: float = 0.1, components: int = 256, *, compat: Compat = None
    ) -> None:
        super().__init__(compat=compat)
        self.fraction = share("fraction", fraction)
        self.components = at_least("components", components, 1)

    def _targets(self, data: PretextInput, dataset: str) -> int:
        x = features_of(self, data)
        free = data.unlabelled
        count = int(self.fraction * free.numel())
        drawn = torch.randperm(free.numel(), generator=self._generator("nodes"))[:count]
        self.masked = free[drawn].to(data.device)
        if x.shape[1] > self.components:
            whole = principal_components(x, self.components, seed=data.seed)
        else:
            whole = x if x.layout == torch.strided else x.to_dense()
        self.target = whole.to(torch.float32)[self.masked.to(whole.device)].to(data.device)
        self._kept: dict[int, tuple[Any, Any]] = {}
        return int(whole.shape[1])

    def transform_parts(self, x: Any, graph: Any) -> tuple[Any, Any]:  # noqa: ANN401
        """Set the rows of the masked nodes to 0."""
        known = self._kept.get(id(x))
        if known is None or known[0] is not x:
            self._kept = {id(x): (x, zero_rows(x, self.masked))}
        return self._kept[id(x)][1], graph

    def _loss(self, h: Tensor, *, dropout: bool) -> Tensor:
        return mean_square(self._head(h[self.masked]), self.target)


class PairwiseAttrSim(PretextTask):
    """Tell how alike the features of two nodes are.

    ``all_pairs``: the pairs (2, M) and ``all_target`` the cosines of their features (M,) float32;
    ``pairs`` and ``target`` are those of the epoch. Of each node there are its ``k`` least and
    ``k`` most similar nodes, and ``k`` of ranks that are drawn once for all nodes. Loss: mean
    squared error.

    Args:
        k: Nodes of each kind.
        num_pairs: Pairs drawn in each epoch; all where there are fewer.
        compat: ``"official"`` compares each prediction with every target, so that the head learns
            their mean alone; ``num_pairs`` squared numbers.

    Raises:
        InputError: In ``prepare``: no features, or fewer than 3 k + 1 nodes.

    Example:
        >>> from graphlab.graph import as_graph
        >>> graph = as_graph([[0], [1]], num_nodes=4).simple().with_features(torch.eye(4))
        >>> task = PairwiseAttrSim(k=1).prepare(graph, torch.zeros(4, dtype=torch.bool))
        >>> task.target.unique()
        tensor([0.])
    """

    name = "pairwiseattrsim"

    def __init__(self, k: int = 3, num_pairs: int = 5000, *, compat: Compat = None) -> None:
        super().__init__(compat=compat)
        self.k, self.num_pairs = at_least("k", k, 1), at_least("num_pairs", num_pairs, 1)

    def _targets(self, data: PretextInput, dataset: str) -> int:
        x, n = features_of(self, data), data.num_nodes
        if n < 3 * self.k + 1:
            raise InputError(
                f"PairwiseAttrSim of k = {self.k} needs {3 * self.k + 1} nodes; there are {n}."
            )
        low, high = self.k, n - self.k - 1  # ranks in between, self the highest
        order = torch.randperm(high - low, generator=self._generator("ranks"))
        ranks = low + order[: self.k].numpy()
        pairs, values = similar_and_dissimilar(x, self.k, ranks)
        self.all_pairs = torch.from_numpy(pairs).to(data.device)
        self.all_target = torch.from_numpy(values).to(data.device)
        self.start_epoch(0)
        return 1

    def start_epoch(self, epoch: int) -> None:
        """Draw the pairs of an epoch."""
        super().start_epoch(epoch)
        count = self.all_target.numel()
        drawn = torch.randperm(count, generator=self._generator(str(epoch)))[: self.num_pairs]
        drawn = drawn.to(self.all_pairs.device)
        self.pairs, self.target = self.all_pairs[:, drawn], self.all_target[drawn]

    def _loss(self, h: Tensor, *, dropout: bool) -> Tensor:
        scores = self._pair_scores(h, self.pairs)
        if self.compat == "official":
            return (scores - self.target[None, :]).square().mean()
        return mean_square(scores.squeeze(1), self.target)


def similar_and_dissimilar(
    x: Tensor, k: int, ranks: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pair each node with its least and most similar nodes, and with those of given ranks.

    Args:
        x: Features (n, F), dense or torch sparse CSR; a row of zeros is alike to nothing.
        k: Of the least similar, and of the most similar besides the node itself.
        ranks: Positions in ascending order of similarity.

    Shapes:
        - returns: pairs (2, M), i < j, each once, and their cosines (M,)

    Cost: O(n^2) similarities, a block of rows at a time, and a selection in each row.
    """
    unit = _unit_rows(x)
    n = unit.shape[0]
    places = np.unique(np.concatenate([np.arange(k), ranks, np.arange(n - k - 1, n)]))
    found: list[NDArray[np.int64]] = []
    across = unit.t() if unit.layout == torch.strided else unit.t().to_dense()
    rows = max(1, _BLOCK // max(n, 1))
    for first in range(0, n, rows):
        last = min(first + rows, n)
        block = _row_block(unit, first, last) @ across
        order = np.argpartition(block.numpy(), places, axis=1)[:, places]
        here = np.repeat(np.arange(first, last), places.size)
        there = order.reshape(-1)
        low, high = np.minimum(here, there), np.maximum(here, there)
        found.append(np.unique((low * n + high)[low < high]))
    keys = np.unique(np.concatenate(found))
    pairs = np.stack([keys // n, keys % n])
    return pairs, _cosines(unit, pairs)


def zero_rows(x: Tensor, nodes: Tensor) -> Tensor:
    """Return features with some rows set to 0, in the same layout; ``x`` is not changed."""
    if x.layout == torch.strided:
        changed = x.clone()
        changed[nodes] = 0
        return changed
    start = x.crow_indices()
    keep = torch.ones(x.shape[0], dtype=x.dtype, device=x.device)
    keep[nodes] = 0
    values = x.values() * torch.repeat_interleave(keep, start.diff())
    return torch.sparse_csr_tensor(start, x.col_indices(), values, x.shape, check_invariants=False)


def features_of(task: PretextTask, data: PretextInput) -> Tensor:
    """Return the features, or say that a task cannot do without."""
    if data.x is None:
        raise InputError(f"{type(task).__name__} needs node features; the data have none.")
    return data.x


def _unit_rows(x: Tensor) -> Tensor:
    x = x.detach().cpu().to(torch.float32)
    if x.layout == torch.strided:
        length: Tensor = x.norm(dim=1, keepdim=True)
        return x / length.clamp_min(torch.finfo(x.dtype).tiny)
    start = x.crow_indices()
    row = torch.repeat_interleave(torch.arange(x.shape[0]), start.diff())
    norm = torch.zeros(x.shape[0]).index_add_(0, row, x.values().square()).sqrt()
    values = x.values() / norm.clamp_min(torch.finfo(x.dtype).tiny)[row]
    return torch.sparse_csr_tensor(start, x.col_indices(), values, x.shape, check_invariants=False)


def _row_block(x: Tensor, first: int, last: int) -> Tensor:
    if x.layout == torch.strided:
        return x[first:last]
    start = x.crow_indices()[first : last + 1]
    inner = slice(int(start[0]), int(start[-1]))
    return torch.sparse_csr_tensor(
        start - start[0],
        x.col_indices()[inner],
        x.values()[inner],
        (last - first, x.shape[1]),
        check_invariants=False,
    )


def _cosines(unit: Tensor, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    import scipy.sparse

    if unit.layout == torch.strided:
        rows: Any = unit.numpy()
    else:
        parts = (unit.values().numpy(), unit.col_indices().numpy(), unit.crow_indices().numpy())
        rows = scipy.sparse.csr_array(parts, shape=tuple(unit.shape))
    found = np.empty(pairs.shape[1], np.float32)
    step = 1 << 14
    for first in range(0, found.size, step):
        i, j = pairs[:, first : first + step]
        found[first : first + step] = (rows[i] * rows[j]).sum(1)
    return found
