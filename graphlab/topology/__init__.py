"""Topological concentration of nodes, its approximation, and edge weights that raise it."""

from graphlab.topology.approximation import approximate_topological_concentration, atc_by_split
from graphlab.topology.concentration import tc_by_split, topological_concentration
from graphlab.topology.density import subgraph_density
from graphlab.topology.reweighting import oracle_reweight_edges, reweight_edges, reweighted_tc

__all__ = [
    "approximate_topological_concentration",
    "atc_by_split",
    "oracle_reweight_edges",
    "reweight_edges",
    "reweighted_tc",
    "subgraph_density",
    "tc_by_split",
    "topological_concentration",
]
