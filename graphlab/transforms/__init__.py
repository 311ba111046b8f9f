"""Functions that prepare features and graphs before a model sees them."""

from graphlab.transforms.orbits import AddEdgeOrbitCounts, AddOrbitAdjacency, AddOrbitCounts

__all__ = ["AddEdgeOrbitCounts", "AddOrbitAdjacency", "AddOrbitCounts"]
