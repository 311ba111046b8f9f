"""Orbits of graphlets: counts at nodes and edges, adjacency of orbit pairs, embeddings."""

from graphlab.graphlets._keys import EDGE_ORBITS, GRAPHLETS, ORBIT_PAIRS, SEEN_BY_WALKS
from graphlab.graphlets.adjacency import (
    graphlet_adjacency,
    iter_orbit_adjacency,
    orbit_adjacency,
)
from graphlab.graphlets.counts import orbit_counts
from graphlab.graphlets.edge_counts import edge_orbit_counts
from graphlab.graphlets.embedding import OrbitEmbedding, WalkEmbedding, orbit_pmi, walk_matrix
from graphlab.graphlets.matrices import OrbitAdjacency

__all__ = [
    "EDGE_ORBITS",
    "GRAPHLETS",
    "ORBIT_PAIRS",
    "SEEN_BY_WALKS",
    "OrbitAdjacency",
    "OrbitEmbedding",
    "WalkEmbedding",
    "edge_orbit_counts",
    "graphlet_adjacency",
    "iter_orbit_adjacency",
    "orbit_adjacency",
    "orbit_counts",
    "orbit_pmi",
    "walk_matrix",
]
