"""Models: plain ``torch.nn.Module`` classes, one file a paper; saving, loading, predicting.

PyG's models are in :mod:`graphlab.models.pyg`, which imports PyG only when one is built.
"""

from graphlab.models.bundle import load, save
from graphlab.models.dagnn import DAGNN
from graphlab.models.gcn import GCN
from graphlab.models.inference import predict
from graphlab.models.mlp import MLP

__all__ = ["DAGNN", "GCN", "MLP", "load", "predict", "save"]
