"""Functions that prepare features and graphs before a model sees them."""

from graphlab.transforms.orbits import AddEdgeOrbitCounts, AddOrbitAdjacency, AddOrbitCounts
from graphlab.transforms.positional import LaplacianPE, RandomWalkSE, flip_signs

__all__ = [
    "AddEdgeOrbitCounts",
    "AddOrbitAdjacency",
    "AddOrbitCounts",
    "LaplacianPE",
    "RandomWalkSE",
    "flip_signs",
]
