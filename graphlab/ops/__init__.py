"""Operations on graphs with two backends: compiled kernels on the CPU, and plain torch."""

from graphlab.ops.common_neighbors import adjacency, common_neighbors, neighbor_overlap
from graphlab.ops.csr import Csr
from graphlab.ops.dropout import dropout, relu_dropout
from graphlab.ops.edges import remove_edges
from graphlab.ops.gating import EdgeNorm, Gated, gated_mean
from graphlab.ops.hac import HACLevels, hac_levels
from graphlab.ops.incoming import Incoming, incoming_edges
from graphlab.ops.pooling import pool_lists
from graphlab.ops.segment import (
    scatter_reduce,
    scatter_softmax,
    segment_reduce,
    segment_softmax,
)
from graphlab.ops.spmm import spmm
from graphlab.ops.ssd import ssd_chunked, ssd_sequential

__all__ = [
    "Csr",
    "EdgeNorm",
    "Gated",
    "HACLevels",
    "Incoming",
    "adjacency",
    "common_neighbors",
    "dropout",
    "gated_mean",
    "hac_levels",
    "incoming_edges",
    "neighbor_overlap",
    "pool_lists",
    "relu_dropout",
    "remove_edges",
    "scatter_reduce",
    "scatter_softmax",
    "segment_reduce",
    "segment_softmax",
    "spmm",
    "ssd_chunked",
    "ssd_sequential",
]
