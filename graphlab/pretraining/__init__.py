"""Is pre-training worth it, and on which data: graphons of collections, and their distances."""

from graphlab.pretraining.augmentation import drop_edges, drop_nodes
from graphlab.pretraining.contrastive import (
    ContrastivePretraining,
    contrastive_loss,
    pretrain_contrastive,
)
from graphlab.pretraining.distance import GWDistance, gw_distance
from graphlab.pretraining.ego import ego_graphs
from graphlab.pretraining.feasibility import feasibility
from graphlab.pretraining.features import topological_features
from graphlab.pretraining.generator import sample_from_generator
from graphlab.pretraining.graph_encoder import GraphEncoder, embed_graphs
from graphlab.pretraining.graphon import Graphon, estimate_graphon
from graphlab.pretraining.report import FamilyFit, FeasibilityReport
from graphlab.pretraining.selection import Selection, select_pretraining_data
from graphlab.pretraining.steps import resize_step, total_variation
from graphlab.pretraining.weights import BasisWeights, fit_basis_weights

__all__ = [
    "BasisWeights",
    "ContrastivePretraining",
    "FamilyFit",
    "FeasibilityReport",
    "GWDistance",
    "GraphEncoder",
    "Graphon",
    "Selection",
    "contrastive_loss",
    "drop_edges",
    "drop_nodes",
    "ego_graphs",
    "embed_graphs",
    "estimate_graphon",
    "feasibility",
    "fit_basis_weights",
    "gw_distance",
    "pretrain_contrastive",
    "resize_step",
    "sample_from_generator",
    "select_pretraining_data",
    "topological_features",
    "total_variation",
]
