"""Layers and nets of *Benchmarking Graph Neural Networks* (Dwivedi et al., JMLR 2023).

A second family beside :mod:`graphlab.models`: here all nets have one frame (embedded inputs, layers
with batch normalisation and residual, one head), so that layers can be compared at equal budget.
"""

from graphlab.models.benchmark.edge_attention import EdgeAttentionLayer
from graphlab.models.benchmark.gat import GAT, GATLayer
from graphlab.models.benchmark.gated_sage import GatedSAGELayer
from graphlab.models.benchmark.gatedgcn import GatedGCN, GatedGCNLayer
from graphlab.models.benchmark.gcn import GCN, GCNLayer
from graphlab.models.benchmark.gin import GIN, GINLayer
from graphlab.models.benchmark.graphsage import GraphSAGE, GraphSAGELayer
from graphlab.models.benchmark.mlp import MLP
from graphlab.models.benchmark.monet import MoNet, MoNetLayer
from graphlab.models.benchmark.multitask import MatrixFactorization, MultiTaskNet
from graphlab.models.benchmark.readout import MLPReadout
from graphlab.models.benchmark.ringgnn import RingGNN, RingGNNLayer, equivariant_ops_2_to_2
from graphlab.models.benchmark.threewl import ThreeWLGNN, ThreeWLLayer

__all__ = [
    "GAT",
    "GCN",
    "GIN",
    "MLP",
    "EdgeAttentionLayer",
    "GATLayer",
    "GCNLayer",
    "GINLayer",
    "GatedGCN",
    "GatedGCNLayer",
    "GatedSAGELayer",
    "GraphSAGE",
    "GraphSAGELayer",
    "MLPReadout",
    "MatrixFactorization",
    "MoNet",
    "MoNetLayer",
    "MultiTaskNet",
    "RingGNN",
    "RingGNNLayer",
    "ThreeWLGNN",
    "ThreeWLLayer",
    "equivariant_ops_2_to_2",
]
