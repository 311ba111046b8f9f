"""Layers: what models are built from."""

from graphlab.nn.common_neighbor_pool import CommonNeighborPool
from graphlab.nn.encoders import LinkEncoder
from graphlab.nn.propagation import AdaptivePropagation, SymmetricPropagator, propagator

__all__ = [
    "AdaptivePropagation",
    "CommonNeighborPool",
    "LinkEncoder",
    "SymmetricPropagator",
    "propagator",
]
