"""What the layers share, as the rest of this package knows it; defined beside GatedGCN's layer."""

from graphlab.nn._layer_parts import (
    Edges,
    ReferenceWeights,
    Variant,
    aggregate,
    as_incoming,
    batch_norm,
    check_rows,
    choice,
    finish,
    per_edge,
)

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
