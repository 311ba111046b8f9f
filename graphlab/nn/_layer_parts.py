"""What the layers share: graphs as they walk along them, normalisation, small checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.ops.dropout import dropout
from graphlab.ops.incoming import Incoming, incoming_edges
from graphlab.ops.spmm import choose_backend, reduce_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Edges",
    "ReferenceWeights",
    "Variant",
    "aggregate",
    "as_incoming",
    "batch_norm",
    "check_rows",
    "choice",
    "finish",
    "per_edge",
]

Edges: TypeAlias = Tensor | Incoming
Variant = Literal["full", "edge_repr", "edge_feat", "isotropic"]


class ReferenceWeights(nn.Module):
    """A module whose parameters have the names of the authors' code."""

    def load_reference_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load weights under the names of the authors' code.

        Names that this module does not have, and buffers, are passed over.

        Args:
            state: Tensors or arrays by name.

        Raises:
            InputError: A parameter of this module is missing, or has another shape.
        """
        from graphlab.nn.encoders import load_reference

        load_reference(self, state)


def as_incoming(edges: Edges, num_nodes: int) -> Incoming:
    """Return edges grouped by target; a prepared graph must have as many nodes."""
    if not isinstance(edges, Incoming):
        return incoming_edges(edges, num_nodes)
    if edges.num_nodes != num_nodes:
        raise InputError(f"h has {num_nodes} rows, but the edges are of {edges.num_nodes} nodes.")
    return edges


def aggregate(
    edges: Incoming, h: Tensor, reduce: Literal["sum", "mean", "max"], weight: Tensor | None = None
) -> Tensor:
    """Reduce the rows of the sources of each node; 0 where there are none."""
    if h.numel() == 0 or edges.num_edges == 0:
        return torch.zeros_like(h) + 0 * h.sum()
    if h.dtype in {torch.float16, torch.bfloat16}:  # sums of many need more digits
        return aggregate(edges, h.float(), reduce, weight).to(h.dtype)
    weight = None if weight is None else weight.to(h.dtype)
    return reduce_rows(edges.csr, h, weight, reduce, choose_backend("auto", h))


def per_edge(edges: Incoming, h: Tensor, end: Literal["src", "dst"]) -> Tensor:
    """Return the row of one end of each edge."""
    return h.index_select(0, edges.src if end == "src" else edges.dst)


def batch_norm(norm: nn.BatchNorm1d | None, h: Tensor) -> Tensor:
    """Normalise columns; a single row has no statistics of its own, so it gets the running ones."""
    if norm is None:
        return h
    if norm.training and h.shape[0] < 2:
        mean, var = norm.running_mean, norm.running_var
        return F.batch_norm(h, mean, var, norm.weight, norm.bias, eps=norm.eps)
    out: Tensor = norm(h)
    return out


def finish(layer: nn.Module, h: Tensor, given: Tensor, *, rate: float, residual: bool) -> Tensor:
    """Add the layer's input where the widths allow it, then drop."""
    h = given + h if residual else h
    return dropout(h, rate, training=layer.training)


def check_rows(h: Tensor, width: int, name: str = "h") -> Tensor:
    """Return rows of the expected width and a floating type; InputError names others."""
    if not isinstance(h, Tensor) or h.dim() != 2 or h.shape[1] != width:
        shape = tuple(h.shape) if isinstance(h, Tensor) else type(h).__name__
        raise InputError(f"{name} has shape {shape}, expected (n, {width}).")
    if not h.is_floating_point():
        raise InputError(f"{name} has type {h.dtype}, expected a floating type.")
    return h


def choice(name: str, value: object, kinds: Any) -> Any:  # noqa: ANN401  (a Literal and one of it)
    """Return a value of a closed set; InputError names others."""
    known = get_args(kinds)
    if value not in known:
        listed = ", ".join(map(repr, known))
        raise InputError(f"{name} is {value!r}, expected one of {listed}.")
    return value
