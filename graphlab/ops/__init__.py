"""Operations on graphs with two backends: compiled kernels on the CPU, and plain torch."""

from graphlab.ops.csr import Csr
from graphlab.ops.dropout import dropout, relu_dropout
from graphlab.ops.segment import (
    scatter_reduce,
    scatter_softmax,
    segment_reduce,
    segment_softmax,
)
from graphlab.ops.spmm import spmm

__all__ = [
    "Csr",
    "dropout",
    "relu_dropout",
    "scatter_reduce",
    "scatter_softmax",
    "segment_reduce",
    "segment_softmax",
    "spmm",
]
