"""Node models that fit themselves at once: fixed columns a node, logistic regression on top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.io import sha256_bytes
from graphlab.models._inputs import number, positive

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from graphlab.graph import Graph

__all__ = ["SelfFittedModel"]

_NEVER = 20.0  # how far below all others the logit of a class without training nodes lies
_MOST_STEPS = 1000


class SelfFittedModel(nn.Module):
    """Logistic regression on columns that follow from the graph alone.

    ``fit_nodes`` takes the place of training: scikit-learn's ``LogisticRegression``, with an L2
    penalty on the weights of standardised or raw columns. The result is kept as ``weight`` and
    ``bias`` of ordinary logits, so that all else works as for a network.

    Args:
        columns: Width of :meth:`columns_of`.
        out_channels: Classes.
        C: Inverse strength of the penalty.
        standardize: Give every column mean 0 and deviation 1 over all nodes first.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    fitted_graph: Tensor
    reads_features = False
    transfers = False
    """Whether columns mean the same on every graph."""

    def __init__(self, columns: int, out_channels: int, *, C: float, standardize: bool) -> None:
        super().__init__()
        self.out_channels = positive("out_channels", out_channels)
        self.C = number("C", C)
        if self.C <= 0:
            raise InputError(f"C is {C!r}, expected a number above 0.")
        self.standardize = standardize
        self.weight = nn.Parameter(torch.zeros(out_channels, columns))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("fitted_graph", torch.zeros(4, dtype=torch.int64))

    def reset_parameters(self) -> None:
        """Forget what was fitted."""
        for tensor in (self.weight.data, self.bias.data, self.fitted_graph):
            tensor.zero_()

    def fit_nodes(self, x: Tensor | None, graph: Any, index: Tensor, target: Tensor) -> None:  # noqa: ANN401
        """Fit the logistic regression to labelled nodes.

        A class without a training node is never predicted.

        Args:
            x: Node features; not read, but their rows tell the number of nodes.
            graph: Any graph of n nodes; taken as undirected and simple.
            index: Ids of the labelled nodes (B,).
            target: Their classes (B,), 0 to ``out_channels`` - 1.

        Raises:
            InputError: No labelled node, a class out of range, or a wrong graph.
        """
        import numpy as np

        structure = self._structure(x, graph)
        labels = target.cpu().numpy()
        if labels.size == 0 or labels.min() < 0 or labels.max() >= self.out_channels:
            found = f"{labels.min()}..{labels.max()}" if labels.size else "none"
            raise InputError(
                f"target holds {found}, expected classes 0..{self.out_channels - 1} of at least "
                "one node."
            )
        columns = self._columns(structure)
        center, scale = np.zeros(columns.shape[1]), np.ones(columns.shape[1])
        if self.standardize:
            center, scale = columns.mean(0), columns.std(0)
            scale[scale == 0] = 1
        rows = (columns[index.cpu().numpy()] - center) / scale
        weight, bias = _logistic(rows, labels, self.out_channels, self.C)
        weight = weight / scale
        bias = bias - weight @ center
        with torch.no_grad():
            self.weight.copy_(torch.from_numpy(weight))
            self.bias.copy_(torch.from_numpy(bias))
            self.fitted_graph.copy_(_digest(structure))

    def forward(self, x: Tensor | None, graph: Any, edge_weight: Tensor | None = None) -> Tensor:  # noqa: ANN401
        """Return logits (n, C); all 0 before anything was fitted.

        Args:
            x: Node features; not read.
            graph: Any graph of n nodes; taken as undirected and simple.
            edge_weight: Must be None: orbits and these walks know no weights.

        Raises:
            InputError: Another graph than the fitted one, where columns have no meaning of their
                own; a wrong graph; weights.
        """
        if edge_weight is not None:
            raise InputError(f"{type(self).__name__} takes no edge weights; leave them out.")
        structure = self._structure(x, graph)
        fitted = bool(self.fitted_graph.any())
        if fitted and not self.transfers:
            digest = _digest(structure).to(self.fitted_graph.device)
            if not torch.equal(digest, self.fitted_graph):
                raise InputError(
                    f"{type(self).__name__} was fitted on another graph: embeddings of two graphs "
                    "have no axis in common. Call fit_nodes with labelled nodes of this graph."
                )
        columns = torch.from_numpy(self._columns(structure)).to(self.weight)
        return columns @ self.weight.t() + self.bias

    def columns_of(self, graph: Graph) -> NDArray[np.float64]:
        """Return the columns of a simple graph's nodes, (n, columns)."""
        raise NotImplementedError

    def _columns(self, graph: Graph) -> NDArray[np.float64]:
        """Return the columns, computed once for a graph: seeds share them."""
        return graph.cached(f"columns {self!r}", lambda: self.columns_of(graph.to("cpu")))

    def _structure(self, x: Tensor | None, graph: Any) -> Graph:  # noqa: ANN401
        return as_graph(graph, None if x is None else x.shape[0]).simple()


def _logistic(
    rows: NDArray[np.float64], labels: NDArray[np.int64], num_classes: int, C: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (num_classes, columns) and biases of the fitted regression."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    weight = np.zeros((num_classes, rows.shape[1]))
    bias = np.zeros(num_classes)
    seen = np.unique(labels)
    if seen.size > 1:
        found = LogisticRegression(C=C, max_iter=_MOST_STEPS).fit(rows, labels)
        # of two classes scikit-learn keeps the difference of their logits
        kept = seen[1:] if seen.size == 2 else seen
        weight[kept], bias[kept] = found.coef_, found.intercept_
    never = np.setdiff1d(np.arange(num_classes), seen)
    bias[never] = bias[seen].min() - _NEVER
    return weight, bias


def _digest(graph: Graph) -> Tensor:
    """Return a checksum of a simple graph's edges as (4,) int64."""

    def build() -> Tensor:
        rows = graph.edge_index.cpu().to(torch.int64).contiguous().numpy()
        text = sha256_bytes(f"{graph.num_nodes} ".encode() + rows.tobytes())
        parts = [int(text[start : start + 15], 16) for start in range(0, 60, 15)]
        return torch.tensor(parts)

    return graph.cached("edges-digest", build)
