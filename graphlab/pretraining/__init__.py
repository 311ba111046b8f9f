"""Is pre-training worth it, and on which data: graphons of collections, and their distances."""

from graphlab.pretraining.distance import GWDistance, gw_distance
from graphlab.pretraining.graphon import Graphon, estimate_graphon
from graphlab.pretraining.steps import resize_step, total_variation
from graphlab.pretraining.weights import BasisWeights, fit_basis_weights

__all__ = [
    "BasisWeights",
    "GWDistance",
    "Graphon",
    "estimate_graphon",
    "fit_basis_weights",
    "gw_distance",
    "resize_step",
    "total_variation",
]
