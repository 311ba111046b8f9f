"""Layers: what models are built from."""

from graphlab.nn.added_weights import AddedWeights
from graphlab.nn.common_neighbor_pool import CommonNeighborPool
from graphlab.nn.encoders import LinkEncoder
from graphlab.nn.propagation import AdaptivePropagation, SymmetricPropagator, propagator
from graphlab.nn.weighted_encoders import LightGCNEncoder, WeightedEncoder

__all__ = [
    "AdaptivePropagation",
    "AddedWeights",
    "CommonNeighborPool",
    "LightGCNEncoder",
    "LinkEncoder",
    "SymmetricPropagator",
    "WeightedEncoder",
    "propagator",
]
