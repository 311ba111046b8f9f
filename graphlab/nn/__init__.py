"""Layers: what models are built from."""

from graphlab.nn.added_weights import AddedWeights
from graphlab.nn.attention import LinearAttentionBlock, TransformerBlock
from graphlab.nn.common_neighbor_pool import CommonNeighborPool
from graphlab.nn.encoders import LinkEncoder
from graphlab.nn.gated_gcn import GatedGCNLayer
from graphlab.nn.hierarchical_pe import HierarchicalPE, TreeBias
from graphlab.nn.propagation import AdaptivePropagation, SymmetricPropagator, propagator
from graphlab.nn.sequence_encoders import (
    GLOBAL_ENCODERS,
    GRULayer,
    HybridEncoder,
    SequenceEncoder,
)
from graphlab.nn.ssd import SSDMixer
from graphlab.nn.weighted_encoders import LightGCNEncoder, WeightedEncoder

__all__ = [
    "GLOBAL_ENCODERS",
    "AdaptivePropagation",
    "AddedWeights",
    "CommonNeighborPool",
    "GRULayer",
    "GatedGCNLayer",
    "HierarchicalPE",
    "HybridEncoder",
    "LightGCNEncoder",
    "LinearAttentionBlock",
    "LinkEncoder",
    "SSDMixer",
    "SequenceEncoder",
    "SymmetricPropagator",
    "TransformerBlock",
    "TreeBias",
    "WeightedEncoder",
    "propagator",
]
